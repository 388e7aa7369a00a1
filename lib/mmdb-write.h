/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing MaxMind DB files (format 2.0): a data section that shares what is
 * equal, a tree with one node per bit on which the answer changes, optionally
 * with identical subtrees stored once, the aliases ::ffff:0:0/96 and 2002::/16
 * of the IPv4 tree, and a SHA-256 over everything.
 *
 * A writer belongs to one thread.  Networks must be added in the order of
 * asn_network_cmp with parents before children: later, longer ones win inside
 * earlier ones.  Nothing touches the disk: finish returns the bytes, and
 * aside.h puts them in place.
 */
#pragma once

#include "mmdb.h"

typedef struct _AsnMmdbWriter AsnMmdbWriter;

typedef struct {
	const char *database_type; /* e.g. "asnd-ASN (compat=GeoLite2-ASN)" */
	const char *description;   /* English */
	guint64 build_epoch;       /* > 0 */
	gboolean share_subtrees;   /* store identical subtrees once */
} AsnMmdbWriterOptions;

AsnMmdbWriter *asn_mmdb_writer_new(const AsnMmdbWriterOptions *options);
void asn_mmdb_writer_free(AsnMmdbWriter *w);

/* --- data section: append fields, get the offset where the next one starts --
 */
guint32 asn_mmdb_writer_tell(const AsnMmdbWriter *w);
void asn_mmdb_put_map(AsnMmdbWriter *w, guint n_pairs);
void asn_mmdb_put_array(AsnMmdbWriter *w, guint n);
void asn_mmdb_put_string(AsnMmdbWriter *w, const char *s, gsize len);
/* A string stored once and pointed to afterwards (keys, names). */
void asn_mmdb_put_shared_string(AsnMmdbWriter *w, const char *s, gsize len);
void asn_mmdb_put_uint16(AsnMmdbWriter *w, guint16 v);
void asn_mmdb_put_uint32(AsnMmdbWriter *w, guint32 v);
void asn_mmdb_put_uint64(AsnMmdbWriter *w, guint64 v);
void asn_mmdb_put_double(AsnMmdbWriter *w, double v);
void asn_mmdb_put_pointer(AsnMmdbWriter *w, guint32 offset);

/* --- tree ---------------------------------------------------------------- */
#define ASN_MMDB_NO_DATA G_MAXUINT32 /* a network that hides a wider one */
/* FALSE with error: out of order, or host bits set. */
gboolean asn_mmdb_writer_add(AsnMmdbWriter *w, const AsnNetwork *net,
    guint32 data_offset, GError **error);

/* Lays the file out: smallest record size that fits (24, 28, 32).  NULL with
 * error when it cannot be represented.  Free with g_bytes_unref.  The writer
 * is used up: only free it. */
GBytes *asn_mmdb_writer_finish(AsnMmdbWriter *w, GError **error);
