/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-reputation.c: the databases say what the model says. */

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reputation.h"

#define DAY 86400.0
#define START 1700000000.0

static const AsnThresholds thresholds = {0.6, 1, 5};

/* --- random mails -----------------------------------------------------------
 */

static const char *const stems[] = {"198.18.0.0", "198.18.1.128", "0.0.0.0",
    "255.255.255.0",
    "2001:db8::", "2001:db8:1:2::", "2002:c612:101::", "::", "64:ff9b::c612:0",
    "fd00:1::", "2001:0:5ef5::", "ffff:ffff::"};

/* An address near a stem: some bits at the end differ, few or many. */
static AsnAddr
random_addr(GRand *rng)
{
	const char *stem = stems[g_rand_int_range(rng, 0, G_N_ELEMENTS(stems))];
	AsnAddr a;
	guint bytes;

	g_assert_true(asn_addr_parse(stem, strlen(stem), &a));
	bytes = (guint)g_rand_int_range(rng, 1, a.family == 4 ? 3 : 12);
	for (guint i = 16 - bytes; i < 16; i++)
		if (g_rand_int_range(rng, 0, 2))
			a.b[i] = (guint8)g_rand_int_range(rng, 0, 3);
	if (g_rand_int_range(rng, 0, 8) == 0)
		for (guint i = a.family == 4 ? 12 : 2; i < 16; i++)
			a.b[i] = (guint8)g_rand_int(rng);
	return a;
}

static AsnOriginKey
random_key(GRand *rng)
{
	static const guint8 v4_len[] = {0, 8, 15, 23, 24, 25, 29, 31, 32};
	static const guint8 v6_len[] = {
	    0, 3, 15, 16, 17, 32, 47, 48, 49, 56, 63, 64, 65, 80, 127, 128};
	static const guint32 asns[] = {0, 1, 64496, 64497, 4294967295u};
	static const char *const countries[] = {"", "AA", "BB", "ZZ"};
	AsnOriginKey key = {.addr = random_addr(rng)};
	guint8 len = key.addr.family == 4
			 ? v4_len[g_rand_int_range(rng, 0, sizeof v4_len)]
			 : v6_len[g_rand_int_range(rng, 0, sizeof v6_len)];

	if (g_rand_int_range(rng, 0, 8) != 0)
		key.prefix = asn_network_of(&key.addr, len);
	key.asn = asns[g_rand_int_range(rng, 0, G_N_ELEMENTS(asns))];
	g_strlcpy(key.country,
	    countries[g_rand_int_range(rng, 0, G_N_ELEMENTS(countries))],
	    sizeof key.country);
	return key;
}

/* --- one run
 * ------------------------------------------------------------------ */

typedef struct {
	GRand *rng;
	AsnModel *model;
	double now;
	GArray *keys;     /* learnt */
	GArray *receipts; /* of keys; spam < 0: taken back */
	guint64 base_id;
	gint64 two_until;
	GBytes *base, *recent;
	guint asked, warm, flagged, two;
} Run;

static void
work(Run *run, guint n)
{
	for (guint i = 0; i < n; i++) {
		AsnOriginKey key = random_key(run->rng);
		gboolean spam = g_rand_int_range(run->rng, 0, 2);
		double t = run->now;
		AsnReceipt r;

		run->now += g_rand_int_range(run->rng, 0, 20000);
		if (run->keys->len > 0 &&
		    g_rand_int_range(run->rng, 0, 3) == 0) {
			guint at = (guint)g_rand_int_range(
			    run->rng, 0, (gint32)run->keys->len);
			asn_model_unlearn(run->model,
			    &g_array_index(run->keys, AsnOriginKey, at),
			    &g_array_index(run->receipts, AsnReceipt, at));
			g_array_remove_index_fast(run->keys, at);
			g_array_remove_index_fast(run->receipts, at);
			continue;
		}
		if (g_rand_int_range(run->rng, 0, 5) == 0)
			t -= g_rand_int_range(run->rng, 0, 5000000);
		else if (g_rand_int_range(run->rng, 0, 20) == 0)
			t += g_rand_int_range(run->rng, 0, 5000000);
		r = asn_model_learn(run->model, &key, t, spam, 1,
		    (guint32)g_rand_int_range(run->rng, 0, 4));
		g_array_append_val(run->keys, key);
		g_array_append_val(run->receipts, r);
	}
}

