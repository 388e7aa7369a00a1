/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-headers.c: headers.h and date.h */

#include <string.h>

#include "date.h"
#include "headers.h"

/* --- the iterator ----------------------------------------------------------
 */

static void
test_iter(void)
{
	static const char block[] = "From x@y Sat Nov 21 02:16:57 2026\n"
				    " folded junk\n"
				    "A: one\r\n"
				    "B : two\n"
				    " more\r\n\tyet: more\n"
				    "no colon here\n"
				    "\x80x: no\n"
				    ": no\n"
				    "C:\n"
				    "D:four\n"
				    "\n"
				    "E: body\n";
	static const char *const want[] = {"A", " one", "B",
	    " two\n more\r\n\tyet: more", "C", "", "D", "four"};
	AsnHeaderIter it;
	AsnHeader h;
	gsize n = 0;

	asn_header_iter_init(&it, block, sizeof block - 1);
	for (; asn_header_iter_next(&it, &h); n += 2) {
		g_assert_cmpuint(n, <, G_N_ELEMENTS(want));
		g_assert_cmpmem(h.name, h.name_len, want[n], strlen(want[n]));
		g_assert_cmpmem(
		    h.value, h.value_len, want[n + 1], strlen(want[n + 1]));
	}
	g_assert_cmpuint(n, ==, G_N_ELEMENTS(want));
	g_assert_false(asn_header_iter_next(&it, &h));
}

static void
test_iter_ends(void)
{
	static const struct {
		const char *text;
		gsize len;
		int n;
	} cases[] = {
	    {"", 0, 0},
	    {"\r\n", 2, 0},
	    {"\n A: b", 6, 0},
	    {"A: b", 4, 1},
	    {"A: b\r", 5, 1},
	    {"A", 1, 0},
	    {"A:", 2, 1},
	    {"A: \0\0\n\0: x\nB: c", 16, 2},
	    {" A: b\n", 6, 0},
	    {"\r\r\nA: b", 7, 1},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		AsnHeaderIter it;
		AsnHeader h;
		int n = 0;

		asn_header_iter_init(&it, cases[i].text, cases[i].len);
		while (asn_header_iter_next(&it, &h))
			n++;
		g_test_message("case %" G_GSIZE_FORMAT, i);
		g_assert_cmpint(n, ==, cases[i].n);
	}
}

static void
test_is(void)
{
	AsnHeader h = {.name = "x-asnX", .name_len = 5};

	g_assert_true(asn_header_is(&h, "X-ASN"));
	g_assert_false(asn_header_is(&h, "X-AS"));
	g_assert_false(asn_header_is(&h, "X-ASN-Spam"));
}

/* --- dates -----------------------------------------------------------------
 */

static void
test_date(void)
{
	static const struct {
		const char *text;
		gint64 want; /* -1: refused */
	} cases[] = {
	    {" Sat, 21 Nov 2026 02:16:57 +0000 (UTC)", 1795227417},
	    {"21 Nov 2026 03:16:57 +0100", 1795227417},
	    {"Fri, 20 Nov 2026 20:46:57 -0530", 1795227417},
	    {"Thu,  1 Jan 1970 00:00:00 GMT", 0},
	    {"Thu, 1 Jan 1970 00:00 Z", 0},
	    {"Thu, 29 Feb 2024 23:59:60 +0000", 1709251200},
	    {"Wed, 29 Feb 2023 00:00:00 +0000", -1},
	    {"Thu, 29 Feb 2100 00:00:00 +0000", -1},
	    {"Tue, 29 Feb 2000 00:00:00 +0000", 951782400},
	    {"Fri, 31 Dec 9999 23:59:59 +0000", 253402300799},
	    {"1 Jan 1970 01:00 +0100", 0},
	    {"1 Jan 1970 00:59 +0100", -1},
	    {"1 Jan 1970 6:57 +6115", -1},
	    {"31 Dec 9999 23:00 -0059", 253402300740},
	    {"31 Dec 9999 23:00 -0100", -1},
	    {"Sat, 21 Nov 26 02:16:57 +0000", -1},
	    {"Sat, 21 Nov 1969 02:16:57 +0000", -1},
	    {"Sat, 21 Nov 2026 24:16:57 +0000", -1},
	    {"Sat, 21 Nov 2026 02:16:57 EDT", -1},
	    {"Sat, 21 Nov 2026 02:16:57 +00", -1},
	    {"Sat, 21 Nov 2026 02:16:57", -1},
	    {"Sat, 32 Jan 2026 02:16:57 +0000", -1},
	    {"Sat, 0 Jan 2026 02:16:57 +0000", -1},
	    {"Sat, 1 Foo 2026 02:16:57 +0000", -1},
	    {"Sat 21 Nov 2026", -1},
	    {"", -1},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		gint64 t = -1;
		gboolean ok =
		    asn_date_parse(cases[i].text, strlen(cases[i].text), &t);

		g_test_message("%s", cases[i].text);
		g_assert_cmpint(ok, ==, cases[i].want != -1);
		g_assert_cmpint(t, ==, cases[i].want);
	}
}

