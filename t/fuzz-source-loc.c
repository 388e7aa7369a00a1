/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-source-loc.c: any bytes as a location.db: what our check lets through
 * must not harm libloc.
 *
 * Covers: asnctl/source-loc.c asnctl/source-loc-check.c.
 * Longest input: 4096
 */

#include "source.h"

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	ImportSet *set = import_set_new();
	SourceInfo info = {.about = NULL};
	GError *error = NULL;

	if (source_read_loc(data, size, "fuzz", set, NULL, &info, &error))
		import_set_merge(set);
	else
		g_assert_nonnull(error);
	g_clear_error(&error);
	g_free(info.about);
	import_set_free(set);
	return 0;
}
