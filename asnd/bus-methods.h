/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handlers of the methods of org.asnd1.Manager (bus.h), by the file that
 * has them.
 */
#pragma once

#include "bus.h"

/* bus-forget.c */
void asnd_bus_forget(AsndBusCall *call);
void asnd_bus_forget_mail(AsndBusCall *call);
void asnd_bus_forget_user(AsndBusCall *call);
/* bus-history.c */
void asnd_bus_history(AsndBusCall *call);
/* bus-learn.c */
void asnd_bus_learn(AsndBusCall *call);
/* bus-export.c */
void asnd_bus_export(AsndBusCall *call);

/* bus-networks.c */
void asnd_bus_networks(AsndBusCall *call);

/* bus-lookup.c */
void asnd_bus_lookup(AsndBusCall *call);
void asnd_bus_lookup_mail(AsndBusCall *call);
/* bus-rules.c */
void asnd_bus_list_rules(AsndBusCall *call);
void asnd_bus_remove_rule(AsndBusCall *call);
void asnd_bus_set_rule(AsndBusCall *call);
/* bus-status.c */
void asnd_bus_get_status(AsndBusCall *call);

/* bus-quality.c */
void asnd_bus_quality(AsndBusCall *call);

/* bus-top.c */
void asnd_bus_top(AsndBusCall *call);