/* --- one Received line -------------------------------------------------------
 */

#define TAIL "; Sat, 21 Nov 2026 02:16:57 +0000 (UTC)"

static const struct {
	const char *value;
	const char *client; /* NULL: none; "-": the line is refused */
	const char *by;
	gboolean auth, postfix, date;
} lines[] = {
    {" from a.example (rdns.example [192.0.2.7])\n\tby mx.example (Postfix) "
     "with ESMTPS id 4XyZ\n\tfor <u@mx.example>" TAIL,
	"192.0.2.7", "mx.example", FALSE, TRUE, TRUE},
    {"from a (unknown [IPv6:2001:db8::1]) by mx (Postfix) with UTF8SMTPSA id "
     "1" TAIL,
	"2001:db8::1", "mx", TRUE, TRUE, TRUE},
    {"from a (unknown [192.0.2.7])\n\t(using TLSv1.3 with cipher X (256/256 "
     "bits))\n\t(Client CN \"x (y [198.51.100.9])\", Issuer \"by z\")\n"
     "\t(Authenticated sender: u)\n\tby mx (Postfix) with ESMTPSA id 1" TAIL,
	"192.0.2.7", "mx", TRUE, TRUE, TRUE},
    /* what a client may say as HELO */
    {"from [198.51.100.9] (unknown [192.0.2.7])\n\tby mx (Postfix) with SMTP "
     "id 1" TAIL,
	"192.0.2.7", "mx", FALSE, TRUE, TRUE},
    {"from x ([198.51.100.9]) by mx (Postfix) with ESMTPA id 1; (u "
     "[192.0.2.7])\n\tby mx (Postfix) with SMTP id 1" TAIL,
	"192.0.2.7", "mx", FALSE, TRUE, TRUE},
    {"from x ([198.51.100.9]) by mx with ESMTP (u [192.0.2.7]) by mx with "
     "SMTP id 1" TAIL,
	"-"},
    {"from x (u [192.0.2.7])\n\tby mx (Postfix) with SMTP id 1\n\tfor <\"by "
     "evil [198.51.100.9] with ESMTPA ;\"@mx>" TAIL,
	"192.0.2.7", "mx", FALSE, TRUE, TRUE},
    /* others' ways of writing it */
    {"from h ([192.0.2.7] helo=[198.51.100.9])\n\tby mx with esmtps" TAIL,
	"192.0.2.7", "mx", FALSE, FALSE, TRUE},
    {"from [192.0.2.7] (helo=[198.51.100.9])\n\tby mx with esmtp" TAIL,
	"192.0.2.7", "mx", FALSE, FALSE, TRUE},
    {"from h (helo=[198.51.100.9])\n\tby mx with esmtp" TAIL, NULL, "mx", FALSE,
	FALSE, TRUE},
    {"from h=[198.51.100.9] (u [unknown])\n\tby mx with SMTP" TAIL, NULL, "mx",
	FALSE, FALSE, TRUE},
    {"from h (rdns [192.0.2.7] (may be forged))\n\tby mx (8.17.1/8.17.1) with "
     "ESMTPA id 3" TAIL,
	"192.0.2.7", "mx", TRUE, FALSE, TRUE},
    {"by mx (Postfix, from userid 117)\n\tid 4A" TAIL, NULL, "mx", FALSE, TRUE,
	TRUE},
    {"by mx (Postfix)\n\tid 4A; never", NULL, "mx", FALSE, TRUE, FALSE},
    {"from mx\n\tby mx with LMTP\n\tid x" TAIL, NULL, "mx", FALSE, FALSE, TRUE},
    {"from a (b [unknown])\n\tby mx with SMTP id 1", NULL, "mx", FALSE, FALSE,
	FALSE},
    {"from a (b [192.0.2.7])\r\n\tby mx;", "192.0.2.7", "mx", FALSE, FALSE,
	FALSE},
    {"", "-"},
    {"by", "-"},
    {"by ", "-"},
    {"by ;", "-"},
    {"from a (b [192.0.2.7])", "-"},
    {"from a (b [192.0.2.7])\nby mx", "192.0.2.7", "mx", FALSE, FALSE, FALSE},
    {"from a ]b[ by mx", NULL, "mx", FALSE, FALSE, FALSE},
};

