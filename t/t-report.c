/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-report.c: what a report says of databases made here, and that nothing in it
 * is more than text. */

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report.h"
#include "test-db.h"

#define NOW 1795217323
#define MONDAY G_GINT64_CONSTANT(1794787200) /* 16 November 2026 */

/* --- a report ----------------------------------------------------------------
 */

typedef struct {
	AsnNetworks *networks;
	AsnReputation *reputation;
	AsnRules *rules;
	GBytes *networks_bytes, *reputation_bytes, *rules_bytes;
	AsnConfig *config;
	Report *report;
} Fixture;

static AsnNetworks *
open_networks(GBytes *bytes)
{
	int fd = memfd_create("t-report", MFD_CLOEXEC);
	g_autoptr(GError) error = NULL;
	AsnNetworks *db;
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);

	g_assert_cmpint(write(fd, data, len), ==, (gssize)len);
	db = asn_networks_open(fd, "networks", &error);
	g_assert_no_error(error);
	close(fd);
	return db;
}

static AsnRule
rule(AsnRuleAction action, const char *what, gint64 until)
{
	AsnRule r = {.action = action, .until = until};

	g_assert_true(asn_subject_parse(what, &r.what, NULL));
	return r;
}

static void
open_rules(Fixture *f)
{
	const AsnRule rules[] = {rule(ASN_RULE_BLOCK, "203.0.113.77", 0),
	    rule(ASN_RULE_BLOCK, "203.0.113.78", 0),
	    rule(ASN_RULE_ALLOW, "198.51.0.0/16", NOW + 86400),
	    rule(ASN_RULE_BLOCK, "AS64499", 0)};
	g_autoptr(GError) error = NULL;
	gsize len;
	const void *data;

	f->rules_bytes =
	    asn_rules_build(rules, G_N_ELEMENTS(rules), NOW, &error);
	g_assert_no_error(error);
	data = g_bytes_get_data(f->rules_bytes, &len);
	f->rules = asn_rules_open_memory(data, len, "rules", &error);
	g_assert_no_error(error);
}

static void
set_up(Fixture *f, gconstpointer holder)
{
	const char *const bad[] = {"203.0.113.0/24", "2001:db8::/32", NULL};
	g_autoptr(GError) error = NULL;
	ReportSource source;

	f->config = asn_config_parse("", 0, "none", &error);
	g_assert_no_error(error);
	f->networks_bytes = test_db_networks(holder ? holder : "Example");
	f->reputation_bytes = test_db_reputation(FALSE, 1, bad, NOW);
	f->networks = open_networks(f->networks_bytes);
	f->reputation = asn_reputation_open_memory(
	    f->reputation_bytes, NULL, "memory", &error);
	g_assert_no_error(error);
	open_rules(f);
	source =
	    (ReportSource){f->config, f->networks, f->reputation, f->rules};
	f->report = report_new(&source, NOW);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	report_free(f->report);
	asn_rules_close(f->rules);
	asn_networks_close(f->networks);
	asn_reputation_close(f->reputation);
	asn_config_free(f->config);
	g_bytes_unref(f->networks_bytes);
	g_bytes_unref(f->reputation_bytes);
	g_bytes_unref(f->rules_bytes);
}

static char *
page_of(const Report *report)
{
	GString *out = g_string_new(NULL);

	report_page(report, out);
	return g_string_free(out, FALSE);
}

/* --- what is in it ----------------------------------------------------------
 */

