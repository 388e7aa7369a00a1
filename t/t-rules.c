/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-rules.c: rules.h */

#include <gio/gio.h>
#include <string.h>

#include "rules.h"

#define NOW 1795217323

static AsnSubject
subject(const char *text)
{
	g_autoptr(GError) error = NULL;
	AsnSubject s;

	asn_subject_parse(text, &s, &error);
	g_assert_no_error(error);
	return s;
}

static AsnAddr
address(const char *text)
{
	AsnAddr a;

	g_assert_true(asn_addr_parse(text, strlen(text), &a));
	return a;
}

/* "block 192.0.2.0/24 5": until NOW + 5; without a number for ever. */
static AsnRule
rule(const char *text)
{
	g_auto(GStrv) w = g_strsplit(text, " ", 3);
	AsnRule r = {.action = asn_rule_action_parse(w[0], strlen(w[0])),
	    .what = subject(w[1])};

	if (w[2] != NULL)
		r.until = NOW + g_ascii_strtoll(w[2], NULL, 10);
	g_assert_cmpint(r.action, !=, 0);
	return r;
}

static AsnRules *
build(const char *const *lines, GBytes **bytes)
{
	g_autoptr(GArray) rules = g_array_new(FALSE, FALSE, sizeof(AsnRule));
	g_autoptr(GError) error = NULL;
	AsnRules *r;
	gsize len;
	const guint8 *data;

	for (; *lines != NULL; lines++) {
		AsnRule one = rule(*lines);
		g_array_append_val(rules, one);
	}
	*bytes = asn_rules_build(
	    (AsnRule *)(gpointer)rules->data, rules->len, NOW, &error);
	g_assert_no_error(error);
	data = g_bytes_get_data(*bytes, &len);
	r = asn_rules_open_memory(data, len, "t", &error);
	g_assert_no_error(error);
	return r;
}

/* --- asking --------------------------------------------------------------- */

typedef struct {
	const char *addr;
	guint32 asn;
	gint64 later;       /* seconds after NOW */
	const char *wanted; /* NULL: no rule */
} Question;

static void
ask(const AsnRules *rules, const Question *q)
{
	AsnAddr addr = address(q->addr);
	char text[ASN_RULE_STRLEN];
	AsnRule found;

	g_test_message("%s AS%u +%d", q->addr, q->asn, (int)q->later);
	g_assert_cmpint(
	    asn_rules_find(rules, &addr, q->asn, NOW + q->later, &found), ==,
	    q->wanted != NULL);
	if (q->wanted != NULL)
		g_assert_cmpstr(asn_rule_format(&found, text), ==, q->wanted);
}

static void
test_narrowest(void)
{
	static const char *const lines[] = {"block 192.0.2.0/24",
	    "allow 192.0.2.7", "allow 192.0.2.64/26", "block 192.0.2.65",
	    "block AS64496", "allow AS64497", "block 2001:db8::/32",
	    "allow 2001:db8:1::/48", "block 2001:db8:1::1", "block 10.0.0.0/8",
	    NULL};
	static const Question questions[] = {
	    {"192.0.2.1", 0, 0, "block:192.0.2.0/24"},
	    {"192.0.2.7", 0, 0, "allow:192.0.2.7"},
	    {"192.0.2.64", 0, 0, "allow:192.0.2.64/26"},
	    {"192.0.2.65", 0, 0, "block:192.0.2.65"},
	    {"192.0.3.1", 0, 0, NULL},
	    {"192.0.3.1", 64496, 0, "block:AS64496"},
	    {"192.0.3.1", 64498, 0, NULL},
	    {"2001:db9::1", 64497, 0, "allow:AS64497"},
	    {"192.0.2.1", 64497, 0, "block:192.0.2.0/24"},
	    {"2001:db8::1", 0, 0, "block:2001:db8::/32"},
	    {"2001:db8:1::2", 0, 0, "allow:2001:db8:1::/48"},
	    {"2001:db8:1::1", 0, 0, "block:2001:db8:1::1"},
	    {"10.255.255.255", 0, 0, "block:10.0.0.0/8"},
	    /* 6to4 of 192.0.2.7 */
	    {"2002:c000:207::1", 0, 0, "allow:192.0.2.7"},
	    {"::c000:207", 0, 0, NULL},
	    /* where AS64496 stands */
	    {"100::3:0:fbf0", 0, 0, NULL},
	};
	g_autoptr(GBytes) bytes = NULL;
	AsnRules *rules = build(lines, &bytes);

	for (gsize i = 0; i < G_N_ELEMENTS(questions); i++)
		ask(rules, &questions[i]);
	asn_rules_close(rules);
}

