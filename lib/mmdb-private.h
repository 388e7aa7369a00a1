/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An open MaxMind DB, as mmdb.c and mmdb-field.c see it.
 *
 * Private to these two; immutable once opened.
 */
#pragma once

#include <string.h>

#include "mmdb-index.h"

struct _AsnMmdb {
	MmdbLayout l;
	AsnMmdbMeta meta;
	char *database_type;
	guint32 v4_record; /* what stands at ::/96; version 4: at the root */
	guint8 v4_depth;   /* bits of ::/96 that led there */
	MmdbIndex *index;  /* NULL: the tree is small, or too much shared */
	void *owned; /* mapping or copy, or NULL */
	gsize owned_len;
};

static inline guint64
be64(const guint8 *p)
{
	guint64 v;

	memcpy(&v, p, 8);
	return GUINT64_FROM_BE(v);
}
