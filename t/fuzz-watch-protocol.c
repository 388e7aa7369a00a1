/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-watch-protocol.c: any packet, as either end may get it.
 *
 * Covers: lib/watch-protocol.c.
 * Longest input: 512
 */

#include <errno.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "watch-protocol.h"

/* Touches every byte that a parsed packet promises. */
static guint
sum(const void *data, gsize len)
{
	const unsigned char *p = data;
	guint total = 0;

	for (gsize i = 0; i < len; i++)
		total += p[i];
	return total;
}

static void
check_parsed(const AsnWatchPacket *p, const char *data, gsize size)
{
	volatile guint total;

	total = sum(p->fixed, (gsize)(p->name - (const char *)p->fixed));
	total = sum(p->name, p->name_len);
	(void)total;
	g_assert_true(p->name + p->name_len == data + size);
	g_assert_cmpuint(p->name_len, <, 4096);
	g_assert_true(
	    p->name_len == 0 || memchr(p->name, 0, p->name_len) == NULL);
	if (p->type == ASN_WATCH_MAILDIR || p->name_len == 0)
		return;
	g_assert_null(memchr(p->name, '/', p->name_len));
	g_assert_cmpuint(p->name_len, <=, 255);
	g_assert_false(p->name_len <= 2 &&
		       strspn(p->name, ".") >= p->name_len &&
		       memcmp(p->name, "..", p->name_len) == 0);
}

/* Through a socket: what was sent arrives; what is cut short, or comes with
 * two descriptors, does not. */
static void
check_sent(int sock[2], const AsnWatchPacket *p, gsize size, guint extra)
{
	static _Alignas(8) char buf[ASN_WATCH_MAX_PACKET];
	gsize fixed_len = (gsize)(p->name - (const char *)p->fixed);
	AsnWatchPacket got;
	int fd;

	g_assert_cmpint(asn_watch_send(sock[0], p->type, p->fixed, fixed_len,
			    p->name, p->name_len, extra & 1 ? sock[0] : -1),
	    ==, 0);
	if (extra & 2) {
		g_assert_cmpint(
		    asn_watch_recv(sock[1], buf, size - 1, &fd), ==, -1);
		g_assert_cmpint(errno, ==, EBADMSG);
		g_assert_cmpint(fd, ==, -1);
		return;
	}
	g_assert_cmpint(
	    asn_watch_recv(sock[1], buf, sizeof buf, &fd), ==, (gssize)size);
	g_assert_cmpint(fd >= 0, ==, extra & 1);
	if (fd >= 0)
		close(fd);
	g_assert_true(asn_watch_parse(buf, size, &got));
	g_assert_cmpint(got.type, ==, p->type);
	g_assert_cmpmem(got.fixed, fixed_len, p->fixed, fixed_len);
	g_assert_cmpmem(got.name, got.name_len, p->name, p->name_len);
}

/* Raw bytes, with two descriptors where there should be one at most. */
static void
check_raw(int sock[2], const guint8 *data, gsize size)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {
	    0};
	struct iovec iov = {(void *)(guintptr)data, size};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	char buf[600];
	int fd;

	g_assert_cmpint(asn_watch_send_raw(sock[0], data, size, -1), ==, 0);
	g_assert_cmpint(
	    asn_watch_recv(sock[1], buf, sizeof buf, &fd), ==, (gssize)size);
	g_assert_cmpmem(buf, size, data, size);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(c), sock, 2 * sizeof(int));
	g_assert_cmpint(sendmsg(sock[0], &msg, 0), ==, (gssize)size);
	g_assert_cmpint(asn_watch_recv(sock[1], buf, sizeof buf, &fd), ==, -1);
	g_assert_cmpint(fd, ==, -1);
	g_assert_cmpint(asn_watch_send(sock[0], ASN_WATCH_HELLO, data, size,
			    data, ASN_WATCH_MAX_PACKET, -1),
	    ==, -1);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	/* exactly as long as the packet, so that a byte too far is seen */
	g_autofree char *copy = g_malloc(size + 1);
	static int sock[2] = {-1, -1};
	AsnWatchHeader header;
	AsnWatchPacket p;

	if (sock[0] < 0)
		g_assert_cmpint(socketpair(AF_UNIX,
				    SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sock),
		    ==, 0);
	memcpy(copy, data, size);
	if (size >= sizeof header && data[size - 1] % 2 == 0) {
		/* half of the inputs get past the length check */
		memcpy(&header, copy, sizeof header);
		header.size = (guint32)size;
		memcpy(copy, &header, sizeof header);
	}
	if (size > 0 && size % 16 == 0)
		check_raw(sock, data, size);
	if (!asn_watch_parse(copy, size, &p))
		return 0;
	check_parsed(&p, copy, size);
	check_sent(sock, &p, size, data[size / 2]);
	return 0;
}
