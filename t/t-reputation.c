/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-reputation.c: the databases say what the model says. */

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mmdb-write.h"
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

/* --- files of nonsense
 * -------------------------------------------------------- */

typedef struct {
	const char *name;
	const char *net; /* where the record under test stands */
	const char *key; /* of it; NULL: a bare node */
	double s, h, b;
	guint n;          /* doubles */
	gint len;         /* of a prefix, when key is "prefixes" */
	const char *type; /* of the database */
	double half_life;
	guint64 base;
	gboolean sound;
} Nonsense;

static void
put_key(AsnMmdbWriter *w, const char *key)
{
	asn_mmdb_put_shared_string(w, key, strlen(key));
}

static void
put_doubles(AsnMmdbWriter *w, guint n, double a, double b, double c)
{
	const double v[] = {a, b, c, a, b};

	asn_mmdb_put_array(w, n);
	for (guint i = 0; i < n; i++)
		asn_mmdb_put_double(w, v[i]);
}

static void
put_all(AsnMmdbWriter *w, const Nonsense *c)
{
	asn_mmdb_put_map(w, 8);
	put_key(w, "all");
	put_doubles(w, 3, 1, 1, 0);
	put_key(w, "raw");
	put_doubles(w, 3, 1, 1, 0);
	put_key(w, "half_life");
	asn_mmdb_put_double(w, c->half_life);
	put_key(w, "k");
	asn_mmdb_put_double(w, 1);
	put_key(w, "k_all");
	asn_mmdb_put_double(w, 2);
	put_key(w, "weights_time");
	asn_mmdb_put_uint64(w, 1700000000);
	put_key(w, "two_reporters_until");
	asn_mmdb_put_uint64(w, 0);
	put_key(w, "base");
	asn_mmdb_put_uint64(w, c->base);
}

static void
put_record(AsnMmdbWriter *w, const Nonsense *c)
{
	if (c->key != NULL) {
		asn_mmdb_put_map(w, 1);
		put_key(w, c->key);
	}
	if (g_strcmp0(c->key, "prefixes") == 0) {
		asn_mmdb_put_array(w, 2);
		asn_mmdb_put_uint16(w, (guint16)c->len);
	}
	put_doubles(w, c->n, c->s, c->h, c->b);
}

static AsnNetwork
network(const char *text)
{
	AsnNetwork net;

	g_assert_true(asn_network_parse(text, strlen(text), &net));
	return net;
}

static GBytes *
nonsense(const Nonsense *c)
{
	const AsnMmdbWriterOptions options = {
	    .database_type = c->type, .description = "x", .build_epoch = 1};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&options);
	AsnNetwork net = network(c->net), all = network("100::1/128");
	g_autoptr(GError) error = NULL;
	guint32 at = asn_mmdb_writer_tell(w), at_all;
	GBytes *bytes;

	put_record(w, c);
	at_all = asn_mmdb_writer_tell(w);
	put_all(w, c);
	if (asn_network_cmp(&net, &all) < 0)
		asn_mmdb_writer_add(w, &net, at, &error);
	g_assert_no_error(error);
	asn_mmdb_writer_add(w, &all, at_all, &error);
	g_assert_no_error(error);
	if (asn_network_cmp(&net, &all) > 0)
		asn_mmdb_writer_add(w, &net, at, &error);
	g_assert_no_error(error);
	bytes = asn_mmdb_writer_finish(w, &error);
	g_assert_no_error(error);
	asn_mmdb_writer_free(w);
	return bytes;
}

