/* SPDX-License-Identifier: GPL-2.0-or-later */
/* numbered.h: small databases whose records are numbers, for the writer's
 * tests. */
#pragma once

#include <string.h>

#include "mmdb-write.h"

static const AsnMmdbWriterOptions plain = {
    .database_type = "asnd-Test",
    .description = "Made by a test",
    .build_epoch = 1700000000,
};
static const AsnMmdbWriterOptions shared = {
    .database_type = "asnd-Test",
    .description = "Made by a test",
    .build_epoch = 1700000000,
    .share_subtrees = TRUE,
};

static inline AsnNetwork
net(const char *text)
{
	AsnNetwork n;

	g_assert_true(asn_network_parse(text, strlen(text), &n));
	return n;
}

static inline AsnAddr
addr(const char *text)
{
	AsnAddr a;

	g_assert_true(asn_addr_parse(text, strlen(text), &a));
	return a;
}

static inline guint32
put_number(AsnMmdbWriter *w, guint32 v)
{
	guint32 at = asn_mmdb_writer_tell(w);

	asn_mmdb_put_map(w, 1);
	asn_mmdb_put_shared_string(w, "n", 1);
	asn_mmdb_put_uint32(w, v);
	return at;
}

static inline GBytes *
finish(AsnMmdbWriter *w)
{
	GError *error = NULL;
	GBytes *bytes = asn_mmdb_writer_finish(w, &error);

	g_assert_no_error(error);
	asn_mmdb_writer_free(w);
	return bytes;
}

static inline AsnMmdb *
open_bytes(GBytes *bytes)
{
	GError *error = NULL;
	gsize len;
	const guint8 *data = g_bytes_get_data(bytes, &len);
	AsnMmdb *db =
	    asn_mmdb_open_memory(data, len, "test", ASN_MMDB_CHECK_SUM, &error);

	g_assert_no_error(error);
	return db;
}

/* The number stored for addr, or 0. */
static inline guint32
number_at(const AsnMmdb *db, const AsnAddr *a, guint8 *depth)
{
	AsnMmdbValue v;
	AsnMmdbField f;
	guint64 n;

	if (!asn_mmdb_lookup(db, a, &v, depth))
		return 0;
	g_assert_true(asn_mmdb_map_get(v, "n", 1, &f));
	g_assert_true(asn_mmdb_field_uint(&f, &n));
	return (guint32)n;
}