static void
test_learned(Fixture *f, gconstpointer data)
{
	const ReportPlace *bad = NULL;
	g_autoptr(GPtrArray) worst = report_worst(f->report->blocks, 100);
	AsnPrediction p;
	AsnOriginKey key;
	AsnAddr addr;

	g_assert_true(f->report->warm);
	for (guint i = 0; i < f->report->blocks->len; i++) {
		const ReportPlace *b =
		    &g_array_index(f->report->blocks, ReportPlace, i);
		char text[ASN_NETWORK_STRLEN];

		g_assert_cmpint(
		    b->net.len, ==, b->net.addr.family == 6 ? 48 : 24);
		g_assert_true(asn_network_is_canonical(&b->net));
		if (i > 0)
			g_assert_cmpint(
			    asn_network_cmp(&b[-1].net, &b->net), <, 0);
		asn_network_format(&b->net, text);
		if (strcmp(text, "203.0.113.0/24") == 0)
			bad = b;
	}
	g_assert_nonnull(bad);
	/* as the milter scores an address of which nothing is known */
	g_assert_true(asn_addr_parse("203.0.113.250", 13, &addr));
	key = asn_networks_key(f->networks, &addr);
	asn_reputation_predict(
	    f->reputation, &key, NOW, &f->config->thresholds, &p);
	g_assert_cmpfloat_with_epsilon(bad->score, p.score, 1e-9);
	g_assert_cmpint(bad->flagged, ==, p.flag);
	g_assert_true(bad->flagged);
	g_assert_cmpuint(worst->len, >=, 2);
	for (guint i = 1; i < worst->len; i++)
		g_assert_cmpfloat(((ReportPlace *)worst->pdata[i - 1])->spam,
		    >=, ((ReportPlace *)worst->pdata[i])->spam);
}

static guint64
next_number(const GByteArray *from, guint *at)
{
	guint64 n = 0;
	guint shift = 0;

	do {
		g_assert_cmpuint(*at, <, from->len);
		n |= (guint64)(from->data[*at] & 0x7f) << shift;
		shift += 7;
	} while (from->data[(*at)++] & 0x80);
	return n;
}

/* 192.0.2.0/24 and so on are allocated, and nothing else is. */
static void
test_space(Fixture *f, gconstpointer data)
{
	static const guint32 units[] = {0xc00002, 0xc63364, 0xcb0071};
	const ReportSpace *v4 = &f->report->space[0];
	guint at = 0;
	guint64 end = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
		const guint64 start = end + next_number(v4->allocated, &at);

		g_assert_cmpuint(start, ==, units[i]);
		g_assert_cmpuint(next_number(v4->allocated, &at), ==, 1);
		end = start + 1;
	}
	g_assert_cmpuint(at, ==, v4->allocated->len);
	g_assert_cmpfloat(v4->addresses, ==, 3 * 256);
	at = 0;
	g_assert_cmpuint(next_number(v4->flagged, &at), ==, 0xcb0071);
	g_assert_cmpuint(next_number(v4->flagged, &at), ==, 1);
	g_assert_cmpuint(at, ==, v4->flagged->len);
}

/* A rule of an address is told as one inside its block, once. */
static void
test_rules(Fixture *f, gconstpointer data)
{
	static const char *const want[] = {
	    "198.51.0.0/16", "203.0.113.0/24", "AS64499"};
	char text[ASN_SUBJECT_STRLEN];

	g_assert_cmpuint(f->report->rules->len, ==, G_N_ELEMENTS(want));
	for (gsize i = 0; i < G_N_ELEMENTS(want); i++) {
		const ReportRule *r =
		    &g_array_index(f->report->rules, ReportRule, i);

		asn_subject_format(&r->rule.what, text);
		g_assert_cmpstr(text, ==, want[i]);
		g_assert_cmpint(r->inside, ==, i == 1);
	}
}

static const ReportPlace *
block_of(const Report *report, const char *text)
{
	for (guint i = 0; i < report->blocks->len; i++) {
		const ReportPlace *p =
		    &g_array_index(report->blocks, ReportPlace, i);
		char net[ASN_NETWORK_STRLEN];

		if (strcmp(asn_network_format(&p->net, net), text) == 0)
			return p;
	}
	g_assert_not_reached();
}

/* A rule for all of a block beats its score, one for an address in it does
 * not. */
