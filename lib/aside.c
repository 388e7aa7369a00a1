/* SPDX-License-Identifier: GPL-2.0-or-later */
/* aside.c: write aside, fsync, rename. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aside.h"

#define PAUSE 5L /* ms between two looks at another writer's file */

/* Sets an error of errno; returns FALSE. */
static gboolean
fail(const char *what, const char *name, const char *advice, GError **error)
{
	int saved = errno;

	g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(saved),
	    "%s %s: %s%s", what, name, g_strerror(saved), advice);
	return FALSE;
}

static const char *
kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFLNK:
		return "a symbolic link";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

/* rename(2) would put a file in the place of a device without a word. */
static gboolean
check_target(int dir_fd, const char *name, GError **error)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ||
		       fail("cannot look at", name, "", error);
	if (S_ISREG(st.st_mode))
		return TRUE;
	g_set_error(error, G_FILE_ERROR,
	    S_ISDIR(st.st_mode) ? G_FILE_ERROR_ISDIR : G_FILE_ERROR_EXIST,
	    "%s is %s, and only a regular file is replaced: remove it, or "
	    "name another file",
	    name, kind_of(st.st_mode));
	return FALSE;
}

/* --- the temporary file ----------------------------------------------------
 */

static gboolean
is_named(int fd, int dir_fd, const char *name)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 &&
	       fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_dev == named.st_dev && mine.st_ino == named.st_ino;
}

/* Root writes for whom the directory belongs to: what is left of a writer that
 * died must be his to clear.  Without the right (a container) it stays ours. */
static void
give_away(int fd, int dir_fd)
{
	struct stat st;

	if (geteuid() == 0 && fstat(dir_fd, &st) == 0 && st.st_uid != 0 &&
	    fchown(fd, st.st_uid, st.st_gid) < 0)
		return;
}

static int
lock(int fd)
{
	int r;

	do
		r = flock(fd, LOCK_EX | LOCK_NB);
	while (r < 0 && errno == EINTR);
	return r;
}

static int
sync_fd(int fd)
{
	int r;

	do
		r = fsync(fd);
	while (r < 0 && errno == EINTR);
	return r;
}

/* A new file, locked, or -1; EWOULDBLOCK: try again.  Only who holds the lock
 * of the file that has the name may rename or remove it.  What was there and
 * is locked by nobody is of a writer that died. */
static int
open_once(int dir_fd, const char *name)
{
	const int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(dir_fd, name, flags | O_CREAT | O_EXCL, 0600);
	gboolean stale = fd < 0 && errno == EEXIST;
	int saved = EWOULDBLOCK;

	if (stale)
		fd = openat(dir_fd, name, flags);
	if (fd < 0) {
		if (stale && errno == ENOENT)
			errno = EWOULDBLOCK;
		return -1;
	}
	if (!stale)
		give_away(fd, dir_fd);
	if (lock(fd) < 0) {
		saved = errno;
		if (!stale && saved != EWOULDBLOCK)
			unlinkat(dir_fd, name, 0);
	} else if (is_named(fd, dir_fd, name)) {
		if (!stale)
			return fd;
		if (unlinkat(dir_fd, name, 0) < 0)
			saved = errno;
	}
	close(fd);
	errno = saved;
	return -1;
}

/* Without flock(2)'s own waiting: what it would wait for becomes the published
 * file, which anybody may open, lock and keep. */
static int
open_temporary(int dir_fd, const char *name, const char *target, GError **error)
{
	gint64 end = g_get_monotonic_time() + ASN_ASIDE_PATIENCE * 1000;
	struct stat st;
	int fd, saved;

	while ((fd = open_once(dir_fd, name)) < 0 && errno == EWOULDBLOCK &&
	       g_get_monotonic_time() < end)
		g_usleep(PAUSE * 1000);
	if (fd >= 0)
		return fd;
	saved = errno;
	if (saved == EWOULDBLOCK) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
		    "another process is writing %s", target);
		return -1;
	}
	gboolean there = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	errno = saved;
	fail("cannot create", name,
	    there ? "; remove it, unless another process is at work" : "",
	    error);
	return -1;
}

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

static gboolean
fill(int fd, const char *name, const void *data, gsize len, mode_t mode,
    GError **error)
{
	if (!write_all(fd, data, len))
		return fail("cannot write", name, "", error);
	if (fchmod(fd, mode) < 0)
		return fail("cannot set the mode of", name, "", error);
	if (sync_fd(fd) < 0)
		return fail("cannot sync", name, "", error);
	return TRUE;
}

gboolean
asn_aside_write(int dir_fd, const char *name, const void *data, gsize len,
    mode_t mode, GError **error)
{
	g_autofree char *temporary = g_strdup_printf(".%s.tmp", name);
	gboolean ok;
	int fd;

	if (!check_target(dir_fd, name, error))
		return FALSE;
	fd = open_temporary(dir_fd, temporary, name, error);
	if (fd < 0)
		return FALSE;
	ok = fill(fd, temporary, data, len, mode, error);
	if (ok && renameat(dir_fd, temporary, dir_fd, name) < 0)
		ok = fail("cannot rename the new file to", name, "", error);
	if (!ok)
		unlinkat(dir_fd, temporary, 0);
	close(fd); /* and with it the lock; the data is synced */
	/* The name is in place; a crash before this is synced leaves the old
	 * one, which is as whole.  Some filesystems cannot sync a directory. */
	if (ok && sync_fd(dir_fd) < 0 && errno != EINVAL && errno != EBADF)
		ok = fail("cannot sync the directory of", name, "", error);
	return ok;
}
