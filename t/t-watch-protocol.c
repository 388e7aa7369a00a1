/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-watch-protocol.c: packets of asnd and asnd-mailwatch, good and bad. */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "watch-protocol.h"

typedef struct {
	_Alignas(8) char bytes[ASN_WATCH_MAX_PACKET];
} Buffer;

static gsize
make(Buffer *b, guint32 type, gsize fixed_len, const char *name, gsize name_len)
{
	AsnWatchHeader h = {type, (guint32)(sizeof h + fixed_len + name_len)};

	memset(b, 0, sizeof *b);
	memcpy(b->bytes, &h, sizeof h);
	if (name_len != 0)
		memcpy(b->bytes + sizeof h + fixed_len, name, name_len);
	return h.size;
}

static void
pair(int sv[2])
{
	g_assert_cmpint(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), ==, 0);
}

static const struct {
	AsnWatchType type;
	gsize fixed_len;
	const char *name; /* a good one; NULL: none allowed */
} shapes[] = {
    {ASN_WATCH_HELLO, sizeof(AsnWatchHello), NULL},
    {ASN_WATCH_MAILDIR, sizeof(AsnWatchMaildir), "/home/a/Maildir"},
    {ASN_WATCH_MAILDIR_GONE, sizeof(AsnWatchId), NULL},
    {ASN_WATCH_FOLDER, sizeof(AsnWatchFolder), ".Junk\n\xff"},
    {ASN_WATCH_FOLDER_LISTED, sizeof(AsnWatchId), NULL},
    {ASN_WATCH_FOLDER_GONE, sizeof(AsnWatchId), NULL},
    {ASN_WATCH_ENTRY, sizeof(AsnWatchEntry), "1.2.host:2,S"},
    {ASN_WATCH_GONE, sizeof(AsnWatchGone), "x"},
    {ASN_WATCH_SYNC, sizeof(AsnWatchSync), NULL},
    {ASN_WATCH_BLOCK, sizeof(AsnWatchBlock), NULL},
    {ASN_WATCH_REPORTED, sizeof(AsnWatchReported), NULL},
    {ASN_WATCH_READ, sizeof(AsnWatchRead), "x\ny"},
    {ASN_WATCH_REPORT, sizeof(AsnWatchReport), "x:2,S"},
};

static void
test_shapes(void)
{
	Buffer b;
	AsnWatchPacket p;

	for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
		const char *name = shapes[i].name ? shapes[i].name : "";
		gsize len = make(&b, shapes[i].type, shapes[i].fixed_len, name,
		    strlen(name));

		g_assert_true(asn_watch_parse(&b, len, &p));
		g_assert_cmpint(p.type, ==, shapes[i].type);
		g_assert_cmpmem(p.name, p.name_len, name, strlen(name));
		/* size told and size received must agree */
		g_assert_false(asn_watch_parse(&b, len - 1, &p));
		g_assert_false(asn_watch_parse(&b, len + 1, &p));
		/* the fixed part must be whole */
		len = make(&b, shapes[i].type, shapes[i].fixed_len - 1, "", 0);
		g_assert_false(asn_watch_parse(&b, len, &p));
		/* no NUL in any name, no name where none belongs */
		len = make(&b, shapes[i].type, shapes[i].fixed_len, "/\0b", 3);
		g_assert_false(asn_watch_parse(&b, len, &p));
		len = make(&b, shapes[i].type, shapes[i].fixed_len, "b", 1);
		g_assert_cmpint(asn_watch_parse(&b, len, &p), ==,
		    shapes[i].name && shapes[i].name[0] != '/');
	}
}

static void
test_nonsense(void)
{
	static const guint32 types[] = {0, 12, 63, 66, 1u << 31, G_MAXUINT32};
	Buffer b;
	AsnWatchPacket p;
	gsize len;

	for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
		len = make(&b, types[i], sizeof(AsnWatchId), "", 0);
		g_assert_false(asn_watch_parse(&b, len, &p));
	}
	for (len = 0; len < sizeof(AsnWatchHeader); len++)
		g_assert_false(asn_watch_parse(&b, len, &p));
	/* not aligned: refused rather than read crookedly */
	len = make(&b, ASN_WATCH_HELLO, sizeof(AsnWatchHello), "", 0);
	memmove(b.bytes + 1, b.bytes, len);
	g_assert_false(asn_watch_parse(b.bytes + 1, len, &p));
}

static void
test_names(void)
{
	char long_name[300], path[ASN_WATCH_MAX_PACKET];
	AsnWatchPacket p;
	Buffer b;
	gsize fixed = sizeof(AsnWatchRead), len;
	static const char *const bad[] = {
	    "", ".", "..", "/", "../x", "a/b", "x/"};

	memset(long_name, 'n', sizeof long_name);
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		len = make(&b, ASN_WATCH_READ, fixed, bad[i], strlen(bad[i]));
		g_assert_false(asn_watch_parse(&b, len, &p));
	}
	len = make(&b, ASN_WATCH_READ, fixed, "...", 3);
	g_assert_true(asn_watch_parse(&b, len, &p));
	len = make(&b, ASN_WATCH_READ, fixed, long_name, 255);
	g_assert_true(asn_watch_parse(&b, len, &p));
	len = make(&b, ASN_WATCH_READ, fixed, long_name, 256);
	g_assert_false(asn_watch_parse(&b, len, &p));

	len = make(&b, ASN_WATCH_FOLDER, sizeof(AsnWatchFolder), "", 0);
	g_assert_true(asn_watch_parse(&b, len, &p));
	len = make(&b, ASN_WATCH_FOLDER, sizeof(AsnWatchFolder), "..", 2);
	g_assert_false(asn_watch_parse(&b, len, &p));

	memset(path, 'p', sizeof path);
	path[0] = '/';
	len = make(&b, ASN_WATCH_MAILDIR, sizeof(AsnWatchMaildir), path, 4095);
	g_assert_true(asn_watch_parse(&b, len, &p));
	len = make(&b, ASN_WATCH_MAILDIR, sizeof(AsnWatchMaildir), path, 4096);
	g_assert_false(asn_watch_parse(&b, len, &p));
}