/* clang-format off */
#define REST ASN_REPUTATION_TYPE, 5e6, 7
static const Nonsense nonsenses[] = {
    {"sound address", "192.0.2.1", "address", 1, 2, 0, 3, 0, REST, TRUE},
    {"with a time", "192.0.2.1", "address", 1, 2, 0, 4, 0, REST, TRUE},
    {"sound block", "192.0.2.0/24", "block", 1, 2, 0, 3, 0, REST, TRUE},
    {"sound prefix", "192.0.2.0/25", "prefixes", 1, 2, 0, 3, 25, REST, TRUE},
    {"sound AS", "100::3:0:fbf0", NULL, 1, 2, 0, 3, 0, REST, TRUE},
    {"not a number", "192.0.2.1", "address", (double)NAN, 2, 0, 3, 0, REST},
    {"infinite", "192.0.2.1", "address", 1, (double)INFINITY, 0, 3, 0, REST},
    {"negative", "192.0.2.1", "address", 1, -2, 0, 3, 0, REST},
    {"negative time", "192.0.2.1", "address", 1, 2, -1, 3, 0, REST},
    {"too short", "192.0.2.1", "address", 1, 2, 0, 2, 0, REST},
    {"too long", "192.0.2.1", "address", 1, 2, 0, 5, 0, REST},
    {"empty", "192.0.2.1", "address", 1, 2, 0, 0, 0, REST},
    {"unknown key", "192.0.2.1", "adress", 1, 2, 0, 3, 0, REST},
    {"same length key", "192.0.2.1", "Address", 1, 2, 0, 3, 0, REST},
    {"bare node in the tree", "192.0.2.1", NULL, 1, 2, 0, 3, 0, REST},
    {"address of a network", "192.0.2.0/31", "address", 1, 2, 0, 3, 0, REST},
    {"v6 address of a network", "2001:db8::/63", "address", 1, 2, 0, 3, 0, REST},
    {"wide block", "192.0.2.0/23", "block", 1, 2, 0, 3, 0, REST},
    {"v6 wide block", "2001:db8::/47", "block", 1, 2, 0, 3, 0, REST},
    {"prefix longer than its place", "192.0.2.0/24", "prefixes", 1, 2, 0, 3, 25, REST},
    {"AS as a map", "100::3:0:fbf0", "address", 1, 2, 0, 3, 0, REST},
    {"many ASs in one", "100::3:0:0/112", NULL, 1, 2, 0, 3, 0, REST},
    {"unknown kind", "100::5:0:1", NULL, 1, 2, 0, 3, 0, REST},
    {"negative AS", "100::3:0:fbf0", NULL, 1, -2, 0, 3, 0, REST},
    {"recent as base", "192.0.2.1", "address", 1, 2, 0, 3, 0, ASN_RECENT_TYPE, 5e6, 7},
    {"networks as base", "192.0.2.1", "address", 1, 2, 0, 3, 0, ASN_NETWORKS_TYPE, 5e6, 7},
    {"no half-life", "192.0.2.1", "address", 1, 2, 0, 3, 0, ASN_REPUTATION_TYPE, 0, 7},
    {"half-life NaN", "192.0.2.1", "address", 1, 2, 0, 3, 0, ASN_REPUTATION_TYPE, (double)NAN, 7},
    {"no base", "192.0.2.1", "address", 1, 2, 0, 3, 0, ASN_REPUTATION_TYPE, 5e6, 0},
};
/* clang-format on */

static void
test_nonsense(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(nonsenses); i++) {
		g_autoptr(GBytes) bytes = nonsense(&nonsenses[i]);
		g_autoptr(GError) error = NULL;
		AsnReputation *rep =
		    asn_reputation_open_memory(bytes, NULL, "dir", &error);

		g_test_message("%s: %s", nonsenses[i].name,
		    error ? error->message : "accepted");
		g_assert_cmpint(rep != NULL, ==, nonsenses[i].sound);
		if (rep == NULL) {
			g_assert_true(error->domain == ASN_MMDB_ERROR);
			g_assert_true(g_str_has_prefix(
			    error->message, "dir/reputation.mmdb: "));
		}
		asn_reputation_close(rep);
	}
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
	g_test_add_func("/reputation/nonsense", test_nonsense);
	g_test_add_func("/reputation/damage", test_damage);
	return g_test_run();
}
