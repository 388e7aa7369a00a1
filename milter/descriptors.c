/* SPDX-License-Identifier: GPL-2.0-or-later */
/* descriptors.c: connections beyond what can be served wait. */

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>

#include "descriptors.h"

#define MOST 4096
#define RESERVE 32      /* for databases, the log, the watchdog */
#define FULL_USEC 50000 /* until it is tried again */
#define FRESH_USEC G_USEC_PER_SEC
#define SAY_USEC ((gint64)60 * G_USEC_PER_SEC)

static int most_for_mail = MOST - RESERVE;
static gint64 full_at;   /* monotonic; 0: never yet */
static int offered = -1; /* see mlt_descriptors_offer */

void
mlt_descriptors_init(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = MIN(limit.rlim_max, MOST);
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 &&
	    getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	most_for_mail = (int)limit.rlim_cur;
	most_for_mail -= MIN(RESERVE, most_for_mail / 4);
}

/* The next descriptor would be one of the last.  Any will do to ask with. */
static gboolean
is_full(int fd)
{
	int next = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (next >= 0)
		close(next);
	return next < 0 || next >= most_for_mail;
}

static void
say_full(void)
{
	static gint64 said; /* of the one thread that accepts */
	gint64 now = g_get_monotonic_time();

	if (said != 0 && now - said < SAY_USEC)
		return;
	said = now;
	g_warning("connections take all descriptors (%d): more of them wait; "
		  "the limit is LimitNOFILE=, 'ulimit -n'",
	    most_for_mail);
}

gboolean
mlt_descriptors_full(void)
{
	gint64 at = __atomic_load_n(&full_at, __ATOMIC_SEQ_CST);

	return at != 0 && g_get_monotonic_time() - at < FRESH_USEC;
}

int
mlt_descriptors_offer(int fd)
{
	return __atomic_exchange_n(&offered, fd, __ATOMIC_SEQ_CST);
}

/* What libmilter looks at beside the descriptor is the family. */
static int
take_offered(int listener, __SOCKADDR_ARG address, socklen_t *length)
{
	int fd = __atomic_exchange_n(&offered, -1, __ATOMIC_SEQ_CST);

	__atomic_store_n(&full_at, g_get_monotonic_time(), __ATOMIC_SEQ_CST);
	if (fd >= 0)
		getsockname(listener, address, length);
	return fd;
}

/* In place of libc's, for libmilter. */
int
accept(int fd, __SOCKADDR_ARG address, socklen_t *length)
{
	int got, saved = EMFILE;

	if (!is_full(fd)) {
		got = accept4(fd, address, length, SOCK_CLOEXEC);
		saved = errno;
	} else {
		got = take_offered(fd, address, length);
	}
	if (got < 0 && (saved == EMFILE || saved == ENFILE ||
			   saved == ENOBUFS || saved == ENOMEM)) {
		say_full();
		g_usleep(FULL_USEC);
	}
	errno = saved;
	return got;
}
