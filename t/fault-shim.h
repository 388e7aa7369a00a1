/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault-shim.so: makes the calls of a running program fail as told.
 *
 *   FAULT_CONTROL=FILE FAULT_PROGRAM=asnd LD_PRELOAD=fault-shim.so asnd ...
 *
 * FILE holds a struct FaultControl, made by the test (lib/fault.py, which
 * knows the offsets below) and mapped shared: the test counts, arms and
 * disarms while the program runs.  Its owner and mode must let the program
 * open it for writing.  FAULT_PROGRAM: only in a program whose file has that
 * name (not in a setpriv that becomes it); without, in all.  Without
 * FAULT_CONTROL, or where FILE is no such file, every call passes.
 *
 * Each rule counts the calls that match it (seen).  Those numbered at to
 * at + times - 1 are hit, the first one is 1; times 0: it only counts.  To
 * change a rule: classes = 0, then the rest, seen = 0 and hits = 0, then
 * classes.  To arm or disarm one that counts: times last, or 0 first.  The
 * first rule that hits decides.  Counting is exact with several threads; which
 * of their calls comes first is as the scheduler has it (see thread).
 *
 * prefix: only calls on a file whose path starts so.  A path is what the call
 * names (relative ones below their directory; not resolved any further), or
 * what the descriptor is called in /proc/self/fd: "/dir/file", "socket:[1]",
 * "anon_inode:inotify", "/memfd:name (deleted)".  Calls that have neither
 * (poll, sqlite's memory, clock...) match only an empty prefix.
 *
 * What fails is as the kernel could fail it: nothing was done.  What glibc
 * calls inside itself (readdir's getdents, fopen's reads) is not seen, so the
 * outer function is what fails.  The heap of the program itself never fails:
 * GLib aborts then by design.  What asks politely does: SQLite's memory
 * (FAULT_SQLITE_MEMORY, by its own allocator hook), g_try_malloc and its
 * kin (FAULT_TRY_MEMORY), mmap (FAULT_MMAP).
 */
#pragma once

#include <stdint.h>

#define FAULT_MAGIC 0x31746c756166UL /* "fault1" */
#define FAULT_RULES 4
#define FAULT_PATH 512

/* Numbers of bits in classes, and indexes of calls[]. */
enum FaultClass {
	FAULT_OPEN,      /* open, openat, openat2, fopen */
	FAULT_READ,      /* read, pread, readv, readlinkat */
	FAULT_WRITE,     /* write, pwrite, writev */
	FAULT_SYNC,      /* fsync, fdatasync */
	FAULT_RENAME,    /* rename, renameat, renameat2 */
	FAULT_UNLINK,    /* unlink, unlinkat */
	FAULT_TRUNCATE,  /* ftruncate, fallocate, posix_fallocate */
	FAULT_MMAP,      /* of a file or anonymous, by the program itself */
	FAULT_STAT,      /* stat, lstat, fstat, fstatat, access */
	FAULT_ACCEPT,    /* accept, accept4 */
	FAULT_POLL,      /* poll, ppoll, epoll_wait */
	FAULT_WATCH,     /* inotify_init1, inotify_add_watch */
	FAULT_SEND,      /* send, sendto, sendmsg */
	FAULT_RECEIVE,   /* recv, recvfrom, recvmsg */
	FAULT_DIRECTORY, /* opendir, fdopendir, readdir */
	FAULT_MEMFD,     /* memfd_create */
	FAULT_SOCKET,    /* socket, connect, eventfd */
	FAULT_LOCK,      /* flock, fcntl with a lock or seals */
	FAULT_MODE,      /* fchmod, fchown */
	FAULT_MKDIR,     /* mkdir, rmdir */
	FAULT_THREAD,    /* pthread_create */
	FAULT_SQLITE_MEMORY,
	FAULT_TRY_MEMORY,
	FAULT_CLASSES
};

enum FaultWhat {
	FAULT_ERRNO,    /* -1 and error; memory: NULL */
	FAULT_SHORT,    /* read, write: half of it, one byte at least */
	FAULT_OVERFLOW, /* a read of inotify: what came is lost, and
			   IN_Q_OVERFLOW says so */
	FAULT_KILL,     /* SIGKILL before the call */
	FAULT_KILLED,   /* SIGKILL after the call */
	FAULT_STOP,     /* SIGSTOP before the call, which then is done */
	FAULT_DELAY,    /* value microseconds before the call */
};

struct FaultRule {
	uint64_t classes; /* bits of FaultClass */
	uint64_t seen;    /* calls that matched; by the shim */
	uint64_t at, times;
	uint64_t hits;   /* calls that were hit; by the shim */
	uint64_t what;   /* FaultWhat */
	uint64_t error;  /* an errno */
	uint64_t value;  /* see FAULT_DELAY */
	uint64_t thread; /* only of this gettid(2); 0: of any */
	char prefix[FAULT_PATH];
};

struct FaultControl {
	uint64_t magic;
	int64_t realtime;  /* microseconds added to CLOCK_REALTIME */
	int64_t monotonic; /* and to CLOCK_MONOTONIC */
	uint64_t poll_ms;  /* poll sleeps no longer, and returns 0: so that a
			      leap of the clock is noticed; 0: as asked */
	int64_t leap;      /* the main thread adds this to monotonic when it
			      polls next, and so never within a measurement */
	uint64_t pid;      /* of who mapped it last; by the shim */
	uint64_t last;     /* FaultClass of the last hit; by the shim */
	char last_path[FAULT_PATH];
	uint64_t calls[32]; /* all calls, by class; by the shim */
	struct FaultRule rules[FAULT_RULES];
};

/* What lib/fault.py writes. */
_Static_assert(sizeof(struct FaultRule) == 584, "see lib/fault.py");
_Static_assert(__builtin_offsetof(struct FaultControl, calls) == 568, "");
_Static_assert(__builtin_offsetof(struct FaultControl, rules) == 824, "");

/* --- between fault-shim.c and fault-calls.c --------------------------------
 */

enum FaultVerdict {
	FAULT_PASS,
	FAULT_FAILS, /* errno is set */
	FAULT_HALF,
	FAULT_OVERFLOWN,
	FAULT_DIES /* after the call */
};

/* One call: counts it, and says what becomes of it.  errno stays otherwise.
 * Of a descriptor (-1: none); of a path below dir_fd. */
enum FaultVerdict fault_on_fd(enum FaultClass class, int fd);
enum FaultVerdict fault_on_path(
    enum FaultClass class, int dir_fd, const char *path);
/* The end of a call that passed: where it was to be its last. */
void fault_end(enum FaultVerdict verdict);
/* Microseconds to add; 0 where nothing is mapped. */
int64_t fault_clock(int monotonic);
/* How long a poll that was to take ms takes. */
int fault_poll(int ms);
/* The next definition of a function that is interposed here. */
void *fault_real(const char *name);
