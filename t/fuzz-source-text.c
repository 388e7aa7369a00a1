/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-source-text.c: any bytes as a text source, and the file made of it.
 *
 * Covers: asnctl/source-text.c asnctl/import-set.c.
 * Longest input: 1024
 */

#include "fuzz.h"
#include "source.h"

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	ImportSet *set = import_set_new();
	SourceInfo info = {.about = NULL};

	if (source_read_text(data, size, "fuzz", set, NULL, &info, &error)) {
		g_autoptr(GBytes) file = NULL;
		AsnMmdb *db;
		gsize len;

		import_set_merge(set);
		file = import_set_build(set, "fuzz", 1, &error);
		g_assert_no_error(error);
		/* What we write, we read. */
		db = asn_mmdb_open_memory(g_bytes_get_data(file, &len),
		    g_bytes_get_size(file), "fuzz", ASN_MMDB_CHECK_SUM, &error);
		g_assert_no_error(error);
		asn_mmdb_close(db);
	} else {
		g_assert_nonnull(error);
	}
	g_free(info.about);
	import_set_free(set);
	return 0;
}
