/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-source-mmdb.c: any bytes as a vendor's .mmdb, and the file made of it.
 *
 * Covers: asnctl/source-mmdb.c asnctl/import-build.c asnctl/import-map.c.
 * Longest input: 2048
 */

#include "fuzz.h"
#include "source.h"

static gboolean
tell(gpointer data, double done)
{
	g_assert_true(done >= 0 && done <= 1);
	return TRUE;
}

static gboolean
check_record(const AsnNetwork *leaf, AsnMmdbValue value, gpointer data)
{
	AsnMmdbField f;

	g_assert_true(asn_mmdb_map_get(value, "prefix_length", 13, &f));
	g_assert_cmpint(f.type, ==, ASN_MMDB_UINT16);
	return ++*(guint *)data < 300;
}

static void
check_built(ImportSet *set)
{
	g_autoptr(GBytes) file = NULL;
	GError *error = NULL;
	guint leaves = 0;
	AsnMmdb *db;
	gsize len;

	import_set_merge(set);
	if (set->entries->len > 2000)
		return; /* a leaf may be split into 65536: too slow here */
	file = import_set_build(set, "fuzz", 1, &error);
	g_assert_no_error(error);
	db = asn_mmdb_open_memory(g_bytes_get_data(file, &len),
	    g_bytes_get_size(file), "fuzz", ASN_MMDB_CHECK_SUM, &error);
	g_assert_no_error(error);
	asn_mmdb_foreach(db, check_record, &leaves);
	asn_mmdb_close(db);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	const SourceProgress progress = {tell, NULL};
	ImportSet *set = import_set_new();
	SourceInfo info = {.about = NULL};
	GError *error = NULL;

	if (source_read_mmdb(
		data, size, "fuzz", set, &progress, &info, &error)) {
		g_assert_true(source_is_mmdb(data, size));
		check_built(set);
	} else {
		g_assert_nonnull(error);
		g_assert_null(strchr(error->message, '\n'));
	}
	g_clear_error(&error);
	g_free(info.about);
	import_set_free(set);
	return 0;
}
