/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-conn.c: the connection to asnd. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mailwatch-conn.h"

void
mw_conn_init(MwConn *conn)
{
	conn->fd = -1;
	conn->passed = -1;
	conn->blocked = conn->broken = FALSE;
}

void
mw_conn_close(MwConn *conn)
{
	if (conn->fd >= 0)
		close(conn->fd);
	if (conn->passed >= 0)
		close(conn->passed);
	mw_conn_init(conn);
}

/* The headers of everybody's mail go to this peer.  The root-owned config
 * names the path, so whom it trusts is who owns the directory there (root made
 * it for user asnd), and root, and ourselves. */
static gboolean
peer_is_trusted(int fd, const char *path)
{
	g_autofree char *dir = g_path_get_dirname(path);
	struct ucred peer;
	socklen_t len = sizeof peer;
	struct stat st;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return FALSE;
	if (peer.uid == 0 || peer.uid == geteuid())
		return TRUE;
	return stat(dir, &st) == 0 && st.st_uid == peer.uid;
}

int
mw_connect(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(path) >= sizeof sa.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof sa) == 0) {
		if (peer_is_trusted(fd, path))
			return fd;
		errno = EPERM;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

gboolean
mw_conn_open(MwConn *conn, const char *path)
{
	int fd = mw_connect(path);

	if (fd >= 0)
		conn->fd = fd;
	return fd >= 0;
}

static void
finish(MwConn *conn)
{
	if (conn->passed >= 0)
		close(conn->passed);
	conn->passed = -1;
	conn->blocked = FALSE;
}

void
mw_conn_flush(MwConn *conn)
{
	if (asn_watch_send(conn->fd, conn->type, conn->fixed, conn->fixed_len,
		conn->name, conn->name_len, conn->passed) == 0) {
		finish(conn);
		return;
	}
	conn->blocked = errno == EAGAIN;
	if (conn->blocked)
		return;
	finish(conn);
	conn->broken = TRUE;
}

void
mw_conn_send(MwConn *conn, AsnWatchType type, const void *fixed,
    gsize fixed_len, const char *name, int passed)
{
	gsize name_len = name ? strlen(name) : 0;

	g_assert(!conn->blocked && fixed_len <= sizeof conn->fixed &&
		 name_len <= sizeof conn->name);
	conn->type = type;
	conn->fixed_len = fixed_len;
	memcpy(conn->fixed, fixed, fixed_len);
	conn->name_len = name_len;
	if (name_len != 0)
		memcpy(conn->name, name, name_len);
	conn->passed = passed;
	if (conn->broken)
		finish(conn);
	else
		mw_conn_flush(conn);
}

static gboolean
take_request(const AsnWatchPacket *packet, MwRequest *request)
{
	gboolean report = packet->type == ASN_WATCH_REPORT;

	if (!report && packet->type != ASN_WATCH_READ)
		return FALSE;
	request->type = packet->type;
	if (report)
		memcpy(&request->report, packet->fixed, sizeof request->report);
	else
		memcpy(&request->read, packet->fixed, sizeof request->read);
	/* 255 at most */
	memcpy(request->name, packet->name, packet->name_len);
	request->name[packet->name_len] = '\0';
	return (report ? request->report.cur : request->read.cur) <= 1;
}

gboolean
mw_conn_receive(MwConn *conn, MwRequest *request, const char **why)
{
	static _Alignas(8) char buf[ASN_WATCH_MAX_PACKET];
	AsnWatchPacket packet;
	gssize n;
	int passed;

	n = asn_watch_recv(conn->fd, buf, sizeof buf, &passed);
	if (n < 0 && errno == EAGAIN)
		return FALSE;
	conn->broken = TRUE;
	*why = n < 0 ? g_strerror(errno) : "it left";
	if (n <= 0)
		return FALSE;
	if (passed >= 0)
		close(passed);
	*why = "it sent a packet that is not of this protocol";
	if (passed >= 0 || !asn_watch_parse(buf, (gsize)n, &packet) ||
	    !take_request(&packet, request))
		return FALSE;
	conn->broken = FALSE;
	return TRUE;
}