/* What is wider holds again when what is narrower has ended; of the same the
 * first in the list holds while it lasts. */
static void
test_until(void)
{
	static const char *const lines[] = {"block 192.0.2.0/24",
	    "allow 192.0.2.0/25 20", "block 192.0.2.0/28 10",
	    "allow 192.0.2.0/30 5", "allow AS64496 10", "block AS64496",
	    "allow 198.51.100.1 -1", "allow 203.0.113.0/24 10",
	    "block 203.0.113.0/24 20", "allow 203.0.113.0/24 15", NULL};
	static const Question questions[] = {
	    {"192.0.2.1", 0, 4, "allow:192.0.2.0/30"},
	    {"192.0.2.1", 0, 5, "block:192.0.2.0/28"},
	    {"192.0.2.1", 0, 10, "allow:192.0.2.0/25"},
	    {"192.0.2.1", 0, 20, "block:192.0.2.0/24"},
	    {"192.0.2.128", 0, 0, "block:192.0.2.0/24"},
	    {"198.51.100.2", 64496, 9, "allow:AS64496"},
	    {"198.51.100.2", 64496, 10, "block:AS64496"},
	    {"198.51.100.1", 0, 0, NULL},
	    {"203.0.113.1", 0, 9, "allow:203.0.113.0/24"},
	    {"203.0.113.1", 0, 10, "block:203.0.113.0/24"},
	    {"203.0.113.1", 0, 20, NULL},
	    {"203.0.113.1", 64496, 20, "block:AS64496"},
	};
	g_autoptr(GBytes) bytes = NULL;
	AsnRules *rules = build(lines, &bytes);

	for (gsize i = 0; i < G_N_ELEMENTS(questions); i++)
		ask(rules, &questions[i]);
	asn_rules_close(rules);
}

/* What is narrower than the network does not count, and does not hide what is
 * around it. */
static void
test_network(void)
{
	static const char *const lines[] = {"block 192.0.2.0/24",
	    "allow 192.0.2.0/28", "allow 192.0.2.16/28", "allow AS64496",
	    "block 198.51.100.0/25", "allow 198.51.100.128/25",
	    "block 2001:db8::/32", "allow 2001:db8::/48", NULL};
	static const struct {
		const char *net;
		guint32 asn;
		const char *wanted;
	} cases[] = {
	    {"192.0.2.0/24", 0, "block:192.0.2.0/24"},
	    {"192.0.2.0/27", 0, NULL}, /* all of it has narrower ones */
	    {"192.0.2.0/26", 0, "block:192.0.2.0/24"},
	    {"192.0.2.0/28", 0, "allow:192.0.2.0/28"},
	    {"192.0.2.0/30", 0, "allow:192.0.2.0/28"},
	    {"192.0.0.0/16", 0, NULL},
	    {"192.0.0.0/16", 64496, "allow:AS64496"},
	    {"198.51.100.0/24", 64496, "allow:AS64496"},
	    {"198.51.100.0/24", 0, NULL},
	    {"2001:db8::/40", 0, "block:2001:db8::/32"},
	    {"2001:db8::/16", 0, NULL},
	    {"2002:c000:240::/44", 0, "block:192.0.2.0/24"},
	};
	g_autoptr(GBytes) bytes = NULL;
	AsnRules *rules = build(lines, &bytes);

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		char text[ASN_RULE_STRLEN];
		AsnNetwork net;
		AsnRule found;

		g_test_message("%s", cases[i].net);
		g_assert_true(asn_network_parse(
		    cases[i].net, strlen(cases[i].net), &net));
		g_assert_cmpint(asn_rules_find_network(
				    rules, &net, cases[i].asn, NOW, &found),
		    ==, cases[i].wanted != NULL);
		if (cases[i].wanted != NULL)
			g_assert_cmpstr(
			    asn_rule_format(&found, text), ==, cases[i].wanted);
		g_assert_false(asn_rules_find_network(
		    NULL, &net, cases[i].asn, NOW, &found));
	}
	asn_rules_close(rules);
}

