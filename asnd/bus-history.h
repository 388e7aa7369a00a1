/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Votes as answers on the bus.  They name users: only for callers who may
 * change.
 */
#pragma once

#include "daemon-private.h"

typedef struct {
	AsndDaemon *daemon;
	GVariantBuilder builder;
	GHashTable *users; /* id -> path */
} AsndVoteList;
void asnd_vote_list_init(AsndVoteList *list, AsndDaemon *daemon);
/* votes: AsndJournalVote. */
void asnd_vote_list_add(AsndVoteList *list, const GArray *votes);
/* aa{sv}, floating; the list is cleared. */
GVariant *asnd_vote_list_end(AsndVoteList *list);
void asnd_vote_list_clear(AsndVoteList *list);
