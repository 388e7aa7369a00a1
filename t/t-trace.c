/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-trace.c: trace.h  */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "trace.h"

#define KEY0 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY7 "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA="

static AsnNetwork
net(const char *text)
{
	AsnNetwork n;

	g_assert_true(asn_network_parse(text, strlen(text), &n));
	return n;
}

/* --- X-ASN -------------------------------------------------------------------
 */

static void
test_asn(void)
{
	static const struct {
		guint32 asn;
		const char *prefix, *country, *org, *want;
	} cases[] = {
	    {64496, "192.0.2.0/24", "ZZ", "Example Networks",
		"AS64496 192.0.2.0/24 ZZ (Example Networks)"},
	    {4294967295u, "2001:db8::/32", "DE", NULL,
		"AS4294967295 2001:db8::/32 DE"},
	    {0, "192.0.2.0/24", "", "", "AS0 192.0.2.0/24 ZZ"},
	    {1, "192.0.2.0/24", "d\n", " a  b\r\nX: y ",
		"AS1 192.0.2.0/24 ZZ (a b X: y)"},
	    {1, "192.0.2.0/24", "DE", "a(b)c\\d",
		"AS1 192.0.2.0/24 DE (a[b]c/d)"},
	    {1, "192.0.2.0/24", "DE",
		"Stra\xc3\x9f"
		"e \xc3\x9c\xc5\xbe",
		"AS1 192.0.2.0/24 DE (Strasse Uez)"},
	    {1, "192.0.2.0/24", "DE", "\xe4\xb8\xad\xff\xc3",
		"AS1 192.0.2.0/24 DE (?\?\?)"},
	    {1, "192.0.2.0/24", "DE", "=?utf-8?q?=0A?= =\xe4\xb8\xad?\?=",
		"AS1 192.0.2.0/24 DE (=utf-8?q?=0A?= ==)"},
	    {1, "192.0.2.0/24", "DE",
		"A \xe2\x80\x93 \xe2\x80\x9c"
		"B\xe2\x80\x9d \xe2\x80\x98"
		"C\xe2\x80\x99",
		"AS1 192.0.2.0/24 DE (A - \"B\" 'C')"},
	    {1, "192.0.2.0/24", "DE", "\x01\x7f", "AS1 192.0.2.0/24 DE"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		char buf[ASN_TRACE_MAX];
		AsnNetwork prefix = net(cases[i].prefix);
		const char *org = cases[i].org;
		gsize n = asn_trace_format_asn(buf, sizeof buf, cases[i].asn,
		    &prefix, cases[i].country, org, org ? strlen(org) : 0);

		g_assert_cmpstr(buf, ==, cases[i].want);
		g_assert_cmpuint(n, ==, strlen(buf));
		g_assert_cmpuint(
		    asn_trace_format_asn(buf, n, cases[i].asn, &prefix,
			cases[i].country, org, org ? strlen(org) : 0),
		    ==, 0);
	}
}

static void
test_asn_capped(void)
{
	char buf[ASN_TRACE_MAX], org[200];
	AsnNetwork prefix = net("192.0.2.0/24");

	memset(org, 'x', sizeof org);
	asn_trace_format_asn(
	    buf, sizeof buf, 1, &prefix, "DE", org, sizeof org);
	g_assert_cmpuint(strlen(strchr(buf, '(')), ==, 82);
	/* every byte value leaves as printable ASCII */
	for (guint i = 0; i < 256; i++) {
		char one = (char)i;
		asn_trace_format_asn(
		    buf, sizeof buf, 1, &prefix, "DE", &one, 1);
		for (const char *p = buf; *p != '\0'; p++)
			g_assert_true(*p >= 0x20 && *p < 0x7f && *p != '\\');
	}
}

/* --- X-ASN-Spam
 * ---------------------------------------------------------------- */

static void
test_spam(void)
{
	char buf[ASN_TRACE_MAX];
	gsize n;

	n = asn_trace_format_spam(
	    buf, sizeof buf, TRUE, NULL, 0.9731, 0.9, "prefix", 41.28, 0.84);
	g_assert_cmpstr(buf, ==,
	    "Yes, score=0.973 threshold=0.900 level=prefix spam=41.3 ham=0.8");
	g_assert_cmpuint(n, ==, strlen(buf));
	g_assert_cmpuint(asn_trace_format_spam(buf, n, TRUE, NULL, 0.9731, 0.9,
			     "prefix", 41.28, 0.84),
	    ==, 0);
	asn_trace_format_spam(buf, sizeof buf, FALSE, NULL, (double)NAN, 1,
	    "none", -1, (double)INFINITY);
	g_assert_cmpstr(buf, ==,
	    "No, score=0.000 threshold=1.000 level=none spam=0.0 "
	    "ham=1000000000000.0");
	asn_trace_format_spam(
	    buf, sizeof buf, FALSE, NULL, 0.9999, 0.9, "AS", 9.96, 0.04);
	g_assert_cmpstr(buf, ==,
	    "No, score=1.000 threshold=0.900 level=AS spam=10.0 ham=0.0");
}

static void
test_spam_by_rule(void)
{
	char buf[ASN_TRACE_MAX];
	gsize n;

	asn_trace_format_spam(buf, sizeof buf, FALSE, "allow:AS64496", 0.9731,
	    0.9, "AS", 41.28, 0.84);
	g_assert_cmpstr(buf, ==,
	    "No, rule=allow:AS64496 score=0.973 threshold=0.900 level=AS "
	    "spam=41.3 ham=0.8");
	n = asn_trace_format_spam(buf, sizeof buf, TRUE, "block:192.0.2.0/24",
	    (double)NAN, 0.9, "none", 0, 0);
	g_assert_cmpstr(buf, ==, "Yes, rule=block:192.0.2.0/24");
	g_assert_cmpuint(n, ==, strlen(buf));
	g_assert_cmpuint(
	    asn_trace_format_spam(buf, n, TRUE, "block:192.0.2.0/24",
		(double)NAN, 0.9, "none", 0, 0),
	    ==, 0);
}

/* --- the seal: GLib's HMAC is the oracle --------------------------------- */

static AsnSealKeys *
keys_of(const char *text)
{
	GError *error = NULL;
	AsnSealKeys *keys =
	    asn_seal_keys_parse(text, strlen(text), "seal.key", &error);

	g_assert_no_error(error);
	return keys;
}

static AsnSeal
example_seal(const char *ip)
{
	AsnSeal seal = {
	    .time = 1795217323, .queue_id = "4XyZ", .flagged = TRUE};

	g_assert_true(asn_addr_parse(ip, strlen(ip), &seal.addr));
	return seal;
}

static void
test_seal_round_trip(void)
{
	static const char *const ips[] = {"192.0.2.7", "2001:db8::1", "::1"};
	AsnSealKeys *keys = keys_of("# first signs\r\n\n7 " KEY7 "\n0\t" KEY0);
	AsnSealer *sealer = asn_sealer_new(keys);

	for (gsize i = 0; i < G_N_ELEMENTS(ips); i++) {
		AsnSeal seal = example_seal(ips[i]), got;
		char buf[ASN_TRACE_MAX], tight[ASN_TRACE_MAX];
		gsize n = asn_seal_write(sealer, &seal, buf, sizeof buf);

		g_assert_cmpuint(n, ==, strlen(buf));
		g_assert_true(asn_seal_verify(sealer, buf, n, &got));
		g_assert_cmpint(got.time, ==, seal.time);
		g_assert_true(asn_addr_equal(&got.addr, &seal.addr));
		g_assert_cmpstr(got.queue_id, ==, "4XyZ");
		g_assert_true(got.flagged);
		g_assert_cmpuint(got.key_id, ==, 7);
		g_assert_cmpmem(got.id, 16, seal.id, 16);
		g_assert_cmpuint(
		    asn_seal_write(sealer, &seal, tight, n + 1), ==, n);
		g_assert_cmpuint(
		    asn_seal_write(sealer, &seal, tight, n), ==, 0);
	}
	asn_sealer_free(sealer);
	asn_seal_keys_free(keys);
}

/* The grammar, byte for byte, and the HMAC over what precedes "; b=". */
static void
test_seal_grammar(void)
{
	static const char fields[] =
	    "v=1; k=0; t=1795217323; ip=192.0.2.7; q=4XyZ; f=1";
	AsnSealKeys *keys = keys_of("0 " KEY0 "\n");
	AsnSealer *sealer = asn_sealer_new(keys);
	AsnSeal seal = example_seal("192.0.2.7");
	g_autofree guchar *secret = NULL;
	g_autofree char *b64 = NULL, *want = NULL;
	char buf[ASN_TRACE_MAX];
	guint8 mac[32];
	gsize n, mac_len = sizeof mac;
	g_autoptr(GHmac) h = NULL;

	secret = g_base64_decode(KEY0, &n);
	h = g_hmac_new(G_CHECKSUM_SHA256, secret, n);
	g_hmac_update(h, (const guchar *)fields, -1);
	g_hmac_get_digest(h, mac, &mac_len);
	b64 = g_base64_encode(mac, mac_len);
	want = g_strdup_printf("%s; b=%s", fields, b64);
	asn_seal_write(sealer, &seal, buf, sizeof buf);
	g_assert_cmpstr(buf, ==, want);
	g_assert_cmpmem(seal.id, 16, mac, 16);

	g_strlcpy(seal.queue_id, "4Xy Z", sizeof seal.queue_id);
	g_assert_cmpuint(asn_seal_write(sealer, &seal, buf, sizeof buf), ==, 0);
	memset(seal.queue_id, 'a', sizeof seal.queue_id);
	g_assert_cmpuint(asn_seal_write(sealer, &seal, buf, sizeof buf), ==, 0);
	seal.queue_id[0] = '\0';
	g_assert_cmpuint(asn_seal_write(sealer, &seal, buf, sizeof buf), ==, 0);
	asn_sealer_free(sealer);
	asn_seal_keys_free(keys);
}

/* Every cut and every changed byte is refused; folding is not. */
static void
test_seal_forged(void)
{
	AsnSealKeys *keys = keys_of("0 " KEY0);
	AsnSealKeys *other = keys_of("0 " KEY7);
	AsnSealer *sealer = asn_sealer_new(keys);
	AsnSealer *stranger = asn_sealer_new(other);
	AsnSeal seal = example_seal("192.0.2.7"), got;
	char buf[ASN_TRACE_MAX], bad[ASN_TRACE_MAX];
	gsize n = asn_seal_write(sealer, &seal, buf, sizeof buf);
	g_autofree char *folded = NULL;
	g_auto(GStrv) parts = NULL;

	g_assert_false(asn_seal_verify(stranger, buf, n, &got));
	for (gsize cut = 0; cut < n; cut++)
		g_assert_false(asn_seal_verify(sealer, buf, cut, &got));
	for (gsize i = 0; i < n; i++) {
		gboolean space = buf[i] == ' ';
		for (guint bit = 0; bit < 8; bit++) {
			memcpy(bad, buf, n);
			bad[i] ^= (char)(1u << bit);
			if (space && strchr(" \t\r\n", bad[i]) &&
			    bad[i] != '\0')
				continue;
			g_assert_false(asn_seal_verify(sealer, bad, n, &got));
		}
	}
	parts = g_strsplit(buf, "; ", -1);
	folded = g_strjoinv("; \r\n\t", parts);
	g_assert_true(asn_seal_verify(sealer, folded, strlen(folded), &got));
	g_snprintf(bad, sizeof bad, " %s \n", buf);
	g_assert_true(asn_seal_verify(sealer, bad, strlen(bad), &got));
	g_snprintf(bad, sizeof bad, "%s; x=1", buf);
	g_assert_false(asn_seal_verify(sealer, bad, strlen(bad), &got));
	asn_sealer_free(sealer);
	asn_sealer_free(stranger);
	asn_seal_keys_free(keys);
	asn_seal_keys_free(other);
}

static void
test_keys_refused(void)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
	    {"", "k:1: no key in the file"},
	    {"# only\n", "k:2: no key in the file"},
	    {"0\n", "k:1: a key is"},
	    {"\n100 " KEY0, "k:2: a key is"},
	    {"-1 " KEY0, "k:1: a key is"},
	    {"0 AAAA", "k:1: the key must have 32 to 1024 bytes"},
	    {"0 " KEY0 "x", "k:1: the key is no base64"},
	    {"0 " KEY0 "\n1 " KEY0 "\n0 " KEY0, "k:3: this key id was used"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		GError *error = NULL;

		g_test_message("case %" G_GSIZE_FORMAT, i);
		g_assert_null(asn_seal_keys_parse(
		    cases[i].text, strlen(cases[i].text), "k", &error));
		g_assert_error(error, ASN_CONFIG_ERROR, ASN_CONFIG_ERROR_VALUE);
		if (!g_str_has_prefix(error->message, cases[i].error))
			g_assert_cmpstr(error->message, ==, cases[i].error);
		g_assert_null(strstr(error->message, "AAEC"));
		g_error_free(error);
	}
	g_assert_null(asn_seal_keys_parse("0 " KEY0 "\n\0", 48, "k", NULL));
}

