/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model-table.c: nodes and vote counters in open-addressing hash tables. */

#include <math.h>
#include <string.h>

#include "model-private.h"

#define FIRST_ROOM 16

/* --- nodes ---------------------------------------------------------------- */

void
asn_node_table_clear(AsnNodeTable *table)
{
	g_free(table->entries);
	g_free(table->slots);
	memset(table, 0, sizeof *table);
}

/* The slot of key, or the empty one where it belongs.  At most half of the
 * slots are taken, so there is always an empty one. */
static guint32 *
node_slot(const AsnNodeTable *table, const AsnNetwork *key)
{
	guint32 i = asn_network_hash(key) & table->mask;

	while (
	    table->slots[i] != 0 &&
	    !asn_network_equal(&table->entries[table->slots[i] - 1].key, key))
		i = (i + 1) & table->mask;
	return &table->slots[i];
}

static void
node_table_grow(AsnNodeTable *table)
{
	guint32 room = table->room ? table->room * 2 : FIRST_ROOM;

	/* 2^30 nodes are 77 GB: memory ends long before the counters do. */
	g_assert(room <= (1u << 30));
	table->entries = g_renew(AsnNodeEntry, table->entries, room);
	table->room = room;
	g_free(table->slots);
	table->slots = g_new0(guint32, (gsize)room * 2);
	table->mask = room * 2 - 1;
	for (guint32 i = 0; i < table->n; i++)
		*node_slot(table, &table->entries[i].key) = i + 1;
}

AsnNodeEntry *
asn_node_table_find(const AsnNodeTable *table, const AsnNetwork *key)
{
	guint32 slot;

	if (table->n == 0)
		return NULL;
	slot = *node_slot(table, key);
	return slot ? &table->entries[slot - 1] : NULL;
}

AsnNodeEntry *
asn_node_table_get(AsnNodeTable *table, const AsnNetwork *key, double t)
{
	AsnNodeEntry *e = asn_node_table_find(table, key);

	if (e != NULL)
		return e;
	if (table->n == table->room)
		node_table_grow(table);
	g_assert(table->entries != NULL);
	e = &table->entries[table->n];
	*node_slot(table, key) = ++table->n;
	memset(e, 0, sizeof *e);
	e->key = *key;
	e->node.t = t;
	e->node.rt = e->node.ot = -(double)INFINITY;
	return e;
}

/* --- votes ---------------------------------------------------------------- */

void
asn_vote_table_clear(AsnVoteTable *table)
{
	g_free(table->slots);
	memset(table, 0, sizeof *table);
}

static guint32
vote_hash(const AsnVoteCounter *v)
{
	guint64 x = asn_network_hash(&v->where);

	x = (x << 32 | v->user) ^ ((guint64)v->day << 1 | v->spam) *
				      G_GUINT64_CONSTANT(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94D049BB133111EB);
	return (guint32)(x >> 32);
}

static gboolean
vote_equal(const AsnVoteCounter *a, const AsnVoteCounter *b)
{
	return a->user == b->user && a->day == b->day && a->spam == b->spam &&
	       asn_network_equal(&a->where, &b->where);
}

static AsnVoteCounter *
vote_slot(const AsnVoteTable *table, const AsnVoteCounter *vote)
{
	guint32 i = vote_hash(vote) & table->mask;

	while (table->slots[i].n != 0 && !vote_equal(&table->slots[i], vote))
		i = (i + 1) & table->mask;
	return &table->slots[i];
}

/* Makes room: first by leaving out what is too old to matter, and with more
 * slots only if that did not help much. */
static void
vote_table_rehash(AsnVoteTable *table, gint64 oldest)
{
	AsnVoteCounter *old = table->slots;
	guint32 n_old = old ? table->mask + 1 : 0, live = 0, n_slots;

	for (guint32 i = 0; i < n_old; i++) {
		if (old[i].n != 0 && old[i].day < oldest)
			old[i].n = 0;
		live += old[i].n != 0;
	}
	n_slots = MAX(n_old, FIRST_ROOM);
	while (live * 4u >= n_slots)
		n_slots *= 2;
	table->slots = g_new0(AsnVoteCounter, n_slots);
	table->mask = n_slots - 1;
	table->n = live;
	for (guint32 i = 0; i < n_old; i++)
		if (old[i].n != 0)
			*vote_slot(table, &old[i]) = old[i];
	g_free(old);
}

guint32
asn_vote_table_count(
    AsnVoteTable *table, const AsnVoteCounter *vote, gint64 keep_days)
{
	AsnVoteCounter *slot;

	if (table->slots == NULL || table->n * 2 > table->mask)
		vote_table_rehash(table, vote->day - keep_days);
	slot = vote_slot(table, vote);
	if (slot->n == 0) {
		*slot = *vote;
		slot->n = 0;
		table->n++;
	}
	if (slot->n < G_MAXUINT32)
		slot->n++;
	return slot->n;
}