static void
test_received(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		char buf[ASN_ADDR_STRLEN];
		AsnReceived r;
		gboolean ok = asn_received_parse(
		    lines[i].value, strlen(lines[i].value), &r);

		g_test_message("line %" G_GSIZE_FORMAT, i);
		g_assert_cmpint(ok, ==, g_strcmp0(lines[i].client, "-") != 0);
		if (!ok)
			continue;
		g_assert_cmpstr(
		    r.client.family ? asn_addr_format(&r.client, buf) : NULL,
		    ==, lines[i].client);
		g_assert_cmpmem(
		    r.by, r.by_len, lines[i].by, strlen(lines[i].by));
		g_assert_cmpint(r.authenticated, ==, lines[i].auth);
		g_assert_cmpint(r.postfix, ==, lines[i].postfix);
		g_assert_cmpint(r.has_date, ==, lines[i].date);
		if (r.has_date)
			g_assert_cmpint(r.date, ==, 1795227417);
	}
}

/* A relay breaks a line above 998 bytes where it comes to that: in the middle
 * of what it wrote behind a long HELO. */
static void
test_received_broken(void)
{
	g_autofree char *fill = g_strnfill(997, 'x');

	for (gsize n = 900; n < 997; n++) {
		g_autofree char *line = g_strdup_printf(
		    "from [198.51.100.9]%.*s by (u.example [192.0.2.7])",
		    (int)n - 24, fill);
		g_autofree char *value = g_strdup_printf(
		    "%.985s\n %s\n\tby mx (Postfix) with SMTP id 1" TAIL, line,
		    strlen(line) > 985 ? line + 985 : "x");
		char buf[ASN_ADDR_STRLEN];
		AsnReceived r;

		g_test_message("HELO of %" G_GSIZE_FORMAT, n);
		g_assert_true(asn_received_parse(value, strlen(value), &r));
		g_assert_cmpstr(
		    asn_addr_format(&r.client, buf), ==, "192.0.2.7");
		g_assert_cmpmem(r.by, r.by_len, "mx", 2);
	}
}

/* --- the chain ---------------------------------------------------------------
 */

#define HOP(from, by) "Received: from h (r [" from "])\n\tby " by
#define PF " (Postfix) with ESMTP id 1" TAIL "\n"
#define RELAY "203.0.113.1" /* trusted */

