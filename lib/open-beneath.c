/* SPDX-License-Identifier: GPL-2.0-or-later */
/* open-beneath.c: opening what hostile users own. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "open-beneath.h"

#define RESOLVE_HOSTILE                                                        \
	(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

/* glibc has no wrapper.  EAGAIN: a rename raced with the walk (openat2(2)); a
 * user who renames without end loses only sight of their own mail. */
static int
open_beneath(int dir_fd, const char *path, int flags, guint64 resolve)
{
	struct open_how how = {
	    .flags = (guint64)(flags | O_CLOEXEC),
	    .resolve = resolve,
	};
	long fd = -1;

	for (int tries = 0; tries < 16; tries++) {
		fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return (int)fd;
}

static int
keep_if_stat(int fd, struct stat *st)
{
	int error;

	if (fd < 0 || fstat(fd, st) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* Follows the symlink that link_fd holds: its text is read from the very
 * inode whose owner was checked, so it cannot be exchanged in between. */
static int
follow(int dir_fd, int link_fd)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(link_fd, "", target, sizeof target - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	return openat(dir_fd, target, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int
open_component(int dir_fd, const char *name)
{
	struct stat st;
	int fd, next;

	fd = keep_if_stat(
	    openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), &st);
	if (fd < 0 || S_ISDIR(st.st_mode))
		return fd;
	if (!S_ISLNK(st.st_mode)) {
		errno = ENOTDIR;
		next = -1;
	} else if (st.st_uid != 0 && st.st_uid != geteuid()) {
		errno = ELOOP;
		next = -1;
	} else {
		next = follow(dir_fd, fd);
	}
	int error = errno;
	close(fd);
	errno = error;
	return next;
}

int
asn_open_base(const char *path)
{
	g_auto(GStrv) names = g_strsplit(path, "/", -1);
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (char **name = names; *name != NULL && fd >= 0; name++) {
		int next, error;
		if (**name == '\0')
			continue;
		next = open_component(fd, *name);
		error = errno;
		close(fd);
		errno = error;
		fd = next;
	}
	return fd;
}

int
asn_open_dir(int dir_fd, const char *path, gboolean same_mount, struct stat *st)
{
	guint64 resolve = RESOLVE_HOSTILE | (same_mount ? RESOLVE_NO_XDEV : 0);

	return keep_if_stat(open_beneath(dir_fd, path,
				O_PATH | O_DIRECTORY | O_NOFOLLOW, resolve),
	    st);
}

int
asn_open_look(int dir_fd, const char *path, struct stat *st)
{
	return keep_if_stat(open_beneath(dir_fd, path, O_PATH | O_NOFOLLOW,
				RESOLVE_HOSTILE | RESOLVE_NO_XDEV),
	    st);
}

int
asn_reopen_read(int fd, int flags, const struct stat *st)
{
	char path[32];

	/* A magic link to one open inode: no name is looked up again, so
	 * there is nothing that could have been exchanged since fstat. */
	g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	flags |= O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
	if (st->st_uid == geteuid()) /* others may not: EPERM, open(2) */
		flags |= O_NOATIME;
	return open(path, flags);
}