static void
compare(Run *run, const AsnReputation *rep, const AsnOriginKey *key, double t)
{
	const gboolean two = t < (double)run->two_until;
	AsnPrediction want, got;

	asn_model_set_min_reporters(run->model, two ? 2 : 1);
	g_assert_cmpint(asn_reputation_needs_two(rep, t), ==, two);
	asn_model_predict(run->model, key, t, &want);
	asn_reputation_predict(rep, key, t, &thresholds, &got);
	for (guint l = 0; l < ASN_N_LEVELS; l++) {
		const AsnChainLevel *w = &want.level[l], *g = &got.level[l];

		g_assert_cmpint(g->present, ==, w->present);
		g_assert_cmpfloat_with_epsilon(g->s, w->s, 1e-9);
		g_assert_cmpfloat_with_epsilon(g->h, w->h, 1e-9);
		g_assert_cmpfloat_with_epsilon(g->theta, w->theta, 1e-9);
		/* A node of no weight may be left out of the base. */
		if (w->s + w->h > 1e-9)
			g_assert_cmpint(g->backed, ==, w->backed);
	}
	g_assert_cmpfloat_with_epsilon(got.score, want.score, 1e-9);
	g_assert_cmpfloat_with_epsilon(got.evidence, want.evidence, 1e-9);
	g_assert_cmpfloat_with_epsilon(got.raw_ham, want.raw_ham, 1e-9);
	if (fabs(want.raw_ham - thresholds.min_ham) > 1e-6)
		g_assert_cmpint(got.warm, ==, want.warm);
	if (fabs(want.score - thresholds.threshold) > 1e-6 &&
	    fabs(want.evidence - thresholds.evidence) > 1e-6 &&
	    fabs(want.raw_ham - thresholds.min_ham) > 1e-6)
		g_assert_cmpint(got.flag, ==, want.flag);
	run->asked++;
	run->warm += want.warm;
	run->flagged += want.flag;
	run->two += two;
}

static void
ask(Run *run, const AsnReputation *rep)
{
	static const double later[] = {
	    0, 1, 0.5, DAY, 20 * DAY, 60 * DAY, 61 * DAY, 400 * DAY};

	for (guint i = 0; i < 300; i++) {
		AsnOriginKey key = random_key(run->rng);
		double t =
		    floor(run->now) +
		    later[g_rand_int_range(run->rng, 0, G_N_ELEMENTS(later))];

		/* Half of the questions are about what was learnt. */
		if (i % 2 && run->keys->len > 0)
			key = g_array_index(run->keys, AsnOriginKey,
			    g_rand_int(run->rng) % run->keys->len);
		compare(run, rep, &key, t);
	}
}

static GBytes *
build(Run *run, gboolean base)
{
	const AsnReputationBuild b = {
	    .base_id = run->base_id,
	    .weights_time = (gint64)run->now,
	    .two_reporters_until = run->two_until,
	};
	g_autoptr(GError) error = NULL;
	GBytes *bytes, *again;

	bytes = (base ? asn_reputation_build_base
		      : asn_reputation_build_recent)(run->model, &b, &error);
	g_assert_no_error(error);
	again = (base ? asn_reputation_build_base
		      : asn_reputation_build_recent)(run->model, &b, &error);
	g_assert_no_error(error);
	g_assert_true(g_bytes_equal(bytes, again));
	g_bytes_unref(again);
	return bytes;
}

static AsnReputation *
open_bytes(GBytes *base, GBytes *recent)
{
	g_autoptr(GError) error = NULL;
	AsnReputation *rep =
	    asn_reputation_open_memory(base, recent, "test", &error);

	g_assert_no_error(error);
	return rep;
}

static int
as_fd(GBytes *bytes)
{
	int fd = memfd_create("t-reputation", MFD_CLOEXEC);
	gsize len;
	gconstpointer data = g_bytes_get_data(bytes, &len);

	g_assert_cmpint(write(fd, data, len), ==, (gssize)len);
	return fd;
}

/* A new base; with the recent of the old one beside it, as a reader may see
 * the directory in between; and then its own recent. */
static void
publish_base(Run *run)
{
	AsnReputation *rep;

	run->base_id++;
	g_clear_pointer(&run->base, g_bytes_unref);
	run->base = build(run, TRUE);
	rep = open_bytes(run->base, run->recent);
	g_assert_false(asn_reputation_has_recent(rep));
	g_assert_cmpuint(asn_reputation_base_id(rep), ==, run->base_id);
	ask(run, rep);
	asn_reputation_close(rep);
	asn_model_advance(run->model);
}

