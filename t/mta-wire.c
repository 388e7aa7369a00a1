/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mta-wire.c: packets of the milter protocol, as a mail server sends them. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfdef.h>

#include "mta-wire.h"

int
mta_dial(const char *spec, int flags)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET};
	gboolean local = g_str_has_prefix(spec, "unix:");
	struct sockaddr *sa =
	    local ? (struct sockaddr *)&un : (struct sockaddr *)&in;
	int saved, fd = socket(local ? AF_UNIX : AF_INET,
		       SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	g_strlcpy(un.sun_path, spec + 5, sizeof un.sun_path);
	if (!local) {
		in.sin_port = htons((guint16)atoi(spec + 5));
		inet_pton(AF_INET, strchr(spec, '@') + 1, &in.sin_addr);
	}
	if (connect(fd, sa, local ? sizeof un : sizeof in) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

gboolean
mta_send_all(Mta *m, const char *p, gsize n)
{
	while (n > 0) {
		gssize done = send(m->fd, p, n, MSG_NOSIGNAL);
		if (done <= 0)
			return FALSE;
		p += done;
		n -= (gsize)done;
	}
	return TRUE;
}

gboolean
mta_send_packet(Mta *m, char command, const char *data, gsize n)
{
	g_autoptr(GString) s = g_string_sized_new(n + 8);
	guint32 be = g_htonl((guint32)n + 1);

	g_string_append_len(s, (const char *)&be, 4);
	g_string_append_c(s, command);
	g_string_append_len(s, data, (gssize)n);
	return mta_send_all(m, s->str, s->len);
}

static gboolean
recv_all(Mta *m, char *p, gsize n)
{
	while (n > 0) {
		gssize got = recv(m->fd, p, n, 0);
		if (got <= 0)
			return FALSE;
		p += got;
		n -= (gsize)got;
	}
	return TRUE;
}

char
mta_recv_packet(Mta *m)
{
	guint32 be;
	char c;

	if (!recv_all(m, (char *)&be, 4))
		return 0;
	be = g_ntohl(be);
	if (be < 1 || be > 1 << 20 || !recv_all(m, &c, 1))
		return 0;
	g_string_set_size(m->in, be - 1);
	return recv_all(m, m->in->str, be - 1) ? c : 0;
}

gboolean
mta_offer(Mta *m)
{
	guint32 offer[3] = {g_htonl(6), g_htonl(0x1ff), g_htonl(0xfffff)};

	return mta_send_packet(
	    m, SMFIC_OPTNEG, (const char *)offer, sizeof offer);
}

gboolean
mta_agree(Mta *m)
{
	guint32 got[3];

	if (mta_recv_packet(m) != SMFIC_OPTNEG || m->in->len < sizeof got)
		return FALSE;
	memcpy(got, m->in->str, sizeof got);
	m->steps = g_ntohl(got[2]);
	return TRUE;
}

gboolean
mta_negotiate(Mta *m)
{
	m->fd = mta_dial(m->spec, 0);
	return m->fd >= 0 && mta_offer(m) && mta_agree(m);
}

static gboolean
event(Mta *m, char command, guint32 declined, guint32 silent, const char *data,
    gsize n)
{
	if (m->steps & declined)
		return TRUE;
	if (!mta_send_packet(m, command, data, n))
		return FALSE;
	return m->steps & silent || mta_recv_packet(m) != 0;
}

gboolean
mta_send_connect(Mta *m, const char *family, const char *addr)
{
	g_autoptr(GString) s = g_string_new("client.example");

	g_string_append_c(s, '\0');
	g_string_append_c(s, *family);
	if (*family != SMFIA_UNKNOWN) {
		g_string_append_len(s, "\x30\x39", 2); /* port 12345 */
		g_string_append_len(s, addr, (gssize)strlen(addr) + 1);
	}
	return event(
	    m, SMFIC_CONNECT, SMFIP_NOCONNECT, SMFIP_NR_CONN, s->str, s->len);
}

gboolean
mta_send_header(Mta *m, const char *name, gsize name_len, const char *value,
    gsize value_len)
{
	g_autoptr(GString) s = g_string_new_len(name, (gssize)name_len);

	g_string_append_c(s, '\0');
	g_string_append_len(s, value, (gssize)value_len);
	g_string_append_c(s, '\0');
	return event(
	    m, SMFIC_HEADER, SMFIP_NOHDRS, SMFIP_NR_HDR, s->str, s->len);
}