static void
test_empty(void)
{
	static const char *const none[] = {NULL}, *const one[] = {
						      "allow AS1", NULL};
	static const Question question = {"192.0.2.1", 64496, 0, NULL};
	g_autoptr(GBytes) bytes = NULL, other = NULL;
	AsnRules *rules = build(none, &bytes);

	g_assert_true(asn_rules_is_empty(rules));
	g_assert_true(asn_rules_is_empty(NULL));
	ask(rules, &question);
	ask(NULL, &question);
	asn_rules_close(rules);
	rules = build(one, &other);
	g_assert_false(asn_rules_is_empty(rules));
	asn_rules_close(rules);
}

/* The tree against the definition, with random nested networks. */
static const AsnRule *
slow_find(const GArray *rules, const AsnOriginKey *key, gint64 now)
{
	const AsnRule *best = NULL;

	for (guint i = 0; i < rules->len; i++) {
		const AsnRule *r = &g_array_index(rules, AsnRule, i);
		guint len =
		    r->what.kind == ASN_SUBJECT_AS ? 0 : r->what.net.len;

		if (!asn_rule_holds(r, now) ||
		    !asn_subject_contains(&r->what, key))
			continue;
		if (best == NULL || len > best->what.net.len)
			best = r;
	}
	return best;
}

static AsnAddr
random_address(GRand *rng, guint8 family)
{
	AsnAddr a = {.family = family};

	/* Few networks, so that they nest. */
	a.b[family == 4 ? 12 : 0] = family == 4 ? 10 : 0x20;
	for (guint i = family == 4 ? 13 : 2; i < 16; i++)
		a.b[i] =
		    g_rand_boolean(rng) ? 0 : (guint8)g_rand_int(rng) & 129;
	return a;
}

static AsnRule
random_rule(GRand *rng)
{
	guint8 family = g_rand_boolean(rng) ? 4 : 6;
	guint8 max = family == 4 ? 32 : 128;
	guint8 len = (guint8)g_rand_int_range(rng, max / 4, max + 1);
	AsnAddr addr = random_address(rng, family);
	AsnRule r = {
	    .action = g_rand_boolean(rng) ? ASN_RULE_ALLOW : ASN_RULE_BLOCK};

	if (g_rand_int_range(rng, 0, 10) == 0) {
		r.what.kind = ASN_SUBJECT_AS;
		r.what.asn = (guint32)g_rand_int_range(rng, 1, 20);
	} else {
		r.what.kind =
		    len == max ? ASN_SUBJECT_ADDRESS : ASN_SUBJECT_NETWORK;
		r.what.net = asn_network_of(&addr, len);
	}
	if (g_rand_boolean(rng))
		r.until = NOW + g_rand_int_range(rng, -5, 50);
	return r;
}

