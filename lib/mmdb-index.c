/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mmdb-index.c: the records of a large tree as sorted ranges of addresses. */

#include "mmdb-index.h"
#include "huge.h"

typedef struct {
	const MmdbLayout *l;
	guint32 v4_record;
	MmdbIndex *index;
	guint32 room;
	guint64 visits;   /* left */
	guint first, max; /* depth of a chunk, of the last bit indexed */
} Build;

/* A record for all from `key` in this chunk on; the first one has key 0. */
static void
put(Build *b, guint32 key, guint32 record)
{
	MmdbIndex *x = b->index;

	if (key != 0 && x->record[x->n - 1] == record)
		return;
	if (x->n == b->room) {
		b->room = b->room ? b->room * 2 : 1 << 16;
		x->key = g_renew(guint32, x->key, b->room);
		x->record = g_renew(guint32, x->record, b->room);
		asn_advise_huge(x->key, b->room * sizeof *x->key);
		asn_advise_huge(x->record, b->room * sizeof *x->record);
	}
	x->key[x->n] = key;
	x->record[x->n++] = record;
}

/* What stands above the chunks reaches over several of them.  None is put for
 * an alias of the IPv4 tree: those addresses walk. */
static void
put_wide(Build *b, guint32 record, guint depth, guint32 *top)
{
	guint32 n = 1u << (b->first - depth);

	for (guint32 i = 0; i < n; i++) {
		top[i] = b->index->n;
		if (record >= b->l->node_count)
			put(b, 0, record);
	}
}

/* The part of a chunk below `record`.  FALSE: shared subtrees make it too much.
 */
static gboolean
put_chunk(Build *b, guint32 record, guint depth, guint32 key)
{
	if (b->visits == 0)
		return FALSE;
	b->visits--;
	if (record >= b->l->node_count || depth == b->max) {
		put(b, key, record);
		return TRUE;
	}
	for (guint bit = 0; bit < 2; bit++)
		if (!put_chunk(b,
			mmdb_record(
			    b->l->tree.base, b->l->record_size, record, bit),
			depth + 1, key | bit << (31 - (depth - b->first))))
			return FALSE;
	return TRUE;
}

static gboolean
put_top(Build *b, guint32 record, guint depth, guint32 *top)
{
	gboolean alias =
	    b->max != 32 && record == b->v4_record && record < b->l->node_count;
	guint32 half = depth < b->first ? 1u << (b->first - depth - 1) : 0;

	if (depth < b->first && (alias || record >= b->l->node_count)) {
		put_wide(b, record, depth, top);
		return TRUE;
	}
	if (depth == b->first) {
		*top = b->index->n;
		return alias || put_chunk(b, record, depth, 0);
	}
	for (guint bit = 0; bit < 2; bit++)
		if (!put_top(b,
			mmdb_record(
			    b->l->tree.base, b->l->record_size, record, bit),
			depth + 1, top + (gsize)bit * half))
			return FALSE;
	return TRUE;
}

static gboolean
fill(Build *b)
{
	const MmdbLayout *l = b->l;
	guint32 record = 0;

	b->first = MMDB_INDEX_BITS;
	b->max = 32;
	if (!put_top(b, b->v4_record, 0, b->index->v4))
		return FALSE;
	b->index->v4[MMDB_INDEX_CHUNKS] = b->index->n;
	if (l->ip_version != 6)
		return TRUE;
	for (guint depth = 0; depth < 3 && record < l->node_count; depth++)
		record = mmdb_record(
		    l->tree.base, l->record_size, record, depth == 2);
	b->first = MMDB_INDEX_V6_SKIP + MMDB_INDEX_BITS;
	b->max = MMDB_INDEX_V6_MAX;
	if (!put_top(b, record, MMDB_INDEX_V6_SKIP, b->index->v6))
		return FALSE;
	b->index->v6[MMDB_INDEX_CHUNKS] = b->index->n;
	return TRUE;
}

MmdbIndex *
mmdb_index_new(const MmdbLayout *layout, guint32 v4_record)
{
	MmdbIndex *index = g_new0(MmdbIndex, 1);
	Build b = {.l = layout,
	    .v4_record = v4_record,
	    .index = index,
	    .visits = (guint64)layout->node_count * 16};

	if (!fill(&b)) {
		mmdb_index_free(index);
		return NULL;
	}
	index->key = g_renew(guint32, index->key, index->n);
	index->record = g_renew(guint32, index->record, index->n);
	return index;
}

void
mmdb_index_free(MmdbIndex *index)
{
	if (index == NULL)
		return;
	g_free(index->key);
	g_free(index->record);
	g_free(index);
}
