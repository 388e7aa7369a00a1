/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much was learnt.  Costs microseconds, whatever is in the evidence: anyone
 * may ask, and mail does not wait.  Main thread only; failures are the store's.
 */
#pragma once

#include "journal.h"

typedef struct {
	AsndJournalTally votes;
	guint reporters;  /* users with a spam vote in the last 60 days */
	gint64 last_vote; /* 0: none */
	gint64 last_mail; /* when the newest mail came, 0: none */
} AsndCounts;

typedef struct _AsndCounter AsndCounter;

AsndCounter *asnd_counter_new(AsndStore *store, AsndJournal *journal);
void asnd_counter_free(AsndCounter *counter); /* before the store */
/* A mail was read; arrived: when it came. */
void asnd_counter_saw(AsndCounter *counter, gint64 arrived);
const AsndCounts *asnd_counter_get(AsndCounter *counter, gint64 now);
