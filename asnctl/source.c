/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.c: reading a source and telling by its content what it is. */

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"

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

/* A copy, so that nobody changes it while it is read.  A location.db is left
 * to libloc after its first bytes. */
static gboolean
read_file(const char *path, int fd, GByteArray *out, GError **error)
{
	struct stat st;
	guint8 head[8];
	gsize len;

	if (fstat(fd, &st) < 0)
		return fail(path, error);
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return fail(path, error);
	}
	len = (gsize)st.st_size;
	if (len >= SOURCE_MAX) {
		errno = EFBIG;
		return fail(path, error);
	}
	if (len >= sizeof head &&
	    pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head &&
	    source_is_loc(head, sizeof head))
		len = sizeof head;
	g_byte_array_set_size(out, (guint)len);
	return read_fd(fd, out->data, len) || fail(path, error);
}

/* RFC 1952, to the end or to SOURCE_MAX. */
static GByteArray *
gunzip(const GByteArray *packed, const char *path, GError **error)
{
	g_autoptr(GZlibDecompressor) z =
	    g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP);
	g_autoptr(GByteArray) out = g_byte_array_new();
	g_autoptr(GError) local = NULL;
	g_autofree guint8 *piece = g_malloc(1 << 18);
	gsize at = 0, have, used;
	GConverterResult r;

	do {
		r = g_converter_convert(G_CONVERTER(z), packed->data + at,
		    packed->len - at, piece, 1 << 18, G_CONVERTER_INPUT_AT_END,
		    &used, &have, &local);
		if (r == G_CONVERTER_ERROR) {
			g_set_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN,
			    "%s: offset %" G_GSIZE_FORMAT
			    ": not whole gzip data: %s",
			    path, at, local->message);
			return NULL;
		}
		at += used;
		g_byte_array_append(out, piece, (guint)have);
		if (out->len > SOURCE_MAX) {
			g_set_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN,
			    "%s: offset %" G_GSIZE_FORMAT
			    ": unpacks to more than 2 GiB",
			    path, at);
			return NULL;
		}
	} while (r != G_CONVERTER_FINISHED);
	return g_steal_pointer(&out);
}

static gboolean
read_content(const char *path, GByteArray *content, ImportSet *set,
    const SourceProgress *progress, SourceInfo *info, GError **error)
{
	const guint8 *data = content->data;
	gsize len = content->len;

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
	if (source_is_loc(content->data, content->len))
		ok = source_read_loc(path, set, progress, info, error);
	else if (content->len >= 2 && content->data[0] == 0x1f &&
		 content->data[1] == 0x8b) {
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
