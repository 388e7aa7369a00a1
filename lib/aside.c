/* SPDX-License-Identifier: GPL-2.0-or-later */
/* aside.c: write aside, fsync, rename. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aside.h"

static gboolean
write_all(int fd, const guint8 *data, gsize len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FALSE;
		data += n;
		len -= (gsize)n;
	}
	return TRUE;
}

/* What failed, or NULL.  errno tells why. */
static const char *
write_temporary(
    int dir_fd, const char *name, const void *data, gsize len, mode_t mode)
{
	const char *failed = NULL;
	int fd, saved;

	/* Exclusive, so that it is never somebody else's link. */
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return "cannot remove the stale";
	fd = openat(dir_fd, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return "cannot create";
	if (!write_all(fd, data, len))
		failed = "cannot write";
	else if (fchmod(fd, mode) < 0)
		failed = "cannot set the mode of";
	else if (fsync(fd) < 0)
		failed = "cannot sync";
	saved = errno;
	if (close(fd) < 0 && failed == NULL) {
		failed = "cannot close";
		saved = errno;
	}
	errno = saved;
	return failed;
}

gboolean
asn_aside_write(int dir_fd, const char *name, const void *data, gsize len,
    mode_t mode, GError **error)
{
	g_autofree char *temporary = g_strdup_printf(".%s.tmp", name);
	const char *failed, *what = temporary;
	int saved;

	failed = write_temporary(dir_fd, temporary, data, len, mode);
	if (failed == NULL && renameat(dir_fd, temporary, dir_fd, name) < 0) {
		failed = "cannot rename the new file to";
		what = name;
	}
	if (failed != NULL) {
		saved = errno;
		unlinkat(dir_fd, temporary, 0);
		g_set_error(error, G_FILE_ERROR,
		    (int)g_file_error_from_errno(saved), "%s %s: %s", failed,
		    what, g_strerror(saved));
		return FALSE;
	}
	/* The name is in place; a crash before this is synced leaves the old
	 * one, which is as whole.  Some filesystems cannot sync a directory. */
	if (fsync(dir_fd) < 0 && errno != EINVAL && errno != EBADF) {
		saved = errno;
		g_set_error(error, G_FILE_ERROR,
		    (int)g_file_error_from_errno(saved),
		    "cannot sync the directory of %s: %s", name,
		    g_strerror(saved));
		return FALSE;
	}
	return TRUE;
}
