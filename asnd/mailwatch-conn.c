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

gboolean
mw_conn_open(MwConn *conn, const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(path) >= sizeof sa.sun_path) {
		errno = ENAMETOOLONG;
		return FALSE;
	}
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return FALSE;
	if (connect(fd, (const struct sockaddr *)&sa, sizeof sa) == 0) {
		if (peer_is_trusted(fd, path)) {
			conn->fd = fd;
			return TRUE;
		}
		errno = EPERM;
	}
	error = errno;
	close(fd);
	errno = error;
	return FALSE;
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

gboolean
mw_conn_receive(
    MwConn *conn, AsnWatchRead *request, char name[256], const char **why)
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
	    packet.type != ASN_WATCH_READ)
		return FALSE;
	memcpy(request, packet.fixed, sizeof *request);
	memcpy(name, packet.name, packet.name_len); /* 255 at most */
	name[packet.name_len] = '\0';
	if (request->cur > 1)
		return FALSE;
	conn->broken = FALSE;
	return TRUE;
}