static const struct {
	const char *block, *own, *client; /* own NULL: as the milter sees it */
} chains[] = {
    {HOP("192.0.2.7", "mx") PF HOP("192.0.2.9", "mx") PF, "mx", "192.0.2.7"},
    {HOP("192.0.2.7", "MX") PF, "other mx", "192.0.2.7"},
    {HOP("192.0.2.7", "evil") PF, "mx", NULL},
    {HOP(RELAY, "mx") PF HOP("192.0.2.7", "relay") PF, "mx", "192.0.2.7"},
    {HOP("192.0.2.7", "relay") PF, NULL, "192.0.2.7"},
    {HOP(RELAY, "relay") PF HOP("192.0.2.7", "relay2") PF, NULL, "192.0.2.7"},
    {HOP(RELAY, "relay") PF, NULL, NULL},
    {HOP("192.0.2.7", "mx") " (Postfix) with ESMTPSA id 1" TAIL "\n", "mx",
	NULL},
    {HOP("127.0.0.1", "mx") " (Postfix) with ESMTPA id 1" TAIL
			    "\n" HOP("192.0.2.7", "mx") PF,
	"mx", NULL},
    /* amavis: in and out by loopback */
    {HOP("127.0.0.1", "mx") PF
	"Received: from mx ([127.0.0.1])\n\tby localhost (mx [127.0.0.1]) "
	"(amavisd-new, port 10024)\n\twith ESMTP id x" TAIL
	"\n" HOP("192.0.2.7", "mx") PF,
	"mx", "192.0.2.7"},
    {HOP("127.0.0.1", "relay") PF HOP("192.0.2.7", "relay") PF, NULL,
	"192.0.2.7"},
    {HOP("127.0.0.1", "relay") PF HOP("192.0.2.7", "evil") PF, NULL, NULL},
    /* spamc's sendmail, Dovecot's LMTP, an alias: the host to itself */
    {"Received: by mx (Postfix, from userid 117)\n\tid 1" TAIL
     "\n" HOP("192.0.2.7", "mx") PF,
	"mx", "192.0.2.7"},
    {"Received: from mx\n\tby mx with LMTP\n\tid 1" TAIL
     "\n" HOP("192.0.2.7", "mx") PF,
	"mx", "192.0.2.7"},
    {"Received: by mx (Postfix)\n\tid 1" TAIL "\n" HOP("192.0.2.7", "evil") PF,
	"mx", NULL},
    {"Received: by mx (Postfix, from userid 0)\n\tid 1" TAIL "\n", "mx", NULL},
    {HOP("unknown", "mx") PF HOP("192.0.2.7", "mx") PF, "mx", NULL},
    {"Received: nonsense\n" HOP("192.0.2.7", "mx") PF, "mx", NULL},
    {"received:from h (r [192.0.2.7])\n\tby mx\n", "mx", "192.0.2.7"},
    {"Subject: x\n\n" HOP("192.0.2.7", "mx") PF, "mx", NULL},
    {"", "mx", NULL},
};

static void
test_chain(void)
{
	AsnNetworkList trusted = {g_new0(AsnNetwork, 1), 1};

	g_assert_true(asn_network_parse(RELAY, strlen(RELAY), trusted.nets));
	for (gsize i = 0; i < G_N_ELEMENTS(chains); i++) {
		char buf[ASN_ADDR_STRLEN];
		g_auto(GStrv) own =
		    chains[i].own ? g_strsplit(chains[i].own, " ", -1) : NULL;
		AsnReceived r;
		gboolean ok = asn_received_client(chains[i].block,
		    strlen(chains[i].block), (const char *const *)own, &trusted,
		    &r);

		g_test_message("chain %" G_GSIZE_FORMAT, i);
		g_assert_cmpint(ok, ==, chains[i].client != NULL);
		if (ok)
			g_assert_cmpstr(asn_addr_format(&r.client, buf), ==,
			    chains[i].client);
	}
	asn_network_list_clear(&trusted);
}

/* Loops end: 49 hops of ours are looked through, 50 are not. */
static void
test_many(void)
{
	static const guint counts[] = {48, 49, 50, 100000};
	AsnNetworkList none = {0};

	for (gsize c = 0; c < G_N_ELEMENTS(counts); c++) {
		guint hops = counts[c];
		g_autoptr(GString) s = g_string_new(NULL);
		AsnReceived r;

		for (guint i = 0; i < hops; i++)
			g_string_append(s, HOP("127.0.0.1", "mx") PF);
		g_string_append(s, HOP("192.0.2.7", "mx") PF);
		g_assert_cmpint(
		    asn_received_client(s->str, s->len, NULL, &none, &r), ==,
		    hops < ASN_RECEIVED_MAX);
	}
}

static void
test_long_line(void)
{
	AsnNetworkList none = {0};
	g_autoptr(GString) s = g_string_new("Received: from ");
	AsnReceived r;

	for (guint i = 0; i < 1 << 17; i++)
		g_string_append(s, "[ by ] (");
	g_assert_false(asn_received_client(s->str, s->len, NULL, &none, &r));
	g_string_append(s, " (x [192.0.2.7])\n\tby mx with SMTP");
	g_assert_true(asn_received_client(s->str, s->len, NULL, &none, &r));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/headers/iter", test_iter);
	g_test_add_func("/headers/iter-ends", test_iter_ends);
	g_test_add_func("/headers/is", test_is);
	g_test_add_func("/date", test_date);
	g_test_add_func("/received/line", test_received);
	g_test_add_func("/received/broken", test_received_broken);
	g_test_add_func("/received/chain", test_chain);
	g_test_add_func("/received/many", test_many);
	g_test_add_func("/received/long-line", test_long_line);
	return g_test_run();
}