static void
test_obeyed(Fixture *f, gconstpointer data)
{
	const AsnRule rules[] = {rule(ASN_RULE_ALLOW, "203.0.113.0", 0),
	    rule(ASN_RULE_ALLOW, "203.0.112.0/23", 0),
	    rule(ASN_RULE_BLOCK, "AS64496", 0),
	    rule(ASN_RULE_ALLOW, "2001:db8::1", 0)};
	ReportSource source = {f->config, f->networks, f->reputation, NULL};
	g_autoptr(GBytes) bytes =
	    asn_rules_build(rules, G_N_ELEMENTS(rules), NOW, NULL);
	gsize len;
	const void *file = g_bytes_get_data(bytes, &len);
	AsnRules *opened = asn_rules_open_memory(file, len, "rules", NULL);
	Report *report;

	g_assert_true(block_of(f->report, "203.0.113.0/24")->flagged);
	g_assert_false(block_of(f->report, "192.0.2.0/24")->flagged);
	source.rules = opened;
	report = report_new(&source, NOW);
	g_assert_false(block_of(report, "203.0.113.0/24")->flagged);
	g_assert_true(block_of(report, "192.0.2.0/24")->flagged);
	/* and the space, but for 203.0.113.0, which was allowed anyway */
	g_assert_cmpfloat(report->space[0].flagged_addresses, ==, 256);
	report_free(report);
	asn_rules_close(opened);
}

/* --- asnd -------------------------------------------------------------------
 */

static void
test_weeks(Fixture *f, gconstpointer data)
{
	g_autoptr(GVariant) quality = g_variant_ref_sink(g_variant_new_parsed(
	    "([{'start': <%x>, 'level': <'block'>, 'flagged': <uint64 8>, "
	    "'rescued': <uint64 2>, 'missed': <uint64 2>}, "
	    "{'start': <%x>, 'level': <'AS'>, 'flagged': <uint64 2>, "
	    "'rescued': <uint64 0>, 'missed': <uint64 1>}, "
	    "{'start': <'nonsense'>}, {'start': <int64 -5>}, "
	    "{'start': <%x>, 'missed': <uint64 4>}],)",
	    MONDAY, MONDAY, MONDAY + 14 * 86400));
	const ReportWeek *w;

	report_read_quality(f->report, quality);
	g_assert_cmpuint(f->report->weeks->len, ==, 3);
	w = &g_array_index(f->report->weeks, ReportWeek, 0);
	g_assert_cmpstr(w[0].day, ==, "2026-11-16");
	g_assert_cmpuint(w[0].flagged, ==, 10);
	g_assert_cmpfloat_with_epsilon(w[0].precision, 0.8, 1e-9);
	g_assert_cmpfloat_with_epsilon(w[0].recall, 8.0 / 11, 1e-9);
	g_assert_cmpstr(w[1].day, ==, "2026-11-23"); /* nothing was seen */
	g_assert_true(isnan(w[1].precision) && isnan(w[1].recall));
	g_assert_true(isnan(w[2].precision));
	g_assert_cmpfloat(w[2].recall, ==, 0);
	g_assert_cmpfloat_with_epsilon(
	    report_all_weeks(f->report).recall, 8.0 / 15, 1e-9);
}

/* More weeks than fit, and one in the year 9999, cost neither time nor room. */
static void
test_hostile_weeks(Fixture *f, gconstpointer data)
{
	g_autoptr(GVariant) quality = g_variant_ref_sink(g_variant_new_parsed(
	    "([{'start': <%x>, 'flagged': <uint64 1>, 'rescued': <uint64 9>}, "
	    "{'start': <%x>, 'flagged': <uint64 1>}, "
	    "{'start': <%x>, 'flagged': <uint64 1>}],)",
	    MONDAY, G_GINT64_CONSTANT(253370000000), MONDAY - 86400));
	g_autofree char *page = NULL;

	report_read_quality(f->report, quality);
	g_assert_cmpuint(f->report->weeks->len, <=, REPORT_WEEKS);
	page = page_of(f->report);
	g_assert_nonnull(page);
}

static void
test_status(Fixture *f, gconstpointer data)
{
	g_autoptr(GVariant) status = g_variant_ref_sink(g_variant_new_parsed(
	    "({'spam_votes': <uint64 1200>, 'ham_votes': <uint64 34>, "
	    "'reporters': <uint32 7>, 'unknown': <'x'>},)"));
	g_autofree char *page = NULL;

	report_read_status(f->report, status);
	page = page_of(f->report);
	g_assert_nonnull(strstr(page, "<b>1,234</b><span>from 7 people"));
}