static void
test_send_receive(void)
{
	AsnWatchEntry e = {.dev = 1, .ino = G_MAXUINT64, .folder = 7, .cur = 1};
	AsnWatchPacket p;
	Buffer b;
	int sv[2], fd;
	gssize n;

	pair(sv);
	g_assert_cmpint(
	    asn_watch_send(sv[0], ASN_WATCH_ENTRY, &e, sizeof e, "a\nb", 3, -1),
	    ==, 0);
	n = asn_watch_recv(sv[1], &b, sizeof b, &fd);
	g_assert_cmpint(fd, ==, -1);
	g_assert_true(n > 0 && asn_watch_parse(&b, (gsize)n, &p));
	g_assert_cmpmem(p.fixed, sizeof e, &e, sizeof e);
	g_assert_cmpmem(p.name, p.name_len, "a\nb", 3);
	close(sv[0]);
	g_assert_cmpint(asn_watch_recv(sv[1], &b, sizeof b, &fd), ==, 0);
	close(sv[1]);
}

static void
test_descriptor(void)
{
	AsnWatchBlock block = {.request = 5};
	int sv[2], fd, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	Buffer b;

	pair(sv);
	g_assert_cmpint(asn_watch_send(sv[0], ASN_WATCH_BLOCK, &block,
			    sizeof block, NULL, 0, null),
	    ==, 0);
	g_assert_cmpint(asn_watch_recv(sv[1], &b, sizeof b, &fd), >, 0);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
	close(fd);
	close(null);
	close(sv[0]);
	close(sv[1]);
}

static int
lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

/* More descriptors than one: refused, and none of them stays open here. */
static void
test_many_descriptors(void)
{
	for (gsize count = 2; count < 20; count++) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(20 * sizeof(int))];
		} control;
		char byte = 1;
		struct iovec iov = {&byte, 1};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		int sv[2], fd, before;
		Buffer b;

		memset(&control, 0, sizeof control);
		pair(sv);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		for (gsize i = 0; i < count; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &sv[0],
			    sizeof(int));
		g_assert_cmpint(sendmsg(sv[0], &msg, 0), ==, 1);
		before = lowest_free_fd();
		g_assert_cmpint(
		    asn_watch_recv(sv[1], &b, sizeof b, &fd), ==, -1);
		g_assert_cmpint(errno, ==, EBADMSG);
		g_assert_cmpint(fd, ==, -1);
		g_assert_cmpint(lowest_free_fd(), ==, before);
		close(sv[0]);
		close(sv[1]);
	}
}

static void
test_limits(void)
{
	static char big[ASN_WATCH_MAX_PACKET + 1];
	int sv[2], fd, n = 0;
	Buffer b;

	pair(sv);
	g_assert_cmpint(
	    asn_watch_send(sv[0], ASN_WATCH_MAILDIR, big,
		sizeof(AsnWatchMaildir), big, ASN_WATCH_MAX_PACKET - 15, -1),
	    ==, -1);
	g_assert_cmpint(errno, ==, EMSGSIZE);
	/* longer than a packet may be: refused, not cut */
	g_assert_cmpint(send(sv[0], big, sizeof big, 0), ==, sizeof big);
	g_assert_cmpint(asn_watch_recv(sv[1], &b, sizeof b, &fd), ==, -1);
	g_assert_cmpint(errno, ==, EBADMSG);
	/* full: EAGAIN, never a wait */
	while (asn_watch_send(sv[0], ASN_WATCH_HELLO, big,
		   sizeof(AsnWatchHello), NULL, 0, -1) == 0)
		n++;
	g_assert_cmpint(errno, ==, EAGAIN);
	g_assert_cmpint(n, >, 0);
	close(sv[1]);
	/* nobody there, data unread: an error, not SIGPIPE */
	g_assert_cmpint(asn_watch_send(sv[0], ASN_WATCH_HELLO, big,
			    sizeof(AsnWatchHello), NULL, 0, -1),
	    ==, -1);
	g_assert_true(errno == EPIPE || errno == ECONNRESET);
	close(sv[0]);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/watch-protocol/shapes", test_shapes);
	g_test_add_func("/watch-protocol/nonsense", test_nonsense);
	g_test_add_func("/watch-protocol/names", test_names);
	g_test_add_func("/watch-protocol/send-receive", test_send_receive);
	g_test_add_func("/watch-protocol/descriptor", test_descriptor);
	g_test_add_func(
	    "/watch-protocol/many-descriptors", test_many_descriptors);
	g_test_add_func("/watch-protocol/limits", test_limits);
	return g_test_run();
}
