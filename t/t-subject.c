/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-subject.c: subject.h */

#include <gio/gio.h>
#include <string.h>

#include "subject.h"

static void
test_good(void)
{
	static const struct {
		const char *in, *out;
		AsnSubjectKind kind;
	} cases[] = {
	    {"192.0.2.1", "192.0.2.1", ASN_SUBJECT_ADDRESS},
	    {"192.0.2.1/32", "192.0.2.1", ASN_SUBJECT_ADDRESS},
	    {"::ffff:192.0.2.1", "192.0.2.1", ASN_SUBJECT_ADDRESS},
	    {"2001:DB8::1", "2001:db8::1", ASN_SUBJECT_ADDRESS},
	    {"2001:db8::1/128", "2001:db8::1", ASN_SUBJECT_ADDRESS},
	    {"192.0.2.0/24", "192.0.2.0/24", ASN_SUBJECT_NETWORK},
	    {"0.0.0.0/0", "0.0.0.0/0", ASN_SUBJECT_NETWORK},
	    {"::ffff:192.0.2.0/120", "192.0.2.0/24", ASN_SUBJECT_NETWORK},
	    {"2001:db8::/32", "2001:db8::/32", ASN_SUBJECT_NETWORK},
	    {"AS64496", "AS64496", ASN_SUBJECT_AS},
	    {"as64496", "AS64496", ASN_SUBJECT_AS},
	    {"64496", "AS64496", ASN_SUBJECT_AS},
	    {"AS4294967295", "AS4294967295", ASN_SUBJECT_AS},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		char text[ASN_SUBJECT_STRLEN];
		GError *error = NULL;
		AsnSubject s, again;

		g_test_message("%s", cases[i].in);
		g_assert_true(asn_subject_parse(cases[i].in, &s, &error));
		g_assert_no_error(error);
		g_assert_cmpint(s.kind, ==, cases[i].kind);
		g_assert_cmpstr(asn_subject_format(&s, text), ==, cases[i].out);
		g_assert_true(asn_subject_parse(text, &again, NULL));
		g_assert_true(asn_subject_equal(&s, &again));
	}
}

static void
test_bad(void)
{
	static const struct {
		const char *in, *wanted;
	} cases[] = {
	    {"192.0.2.1/24",
		"\"192.0.2.1/24\" has host bits; the network is 192.0.2.0/24"},
	    {"2001:db8::1/64", "the network is 2001:db8::/64"},
	    {"::ffff:192.0.2.1/120", "the network is 192.0.2.0/24"},
	    {"192.0.2.0/33", "/0 to /32 are"},
	    {"192.0.2.0/", "/0 to /32 are"},
	    {"192.0.2.0/-1", "/0 to /32 are"},
	    {"192.0.2.0/24/24", "/0 to /32 are"},
	    {"2001:db8::/129", "/0 to /128 are"},
	    {"::ffff:192.0.2.0/24", "write the IPv4 network"},
	    {"AS0", "RFC 7607"},
	    {"0", "RFC 7607"},
	    {"AS000", "RFC 7607"},
	    {"AS4294967296", "AS1 to AS4294967295 are"},
	    {"99999999999999999999", "AS1 to AS4294967295 are"},
	    {"", "\"\" is no address"},
	    {"AS", "is no address"},
	    {"AS-1", "is no address"},
	    {"ASx", "is no address"},
	    {"192.0.2", "is no address"},
	    {"192.0.2/24", "is no address"},
	    {"192.0.2.07", "is no address"},
	    {"192.0.2.1-192.0.2.9", "is no address"},
	    {" 192.0.2.1", "is no address"},
	    {"192.0.2.1\n", "\"192.0.2.1\\x0a\" is no address"},
	    {"fe80::1%eth0", "is no address"},
	    {"mail.example.com", "is no address"},
	    {"\xff\xfe", "\"\\xff\\xfe\" is no address"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		AsnSubject s;

		g_test_message("%s", cases[i].wanted);
		g_assert_false(asn_subject_parse(cases[i].in, &s, &error));
		g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
		if (strstr(error->message, cases[i].wanted) == NULL)
			g_error("%s: %s", cases[i].in, error->message);
	}
}

static AsnSubject
subject(const char *text)
{
	AsnSubject s;

	g_assert_true(asn_subject_parse(text, &s, NULL));
	return s;
}

static void
test_contains(void)
{
	static const struct {
		const char *subject, *addr;
		guint32 asn;
		gboolean wanted;
	} cases[] = {
	    {"192.0.2.0/24", "192.0.2.255", 0, TRUE},
	    {"192.0.2.0/24", "192.0.3.0", 0, FALSE},
	    {"192.0.2.1", "192.0.2.1", 64496, TRUE},
	    {"192.0.2.1", "192.0.2.2", 64496, FALSE},
	    {"0.0.0.0/0", "2001:db8::1", 0, FALSE},
	    {"::/0", "192.0.2.1", 0, FALSE},
	    {"2001:db8::/32", "2001:db8::1", 0, TRUE},
	    {"AS64496", "192.0.2.1", 64496, TRUE},
	    {"AS64496", "192.0.2.1", 64497, FALSE},
	    {"AS64496", "192.0.2.1", 0, FALSE},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		AsnSubject s = subject(cases[i].subject);
		AsnOriginKey key = {.asn = cases[i].asn};

		g_test_message("%s %s", cases[i].subject, cases[i].addr);
		g_assert_true(asn_addr_parse(
		    cases[i].addr, strlen(cases[i].addr), &key.addr));
		g_assert_cmpint(
		    asn_subject_contains(&s, &key), ==, cases[i].wanted);
	}
}

/* Parents before what is in them, ASes last. */
static void
test_order(void)
{
	static const char *const sorted[] = {"10.0.0.0/8", "10.0.0.0/24",
	    "10.0.0.0", "10.0.0.1", "192.0.2.0/24", "::/0", "2001:db8::/32",
	    "2001:db8::", "AS1", "AS64496", "AS4294967295"};

	for (gsize i = 0; i < G_N_ELEMENTS(sorted); i++)
		for (gsize j = 0; j < G_N_ELEMENTS(sorted); j++) {
			AsnSubject a = subject(sorted[i]);
			AsnSubject b = subject(sorted[j]);
			int c = asn_subject_cmp(&a, &b);

			g_assert_cmpint(
			    (c > 0) - (c < 0), ==, (i > j) - (i < j));
		}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/subject/good", test_good);
	g_test_add_func("/subject/bad", test_bad);
	g_test_add_func("/subject/contains", test_contains);
	g_test_add_func("/subject/order", test_order);
	return g_test_run();
}