static void
publish_recent(Run *run, AsnReputation **rep)
{
	g_autoptr(GError) error = NULL;
	AsnReputation *next;
	int fd;

	g_clear_pointer(&run->recent, g_bytes_unref);
	run->recent = build(run, FALSE);
	fd = as_fd(run->recent);
	next = asn_reputation_with_recent(*rep, fd, &error);
	g_assert_no_error(error);
	close(fd);
	asn_reputation_close(*rep);
	*rep = next;
	g_assert_true(asn_reputation_has_recent(next));
	g_assert_cmpint(
	    asn_reputation_weights_time(next), ==, (gint64)run->now);
	ask(run, next);
}

static void
test_property(gconstpointer seed)
{
	Run run = {.rng = g_rand_new_with_seed(GPOINTER_TO_UINT(seed)),
	    .now = START,
	    .base_id = 10};
	AsnModelParams params = asn_model_defaults;

	params.threshold = thresholds.threshold;
	params.evidence = thresholds.evidence;
	params.min_ham = thresholds.min_ham;
	run.model = asn_model_new(&params);
	run.keys = g_array_new(FALSE, FALSE, sizeof(AsnOriginKey));
	run.receipts = g_array_new(FALSE, FALSE, sizeof(AsnReceipt));
	for (guint round = 0; round < 6; round++) {
		AsnReputation *rep;

		/* The first base is of an empty model. */
		work(&run, round * 60);
		run.two_until =
		    round % 3 == 0
			? 0
			: (round % 3 == 1 ? G_MAXINT64
					  : (gint64)(run.now + 30 * DAY));
		publish_base(&run);
		rep = open_bytes(run.base, NULL);
		for (guint i = 0; i < 4; i++) {
			work(&run, i * 7);
			publish_recent(&run, &rep);
		}
		asn_reputation_close(rep);
	}
	g_assert_cmpuint(run.asked, >, 5000);
	g_assert_cmpuint(run.warm, >, 100);
	g_assert_cmpuint(run.flagged, >, 50);
	g_assert_cmpuint(run.two, >, 500);
	g_array_unref(run.keys);
	g_array_unref(run.receipts);
	g_bytes_unref(run.base);
	g_bytes_unref(run.recent);
	asn_model_free(run.model);
	g_rand_free(run.rng);
}

/* Not one byte of a base or recent may be changed without being noticed, and
 * a bad recent leaves the old handle as it was. */
static void
test_damage(void)
{
	AsnModel *model = asn_model_new(&asn_model_defaults);
	AsnReputationBuild b = {.base_id = 1, .weights_time = 1700000000};
	GRand *rng = g_rand_new_with_seed(4);
	g_autoptr(GBytes) base = NULL;
	g_autoptr(GError) error = NULL;
	AsnReputation *rep;
	gsize len;

	for (guint i = 0; i < 20; i++) {
		AsnOriginKey key = random_key(rng);
		asn_model_learn(model, &key, START, i % 2, 1, 1);
	}
	base = asn_reputation_build_base(model, &b, &error);
	rep = open_bytes(base, NULL);
	g_autoptr(GBytes) recent =
	    asn_reputation_build_recent(model, &b, &error);
	const guint8 *data = g_bytes_get_data(recent, &len);
	for (gsize i = 0; i < len; i += 7) {
		g_autofree guint8 *copy = g_memdup2(data, len);
		g_autoptr(GBytes) bad = NULL;
		int fd;

		copy[i] ^= (guint8)(1u << g_rand_int_range(rng, 0, 8));
		bad = g_bytes_new(copy, len);
		fd = as_fd(bad);
		g_assert_null(asn_reputation_with_recent(rep, fd, &error));
		g_assert_nonnull(error);
		g_clear_error(&error);
		close(fd);
	}
	g_assert_false(asn_reputation_has_recent(rep));
	asn_reputation_close(rep);
	asn_model_free(model);
	g_rand_free(rng);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint seed = 1; seed <= 20; seed++) {
		g_autofree char *path =
		    g_strdup_printf("/reputation/equals-model/%u", seed);
		g_test_add_data_func(
		    path, GUINT_TO_POINTER(seed), test_property);
	}
	g_test_add_func("/reputation/damage", test_damage);
	return g_test_run();
}
