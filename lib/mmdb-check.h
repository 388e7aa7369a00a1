/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proving a MaxMind DB sound, from end to end, before anything reads it.
 *
 * Private to lib/mmdb*.c; any thread.  Work is linear in the file, recursion
 * has a fixed depth, memory is about 4 bytes for a byte of data and 5 for a
 * node while checking.
 */
#pragma once

#include "mmdb-format.h"

/* No honest record comes near these. */
#define MMDB_MAX_DEPTH 31      /* fields within fields, pointers followed */
#define MMDB_MAX_FIELDS 100000 /* of one record, pointers followed */

/* The first fault: offset in the file, and why. */
typedef struct {
	gsize offset;
	const char *reason;
} MmdbFault;

/* Where the parts of the file are, as the metadata says. */
typedef struct {
	guint32 node_count;
	guint record_size, ip_version;
	guint64 build_epoch;
	MmdbSection tree, data, meta;
	MmdbHeader database_type; /* in meta */
	MmdbHeader sum;           /* in meta; type 0: none */
	gsize sum_at;             /* of its bytes, in the file */
} MmdbLayout;

/* Finds and checks the metadata, then places tree and data. */
gboolean mmdb_check_layout(
    const guint8 *file, gsize len, MmdbLayout *out, MmdbFault *fault);
/* Every node, and every record that one leads to. */
gboolean mmdb_check_content(
    const guint8 *file, const MmdbLayout *layout, MmdbFault *fault);

/* The checker of fields, for one section.  (mmdb-check-data.c) */
typedef struct {
	MmdbSection section;
	gsize file_offset; /* of the section */
	guint32 *seen;   /* by offset: 0 never, else depth and fields of what is
			    there */
	guint8 *claimed; /* bit by byte: belongs to a field */
	MmdbFault *fault;
} MmdbFieldCheck;
void mmdb_field_check_init(MmdbFieldCheck *c, const guint8 *file,
    const MmdbSection *section, MmdbFault *fault);
void mmdb_field_check_clear(MmdbFieldCheck *c);
/* The field at offset and all inside and behind it.  *next: where it ends. */
gboolean mmdb_field_check(MmdbFieldCheck *c, gsize offset, gsize *next);

/* Value number of branch `bit` of a node. */
static inline guint32
mmdb_record(const guint8 *tree, guint record_size, guint32 node, guint bit)
{
	const guint8 *p = tree + (gsize)node * (record_size / 4);

	if (record_size == 24)
		return mmdb_be(p + (gsize)bit * 3, 3);
	if (record_size == 32)
		return mmdb_be(p + (gsize)bit * 4, 4);
	if (bit == 0)
		return (guint32)(p[3] >> 4) << 24 | mmdb_be(p, 3);
	return mmdb_be(p + 3, 4) & 0x0fffffff;
}
