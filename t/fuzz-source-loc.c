/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-source-loc.c: any bytes as a location.db: what our check lets through
 * must not harm libloc.
 *
 * Covers: asnctl/source-loc.c asnctl/source-loc-check.c.
 * Longest input: 4096
 */

#include <sys/mman.h>
#include <unistd.h>

#include "source.h"

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	ImportSet *set = import_set_new();
	SourceInfo info = {.about = NULL};
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	GError *error = NULL;

	g_assert_cmpint(write(fd, data, size), ==, (gssize)size);
	if (source_read_loc(path, set, NULL, &info, &error))
		import_set_merge(set);
	else
		g_assert_nonnull(error);
	g_clear_error(&error);
	g_free(info.about);
	import_set_free(set);
	close(fd);
	return 0;
}
