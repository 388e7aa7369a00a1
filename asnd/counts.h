/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much was learnt, counted in the evidence.  Counting a big one takes
 * time, so the numbers may be as old as twenty times of what that took.  Main
 * thread only; failures are the store's.
 */
#pragma once

#include "store.h"

typedef struct {
	guint64 spam, ham;  /* votes that stand */
	guint64 taken_back; /* votes that do not */
	guint reporters;    /* users with a spam vote in the last 60 days */
	gint64 last_vote;   /* 0: none */
	gint64 last_mail;   /* when the newest mail came, 0: none */
} AsndCounts;

typedef struct _AsndCounter AsndCounter;

AsndCounter *asnd_counter_new(AsndStore *store);
void asnd_counter_free(AsndCounter *counter); /* before the store */
const AsndCounts *asnd_counter_get(AsndCounter *counter, gint64 now);
