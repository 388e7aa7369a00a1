/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers that take seconds and megabytes: Networks and Export.  Made in a
 * thread of their own, on handles of their own that it opens from database-dir,
 * so that no mail waits; few at a time.  bus-lists.c runs them, bus-networks.c
 * and bus-export.c know what they are.
 */
#pragma once

#include "bus.h"

/* At a time, one a user; whoever comes then is told to try again. */
#define ASND_LISTS_MAX 2
/* Bytes of an answer.  The system bus drops who sends more than 32 MiB
 * (dbus-daemon(1) max_message_size). */
#define ASND_LIST_BYTES ((gsize)16 * 1024 * 1024)

/* Made in the thread: a floating tuple, or NULL with *code and *why (to be
 * freed).  config: a copy of what a list needs of it, which is database_dir,
 * thresholds, local_networks and trusted_relays. */
typedef GVariant *(*AsndListFunc)(gpointer ask, const AsnConfig *config,
    double now, AsndBusError *code, char **why);

/* Answers the call, later as a rule.  ask is freed in any case, in any thread.
 * Main thread. */
void asnd_list_start(AsndBusCall *call, AsndListFunc make, gpointer ask,
    GDestroyNotify free_ask);
