/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An index over a large tree: the ranges of addresses that lead to one record,
 * sorted, so that a lookup is a search in one or two cache lines of a chunk
 * where the tree has dozens of nodes scattered over memory.  (M. Zec et al.,
 * "DXR: towards a billion routing lookups per second in software", 2012.)
 *
 * IPv4 whole, in chunks of a /16.  Of IPv6 what is in use, 2000::/3, in chunks
 * of a /19 down to the 51st bit; below that, and elsewhere, one walks the tree.
 *
 * Private to lib/mmdb*.c.  Immutable once made; 8 bytes a range.
 */
#pragma once

#include "mmdb-check.h"

#define MMDB_INDEX_BITS 16
#define MMDB_INDEX_CHUNKS (1u << MMDB_INDEX_BITS)
#define MMDB_INDEX_V6_SKIP 3
#define MMDB_INDEX_V6_MAX (MMDB_INDEX_V6_SKIP + MMDB_INDEX_BITS + 32)

typedef struct {
	guint32 v4[MMDB_INDEX_CHUNKS + 1]; /* the first range of each chunk */
	guint32 v6[MMDB_INDEX_CHUNKS + 1];
	guint32 *key; /* the 32 bits behind the chunk's where a range starts */
	guint32 *record;
	guint32 n;
} MmdbIndex;

/* Of a checked tree.  NULL: its subtrees are shared so often that the index
 * would be much larger than the tree. */
MmdbIndex *mmdb_index_new(const MmdbLayout *layout, guint32 v4_record);
void mmdb_index_free(MmdbIndex *index);

/* The record for key in a chunk; FALSE: the chunk is not indexed. */
static inline gboolean
mmdb_index_find(const MmdbIndex *index, const guint32 *chunk, guint32 key,
    guint32 *record)
{
	guint32 at = chunk[0], n = chunk[1] - chunk[0];

	if (n == 0)
		return FALSE;
	while (n > 1) { /* no branch on the key: it could not be foreseen */
		guint32 half = n / 2;

		at += half & -(guint32)(index->key[at + half] <= key);
		n -= half;
	}
	*record = index->record[at];
	return TRUE;
}