static void
test_random(void)
{
	GRand *rng = g_rand_new_with_seed((guint32)g_test_rand_int());
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(AsnRule));
	g_autoptr(GBytes) bytes = NULL;
	AsnRules *rules;
	gsize len;
	const guint8 *data;

	for (guint i = 0; i < 500; i++) {
		AsnRule r = random_rule(rng);
		g_array_append_val(list, r);
	}
	bytes = asn_rules_build(
	    (AsnRule *)(gpointer)list->data, list->len, NOW, NULL);
	data = g_bytes_get_data(bytes, &len);
	rules = asn_rules_open_memory(data, len, "t", NULL);
	g_assert_nonnull(rules);
	for (guint i = 0; i < 20000; i++) {
		AsnOriginKey key = {.addr = random_address(rng, i % 2 ? 4 : 6),
		    .asn = (guint32)g_rand_int_range(rng, 0, 30)};
		gint64 now = NOW + g_rand_int_range(rng, 0, 60);
		const AsnRule *wanted = slow_find(list, &key, now);
		AsnRule found;

		g_assert_cmpint(
		    asn_rules_find(rules, &key.addr, key.asn, now, &found), ==,
		    wanted != NULL);
		if (wanted == NULL)
			continue;
		g_assert_cmpint(found.action, ==, wanted->action);
		g_assert_true(asn_subject_equal(&found.what, &wanted->what));
		g_assert_cmpint(found.until, ==, wanted->until);
	}
	asn_rules_close(rules);
	g_rand_free(rng);
}

static void
test_subjects(void)
{
	static const struct {
		const char *what, *wrong;
	} cases[] = {
	    {"192.0.2.1", NULL},
	    {"10.0.0.0/8", NULL},
	    {"10.0.0.0/7", "/8 is the widest"},
	    {"0.0.0.0/0", "/8 is the widest"},
	    {"2001::/16", NULL},
	    {"2000::/3", "/16 is the widest"},
	    {"::/0", "/16 is the widest"},
	    {"100::1", "reserved"},
	    {"::1", "reserved"},
	    {"2002:c000:200::/40", "a rule for 192.0.2.0/24 holds there too"},
	    {"2002:c000:201::1", "a rule for 192.0.2.1/32 holds there too"},
	    {"AS1", NULL},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		AsnSubject s = subject(cases[i].what);
		g_autoptr(GError) error = NULL;

		g_test_message("%s", cases[i].what);
		asn_rule_check_subject(&s, &error);
		if (cases[i].wrong == NULL) {
			g_assert_no_error(error);
			continue;
		}
		g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
		if (strstr(error->message, cases[i].wrong) == NULL)
			g_error("%s", error->message);
	}
}

/* What 10,000 rules cost, for who reads the log. */
static void
test_many(void)
{
	const guint n = 10000;
	g_autofree AsnRule *list = g_new0(AsnRule, n);
	g_autoptr(GBytes) bytes = NULL;
	gint64 t0, t1, t2;
	AsnRules *rules;
	gsize len;
	const guint8 *data;

	for (guint i = 0; i < n; i++) {
		guint32 v4 = GUINT32_TO_BE(0x0a000000u + i * 1031);

		list[i].action = i % 3 ? ASN_RULE_BLOCK : ASN_RULE_ALLOW;
		list[i].what.net =
		    (AsnNetwork){.addr = {.family = 4}, .len = 32};
		memcpy(list[i].what.net.addr.b + 12, &v4, 4);
		list[i].until = i % 2 ? NOW + i : 0;
	}
	t0 = g_get_monotonic_time();
	bytes = asn_rules_build(list, n, NOW, NULL);
	t1 = g_get_monotonic_time();
	data = g_bytes_get_data(bytes, &len);
	rules = asn_rules_open_memory(data, len, "t", NULL);
	t2 = g_get_monotonic_time();
	g_assert_nonnull(rules);
	asn_rules_close(rules);
	g_test_message("%u rules: %.1f ms to build, %.1f ms to open, %.2f MB",
	    n, (double)(t1 - t0) / 1e3, (double)(t2 - t1) / 1e3,
	    (double)len / 1e6);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rules/narrowest", test_narrowest);
	g_test_add_func("/rules/until", test_until);
	g_test_add_func("/rules/network", test_network);
	g_test_add_func("/rules/empty", test_empty);
	g_test_add_func("/rules/random", test_random);
	g_test_add_func("/rules/subjects", test_subjects);
	g_test_add_func("/rules/many", test_many);
	return g_test_run();
}
