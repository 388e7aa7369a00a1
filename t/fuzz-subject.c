/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-subject.c: any bytes as an address, a network or an AS, as text and as
 * a socket's address.
 *
 * Covers: lib/subject.c lib/addr.c.
 * Longest input: 128
 */

#include <netinet/in.h>

#include "fuzz.h"
#include "subject.h"

/* What was taken is canonical and reads as itself. */
static void
check_taken(const AsnSubject *s)
{
	char text[ASN_SUBJECT_STRLEN];
	AsnSubject again;

	g_assert_true(
	    asn_subject_parse(asn_subject_format(s, text), &again, NULL));
	g_assert_true(asn_subject_equal(s, &again) && again.kind == s->kind);
	g_assert_cmpint(s->kind == ASN_SUBJECT_AS, ==, s->asn != 0);
	if (s->kind != ASN_SUBJECT_AS)
		g_assert_true(asn_network_is_canonical(&s->net));
}

static void
check_address(const AsnAddr *a)
{
	static const guint8 zeros[12];
	char text[ASN_ADDR_STRLEN];
	AsnNetwork leaf = asn_addr_leaf(a), block = asn_addr_block(a);
	AsnNetworkList list = {&block, 1};
	AsnAddr again;

	g_assert_true(a->family == 4 || a->family == 6);
	g_assert_true(a->family == 6 || memcmp(a->b, zeros, 12) == 0);
	asn_addr_format(a, text);
	g_assert_true(asn_addr_parse(text, strlen(text), &again));
	g_assert_true(asn_addr_equal(a, &again));
	g_assert_cmpuint(asn_addr_hash(a), ==, asn_addr_hash(&again));
	g_assert_true(asn_network_contains(&leaf, a));
	g_assert_true(asn_network_contains(&block, &leaf.addr));
	g_assert_true(asn_network_list_contains(&list, a));
	g_assert_cmpint(asn_network_cmp(&block, &leaf), <, 0);
	if (asn_addr_is_loopback(a))
		g_assert_true(a->b[12] == 127 || a->family == 6);
}

static void
check_network(const AsnNetwork *net)
{
	AsnNetwork masked = asn_network_of(&net->addr, net->len), again;
	char text[ASN_NETWORK_STRLEN];

	g_assert_cmpuint(net->len, <=, net->addr.family == 4 ? 32 : 128);
	g_assert_true(asn_network_is_canonical(&masked));
	g_assert_true(asn_network_contains(&masked, &net->addr));
	asn_network_format(&masked, text);
	g_assert_true(asn_network_parse(text, strlen(text), &again));
	g_assert_true(asn_network_equal(&masked, &again));
	g_assert_cmpint(asn_network_cmp(&masked, &again), ==, 0);
	g_assert_cmpuint(
	    asn_network_hash(&masked), ==, asn_network_hash(&again));
	if (net->len > 0)
		check_address(&net->addr);
}

static void
check_text(const char *text, gsize len)
{
	AsnNetwork net, other;
	AsnAddr a;
	guint32 asn;

	if (asn_addr_parse(text, len, &a))
		check_address(&a);
	if (asn_network_parse(text, len, &net)) {
		check_network(&net);
		other = asn_network_of(&net.addr, net.len / 2);
		g_assert_cmpint(asn_network_cmp(&other, &net), <=, 0);
	}
	if (asn_number_parse(text, len, &asn))
		g_assert_cmpuint(asn, >, 0);
}

static void
check_socket_address(const guint8 *data, gsize size)
{
	struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};
	AsnAddr a;

	g_assert_false(asn_addr_from_sockaddr(NULL, &a));
	memcpy(&ss, data, MIN(size, sizeof ss));
	if (asn_addr_from_sockaddr((const struct sockaddr *)&ss, &a))
		check_address(&a);
	ss.ss_family = size % 2 ? AF_INET : AF_INET6;
	g_assert_true(asn_addr_from_sockaddr((const struct sockaddr *)&ss, &a));
	check_address(&a);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(GError) error = NULL;
	AsnSubject s;

	if (asn_subject_parse(text, &s, &error)) {
		g_assert_no_error(error);
		check_taken(&s);
	} else {
		g_assert_nonnull(error);
		g_assert_null(strchr(error->message, '\n'));
		g_assert_true(g_utf8_validate(error->message, -1, NULL));
	}
	check_text((const char *)data, size);
	if (size > 0)
		check_socket_address(data, size);
	return 0;
}
