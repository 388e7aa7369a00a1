/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault-calls.c: the calls that fault-shim.so stands before. */

/* Names with and without 64 are two functions here. */
#undef _FILE_OFFSET_BITS
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>
#include <sqlite3.h>

#include "fault-shim.h"

#define FD(class, fd) fault_on_fd(FAULT_##class, (fd))
#define AT(class, dir, path) fault_on_path(FAULT_##class, (dir), (path))
#define PATH(class, path) AT(class, AT_FDCWD, path)
#define NONE(class) fault_on_fd(FAULT_##class, -1)

/* before: statements that see `verdict`, for what is not just done or not. */
#define CALL_WITH(type, failure, name, params, args, judged, before, after)    \
	type name params                                                       \
	{                                                                      \
		static __typeof__(&name) real;                                 \
		enum FaultVerdict verdict = judged;                            \
		type result;                                                   \
                                                                               \
		if (verdict == FAULT_FAILS)                                    \
			return failure;                                        \
		if (real == NULL)                                              \
			real = fault_real(#name);                              \
		before;                                                        \
		result = real args;                                            \
		after;                                                         \
		fault_end(verdict);                                            \
		return result;                                                 \
	}
#define CALL(type, failure, name, params, args, judged)                        \
	CALL_WITH(type, failure, name, params, args, judged, , )
#define INT(name, params, args, judged)                                        \
	CALL(int, -1, name, params, args, judged)
#define HALVE                                                                  \
	if (verdict == FAULT_HALF)                                             \
	len = (len + 1) / 2
#define BYTES(name, params, args, judged)                                      \
	CALL_WITH(ssize_t, -1, name, params, args, judged, HALVE, )

/* --- opening ---------------------------------------------------------------
 */

#define MODE(flags, mode)                                                      \
	if ((flags) & (O_CREAT | __O_TMPFILE)) {                               \
		va_list ap;                                                    \
		va_start(ap, flags);                                           \
		mode = va_arg(ap, mode_t);                                     \
		va_end(ap);                                                    \
	}
#define OPEN(name)                                                             \
	CALL_WITH(int, -1, name, (const char *path, int flags, ...),           \
		  (path, flags, mode), PATH(OPEN, path), mode_t mode = 0;      \
		  MODE(flags, mode), )
#define OPENAT(name)                                                           \
	CALL_WITH(int, -1, name, (int dir, const char *path, int flags, ...),  \
		  (dir, path, flags, mode), AT(OPEN, dir, path),               \
		  mode_t mode = 0;                                             \
		  MODE(flags, mode), )

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
/* as called where the size or the flags were checked at compile time */
INT(__open_2, (const char *path, int flags), (path, flags), PATH(OPEN, path))
INT(__open64_2, (const char *path, int flags), (path, flags), PATH(OPEN, path))
INT(__openat_2, (int dir, const char *path, int flags), (dir, path, flags),
    AT(OPEN, dir, path))
INT(__openat64_2, (int dir, const char *path, int flags), (dir, path, flags),
    AT(OPEN, dir, path))
CALL(FILE *, NULL, fopen, (const char *path, const char *mode), (path, mode),
    PATH(OPEN, path))
CALL(FILE *, NULL, fopen64, (const char *path, const char *mode), (path, mode),
    PATH(OPEN, path))

/* openat2 has no function of its own. */
long
syscall(long number, ...)
{
	static long (*real)(long, ...);
	enum FaultVerdict verdict = FAULT_PASS;
	long a[6], result;
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_openat2)
		verdict = AT(OPEN, (int)a[0], (const char *)a[1]);
	if (verdict == FAULT_FAILS)
		return -1;
	if (real == NULL)
		real = (long (*)(long, ...))fault_real("syscall");
	result = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	fault_end(verdict);
	return result;
}

/* --- reading and writing ---------------------------------------------------
 */

/* What came from inotify never did. */
static void
overflow(void *data, ssize_t *n)
{
	struct inotify_event *event = data;

	if (*n < (ssize_t)sizeof *event)
		return;
	*event = (struct inotify_event){.wd = -1, .mask = IN_Q_OVERFLOW};
	*n = sizeof *event;
}

