/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-milter.c: asn-milter's filter behind the real libmilter, which listens
 * on a socket, and a mail server that says anything there.
 *
 * The input is a list of packets, see put_packet(), sent in one go; what comes
 * back is taken apart to its last byte.
 *
 * Covers: milter/filter.c milter/policy.c milter/rules.c.
 * Longest input: 1024
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include "filter-fixture.h"

#define MAILS_MAX 6 /* of an input: more of them tell nothing new */

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_len;

/* --- the milter ----------------------------------------------------------- */

static void *
serve(void *unused)
{
	g_assert_cmpint(smfi_main(), ==, MI_SUCCESS);
	return NULL;
}

static void
start(void)
{
	socklen_t len = sizeof address;
	g_autofree char *spec = NULL;
	pthread_t thread;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* the kernel chooses an abstract name */
	g_assert_cmpint(
	    bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), ==, 0);
	g_assert_cmpint(
	    getsockname(fd, (struct sockaddr *)&address, &len), ==, 0);
	address_len = len;
	g_assert_cmpint(listen(fd, 16), ==, 0);
	fixture_set_up();
	spec = g_strdup_printf("fd:%d", fd);
	g_assert_cmpint(smfi_setconn(spec), ==, MI_SUCCESS);
	smfi_settimeout(5);
	g_assert_cmpint(pthread_create(&thread, NULL, serve, NULL), ==, 0);
}

/* --- what the mail server says -------------------------------------------- */

static void
put(GByteArray *out, char command, const void *data, gsize len)
{
	guint32 size = g_htonl((guint32)len + 1);

	g_byte_array_append(out, (const guint8 *)&size, sizeof size);
	g_byte_array_append(out, (const guint8 *)&command, 1);
	if (len > 0)
		g_byte_array_append(out, data, (guint)len);
}

static void
put_negotiation(GByteArray *out, guint32 actions, guint32 steps)
{
	const guint32 body[] = {g_htonl(6), g_htonl(actions), g_htonl(steps)};

	put(out, SMFIC_OPTNEG, body, sizeof body);
}

static void
put_connect(GByteArray *out, FuzzInput *in)
{
	static const char *const known[] = {"198.51.100.7", "192.0.2.7",
	    "203.0.113.1", "127.0.0.1", "2001:db8::1", "10.1.2.3"};
	g_autoptr(GString) body = g_string_new(NULL);
	g_autofree char *host = fuzz_text(in, 0), *raw = NULL;
	guint how = fuzz_byte(in);
	const char *addr = known[how % G_N_ELEMENTS(known)];
	char family = strchr(addr, ':') ? '6' : '4';
	guint16 port = (guint16)fuzz_number(in, 1);

	if (how >= 192) {
		addr = raw = fuzz_text(in, 0);
		family = "46LUX"[how % 5];
	}
	g_string_append_len(body, host, (gssize)strlen(host) + 1);
	g_string_append_c(body, family);
	if (family != 'U') {
		g_string_append_len(body, (const char *)&port, sizeof port);
		g_string_append_len(body, addr, (gssize)strlen(addr) + 1);
	}
	put(out, SMFIC_CONNECT, body->str, body->len);
}

static void
put_header(GByteArray *out, FuzzInput *in)
{
	static const char *const names[] = {"X-ASN", "x-asn-SPAM", "X-Asn-Seal",
	    "Received", "Subject", "X-ASN-Spam ", "X-Spam-Flag", ""};
	g_autoptr(GString) body =
	    g_string_new(names[fuzz_byte(in) % G_N_ELEMENTS(names)]);
	g_autofree char *value = fuzz_text(in, 0);

	g_string_append_c(body, '\0');
	g_string_append_len(body, value, (gssize)strlen(value) + 1);
	put(out, SMFIC_HEADER, body->str, body->len);
}

static void
put_macros(GByteArray *out, FuzzInput *in)
{
	static const char *const names[] = {
	    "i", "{auth_authen}", "{auth_type}", "{client_addr}"};
	g_autoptr(GString) body = g_string_new(NULL);
	guint which = fuzz_byte(in);
	g_autofree char *value = fuzz_text(in, 0);

	g_string_append_c(body, "ECLN"[which >> 2 & 3]);
	g_string_append(body, names[which & 3]);
	g_string_append_c(body, '\0');
	g_string_append_len(body, value, (gssize)strlen(value) + 1);
	put(out, SMFIC_MACRO, body->str, body->len);
}