/* --- text from outside stays text -------------------------------------------
 */

static const char hostile[] =
    "</script><img src=x onerror=alert(1)><!-- \" ' &amp; @@SCRIPT@@ "
    "\xe2\x80\xa8 \xe2\x80\xae \x01";

static guint
count(const char *text, const char *what)
{
	guint n = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

static void
test_hostile(Fixture *f, gconstpointer data)
{
	g_autofree char *page = page_of(f->report);
	g_autoptr(GString) json = g_string_new(NULL), text = g_string_new(NULL);
	const Style plain = {FALSE, FALSE};

	g_assert_nonnull(strstr(page, "&lt;/script&gt;&lt;img src=x"));
	g_assert_nonnull(strstr(page, "\\u003c/script\\u003e\\u003cimg"));
	g_assert_null(strstr(page, "<img"));
	g_assert_cmpuint(count(page, "</script"), ==, 2);
	g_assert_cmpuint(count(page, "<!--"), ==, 0);
	/* line separator, override of direction, control */
	for (guint i = 0; i < 3; i++) {
		static const char *const bad[] = {
		    "\xe2\x80\xa8", "\xe2\x80\xae", "\x01"};

		g_assert_null(strstr(page, bad[i]));
	}
	g_assert_true(g_utf8_validate(page, -1, NULL));
	g_assert_cmpuint(count(page, "@@SCRIPT@@"), >=, 2);
	report_json(f->report, json);
	g_assert_true(g_utf8_validate(json->str, -1, NULL));
	report_text(f->report, &plain, text);
	g_assert_null(strchr(text->str, '\x01'));
	g_assert_null(strstr(text->str, "\xe2\x80\xae"));
}

static void
test_script_string(void)
{
	g_autoptr(GString) out = g_string_new(NULL);

	report_script_string(out, "<>&\"\\\xe2\x80\xa8\xe2\x80\xa9\n\xc3\xa4");
	g_assert_cmpstr(out->str, ==,
	    "\"\\u003c\\u003e\\u0026\\\"\\\\\\u2028\\u2029\\u000a\xc3\xa4\"");
}

static void
test_empty(void)
{
	g_autoptr(GBytes) bytes = test_db_networks("Example");
	g_autoptr(GError) error = NULL;
	AsnConfig *config = asn_config_parse("", 0, "none", &error);
	AsnNetworks *networks = open_networks(bytes);
	const ReportSource source = {config, networks, NULL, NULL};
	Report *report = report_new(&source, NOW);
	g_autofree char *page = page_of(report);

	g_assert_nonnull(strstr(page, "Nothing was learned yet"));
	g_assert_nonnull(strstr(page, "None so far."));
	report_free(report);
	asn_networks_close(networks);
	asn_config_free(config);
}

static void
test_thousands(void)
{
	static const struct {
		double n;
		const char *text;
	} cases[] = {
	    {0, "0"}, {999, "999"}, {1000, "1,000"}, {1234567, "1,234,567"}};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = report_thousands(cases[i].n);
		g_assert_cmpstr(text, ==, cases[i].text);
	}
}

#define ADD(name, holder, test)                                                \
	g_test_add("/report/" name, Fixture, holder, set_up, test, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("learned", NULL, test_learned);
	ADD("space", NULL, test_space);
	ADD("rules", NULL, test_rules);
	ADD("obeyed", NULL, test_obeyed);
	ADD("weeks", NULL, test_weeks);
	ADD("hostile-weeks", NULL, test_hostile_weeks);
	ADD("status", NULL, test_status);
	ADD("hostile", hostile, test_hostile);
	g_test_add_func("/report/script-string", test_script_string);
	g_test_add_func("/report/empty", test_empty);
	g_test_add_func("/report/thousands", test_thousands);
	return g_test_run();
}
