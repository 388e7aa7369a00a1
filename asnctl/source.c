/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.c: reading a source and telling by its content what it is. */

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"

#define PIECE (1 << 18) /* bytes unpacked at once */

G_DEFINE_QUARK(asnctl - source - error - quark, source_error)

gboolean
source_tell(const SourceProgress *progress, double done, GError **error)
{
	if (progress == NULL || progress->tell == NULL ||
	    progress->tell(progress->data, done))
		return TRUE;
	g_set_error_literal(
	    error, SOURCE_ERROR, SOURCE_ERROR_STOPPED, "stopped");
	return FALSE;
}

static gboolean
fail(const char *path, GError **error)
{
	g_set_error(error, SOURCE_ERROR,
	    errno == ENOENT ? SOURCE_ERROR_MISSING : SOURCE_ERROR_READ,
	    "%s: %s", path, g_strerror(errno));
	return FALSE;
}

static gboolean
read_fd(int fd, guint8 *to, gsize len)
{
	while (len > 0) {
		ssize_t n = read(fd, to, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* shorter than it was */
		if (n <= 0)
			return FALSE;
		to += n;
		len -= (gsize)n;
	}
	return TRUE;
}

static gboolean
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* A copy, so that nobody changes it while it is looked at.  What was written to
 * while it was copied is half an old file and half a new one. */
static gboolean
read_file(const char *path, int fd, GByteArray *out, GError **error)
{
	struct stat st, after;

	if (fstat(fd, &st) < 0)
		return fail(path, error);
	if (!S_ISREG(st.st_mode)) {
		g_set_error(error, SOURCE_ERROR, SOURCE_ERROR_READ,
		    "%s: not a regular file", path);
		return FALSE;
	}
	if ((gsize)st.st_size >= SOURCE_MAX) {
		errno = EFBIG;
		return fail(path, error);
	}
	g_byte_array_set_size(out, (guint)st.st_size);
	if (!read_fd(fd, out->data, out->len) || fstat(fd, &after) < 0)
		return fail(path, error);
	if (is_same(&st, &after))
		return TRUE;
	g_set_error(error, SOURCE_ERROR, SOURCE_ERROR_READ,
	    "%s: changed while it was read; try again when it is whole", path);
	return FALSE;
}

static gboolean
broken(const char *path, gsize at, const char *why, GError **error)
{
	g_set_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN,
	    "%s: offset %" G_GSIZE_FORMAT ": %s", path, at, why);
	return FALSE;
}

/* One member of RFC 1952 from *at, which moves behind it. */
static gboolean
gunzip_member(GConverter *z, const GByteArray *packed, gsize *at,
    GByteArray *out, const char *path, GError **error)
{
	g_autofree guint8 *piece = g_malloc(PIECE);
	g_autoptr(GError) local = NULL;
	g_autofree char *why = NULL;
	GConverterResult r;
	gsize have, used;

	do {
		r = g_converter_convert(z, packed->data + *at,
		    packed->len - *at, piece, PIECE, G_CONVERTER_INPUT_AT_END,
		    &used, &have, &local);
		if (r == G_CONVERTER_ERROR) {
			why = g_strdup_printf(
			    "not whole gzip data: %s", local->message);
			return broken(path, *at, why, error);
		}
		*at += used;
		g_byte_array_append(out, piece, (guint)have);
		if (out->len > SOURCE_MAX)
			return broken(
			    path, *at, "unpacks to more than 2 GiB", error);
	} while (r != G_CONVERTER_FINISHED);
	return TRUE;
}

static gboolean
is_gzip(const guint8 *data, gsize len)
{
	return len >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

/* A series of members, to the end or to SOURCE_MAX; zeros may follow them, as
 * gzip(1) has it. */
static GByteArray *
gunzip(const GByteArray *packed, const char *path, GError **error)
{
	g_autoptr(GZlibDecompressor) z =
	    g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP);
	g_autoptr(GByteArray) out = g_byte_array_new();
	gsize at = 0;

	do {
		g_converter_reset(G_CONVERTER(z));
		if (!gunzip_member(
			G_CONVERTER(z), packed, &at, out, path, error))
			return NULL;
	} while (is_gzip(packed->data + at, packed->len - at));
	for (; at < packed->len; at++)
		if (packed->data[at] != 0) {
			broken(path, at,
			    "no gzip data, but bytes after them: not whole, "
			    "or not of this file",
			    error);
			return NULL;
		}
	return g_steal_pointer(&out);
}

static gboolean
read_content(const char *path, GByteArray *content, ImportSet *set,
    const SourceProgress *progress, SourceInfo *info, GError **error)
{
	const guint8 *data = content->data;
	gsize len = content->len;

	if (source_is_loc(data, len))
		return source_read_loc(
		    data, len, path, set, progress, info, error);
	if (source_is_mmdb(data, len))
		return source_read_mmdb(
		    data, len, path, set, progress, info, error);
	return source_read_text(data, len, path, set, progress, info, error);
}

gboolean
source_read(const char *path, ImportSet *set, const SourceProgress *progress,
    SourceInfo *info, GError **error)
{
	g_autoptr(GByteArray) content = g_byte_array_new();
	gboolean ok;
	int fd;

	info->format = "unknown";
	info->about = NULL;
	/* A FIFO must not hold us up. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail(path, error);
	ok = read_file(path, fd, content, error);
	close(fd);
	if (!ok)
		return FALSE;
	if (is_gzip(content->data, content->len)) {
		g_autoptr(GByteArray) plain = gunzip(content, path, error);
		ok = plain != NULL &&
		     read_content(path, plain, set, progress, info, error);
	} else {
		ok = read_content(path, content, set, progress, info, error);
	}
	if (ok)
		import_set_merge(set);
	return ok;
}