/* FALSE: it says no more. */
static gboolean
put_packet(GByteArray *out, FuzzInput *in, guint *mails)
{
	guint kind = fuzz_byte(in);
	const char *raw;
	gsize len;

	if (kind < 96)
		put_header(out, in);
	else if (kind < 128)
		put_macros(out, in);
	else if (kind < 160)
		put_connect(out, in);
	else if (kind < 200) {
		put(out, SMFIC_BODYEOB, NULL, 0);
		return ++*mails < MAILS_MAX;
	} else if (kind < 208)
		put(out, SMFIC_ABORT, NULL, 0);
	else if (kind < 212)
		put(out, SMFIC_QUIT_NC, NULL, 0);
	else if (kind < 216)
		put_negotiation(out, (guint32)fuzz_number(in, 4),
		    (guint32)fuzz_number(in, 4));
	else if (kind < 240) {
		char command = (char)fuzz_byte(in);

		raw = fuzz_bytes(in, kind - 216u, &len);
		put(out, command, raw, len);
	} else if (kind < 250) { /* no packet at all */
		raw = fuzz_bytes(in, kind - 239u, &len);
		g_byte_array_append(out, (const guint8 *)raw, (guint)len);
	} else
		return FALSE;
	return TRUE;
}

static GByteArray *
script(FuzzInput *in)
{
	GByteArray *out = g_byte_array_new();
	guint mails = 0;

	if (fuzz_byte(in) % 8 != 0)
		put_negotiation(out, 0x1ff, 0x1fffff);
	while (in->p < in->end && put_packet(out, in, &mails))
		;
	put(out, SMFIC_BODYEOB, NULL, 0);
	put(out, SMFIC_QUIT, NULL, 0);
	return out;
}

/* --- what comes back ------------------------------------------------------ */

static void
check_change(char command, const char *data, gsize len)
{
	const char *name, *value, *end = data + len;
	guint32 index;

	g_assert_cmpuint(len, >, 4 + 2);
	g_assert_cmpint(end[-1], ==, '\0');
	memcpy(&index, data, sizeof index);
	index = g_ntohl(index);
	name = data + 4;
	value = name + strlen(name) + 1;
	g_assert_true(value < end && value + strlen(value) + 1 == end);
	if (command == SMFIR_INSHEADER) {
		g_assert_cmpuint(index, ==, 0);
		fixture_check_added(name, value + (*value == ' '));
		return;
	}
	g_assert_cmpint(command, ==, SMFIR_CHGHEADER);
	g_assert_true(fixture_is_ours(name));
	g_assert_cmpstr(value, ==, "");
	g_assert_cmpuint(index, >, 0);
	g_assert_cmpuint(index, <=, 100);
}

static void
check_reply(const char *data, gsize len)
{
	switch (data[0]) {
	case SMFIC_OPTNEG:
	case SMFIR_CONTINUE:
	case SMFIR_REJECT:   /* libmilter, of a bad negotiation */
	case SMFIR_TEMPFAIL: /* libmilter, of a bad command */
	case SMFIR_ACCEPT:
		break;
	default:
		check_change(data[0], data + 1, len - 1);
	}
}

static void
check_replies(const GByteArray *got)
{
	const guint8 *p = got->data, *end = p ? p + got->len : p;

	while (end - p >= 4) {
		guint32 len;

		memcpy(&len, p, sizeof len);
		len = g_ntohl(len);
		g_assert_cmpuint(len, >, 0);
		g_assert_cmpuint(len, <=, (gsize)(end - p) - 4);
		check_reply((const char *)p + 4, len);
		p += 4 + len;
	}
	g_assert_true(p == end);
}

static void
receive(int fd, GByteArray *got)
{
	static guint8 buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof buf, MSG_WAITALL)) > 0)
		g_byte_array_append(got, buf, (guint)n);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	FuzzInput in = {data, data + size};
	g_autoptr(GByteArray) say = script(&in);
	g_autoptr(GByteArray) got = g_byte_array_new();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (address_len == 0)
		start();
	g_assert_cmpint(
	    connect(fd, (struct sockaddr *)&address, address_len), ==, 0);
	/* It may have hung up on the first of it. */
	(void)!send(fd, say->data, say->len, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	receive(fd, got);
	close(fd);
	check_replies(got);
	return 0;
}
