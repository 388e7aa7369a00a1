/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-policy.c: milter/policy.h */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy.h"
#include "test-db.h"

#define NOW 1795217323
#define KEY "0 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

/* --- counting allocations
 * -------------------------------------------------------- */

static gint allocations;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* The sanitizers own malloc and tell of each call. */
int __sanitizer_install_malloc_and_free_hooks(
    void (*on_malloc)(const volatile void *, size_t),
    void (*on_free)(const volatile void *));
static void
on_malloc(const volatile void *p, size_t n)
{
	allocations++;
}
static void
on_free(const volatile void *p)
{
}
static void
count_allocations(void)
{
	__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}
#else
/* glibc keeps its own under these names for who interposes. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *
malloc(size_t n)
{
	allocations++;
	return __libc_malloc(n);
}
void *
calloc(size_t n, size_t size)
{
	allocations++;
	return __libc_calloc(n, size);
}
void *
realloc(void *p, size_t n)
{
	allocations++;
	return __libc_realloc(p, n);
}
static void
count_allocations(void)
{
}
#endif

/* --- fixture
 * ------------------------------------------------------------------------ */

typedef struct {
	AsnConfig *config;
	AsnSealKeys *keys;
	AsnNetworks *networks;
	AsnReputation *reputation;
	GBytes *rule_bytes;
	AsnRules *rules;
	MltPolicy policy;
	MltSnapshot snapshot;
} Fixture;

static int
memory_file(GBytes *bytes)
{
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);
	int fd = memfd_create("db", MFD_CLOEXEC);

	g_assert_cmpint(write(fd, data, len), ==, len);
	g_bytes_unref(bytes);
	return fd;
}

static AsnRule
rule(AsnRuleAction action, const char *what, gint64 until)
{
	AsnRule r = {.action = action, .until = until};

	g_assert_true(asn_subject_parse(what, &r.what, NULL));
	return r;
}

/* For the tests that want them: snapshot has none. */
static void
set_up_rules(Fixture *f)
{
	const AsnRule list[] = {rule(ASN_RULE_BLOCK, "192.0.2.0/24", 0),
	    rule(ASN_RULE_ALLOW, "192.0.2.9", NOW + 1),
	    rule(ASN_RULE_ALLOW, "192.0.2.10", NOW),
	    rule(ASN_RULE_ALLOW, "198.51.100.0/29", NOW + 1),
	    rule(ASN_RULE_BLOCK, "127.0.0.0/8", 0),
	    rule(ASN_RULE_BLOCK, "10.0.0.0/8", 0),
	    rule(ASN_RULE_BLOCK, "AS64499", 0)};
	gsize len;
	const guint8 *data;

	f->rule_bytes =
	    asn_rules_build(list, G_N_ELEMENTS(list), NOW - 1, NULL);
	data = g_bytes_get_data(f->rule_bytes, &len);
	f->rules = asn_rules_open_memory(data, len, "rules", NULL);
	g_assert_nonnull(f->rules);
}

static void
set_up(Fixture *f, gconstpointer text)
{
	static const char *const bad[] = {
	    "198.51.100.0/24", "2001:db8:1::/48", NULL};
	const char *config = text ? text : "";
	GError *error = NULL;
	int fd;

	f->config = asn_config_parse(config, strlen(config), "c", &error);
	g_assert_no_error(error);
	f->keys = asn_seal_keys_parse(KEY, strlen(KEY), "k", &error);
	g_assert_no_error(error);
	fd = memory_file(test_db_networks("Ex\xc3\xa4mple (Networks)"));
	f->networks = asn_networks_open(fd, "networks", &error);
	g_assert_no_error(error);
	close(fd);
	fd = memory_file(test_db_reputation(FALSE, 1, bad, NOW));
	f->reputation = asn_reputation_open(fd, -1, "dir", &error);
	g_assert_no_error(error);
	close(fd);
	f->policy = (MltPolicy){f->config, asn_sealer_new(f->keys)};
	f->snapshot = (MltSnapshot){f->networks, f->reputation, NULL};
	set_up_rules(f);
}

static void
tear_down(Fixture *f, gconstpointer text)
{
	asn_sealer_free(f->policy.sealer);
	asn_seal_keys_free(f->keys);
	asn_networks_close(f->networks);
	asn_reputation_close(f->reputation);
	asn_rules_close(f->rules);
	g_bytes_unref(f->rule_bytes);
	asn_config_free(f->config);
}

