/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-mmdb.c: opening, walking and asking any bytes as a MaxMind DB.
 *
 * Covers: lib/mmdb.c lib/mmdb-check.c lib/mmdb-check-data.c lib/mmdb-field.c.
 * Longest input: 4096
 */

#include "mmdb.h"

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

static gboolean
visit(const AsnNetwork *leaf, AsnMmdbValue value, gpointer data)
{
	AsnMmdbField f;
	guint64 n;
	double d;

	g_assert_true(asn_network_is_canonical(leaf));
	asn_mmdb_field(value, &f);
	g_assert_cmpint(f.type, !=, 0); /* the check has proven it */
	asn_mmdb_field_uint(&f, &n);
	asn_mmdb_field_double(&f, &d);
	asn_mmdb_map_get(value, "autonomous_system_number", 24, &f);
	asn_mmdb_map_get(value, "", 0, &f);
	return ++*(guint *)data < 10000;
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	AsnAddr a = {.family = 4}, b = {.family = 6};
	AsnMmdbValue v;
	guint leaves = 0;
	guint8 depth;
	AsnMmdb *db;

	db = asn_mmdb_open_memory(data, size, "fuzz", ASN_MMDB_CHECK_ANY, NULL);
	if (db == NULL)
		return 0;
	asn_mmdb_foreach(db, visit, &leaves);
	for (gsize i = 0; i < size && i < 4096; i++) {
		a.b[12 + i % 4] ^= data[i];
		b.b[i % 16] ^= data[i];
		if (asn_mmdb_lookup(db, &a, &v, &depth))
			g_assert_cmpuint(depth, <=, 32);
		if (asn_mmdb_lookup(db, &b, &v, &depth))
			g_assert_cmpuint(depth, <=, 128);
	}
	asn_mmdb_close(db);
	return 0;
}
