/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What fuzz targets share: an input taken apart, checksums made right so that
 * mutations get past them, descriptors of given content.
 *
 * A target asserts with g_assert_* (abort under libFuzzer) what must hold of
 * whatever it was fed; "Covers:" and "Longest input:" at its top are for
 * t/fuzz.  One thread.
 */
#pragma once

#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

/* What is left of an input; behind its end everything is 0 and empty. */
typedef struct {
	const guint8 *p, *end;
} FuzzInput;

static inline gsize
fuzz_left(const FuzzInput *in)
{
	return (gsize)(in->end - in->p);
}

static inline guint
fuzz_byte(FuzzInput *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static inline guint64
fuzz_number(FuzzInput *in, guint bytes)
{
	guint64 n = 0;

	while (bytes-- > 0)
		n = n << 8 | fuzz_byte(in);
	return n;
}

/* At most len bytes; *got says how many. */
static inline const char *
fuzz_bytes(FuzzInput *in, gsize len, gsize *got)
{
	const guint8 *p = in->p;

	*got = MIN(len, fuzz_left(in));
	in->p += *got;
	return (const char *)p;
}

/* Up to the next such byte, or to the end; as a string of its own. */
static inline char *
fuzz_text(FuzzInput *in, char stop)
{
	const guint8 *p = in->p, *at = NULL;

	if (p < in->end)
		at = memchr(p, stop, fuzz_left(in));
	in->p = at ? at + 1 : in->end;
	return g_strndup((const char *)p, (gsize)((at ? at : in->end) - p));
}

#define FUZZ_SUM 32

/* A copy of a database of ours with the SHA-256 at its end made right. */
static inline guint8 *
fuzz_with_sum(const guint8 *data, gsize size)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 *copy = g_malloc(size + 1);
	gsize len = FUZZ_SUM;

	if (size > 0)
		memcpy(copy, data, size);
	if (size < FUZZ_SUM)
		return copy;
	memset(copy + size - FUZZ_SUM, 0, FUZZ_SUM);
	g_checksum_update(sum, copy, (gssize)size);
	g_checksum_get_digest(sum, copy + size - FUZZ_SUM, &len);
	return copy;
}

/* At its start; the caller closes it. */
static inline int
fuzz_memfd(const void *data, gsize size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	g_assert_cmpint(fd, >=, 0);
	if (size > 0)
		g_assert_cmpint(pwrite(fd, data, size, 0), ==, (gssize)size);
	return fd;
}

/* Where files are memory, if that is to be had. */
static inline const char *
fuzz_tmp(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir();
}

/* A new directory there; the caller removes it. */
static inline char *
fuzz_make_dir(void)
{
	char *dir = g_build_filename(fuzz_tmp(), "asnd-fuzz-XXXXXX", NULL);

	g_assert_nonnull(g_mkdtemp(dir));
	return dir;
}
