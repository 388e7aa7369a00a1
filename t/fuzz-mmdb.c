/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-mmdb.c: opening, walking and asking any bytes as a MaxMind DB; the
 * checksum is made right for half of them.
 *
 * Covers: lib/mmdb.c lib/mmdb-check.c lib/mmdb-check-data.c lib/mmdb-field.c
 * lib/mmdb-format.h. Longest input: 2048
 */

#include "fuzz.h"
#include "mmdb.h"

#define MOST 300 /* leaves looked at: shared subtrees make them endless */

static gboolean
visit(const AsnNetwork *leaf, AsnMmdbValue value, gpointer data)
{
	const AsnMmdb *db = value.db;
	AsnMmdbValue found;
	AsnMmdbField f;
	guint8 depth;
	guint64 n;
	double d;

	g_assert_true(asn_network_is_canonical(leaf));
	asn_mmdb_field(value, &f);
	g_assert_cmpint(f.type, !=, 0); /* the check has proven it */
	asn_mmdb_field_uint(&f, &n);
	asn_mmdb_field_double(&f, &d);
	asn_mmdb_map_get(value, "autonomous_system_number", 24, &f);
	asn_mmdb_map_get(value, "", 0, &f);
	/* What is walked over is found; but for the alias in ::/96. */
	if (asn_mmdb_lookup(db, &leaf->addr, &found, &depth)) {
		g_assert_cmpuint(found.offset, ==, value.offset);
		g_assert_cmpuint(depth, ==, leaf->len);
	}
	return ++*(guint *)data < MOST;
}

/* The two ways to ask agree. */
static void
ask(const AsnMmdb *db, const AsnAddr *addr)
{
	AsnMmdbValue a, b, c;
	guint8 depth = 0, bits;
	gboolean there = asn_mmdb_lookup(db, addr, &a, &depth);

	g_assert_cmpint(there, ==, asn_mmdb_find(db, addr, &b));
	if (asn_mmdb_meta(db)->ip_version == 6)
		asn_mmdb_lookup_bits(db, addr->b, &c, &bits);
	if (!there)
		return;
	g_assert_cmpuint(a.offset, ==, b.offset);
	g_assert_cmpuint(depth, <=, addr->family == 4 ? 32 : 128);
}

static void
check_open(const AsnMmdb *db, const guint8 *data, gsize size)
{
	AsnAddr a = {.family = 4}, b = {.family = 6};
	guint leaves = 0;
	gsize len;

	g_assert_nonnull(asn_mmdb_data(db, &len));
	g_assert_cmpuint(len, <=, size);
	g_assert_true(
	    g_utf8_validate(asn_mmdb_meta(db)->database_type, -1, NULL));
	asn_mmdb_foreach(db, visit, &leaves);
	for (gsize i = 0; i < MIN(size, 64); i++) {
		a.b[12 + i % 4] ^= data[i];
		b.b[i % 16] ^= data[i];
		ask(db, &a);
		ask(db, &b);
	}
}

/* Out of a file it is the same. */
static void
check_file(const guint8 *data, gsize size, gboolean good)
{
	int fd = fuzz_memfd(data, size);
	AsnMmdb *db = asn_mmdb_open(fd, "fuzz", ASN_MMDB_CHECK_ANY, NULL);

	g_assert_cmpint(db != NULL, ==, good);
	asn_mmdb_close(db);
	close(fd);
	db = asn_mmdb_open(fd, "closed", ASN_MMDB_CHECK_ANY, NULL);
	g_assert_null(db);
}

static void
try_one(const guint8 *data, gsize size)
{
	GError *error = NULL;
	AsnMmdb *sum, *db = asn_mmdb_open_memory(
			  data, size, "fuzz", ASN_MMDB_CHECK_ANY, &error);

	g_assert_true((db == NULL) == (error != NULL));
	if (error != NULL)
		g_assert_true(g_utf8_validate(error->message, -1, NULL));
	g_clear_error(&error);
	if (size % 16 < 2)
		check_file(data, size, db != NULL);
	if (db == NULL)
		return;
	check_open(db, data, size);
	sum =
	    asn_mmdb_open_memory(data, size, "fuzz", ASN_MMDB_CHECK_SUM, NULL);
	g_assert_cmpint(sum != NULL, ==, asn_mmdb_meta(db)->has_sum);
	asn_mmdb_close(sum);
	asn_mmdb_close(db);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	g_autofree guint8 *summed = NULL;

	try_one(data, size);
	if (size < FUZZ_SUM)
		return 0;
	summed = fuzz_with_sum(data, size);
	if (memcmp(summed, data, size) != 0)
		try_one(summed, size);
	return 0;
}
