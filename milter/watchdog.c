/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watchdog.c: negotiate with ourselves, then ping. */

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include "descriptors.h"
#include "notify.h"
#include "watchdog.h"

#define NEEDED (SMFIF_ADDHDRS | SMFIF_CHGHDRS)
#define RETRY_USEC 20000
/* length, command; version, actions, steps (libmilter/mfdef.h) */
#define OPTNEG_BODY (1 + 3 * 4)
#define OPTNEG_SIZE (4 + OPTNEG_BODY)

/* --- where ------------------------------------------------------------------
 */

/* A path as it is called after chroot(2) to root. */
static gboolean
strip_root(struct sockaddr_un *un, const char *root)
{
	gsize n = strlen(root);

	while (n > 0 && root[n - 1] == '/')
		n--;
	if (strncmp(un->sun_path, root, n) != 0 || un->sun_path[n] != '/')
		return FALSE;
	memmove(un->sun_path, un->sun_path + n, sizeof un->sun_path - n);
	return TRUE;
}

gboolean
mlt_own_socket_init(
    MltOwnSocket *own, int listener, const char *root, GError **error)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&own->addr;

	memset(own, 0, sizeof *own);
	own->len = sizeof own->addr;
	if (getsockname(listener, (struct sockaddr *)&own->addr, &own->len) !=
	    0) {
		g_set_error(error, G_FILE_ERROR,
		    (gint)g_file_error_from_errno(errno),
		    "cannot tell where this listens: %s", g_strerror(errno));
		return FALSE;
	}
	if (own->addr.ss_family != AF_UNIX || un->sun_path[0] != '/')
		return TRUE;
	own->len = sizeof *un;
	if (root == NULL || strip_root(un, root) || asn_notify_interval() == 0)
		return TRUE;
	g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
	    "%s is not below --chroot %s, and WATCHDOG_USEC wants it reached "
	    "from in there: move either",
	    un->sun_path, root);
	return FALSE;
}

/* --- the probe --------------------------------------------------------------
 */

/* FALSE: not before the deadline. */
static gboolean
wait_for(int fd, short events, gint64 until)
{
	struct pollfd p = {.fd = fd, .events = events};
	gint64 left;

	while ((left = until - g_get_monotonic_time()) > 0) {
		int n = poll(&p, 1, (int)(left / 1000 + 1));

		if (n > 0)
			return TRUE;
		if (n < 0 && errno != EINTR)
			return FALSE;
	}
	return FALSE;
}

/* A connected descriptor, or -1 with errno; EAGAIN: the backlog is full. */
static int
dial(const MltOwnSocket *own, gint64 until)
{
	int fd = socket(
	    own->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(int);
	int error = 0;

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&own->addr, own->len) != 0)
		error = errno;
	if (error == EINPROGRESS &&
	    (!wait_for(fd, POLLOUT, until) ||
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0))
		error = ETIMEDOUT;
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

static int
dial_until(const MltOwnSocket *own, gint64 until)
{
	int fd;

	while ((fd = dial(own, until)) < 0 &&
	       (errno == EAGAIN || errno == EINTR) &&
	       g_get_monotonic_time() + RETRY_USEC < until)
		g_usleep(RETRY_USEC);
	return fd;
}

static gboolean
send_all(int fd, const void *data, gsize len)
{
	/* A few bytes into an empty buffer: all or nothing. */
	return send(fd, data, len, MSG_NOSIGNAL) == (gssize)len;
}

static gboolean
receive_all(int fd, guint8 *data, gsize len, gint64 until)
{
	while (len > 0) {
		gssize n;

		if (!wait_for(fd, POLLIN, until))
			return FALSE;
		n = recv(fd, data, len, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return FALSE;
		if (n > 0) {
			data += n;
			len -= (gsize)n;
		}
	}
	return TRUE;
}

static void
put_number(guint8 *p, guint32 value)
{
	value = htonl(value);
	memcpy(p, &value, sizeof value);
}

static guint32
get_number(const guint8 *p)
{
	guint32 value;

	memcpy(&value, p, sizeof value);
	return ntohl(value);
}

/* As Postfix opens a connection, without lists of macros. */
static const char *
negotiate(int fd, gint64 until)
{
	static const guint8 quit[5] = {0, 0, 0, 1, SMFIC_QUIT};
	guint8 packet[OPTNEG_SIZE];

	put_number(packet, OPTNEG_BODY);
	packet[4] = SMFIC_OPTNEG;
	put_number(packet + 5, SMFI_PROT_VERSION);
	put_number(packet + 9, NEEDED);
	put_number(packet + 13, SMFI_CURR_PROT);
	if (!send_all(fd, packet, sizeof packet))
		return "it takes no bytes";
	if (!receive_all(fd, packet, sizeof packet, until))
		return "no answer came in time";
	if (get_number(packet) != OPTNEG_BODY || packet[4] != SMFIC_OPTNEG ||
	    (get_number(packet + 9) & NEEDED) != NEEDED)
		return "the answer is wrong";
	/* What becomes of this does not matter: the answer was there. */
	send_all(fd, quit, sizeof quit);
	return NULL;
}

/* Connections have all descriptors that are for them, and the queue is not
 * for us: one of those kept back is handed to who accepts. */
static const char *
probe_past_queue(gint64 until)
{
	int pair[2], mine;
	const char *wrong;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		pair) != 0)
		return strerrordesc_np(errno);
	mlt_descriptors_offer(pair[1]);
	wrong = negotiate(pair[0], until);
	mine = mlt_descriptors_offer(-1);
	if (mine >= 0)
		close(mine);
	close(pair[0]);
	return wrong;
}

static const char *
probe_queue(const MltOwnSocket *own, gint64 until)
{
	int fd = dial_until(own, until);
	const char *wrong;

	if (fd < 0)
		return errno == EAGAIN ? "its queue of connections stays full"
				       : strerrordesc_np(errno);
	wrong = negotiate(fd, until);
	close(fd);
	return wrong;
}

static gint64
after(guint ms)
{
	return g_get_monotonic_time() + (gint64)ms * 1000;
}

const char *
mlt_watchdog_probe(const MltOwnSocket *own, guint ms)
{
	const char *wrong;

	/* Perhaps the queue moves again before it is seen there. */
	if (mlt_descriptors_full() && probe_past_queue(after(ms / 4)) == NULL)
		return NULL;
	wrong = probe_queue(own, after(ms - ms / 4));
	if (wrong != NULL && mlt_descriptors_full())
		wrong = probe_past_queue(after(ms / 4));
	return wrong;
}

/* --- the thread -------------------------------------------------------------
 */

static gpointer
run(gpointer data)
{
	const MltOwnSocket *own = data;
	guint ms = asn_notify_interval();
	gboolean silent = FALSE;

	for (;;) {
		gint64 next = g_get_monotonic_time() + (gint64)ms * 1000;
		const char *wrong = mlt_watchdog_probe(own, ms);
		gint64 left = next - g_get_monotonic_time();

		if (wrong == NULL)
			asn_notify_alive();
		if (wrong != NULL && !silent)
			g_warning("no answer on our own socket (%s): the "
				  "watchdog gets no ping until there is",
			    wrong);
		if (wrong == NULL && silent)
			g_message("our own socket answers again");
		silent = wrong != NULL;
		if (left > 0)
			g_usleep((gulong)left);
	}
	return NULL;
}

void
mlt_watchdog_start(const MltOwnSocket *own)
{
	if (asn_notify_interval() != 0)
		g_thread_unref(
		    g_thread_new("watchdog", run, (gpointer)(gsize)own));
}
