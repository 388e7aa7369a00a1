/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write-log.c: see write-log.h. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "write-log.h"

#define MAX_FDS 1024
#define BASE(p) (void *)(uintptr_t)(p) /* writev does not change it */

static int log_fd = -1;
static char under[PATH_MAX];
static size_t under_len;
static uint64_t ino_of[MAX_FDS]; /* 0: not one of ours */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void
start(void)
{
	const char *file = getenv("WRITE_LOG"),
		   *dir = getenv("WRITE_LOG_UNDER");

	if (file == NULL || dir == NULL)
		return;
	under_len = (size_t)snprintf(under, sizeof under, "%s/", dir);
	log_fd = (int)syscall(SYS_openat, AT_FDCWD, file,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

static void
put(const struct WriteRecord *r, const char *name, const char *name2,
    const void *data)
{
	struct iovec v[4] = {{BASE(r), sizeof *r}, {BASE(name), r->name_len},
	    {BASE(name2), r->name2_len}, {BASE(data), r->data_len}};
	size_t all = sizeof *r + r->name_len + r->name2_len + r->data_len;
	int saved = errno;

	if (syscall(SYS_writev, log_fd, v, 4) != (long)all)
		abort();
	errno = saved;
}

/* --- names -----------------------------------------------------------------
 */

/* The whole path, or 0: not below the directory. */
static int
path_of(int dir_fd, const char *name, char *out)
{
	char link[40], dir[PATH_MAX];
	long n = 0;

	if (log_fd < 0 || name == NULL)
		return 0;
	if (name[0] != '/') {
		snprintf(link, sizeof link, "/proc/self/fd/%d", dir_fd);
		n = syscall(SYS_readlink,
		    dir_fd == AT_FDCWD ? "/proc/self/cwd" : link, dir,
		    sizeof dir - 1);
		if (n < 0)
			return 0;
	}
	dir[n] = '\0';
	n = snprintf(out, PATH_MAX, "%s%s%s", dir, n > 0 ? "/" : "", name);
	if (n >= 4 && strcmp(out + n - 4, "-shm") == 0)
		return 0;
	return n < PATH_MAX && strncmp(out, under, under_len) == 0;
}

static void
note_name(enum WriteOp op, uint64_t ino, const char *a, const char *b)
{
	struct WriteRecord r = {.op = op,
	    .ino = ino,
	    .name_len = (uint32_t)strlen(a),
	    .name2_len = (uint32_t)strlen(b)};

	put(&r, a, b, "");
}

static int
open_at(int dir_fd, const char *name, int flags, mode_t mode)
{
	char path[PATH_MAX];
	int ours = path_of(dir_fd, name, path), fd, was;
	struct stat st;

	if (!ours)
		return (int)syscall(SYS_openat, dir_fd, name, flags, mode);
	pthread_mutex_lock(&lock);
	was = fstatat(dir_fd, name, &st, 0) == 0;
	fd = (int)syscall(SYS_openat, dir_fd, name, flags, mode);
	if (fd >= 0 && fd < MAX_FDS && fstat(fd, &st) == 0 &&
	    S_ISREG(st.st_mode)) {
		ino_of[fd] = st.st_ino;
		if (!was)
			note_name(WRITE_CREATE, st.st_ino, path, "");
		else if (flags & O_TRUNC)
			put(&(struct WriteRecord){.op = WRITE_TRUNCATE,
				.ino = st.st_ino},
			    "", "", "");
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

static mode_t
mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

#define OPEN(NAME, PARAMS, DIR)                                                \
	int NAME PARAMS                                                        \
	{                                                                      \
		va_list ap;                                                    \
		mode_t mode;                                                   \
                                                                               \
		va_start(ap, flags);                                           \
		mode = mode_of(flags, ap);                                     \
		va_end(ap);                                                    \
		return open_at(DIR, name, flags, mode);                        \
	}
OPEN(open, (const char *name, int flags, ...), AT_FDCWD)
OPEN(open64, (const char *name, int flags, ...), AT_FDCWD)
OPEN(openat, (int dir, const char *name, int flags, ...), dir)
OPEN(openat64, (int dir, const char *name, int flags, ...), dir)

int
close(int fd)
{
	if (fd >= 0 && fd < MAX_FDS)
		ino_of[fd] = 0;
	return (int)syscall(SYS_close, fd);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	char a[PATH_MAX], b[PATH_MAX];
	int ours = path_of(from_dir, from, a) && path_of(to_dir, to, b), rc;

	pthread_mutex_lock(&lock);
	rc = (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
	if (ours && rc == 0)
		note_name(WRITE_RENAME, 0, a, b);
	pthread_mutex_unlock(&lock);
	return rc;
}

int
rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int
unlinkat(int dir, const char *name, int flags)
{
	char path[PATH_MAX];
	int ours = path_of(dir, name, path), rc;

	pthread_mutex_lock(&lock);
	rc = (int)syscall(SYS_unlinkat, dir, name, flags);
	if (ours && rc == 0)
		note_name(WRITE_UNLINK, 0, path, "");
	pthread_mutex_unlock(&lock);
	return rc;
}

int
unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

/* --- data ------------------------------------------------------------------
 */

static uint64_t
ours_is(int fd)
{
	return log_fd >= 0 && fd >= 0 && fd < MAX_FDS ? ino_of[fd] : 0;
}

static ssize_t
note_data(uint64_t ino, off_t at, const void *data, ssize_t n)
{
	if (n > 0)
		put(&(struct WriteRecord){.op = WRITE_DATA,
			.ino = ino,
			.offset = (uint64_t)at,
			.data_len = (uint32_t)n},
		    "", "", data);
	return n;
}

ssize_t
write(int fd, const void *data, size_t len)
{
	uint64_t ino = ours_is(fd);
	off_t at;

	if (ino == 0)
		return syscall(SYS_write, fd, data, len);
	at = lseek(fd, 0, SEEK_CUR);
	return note_data(ino, at, data, syscall(SYS_write, fd, data, len));
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	uint64_t ino = ours_is(fd);
	ssize_t n = syscall(SYS_pwrite64, fd, data, len, at);

	return ino == 0 ? n : note_data(ino, at, data, n);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	return pwrite64(fd, data, len, at);
}

/* Nobody of ours writes so; who begins to must be seen. */
ssize_t
writev(int fd, const struct iovec *v, int n)
{
	if (ours_is(fd) != 0)
		abort();
	return syscall(SYS_writev, fd, v, n);
}

int
ftruncate64(int fd, off64_t len)
{
	uint64_t ino = ours_is(fd);
	int rc = (int)syscall(SYS_ftruncate, fd, len);

	if (ino != 0 && rc == 0)
		put(&(struct WriteRecord){.op = WRITE_TRUNCATE,
			.ino = ino,
			.offset = (uint64_t)len},
		    "", "", "");
	return rc;
}

int
ftruncate(int fd, off_t len)
{
	return ftruncate64(fd, len);
}

static int
sync_fd(int fd, long call)
{
	uint64_t ino = ours_is(fd);
	int rc = (int)syscall(call, fd);
	char link[40], path[PATH_MAX];
	struct stat st;
	long n;

	if (rc != 0 || log_fd < 0)
		return rc;
	if (ino != 0) {
		put(&(struct WriteRecord){.op = WRITE_SYNC, .ino = ino}, "", "",
		    "");
		return 0;
	}
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = syscall(SYS_readlink, link, path, sizeof path - 1);
	if (n < (long)under_len || fstat(fd, &st) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	path[n] = '\0';
	if (strncmp(path, under, under_len) == 0)
		note_name(WRITE_SYNC_DIR, 0, path, "");
	return 0;
}

int
fsync(int fd)
{
	return sync_fd(fd, SYS_fsync);
}

int
fdatasync(int fd)
{
	return sync_fd(fd, SYS_fdatasync);
}
