/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Votes as answers on the bus.  They name users: only for callers who may
 * change.
 */
#pragma once

#include "daemon-private.h"

/* AsndJournalVote each, as aa{sv}; floating. */
GVariant *asnd_bus_votes(AsndDaemon *daemon, const GArray *votes);
