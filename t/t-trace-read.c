/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-trace-read.c: reading X-ASN-Spam (trace.h). */

#include <math.h>
#include <string.h>

#include "trace.h"

static void
test_round_trip(void)
{
	static const double numbers[] = {0, 0.001, 0.5, 0.9, 0.973, 1};
	static const double weights[] = {0, 0.1, 41.3, 99999.9, 1e12};

	for (guint i = 0; i < 6 * 5 * 2 * 5; i++) {
		const guint level = ASN_SPAM_NONE + i / 60;
		const double score = numbers[i % 6];
		const double weight = weights[i / 6 % 5];
		const gboolean flagged = i / 30 % 2;
		char buf[ASN_TRACE_MAX];
		AsnTraceSpam s;
		gsize n = asn_trace_format_spam(buf, sizeof buf, flagged, NULL,
		    score, 0.9, asn_spam_level_name(level), weight, 0.8);

		g_assert_true(asn_trace_parse_spam(buf, n, &s));
		g_assert_cmpint(s.flagged, ==, flagged);
		g_assert_cmpint(s.level, ==, level);
		g_assert_cmpfloat(s.score, ==, score);
		g_assert_cmpfloat(s.threshold, ==, 0.9);
		g_assert_cmpfloat(s.spam, ==, weight);
		g_assert_cmpfloat(s.ham, ==, 0.8);
	}
}

/* With a rule, and with and without a score. */
static void
test_round_trip_rule(void)
{
	static const char *const rules[] = {"block:192.0.2.0/24",
	    "allow:AS4294967295",
	    "block:2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128"};

	for (guint i = 0; i < 2 * G_N_ELEMENTS(rules); i++) {
		char buf[ASN_TRACE_MAX];
		AsnTraceSpam s;
		gsize n = asn_trace_format_spam(buf, sizeof buf, TRUE,
		    rules[i / 2], i % 2 ? 0.5 : (double)NAN, 0.9, "AS", 1, 2);

		g_assert_true(asn_trace_parse_spam(buf, n, &s));
		g_assert_true(s.flagged);
		g_assert_cmpint(s.level, ==, ASN_SPAM_RULE);
		if (i % 2)
			g_assert_cmpfloat(s.score, ==, 0.5);
		else
			g_assert_true(isnan(s.score));
	}
}

#define SCORE " score=0.973 threshold=0.900 level=prefix spam=41.3 ham=0.8"
#define REFUSED -1

static void
test_grammar(void)
{
	static const struct {
		const char *value;
		int level;
	} cases[] = {
	    {"Yes," SCORE, ASN_SPAM_PREFIX},
	    {" Yes," SCORE "\r\n", ASN_SPAM_PREFIX},
	    {"No,\r\n\tscore=0.1 threshold=0.9\n level=none spam=0.0 ham=1.0",
		ASN_SPAM_NONE},
	    {"Yes, rule=block:192.0.2.0/24", ASN_SPAM_RULE},
	    {"No, rule=allow:AS64496" SCORE, ASN_SPAM_RULE},
	    {"Yes, rule=block:2001:db8::/32" SCORE, ASN_SPAM_RULE},
	    {"Yes," SCORE " ", ASN_SPAM_PREFIX},
	    {"", REFUSED},
	    {"Yes", REFUSED},
	    {"Yes,", REFUSED},
	    {"yes," SCORE, REFUSED},
	    {"Yes," SCORE "0000", REFUSED},
	    {"Yes," SCORE " x=1", REFUSED},
	    {"Yes," SCORE SCORE, REFUSED},
	    {"Yes," SCORE " rule=block:AS1", REFUSED},
	    {"Yes, rule=block:AS1 rule=block:AS1", REFUSED},
	    {"Yes, rule=block:", REFUSED},
	    {"Yes, rule=deny:AS1", REFUSED},
	    {"Yes, rule=block:AS1 score=0.9", REFUSED},
	    {"Yes, rule=block:AS 1", REFUSED},
	    {"Yes,score=0.9 threshold=0.9 level=AS spam=1.0 ham=1.0", REFUSED},
	    {"Yes, score=1.001 threshold=0.9 level=AS spam=1.0 ham=1.0",
		REFUSED},
	    {"Yes, score=-0.1 threshold=0.9 level=AS spam=1.0 ham=1.0",
		REFUSED},
	    {"Yes, score=nan threshold=0.9 level=AS spam=1.0 ham=1.0", REFUSED},
	    {"Yes, score=1 threshold=0.9 level=AS spam=1.0 ham=1.0", REFUSED},
	    {"Yes, score=.9 threshold=0.9 level=AS spam=1.0 ham=1.0", REFUSED},
	    {"Yes, score=0.9000 threshold=0.9 level=AS spam=1.0 ham=1.0",
		REFUSED},
	    {"Yes, score=0.9 threshold=0.9 level=ASN spam=1.0 ham=1.0",
		REFUSED},
	    {"Yes, score=0.9 threshold=0.9 level=rule spam=1.0 ham=1.0",
		REFUSED},
	    {"Yes, score=0.9 threshold=0.9 level=AS spam=12345678901234.0"
	     " ham=1.0",
		REFUSED},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		AsnTraceSpam s;
		gboolean ok = asn_trace_parse_spam(
		    cases[i].value, strlen(cases[i].value), &s);

		g_assert_cmpint(
		    ok ? (int)s.level : REFUSED, ==, cases[i].level);
	}
}

/* A NUL; a rule of 64 bytes and of one more; a name out of nowhere. */
static void
test_bounds(void)
{
	static const char nul[] = "Yes," SCORE "\0";
	char rule[128] = "Yes, rule=block:";
	gsize n = strlen(rule);
	AsnTraceSpam s;

	g_assert_false(asn_trace_parse_spam(nul, sizeof nul - 1, &s));
	memset(rule + n, 'a', 65);
	g_assert_true(asn_trace_parse_spam(rule, n + 64, &s));
	g_assert_true(isnan(s.score));
	g_assert_false(asn_trace_parse_spam(rule, n + 65, &s));
	g_assert_cmpstr(asn_spam_level_name(4711), ==, "unknown");
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/trace/spam/round-trip", test_round_trip);
	g_test_add_func("/trace/spam/round-trip-rule", test_round_trip_rule);
	g_test_add_func("/trace/spam/grammar", test_grammar);
	g_test_add_func("/trace/spam/bounds", test_bounds);
	return g_test_run();
}
