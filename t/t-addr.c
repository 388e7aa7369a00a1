/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-addr.c: addr.h */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "addr.h"

static void
test_addr_text(void)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
	} cases[] = {
	    {"192.0.2.7", "192.0.2.7"},
	    {"2001:DB8:0::1", "2001:db8::1"},
	    {"IPv6:2001:db8::1", "2001:db8::1"},
	    {"::ffff:192.0.2.7", "192.0.2.7"},
	    {"::ffff:c000:207", "192.0.2.7"},
	    {"::1", "::1"},
	    {"::", "::"},
	    {"", NULL},
	    {"192.0.2", NULL},
	    {"192.0.2.256", NULL},
	    {"192.0.2.07", NULL},
	    {" 192.0.2.7", NULL},
	    {"192.0.2.7 ", NULL},
	    {"fe80::1%eth0", NULL},
	    {"unknown", NULL},
	    {"1:2:3:4:5:6:7:8:9", NULL},
	    {"IPv6:", NULL},
	    {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		AsnAddr a;
		char buf[ASN_ADDR_STRLEN];
		gboolean ok =
		    asn_addr_parse(cases[i].in, strlen(cases[i].in), &a);

		g_test_message("%s", cases[i].in);
		g_assert_cmpint(ok, ==, cases[i].out != NULL);
		if (ok)
			g_assert_cmpstr(
			    asn_addr_format(&a, buf), ==, cases[i].out);
	}
	AsnAddr a;
	g_assert_false(asn_addr_parse("192.0.2.7\0", 10, &a));
}

static void
test_sockaddr(void)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	AsnAddr a;

	inet_pton(AF_INET6, "::ffff:192.0.2.9", &in6.sin6_addr);
	g_assert_true(asn_addr_from_sockaddr((struct sockaddr *)&in6, &a));
	g_assert_cmpint(a.family, ==, 4);
	g_assert_false(asn_addr_from_sockaddr((struct sockaddr *)&un, &a));
	g_assert_false(asn_addr_from_sockaddr(NULL, &a));
}

static void
test_network_text(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	    {"192.0.2.0/24", "192.0.2.0/24"},
	    {"192.0.2.1/24", "192.0.2.1/24"},
	    {"192.0.2.1", "192.0.2.1/32"},
	    {"0.0.0.0/0", "0.0.0.0/0"},
	    {"2001:db8::/32", "2001:db8::/32"},
	    {"2001:db8::1", "2001:db8::1/128"},
	    {"::ffff:192.0.2.0/120", "192.0.2.0/24"},
	    {"::ffff:192.0.2.0/24", NULL},
	    {"192.0.2.0/33", NULL},
	    {"192.0.2.0/", NULL},
	    {"192.0.2.0/-1", NULL},
	    {"192.0.2.0/+8", NULL},
	    {"2001:db8::/129", NULL},
	    {"/24", NULL},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		AsnNetwork n;
		char buf[ASN_NETWORK_STRLEN];
		gboolean ok =
		    asn_network_parse(cases[i].in, strlen(cases[i].in), &n);

		g_test_message("%s", cases[i].in);
		g_assert_cmpint(ok, ==, cases[i].out != NULL);
		if (ok)
			g_assert_cmpstr(
			    asn_network_format(&n, buf), ==, cases[i].out);
	}
}

static AsnNetwork
net(const char *text)
{
	AsnNetwork n;

	g_assert_true(asn_network_parse(text, strlen(text), &n));
	return n;
}

static void
test_network_values(void)
{
	AsnNetwork in = net("192.0.2.77/22"), out = net("192.0.0.0/22");
	AsnNetwork v6 = net("2001:db8:1:2:3::4");
	AsnNetwork compat = net("::192.0.2.1"), all = net("0.0.0.0/0");
	AsnNetwork last = net("192.0.3.255"), after = net("192.0.4.0");

	in = asn_network_of(&in.addr, in.len);
	g_assert_true(asn_network_equal(&in, &out));
	g_assert_true(asn_network_is_canonical(&in));
	g_assert_true(asn_network_contains(&in, &last.addr));
	g_assert_false(asn_network_contains(&in, &after.addr));
	g_assert_false(asn_network_contains(&in, &compat.addr));
	g_assert_true(asn_network_contains(&all, &after.addr));

	char buf[ASN_NETWORK_STRLEN];
	AsnNetwork leaf = asn_addr_leaf(&v6.addr);
	AsnNetwork block = asn_addr_block(&v6.addr);
	g_assert_cmpstr(
	    asn_network_format(&leaf, buf), ==, "2001:db8:1:2::/64");
	g_assert_cmpstr(asn_network_format(&block, buf), ==, "2001:db8:1::/48");

	AsnNetwork parent = net("10.0.0.0/8"), child = net("10.0.0.0/16");
	g_assert_cmpint(asn_network_cmp(&parent, &child), <, 0);
	g_assert_cmpint(asn_network_cmp(&child, &v6), <, 0);
}

static void
test_number(void)
{
	guint32 n = 0;

	g_assert_true(asn_number_parse("AS64496", 7, &n));
	g_assert_cmpuint(n, ==, 64496);
	g_assert_true(asn_number_parse("4294967295", 10, &n));
	g_assert_false(asn_number_parse("4294967296", 10, &n));
	g_assert_false(asn_number_parse("AS0", 3, &n));
	g_assert_false(asn_number_parse("AS", 2, &n));
	g_assert_false(asn_number_parse("AS-1", 4, &n));
	g_assert_false(asn_number_parse("", 0, &n));
}

static void
test_loopback(void)
{
	static const struct {
		const char *text;
		gboolean is;
	} cases[] = {{"127.0.0.1", TRUE}, {"127.255.255.255", TRUE},
	    {"::1", TRUE}, {"::ffff:127.0.0.1", TRUE},
	    {"126.255.255.255", FALSE}, {"128.0.0.0", FALSE},
	    {"0.0.0.1", FALSE}, {"::2", FALSE}, {"7f00::1", FALSE}};
	AsnAddr a = {.family = 0};

	g_assert_false(asn_addr_is_loopback(&a));
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_test_message("%s", cases[i].text);
		g_assert_true(
		    asn_addr_parse(cases[i].text, strlen(cases[i].text), &a));
		g_assert_cmpint(asn_addr_is_loopback(&a), ==, cases[i].is);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/addr/text", test_addr_text);
	g_test_add_func("/addr/loopback", test_loopback);
	g_test_add_func("/addr/sockaddr", test_sockaddr);
	g_test_add_func("/network/text", test_network_text);
	g_test_add_func("/network/values", test_network_values);
	g_test_add_func("/number", test_number);
	return g_test_run();
}
