/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * valgrind-openat2.so: openat2(2) for programs under a valgrind that does not
 * know it (3.19) and makes it fail.
 *
 * For LD_PRELOAD: takes the place of syscall(3), which is how openat2 is
 * called, and walks the path by openat(2), each part without symlinks.  What
 * it knows of RESOLVE_*: all of them mean no symlinks, nothing above.  A test
 * of races with openat2 needs the real one.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Also makes O_PATH fail on a symlink, unless that is what is asked for. */
static int
open_last(int dir, const char *name, const struct open_how *how)
{
	int fd = openat(dir, name, (int)how->flags | O_NOFOLLOW, how->mode);
	struct stat st;

	if (fd < 0 || how->flags & O_NOFOLLOW || fstat(fd, &st) != 0 ||
	    !S_ISLNK(st.st_mode))
		return fd;
	close(fd);
	errno = ELOOP;
	return -1;
}

/* The next directory; O_DIRECTORY says ENOTDIR of a symlink, which openat2
 * calls ELOOP. */
static int
enter(int dir, const char *name)
{
	struct stat st;

	if (strcmp(name, "..") == 0) {
		errno = EXDEV;
		return -1;
	}
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode)) {
		errno = ELOOP;
		return -1;
	}
	return openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int
walk(int dir_fd, char *path, const struct open_how *how)
{
	int dir = dir_fd, fd, error;
	char *slash;

	while ((slash = strchr(path, '/')) != NULL) {
		*slash = '\0';
		fd = enter(dir, path);
		error = errno;
		if (dir != dir_fd)
			close(dir);
		errno = error;
		if (fd < 0)
			return -1;
		dir = fd;
		path = slash + 1 + strspn(slash + 1, "/");
	}
	if (strcmp(path, "..") == 0) {
		fd = -1;
		errno = EXDEV;
	} else {
		fd = open_last(dir, *path == '\0' ? "." : path, how);
	}
	error = errno;
	if (dir != dir_fd)
		close(dir);
	errno = error;
	return fd;
}

static long
my_openat2(long dir_fd, const char *path, const struct open_how *how)
{
	char copy[PATH_MAX];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof copy) {
		errno = n == 0 ? ENOENT : ENAMETOOLONG;
		return -1;
	}
	if (*path == '/') {
		errno = EXDEV;
		return -1;
	}
	memcpy(copy, path, n + 1);
	return walk((int)dir_fd, copy, how);
}

long
syscall(long number, ...)
{
	long (*real)(long, ...);
	long a[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_openat2)
		return my_openat2(
		    a[0], (const char *)a[1], (const struct open_how *)a[2]);
	*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