CALL_WITH(ssize_t, -1, read, (int fd, void *data, size_t len), (fd, data, len),
    FD(READ, fd), HALVE,
    if (verdict == FAULT_OVERFLOWN) overflow(data, &result))
CALL_WITH(ssize_t, -1, __read_chk,
    (int fd, void *data, size_t len, size_t room), (fd, data, len, room),
    FD(READ, fd), HALVE,
    if (verdict == FAULT_OVERFLOWN) overflow(data, &result))
BYTES(pread, (int fd, void *data, size_t len, off_t at), (fd, data, len, at),
    FD(READ, fd))
BYTES(pread64, (int fd, void *data, size_t len, off_t at), (fd, data, len, at),
    FD(READ, fd))
BYTES(__pread_chk, (int fd, void *data, size_t len, off_t at, size_t room),
    (fd, data, len, at, room), FD(READ, fd))
BYTES(__pread64_chk, (int fd, void *data, size_t len, off_t at, size_t room),
    (fd, data, len, at, room), FD(READ, fd))
BYTES(write, (int fd, const void *data, size_t len), (fd, data, len),
    FD(WRITE, fd))
BYTES(pwrite, (int fd, const void *data, size_t len, off_t at),
    (fd, data, len, at), FD(WRITE, fd))
BYTES(pwrite64, (int fd, const void *data, size_t len, off_t at),
    (fd, data, len, at), FD(WRITE, fd))
CALL(ssize_t, -1, readlinkat, (int dir, const char *path, char *to, size_t len),
    (dir, path, to, len), AT(READ, dir, path))
/* A short one: of the first piece only. */
#define FIRST                                                                  \
	struct iovec one = iov[0];                                             \
	if (verdict == FAULT_HALF) {                                           \
		one.iov_len = (one.iov_len + 1) / 2;                           \
		iov = &one;                                                    \
		n = 1;                                                         \
	}
CALL_WITH(ssize_t, -1, readv, (int fd, const struct iovec *iov, int n),
    (fd, iov, n), FD(READ, fd), FIRST, )
CALL_WITH(ssize_t, -1, writev, (int fd, const struct iovec *iov, int n),
    (fd, iov, n), FD(WRITE, fd), FIRST, )

/* --- files -----------------------------------------------------------------
 */

INT(fsync, (int fd), (fd), FD(SYNC, fd))
INT(fdatasync, (int fd), (fd), FD(SYNC, fd))
/* by the new name */
INT(rename, (const char *from, const char *to), (from, to), PATH(RENAME, to))
INT(renameat, (int from_dir, const char *from, int dir, const char *to),
    (from_dir, from, dir, to), AT(RENAME, dir, to))
INT(renameat2,
    (int from_dir, const char *from, int dir, const char *to, unsigned flags),
    (from_dir, from, dir, to, flags), AT(RENAME, dir, to))
INT(link, (const char *from, const char *to), (from, to), PATH(RENAME, to))
INT(linkat,
    (int from_dir, const char *from, int dir, const char *to, int flags),
    (from_dir, from, dir, to, flags), AT(RENAME, dir, to))
INT(unlink, (const char *path), (path), PATH(UNLINK, path))
INT(unlinkat, (int dir, const char *path, int flags), (dir, path, flags),
    AT(UNLINK, dir, path))
INT(ftruncate, (int fd, off_t size), (fd, size), FD(TRUNCATE, fd))
INT(ftruncate64, (int fd, off_t size), (fd, size), FD(TRUNCATE, fd))
INT(fallocate, (int fd, int mode, off_t at, off_t len), (fd, mode, at, len),
    FD(TRUNCATE, fd))
INT(fallocate64, (int fd, int mode, off_t at, off_t len), (fd, mode, at, len),
    FD(TRUNCATE, fd))
CALL(int, errno, posix_fallocate, (int fd, off_t at, off_t len), (fd, at, len),
    FD(TRUNCATE, fd))
CALL(int, errno, posix_fallocate64, (int fd, off_t at, off_t len),
    (fd, at, len), FD(TRUNCATE, fd))