static MltFacts
facts(const char *ip)
{
	MltFacts facts = {.queue_id = "4XyZ"};

	if (ip != NULL)
		g_assert_true(asn_addr_parse(ip, strlen(ip), &facts.client));
	return facts;
}

static const MltDecision *
decide(Fixture *f, MltFacts who)
{
	static MltDecision d;

	mlt_policy_decide(&f->policy, &f->snapshot, &who, NOW, &d);
	return &d;
}

static const char *
value(const MltDecision *d, const char *name)
{
	for (guint i = 0; i < d->n; i++)
		if (d->header[i].name_len == strlen(name) &&
		    strncmp(d->header[i].name, name, strlen(name)) == 0)
			return d->header[i].value;
	return NULL;
}

/* --- who gets nothing
 * ------------------------------------------------------------------ */

static void
test_exempt(Fixture *f, gconstpointer text)
{
	static const struct {
		const char *ip;
		gboolean authenticated;
		const char *reason;
	} cases[] = {
	    {NULL, FALSE, "no client address"},
	    {"127.0.0.1", FALSE, "local"},
	    {"127.255.0.1", FALSE, "local"},
	    {"::1", FALSE, "local"},
	    {"::ffff:127.0.0.1", FALSE, "local"},
	    {"10.1.2.3", FALSE, "local"},
	    {"198.51.100.7", TRUE, "authenticated"},
	    {"127.0.0.1", TRUE, "authenticated"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		MltFacts who = facts(cases[i].ip);
		const MltDecision *d;

		who.authenticated = cases[i].authenticated;
		d = decide(f, who);
		g_test_message("%s", cases[i].ip);
		g_assert_cmpint(d->verdict, ==, MLT_UNTOUCHED);
		g_assert_cmpuint(d->n, ==, 0);
		g_assert_cmpstr(d->reason, ==, cases[i].reason);
		g_assert_cmpstr(mlt_verdict_name(d), ==, "-");
	}
}

static void
test_no_database(Fixture *f, gconstpointer text)
{
	const MltDecision *d;

	f->snapshot = (MltSnapshot){0};
	d = decide(f, facts("198.51.100.7"));
	g_assert_cmpint(d->verdict, ==, MLT_UNTOUCHED);
	g_assert_cmpstr(d->reason, ==, "no database");

	f->snapshot = (MltSnapshot){f->networks, NULL, NULL};
	d = decide(f, facts("198.51.100.7"));
	g_assert_cmpint(d->verdict, ==, MLT_UNFLAGGED);
	g_assert_cmpstr(d->reason, ==, "no score");
	g_assert_cmpuint(d->n, ==, 2);
	g_assert_nonnull(value(d, "X-ASN"));
	g_assert_nonnull(value(d, "X-ASN-Seal"));

	f->snapshot = (MltSnapshot){NULL, f->reputation, NULL};
	d = decide(f, facts("198.51.100.7"));
	g_assert_cmpint(d->verdict, ==, MLT_FLAGGED);
	g_assert_null(value(d, "X-ASN"));
	g_assert_nonnull(value(d, "X-ASN-Spam"));
}

/* --- the headers, parsed back
 * -------------------------------------------------------------- */

static void
test_flagged(Fixture *f, gconstpointer text)
{
	const MltDecision *d = decide(f, facts("198.51.100.7"));
	double score, threshold, spam, ham;
	char level[16], rest;
	AsnSealer *sealer = f->policy.sealer;
	AsnSeal seal;

	g_assert_cmpint(d->verdict, ==, MLT_FLAGGED);
	g_assert_cmpstr(mlt_verdict_name(d), ==, "Yes");
	g_assert_cmpuint(d->n, ==, 5);
	g_assert_cmpstr(d->header[0].name, ==, "X-ASN");
	g_assert_cmpstr(d->header[1].name, ==, "X-ASN-Spam");
	g_assert_cmpstr(d->header[2].name, ==, "X-ASN-Seal");
	g_assert_cmpstr(d->header[0].value, ==,
	    "AS64497 198.51.100.0/24 DE (Exaemple [Networks])");
	g_assert_cmpint(sscanf(d->header[1].value,
			    "Yes, score=%lf threshold=%lf level=%15s spam=%lf "
			    "ham=%lf%c",
			    &score, &threshold, level, &spam, &ham, &rest),
	    ==, 5);
	g_assert_cmpfloat_with_epsilon(score, d->score, 0.0005001);
	g_assert_cmpfloat(threshold, ==, 0.9);
	g_assert_cmpfloat(spam, >=, 2);
	g_assert_true(asn_seal_verify(
	    sealer, d->header[2].value, strlen(d->header[2].value), &seal));
	g_assert_true(seal.flagged);
	g_assert_cmpint(seal.time, ==, NOW);
	g_assert_cmpstr(seal.queue_id, ==, "4XyZ");
	g_assert_cmpstr(value(d, "X-Spam-Flag"), ==, "YES");
	g_assert_true(g_str_has_prefix(value(d, "X-Spam-ASN"),
			  "AS64497 198.51.100.0/24 DE 0.9") ||
		      g_str_has_prefix(value(d, "X-Spam-ASN"),
			  "AS64497 198.51.100.0/24 DE 1.000"));
}

static void
test_unflagged(Fixture *f, gconstpointer text)
{
	static const struct {
		const char *ip, *asn, *verdict;
	} cases[] = {
	    {"192.0.2.7", "AS64496 192.0.2.0/24 ZZ (Exaemple [Networks])",
		"No, score=0."},
	    {"::ffff:192.0.2.7",
		"AS64496 192.0.2.0/24 ZZ (Exaemple [Networks])",
		"No, score=0."},
	    {"2001:db8:2::1", "AS64499 2001:db8::/32 FR (Exaemple [Networks])",
		NULL},
	    {"2001:db8:1::1", "AS64499 2001:db8::/32 FR (Exaemple [Networks])",
		"Yes, score="},
	    {"100.64.0.1", NULL, "No, score=0."},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		const MltDecision *d = decide(f, facts(cases[i].ip));

		g_test_message("%s", cases[i].ip);
		g_assert_cmpstr(value(d, "X-ASN"), ==, cases[i].asn);
		if (cases[i].verdict != NULL)
			g_assert_true(g_str_has_prefix(
			    value(d, "X-ASN-Spam"), cases[i].verdict));
		g_assert_nonnull(value(d, "X-ASN-Seal"));
		if (d->verdict == MLT_UNFLAGGED)
			g_assert_cmpuint(d->n, <=, 3);
	}
}

static void
test_no_seal(Fixture *f, gconstpointer text)
{
	static const char *const ids[] = {
	    NULL, "", "a b", "a\nb", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	AsnSealer *sealer = f->policy.sealer;

	for (gsize i = 0; i < G_N_ELEMENTS(ids); i++) {
		MltFacts who = facts("198.51.100.7");

		who.queue_id = ids[i];
		g_assert_null(value(decide(f, who), "X-ASN-Seal"));
		g_assert_nonnull(value(decide(f, who), "X-ASN-Spam"));
	}
	f->policy.sealer = NULL;
	g_assert_null(value(decide(f, facts("198.51.100.7")), "X-ASN-Seal"));
	f->policy.sealer = sealer;
}

/* Unknown parts of the origin, and a flag header that would grow too long. */
static void
test_flag_headers(Fixture *f, gconstpointer text)
{
	const MltDecision *d;

	f->snapshot.networks = NULL;
	d = decide(f, facts("198.51.100.7"));
	g_assert_true(
	    g_str_has_prefix(value(d, "X-Spam-ASN"), "AS0 unknown unknown "));
	for (guint i = 0; i < d->n; i++)
		for (const char *p = d->header[i].value; *p != '\0'; p++)
			g_assert_true(*p >= 0x20 && *p < 0x7f);
}

/* --- rules
 * ------------------------------------------------------------------ */

static gboolean
seal_says(const Fixture *f, const MltDecision *d)
{
	const char *text = value(d, "X-ASN-Seal");
	AsnSeal seal;

	g_assert_true(
	    asn_seal_verify(f->policy.sealer, text, strlen(text), &seal));
	return seal.flagged;
}

/* A rule beats the score, and the score is shown beside it. */
static void
test_rules(Fixture *f, gconstpointer text)
{
	static const struct {
		const char *ip, *spam, *reason;
		gboolean flagged;
	} cases[] = {
	    {"192.0.2.7", "Yes, rule=block:192.0.2.0/24 score=0.", "rule",
		TRUE},
	    {"192.0.2.9", "No, rule=allow:192.0.2.9 score=0.", "rule", FALSE},
	    /* ended just now */
	    {"192.0.2.10", "Yes, rule=block:192.0.2.0/24 score=0.", "rule",
		TRUE},
	    {"198.51.100.7", "No, rule=allow:198.51.100.0/29 score=", "rule",
		FALSE},
	    {"198.51.100.9", "Yes, score=", "flagged", TRUE},
	    {"2001:db8:2::1", "Yes, rule=block:AS64499 score=0.", "rule", TRUE},
	    {"100.64.0.1", "No, score=0.", "below", FALSE},
	};

	f->snapshot.rules = f->rules;
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		const MltDecision *d = decide(f, facts(cases[i].ip));

		g_test_message("%s: %s", cases[i].ip, value(d, "X-ASN-Spam"));
		g_assert_true(
		    g_str_has_prefix(value(d, "X-ASN-Spam"), cases[i].spam));
		g_assert_cmpstr(d->reason, ==, cases[i].reason);
		g_assert_cmpint(
		    d->verdict == MLT_FLAGGED, ==, cases[i].flagged);
		g_assert_cmpint(seal_says(f, d), ==, cases[i].flagged);
		g_assert_cmpint(
		    value(d, "X-Spam-Flag") != NULL, ==, cases[i].flagged);
	}
	test_exempt(f, text);
}

/* Without a score, without reputation, without networks. */
static void
test_rules_alone(Fixture *f, gconstpointer text)
{
	const MltDecision *d;

	f->snapshot = (MltSnapshot){f->networks, NULL, f->rules};
	d = decide(f, facts("2001:db8::1"));
	g_assert_cmpint(d->verdict, ==, MLT_FLAGGED);
	g_assert_cmpstr(value(d, "X-ASN-Spam"), ==, "Yes, rule=block:AS64499");
	g_assert_cmpstr(
	    value(d, "X-Spam-ASN"), ==, "AS64499 2001:db8::/32 FR unknown");
	g_assert_true(isnan(d->score));
	g_assert_cmpstr(mlt_verdict_name(d), ==, "Yes");

	f->snapshot = (MltSnapshot){NULL, NULL, f->rules};
	d = decide(f, facts("192.0.2.7"));
	g_assert_cmpstr(
	    value(d, "X-ASN-Spam"), ==, "Yes, rule=block:192.0.2.0/24");
	g_assert_true(seal_says(f, d));
	d = decide(f, facts("192.0.2.9"));
	g_assert_cmpstr(value(d, "X-ASN-Spam"), ==, "No, rule=allow:192.0.2.9");
	g_assert_cmpstr(mlt_verdict_name(d), ==, "No");
	d = decide(f, facts("2001:db8::1")); /* nobody knows its AS */
	g_assert_null(value(d, "X-ASN-Spam"));
	g_assert_cmpstr(d->reason, ==, "no score");
	g_assert_cmpstr(mlt_verdict_name(d), ==, "-");
}

static void
test_no_allocation(Fixture *f, gconstpointer text)
{
	MltFacts who[] = {facts("198.51.100.7"), facts("192.0.2.7"),
	    facts("2001:db8:1::1"), facts("100.64.0.1"), facts("127.0.0.1")};
	g_autofree char *counted = NULL;
	int before = allocations;

	counted = g_strdup("this one counts");
	g_assert_cmpint(allocations, >, before);
	before = allocations;
	for (guint round = 0; round < 3; round++)
		for (gsize i = 0; i < G_N_ELEMENTS(who); i++)
			decide(f, who[i]);
	f->snapshot.rules = f->rules;
	for (gsize i = 0; i < G_N_ELEMENTS(who); i++)
		decide(f, who[i]);
	g_assert_cmpint(allocations, ==, before);
}

int
main(int argc, char **argv)
{
	static const char text[] =
	    "[milter]\nlocal-networks=10.0.0.0/8\n"
	    "flag-headers=X-Spam-Flag: YES;"
	    "X-Spam-ASN: AS{asn} {prefix} {country} {score}\n";
	static const struct {
		const char *name;
		void (*run)(Fixture *, gconstpointer);
	} tests[] = {
	    {"/policy/exempt", test_exempt},
	    {"/policy/no-database", test_no_database},
	    {"/policy/flagged", test_flagged},
	    {"/policy/unflagged", test_unflagged},
	    {"/policy/no-seal", test_no_seal},
	    {"/policy/flag-headers", test_flag_headers},
	    {"/policy/rules", test_rules},
	    {"/policy/rules-alone", test_rules_alone},
	    {"/policy/no-allocation", test_no_allocation},
	};

	g_test_init(&argc, &argv, NULL);
	count_allocations();
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, text, set_up, tests[i].run,
		    tear_down);
	return g_test_run();
}
