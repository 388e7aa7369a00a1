/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of model.c: the tables that hold nodes and vote counters.
 *
 * Both are open-addressing hash tables over dense arrays: a node costs 72
 * bytes and a slot of 4, no allocation of its own.  They belong to the model,
 * that is to one thread.  Pointers into a table live until it next grows.
 * Like GLib's own containers they abort when memory runs out.
 */
#pragma once

#include "model.h"

typedef struct {
	AsnNode node;
	/* Networks as they are; AS numbers and countries in the last bytes of
	 * an address of family 0. */
	AsnNetwork key;
} AsnNodeEntry;

typedef struct {
	AsnNodeEntry *entries;
	guint32 *slots; /* 0: empty, else index of the entry + 1 */
	guint32 n, room, mask;
} AsnNodeTable;

void asn_node_table_clear(AsnNodeTable *table);
/* NULL: not there. */
AsnNodeEntry *asn_node_table_find(
    const AsnNodeTable *table, const AsnNetwork *key);
/* Finds or adds; a new node starts empty at time t. */
AsnNodeEntry *asn_node_table_get(
    AsnNodeTable *table, const AsnNetwork *key, double t);

/* Vote counters of SCORE.md "cap". */
typedef struct {
	AsnNetwork where; /* AS (see AsnNodeEntry), or prefix, or block */
	guint8 spam;
	guint32 user;
	gint64 day;
	guint32 n; /* votes counted, 0: empty slot */
} AsnVoteCounter;

typedef struct {
	AsnVoteCounter *slots;
	guint32 n, mask;
} AsnVoteTable;

void asn_vote_table_clear(AsnVoteTable *table);
/* Counts one vote (n of `vote` is ignored) and returns how many there are now.
 * Counters of days more than keep_days before this one may be dropped. */
guint32 asn_vote_table_count(
    AsnVoteTable *table, const AsnVoteCounter *vote, gint64 keep_days);