INT(fchmod, (int fd, mode_t mode), (fd, mode), FD(MODE, fd))
INT(fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid), FD(MODE, fd))
INT(mkdir, (const char *path, mode_t mode), (path, mode), PATH(MKDIR, path))
INT(rmdir, (const char *path), (path), PATH(MKDIR, path))
INT(flock, (int fd, int operation), (fd, operation), FD(LOCK, fd))
CALL(void *, MAP_FAILED, mmap,
    (void *at, size_t len, int prot, int flags, int fd, off_t offset),
    (at, len, prot, flags, fd, offset), FD(MMAP, fd))
CALL(void *, MAP_FAILED, mmap64,
    (void *at, size_t len, int prot, int flags, int fd, off_t offset),
    (at, len, prot, flags, fd, offset), FD(MMAP, fd))
INT(memfd_create, (const char *name, unsigned flags), (name, flags),
    NONE(MEMFD))

/* Not what gives a lock back: where it is the whole one, that cannot fail. */
static int
locks(int command, const void *argument)
{
	const struct flock *lock = argument;

	if (command == F_ADD_SEALS || command == F_GET_SEALS)
		return 1;
	return (command == F_SETLK || command == F_SETLKW ||
		   command == F_OFD_SETLK) &&
	       lock->l_type != F_UNLCK;
}

#define FCNTL(name)                                                            \
	int name(int fd, int command, ...)                                     \
	{                                                                      \
		static int (*real)(int, int, ...);                             \
		enum FaultVerdict verdict = FAULT_PASS;                        \
		void *argument;                                                \
		va_list ap;                                                    \
		int result;                                                    \
                                                                               \
		va_start(ap, command);                                         \
		argument = va_arg(ap, void *);                                 \
		va_end(ap);                                                    \
		if (locks(command, argument))                                  \
			verdict = FD(LOCK, fd);                                \
		if (verdict == FAULT_FAILS)                                    \
			return -1;                                             \
		if (real == NULL)                                              \
			real = (int (*)(int, int, ...))fault_real(#name);      \
		result = real(fd, command, argument);                          \
		fault_end(verdict);                                            \
		return result;                                                 \
	}
FCNTL(fcntl)
FCNTL(fcntl64)

/* --- looking ---------------------------------------------------------------
 */

#define STATS(stat, lstat, fstat, fstatat)                                     \
	INT(stat, (const char *path, struct stat *st), (path, st),             \
	    PATH(STAT, path))                                                  \
	INT(lstat, (const char *path, struct stat *st), (path, st),            \
	    PATH(STAT, path))                                                  \
	INT(fstat, (int fd, struct stat *st), (fd, st), FD(STAT, fd))          \
	INT(fstatat, (int dir, const char *path, struct stat *st, int flags),  \
	    (dir, path, st, flags), AT(STAT, dir, path))
STATS(stat, lstat, fstat, fstatat)
#define stat stat64 /* the struct: another name of the same */
STATS(stat64, lstat64, fstat64, fstatat64)
#undef stat
INT(statx,
    (int dir, const char *path, int flags, unsigned mask, struct statx *st),
    (dir, path, flags, mask, st), AT(STAT, dir, path))
INT(access, (const char *path, int mode), (path, mode), PATH(STAT, path))
CALL(DIR *, NULL, opendir, (const char *path), (path), PATH(DIRECTORY, path))
CALL(DIR *, NULL, fdopendir, (int fd), (fd), FD(DIRECTORY, fd))
CALL(struct dirent *, NULL, readdir, (DIR * dir), (dir),
    FD(DIRECTORY, dirfd(dir)))
CALL(struct dirent64 *, NULL, readdir64, (DIR * dir), (dir),
    FD(DIRECTORY, dirfd(dir)))

/* --- waiting, sockets, threads ---------------------------------------------
 */

INT(poll, (struct pollfd * fds, nfds_t n, int ms), (fds, n, fault_poll(ms)),
    NONE(POLL))
INT(__poll_chk, (struct pollfd * fds, nfds_t n, int ms, size_t room),
    (fds, n, fault_poll(ms), room), NONE(POLL))
INT(ppoll,
    (struct pollfd * fds, nfds_t n, const struct timespec *t,
	const sigset_t *set),
    (fds, n, t, set), NONE(POLL))
INT(epoll_wait, (int fd, struct epoll_event *events, int n, int ms),
    (fd, events, n, ms), FD(POLL, fd))
INT(inotify_init1, (int flags), (flags), NONE(WATCH))
INT(inotify_add_watch, (int fd, const char *path, uint32_t mask),
    (fd, path, mask), PATH(WATCH, path))
INT(accept, (int fd, struct sockaddr *sa, socklen_t *len), (fd, sa, len),
    FD(ACCEPT, fd))
INT(accept4, (int fd, struct sockaddr *sa, socklen_t *len, int flags),
    (fd, sa, len, flags), FD(ACCEPT, fd))
INT(socket, (int domain, int type, int protocol), (domain, type, protocol),
    NONE(SOCKET))
INT(eventfd, (unsigned value, int flags), (value, flags), NONE(SOCKET))
INT(connect, (int fd, const struct sockaddr *sa, socklen_t len), (fd, sa, len),
    FD(SOCKET, fd))
BYTES(send, (int fd, const void *data, size_t len, int flags),
    (fd, data, len, flags), FD(SEND, fd))
CALL(ssize_t, -1, sendto,
    (int fd, const void *data, size_t len, int flags, const struct sockaddr *sa,
	socklen_t sa_len),
    (fd, data, len, flags, sa, sa_len), FD(SEND, fd))
CALL(ssize_t, -1, sendmsg, (int fd, const struct msghdr *msg, int flags),
    (fd, msg, flags), FD(SEND, fd))
BYTES(recv, (int fd, void *data, size_t len, int flags), (fd, data, len, flags),
    FD(RECEIVE, fd))
BYTES(__recv_chk, (int fd, void *data, size_t len, size_t room, int flags),
    (fd, data, len, room, flags), FD(RECEIVE, fd))
CALL(ssize_t, -1, recvmsg, (int fd, struct msghdr *msg, int flags),
    (fd, msg, flags), FD(RECEIVE, fd))
CALL(int, errno, pthread_create,
    (pthread_t * thread, const pthread_attr_t *attr, void *(*fn)(void *),
	void *data),
    (thread, attr, fn, data), NONE(THREAD))

/* --- clocks ----------------------------------------------------------------
 */

static void
shift(struct timespec *t, int64_t by)
{
	t->tv_sec += by / 1000000;
	t->tv_nsec += by % 1000000 * 1000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	} else if (t->tv_nsec < 0) {
		t->tv_sec--;
		t->tv_nsec += 1000000000;
	}
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	int result;

	if (real == NULL)
		real = (int (*)(clockid_t, struct timespec *))fault_real(
		    "clock_gettime");
	result = real(clock, t);
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		shift(t, fault_clock(0));
	else if (clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME)
		shift(t, fault_clock(1));
	return result;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out != NULL)
		*out = t.tv_sec;
	return t.tv_sec;
}