/* Is it anywhere on the heap, freed memory too?  (ASan has another heap.) */
static gboolean
is_on_heap(const char *needle)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	unsigned long from = 0, to = 0;

	g_assert_nonnull(maps);
	while (fgets(line, sizeof line, maps) != NULL)
		if (strstr(line, "[heap]") != NULL)
			g_assert_cmpint(
			    sscanf(line, "%lx-%lx", &from, &to), ==, 2);
	fclose(maps);
	return from < to && memmem((const void *)from, to - from, needle,
				strlen(needle)) != NULL;
}

/* No copy of a key is left behind, whatever becomes of the file. */
static void
test_keys_wiped(void)
{
	static const char text[] =
	    " 3   d2lwZWQgZnJvbSBtZW1vcnkgaW4gYWxsIG9mIGl0cyBjb3BpZXM=  \n"
	    "4\td2lwZWQgZnJvbSBtZW1vcnkgaW4gYWxsIG9mIGl0cyBjb3BpZXM\n";
	/* malloc's own pointers overwrite the start of what is freed */
	static const char base64[] = "gaW4gYWxsIG9m", plain[] = "in all of its";

	g_assert_null(asn_seal_keys_parse(text, strlen(text), "k", NULL));
	g_assert_false(is_on_heap(base64));
	g_assert_false(is_on_heap(plain));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/trace/asn", test_asn);
	g_test_add_func("/trace/asn-capped", test_asn_capped);
	g_test_add_func("/trace/spam", test_spam);
	g_test_add_func("/trace/spam-by-rule", test_spam_by_rule);
	g_test_add_func("/seal/round-trip", test_seal_round_trip);
	g_test_add_func("/seal/grammar", test_seal_grammar);
	g_test_add_func("/seal/forged", test_seal_forged);
	g_test_add_func("/seal/keys-refused", test_keys_refused);
	g_test_add_func("/seal/keys-wiped", test_keys_wiped);
	return g_test_run();
}
