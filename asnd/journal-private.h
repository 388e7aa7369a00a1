/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What journal.c (votes and the model), journal-query.c (reading it) and
 * journal-forget.c (taking votes out of it) share.
 */
#pragma once

#include "journal.h"

/* votes.kind */
enum { LEARN = 1, TAKE_BACK = 2 };

typedef enum {
	Q_STANDING,
	Q_CAP,
	Q_LEARN,
	Q_TAKE_BACK,
	Q_BY_ID,
	Q_REPLAY,
	Q_COUNT,
	Q_OLD,
	Q_PRUNE,
	Q_PRUNE_BACK,
	N_QUERIES
} Query;

/* journal-query.c */
typedef enum { L_AS, L_INSIDE, L_MAIL, L_VOTE, N_LOOKUPS } Lookup;

/* journal-forget.c; the first four are by what is forgotten */
typedef enum {
	F_PICK_AS,
	F_PICK_INSIDE,
	F_PICK_MAIL,
	F_PICK_USER,
	F_PICKED,
	F_GROUPS,
	F_MAILS,
	F_DELETE_BACK,
	F_DELETE,
	F_LAST_SPAM,
	F_WEIGH,
	F_END_PICKED,
	F_END_GROUPS,
	N_FORGETS
} Forget;

struct _AsndJournal {
	AsndStore *store;
	AsnModelParams params;
	AsnModel *model;
	AsndQuality *quality;
	GArray *learnt; /* Learnt, by id */
	guint replays;
	AsndJournalTally tally;
	sqlite3_stmt *q[N_QUERIES], *lookup[N_LOOKUPS], *forget[N_FORGETS];
};

#define STEP(j, query, ...)                                                    \
	asnd_store_step((j)->store, (j)->q[query], __VA_ARGS__)
#define RUN(j, query, ...)                                                     \
	asnd_store_run((j)->store, (j)->q[query], __VA_ARGS__)
#define DONE(j, query) asnd_store_done((j)->q[query])

void asnd_journal_prepare_lookups(AsndJournal *journal);
void asnd_journal_prepare_forget(AsndJournal *journal);
/* Leaves *out alone where the column is not of this size. */
void asnd_journal_read_blob(
    sqlite3_stmt *stmt, int column, void *out, gsize size);

/* Addresses as votes.addr has them sort by network: the first and the last of
 * one, as bytes of an AsnAddr.  Those of the other family may lie between. */
void asnd_journal_range(const AsnNetwork *net, AsnAddr *first, AsnAddr *last);