/* --- memory that is asked for politely -------------------------------------
 */

#define TRY(name, params, args)                                                \
	CALL(gpointer, NULL, name, params, args, NONE(TRY_MEMORY))
#undef g_try_malloc
#undef g_try_malloc0
TRY(g_try_malloc, (gsize n), (n))
TRY(g_try_malloc0, (gsize n), (n))
TRY(g_try_malloc_n, (gsize n, gsize size), (n, size))
TRY(g_try_malloc0_n, (gsize n, gsize size), (n, size))
TRY(g_try_realloc, (gpointer old, gsize n), (old, n))

static sqlite3_mem_methods sqlite_memory;

static void *
sqlite_malloc(int n)
{
	return NONE(SQLITE_MEMORY) == FAULT_FAILS ? NULL
						  : sqlite_memory.xMalloc(n);
}

static void *
sqlite_realloc(void *old, int n)
{
	return NONE(SQLITE_MEMORY) == FAULT_FAILS
		   ? NULL
		   : sqlite_memory.xRealloc(old, n);
}

/* Before the program first calls SQLite. */
__attribute__((constructor)) static void
hook_sqlite(void)
{
	int (*config)(int, ...) =
	    (int (*)(int, ...))dlsym(RTLD_DEFAULT, "sqlite3_config");
	sqlite3_mem_methods ours;

	if (config == NULL ||
	    config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory) != SQLITE_OK)
		return;
	ours = sqlite_memory;
	ours.xMalloc = sqlite_malloc;
	ours.xRealloc = sqlite_realloc;
	config(SQLITE_CONFIG_MALLOC, &ours);
}
