/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guarded.h: opening a database in memory that ends right before a page which
 * nothing may touch.  For the tests of mmdb.h.
 */
#pragma once

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mmdb.h"

typedef struct {
	guint8 *map, *end;
	gsize room;
} Guarded;

static inline void
guarded_init(Guarded *g, gsize room)
{
	gsize page = (gsize)sysconf(_SC_PAGESIZE);

	g->room = (room + page) / page * page;
	g->map = mmap(NULL, g->room + page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	g_assert_true(g->map != MAP_FAILED);
	g->end = g->map + g->room;
	g_assert_cmpint(mprotect(g->end, page, PROT_NONE), ==, 0);
}

static inline void
guarded_clear(Guarded *g)
{
	munmap(g->map, g->room + (gsize)sysconf(_SC_PAGESIZE));
}

static inline gboolean
touch(const AsnNetwork *leaf, AsnMmdbValue v, gpointer data)
{
	AsnMmdbField f;

	asn_mmdb_field(v, &f);
	asn_mmdb_map_get(v, "no such key", 11, &f);
	++*(guint *)data;
	return TRUE;
}

/* Opens a copy of the bytes at the guard page; walks and asks if it opens. */
static inline AsnMmdb *
open_guarded(Guarded *g, const guint8 *data, gsize len, AsnMmdbFlags flags,
    GError **error)
{
	guint8 *at = g->end - len;
	AsnMmdb *db;

	g_assert_cmpuint(len, <=, g->room);
	if (len > 0)
		memcpy(at, data, len);
	db = asn_mmdb_open_memory(at, len, "test.mmdb", flags, error);
	if (db != NULL) {
		AsnAddr a = {.family = 4, .b = {[12] = 192, 0, 2, 1}};
		AsnMmdbValue v;
		guint leaves = 0;
		guint8 depth;

		asn_mmdb_foreach(db, touch, &leaves);
		asn_mmdb_lookup(db, &a, &v, &depth);
		a = (AsnAddr){.family = 6, .b = {0x20, 1, 0xd, 0xb8}};
		asn_mmdb_lookup(db, &a, &v, &depth);
	}
	return db;
}

static inline gboolean
refused(Guarded *g, const guint8 *data, gsize len, GError **error)
{
	AsnMmdb *db = open_guarded(g, data, len, ASN_MMDB_CHECK_ANY, error);

	asn_mmdb_close(db);
	return db == NULL;
}
