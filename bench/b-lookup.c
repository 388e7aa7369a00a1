/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * b-lookup.c: networks + rules + reputation + score of one client address, in
 * process, against one raw MMDB_lookup_sockaddr of libmaxminddb.
 *
 * networks.mmdb is the real one ($ASND_BUILD/bench/networks.mmdb, made by
 * "asnctl import" when it is not there), with 100,000 networks of evidence
 * (addresses, blocks, prefixes) drawn from it.  rules.mmdb is there and empty,
 * as on most hosts; with --rules N it has N.
 *
 * Both answer all questions, in short slices that take turns, so that whatever
 * else runs meets both; the ratio is the median of the slices' ratios.  Before
 * each slice the same side answers another one untimed: the caches are its
 * own, not full of what the other has read.
 */

#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <maxminddb.h>

#include "networks.h"
#include "reputation.h"
#include "rules.h"

#define EVIDENCE 100000
#define POOL                                                                   \
	200000    /* addresses that zipf draws from; the first have evidence */
#define SLICES 50 /* of the questions, yardstick and ours in turn */
#define NOW 1.8e9
#define TARGET 3.0

typedef union {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
} Sockaddr;

typedef struct {
	AsnNetworks *networks;
	AsnReputation *reputation;
	AsnRules *rules;
	MMDB_s mmdb;
	GArray *pool; /* AsnAddr */
	Sockaddr *questions;
	gsize n;
} Bench;

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* --- evidence ---------------------------------------------------------------
 */

typedef struct {
	GRand *rng;
	GArray *pool;
	guint64 seen;
} Sample;

/* Keeps each leaf with the same chance, and an address inside of it. */
static gboolean
sample_leaf(const AsnNetwork *leaf, AsnMmdbValue value, gpointer data)
{
	Sample *s = data;
	AsnAddr a = leaf->addr;
	guint first = leaf->len + (a.family == 4 ? 96 : 0);
	guint64 at;

	for (guint bit = first; bit < 128; bit++)
		if (g_rand_boolean(s->rng))
			a.b[bit / 8] |= (guint8)(0x80 >> bit % 8);
	s->seen++;
	if (s->pool->len < POOL) {
		g_array_append_val(s->pool, a);
		return TRUE;
	}
	at = ((guint64)g_rand_int(s->rng) << 32 | g_rand_int(s->rng)) % s->seen;
	if (at < POOL)
		g_array_index(s->pool, AsnAddr, at) = a;
	return TRUE;
}

static void
shuffle(GArray *pool, GRand *rng)
{
	for (guint i = pool->len - 1; i > 0; i--) {
		guint j = (guint)g_rand_int_range(rng, 0, (gint32)i + 1);
		AsnAddr a = g_array_index(pool, AsnAddr, i);

		g_array_index(pool, AsnAddr, i) =
		    g_array_index(pool, AsnAddr, j);
		g_array_index(pool, AsnAddr, j) = a;
	}
}

/* Networks that reputation.mmdb will have a record of. */
static guint
n_networks(const AsnModel *model)
{
	return asn_model_n_nodes(model, ASN_LEVEL_PREFIX) +
	       asn_model_n_nodes(model, ASN_LEVEL_BLOCK) +
	       asn_model_n_nodes(model, ASN_LEVEL_ADDRESS);
}

/* One mail an address, until there are so many networks or addresses. */
static void
learn(AsnModel *model, const Bench *b, guint networks, guint addresses,
    GRand *rng)
{
	for (guint i = 0; i < addresses && n_networks(model) < networks; i++) {
		AsnOriginKey key = asn_networks_key(
		    b->networks, &g_array_index(b->pool, AsnAddr, i));

		asn_model_learn(model, &key, NOW - g_rand_int_range(rng, 0, 99),
		    g_rand_boolean(rng), 1,
		    1 + (guint32)g_rand_int_range(rng, 0, 50));
	}
}

static void
build(Bench *b, GRand *rng)
{
	AsnReputationBuild build = {.base_id = 1,
	    .weights_time = (gint64)NOW,
	    .two_reporters_until = G_MAXINT64};
	AsnModel *model = asn_model_new(&asn_model_defaults);
	g_autoptr(GBytes) base = NULL, recent = NULL;
	double t0, t1, t2, t3, t4, t5;

	learn(model, b, EVIDENCE, POOL, rng);
	t0 = now_ns();
	base = asn_reputation_build_base(model, &build, NULL);
	t1 = now_ns();
	asn_model_advance(model);
	learn(model, b, G_MAXUINT, 100, rng);
	t2 = now_ns();
	recent = asn_reputation_build_recent(model, &build, NULL);
	t3 = now_ns();
	b->reputation = asn_reputation_open_memory(base, NULL, "bench", NULL);
	t4 = now_ns();
	asn_reputation_close(b->reputation);
	b->reputation = asn_reputation_open_memory(base, recent, "bench", NULL);
	t5 = now_ns();
	printf("# base of %u networks: %.1f ms to build, %.1f ms to open, "
	       "%.1f MB\n",
	    n_networks(model), (t1 - t0) / 1e6, (t4 - t3) / 1e6,
	    (double)g_bytes_get_size(base) / 1e6);
	printf("# recent of %u nodes: %.2f ms to build, %.2f ms to open\n",
	    asn_model_n_changed(model), (t3 - t2) / 1e6,
	    MAX(0.0, (t5 - t4) - (t4 - t3)) / 1e6);
	asn_model_free(model);
}

/* Every second one of an AS. */
static void
build_rules(Bench *b, guint n, GRand *rng)
{
	g_autofree AsnRule *list = g_new0(AsnRule, n + 1);
	GBytes *bytes;
	const guint8 *data;
	double t0, t1, t2;
	gsize len;

	for (guint i = 0; i < n; i++) {
		const AsnAddr *a = &g_array_index(
		    b->pool, AsnAddr, (guint)g_rand_int_range(rng, 0, POOL));

		list[i].action = ASN_RULE_BLOCK;
		list[i].what.kind =
		    i % 2 ? ASN_SUBJECT_AS : ASN_SUBJECT_NETWORK;
		if (i % 2)
			list[i].what.asn = 1 + i;
		else
			list[i].what.net = asn_addr_block(a);
	}
	t0 = now_ns();
	bytes = asn_rules_build(list, n, (gint64)NOW, NULL);
	t1 = now_ns();
	data = g_bytes_get_data(bytes, &len); /* kept for good */
	b->rules = asn_rules_open_memory(data, len, "bench", NULL);
	t2 = now_ns();
	printf("# %u rules: %.1f ms to build, %.1f ms to open, %.2f MB\n", n,
	    (t1 - t0) / 1e6, (t2 - t1) / 1e6, (double)len / 1e6);
}

/* --- questions --------------------------------------------------------------
 */

static Sockaddr
sockaddr_of(const AsnAddr *a)
{
	Sockaddr s = {.sa.sa_family = AF_INET};

	if (a->family == 4) {
		memcpy(&s.in.sin_addr, a->b + 12, 4);
		return s;
	}
	s.sa.sa_family = AF_INET6;
	memcpy(&s.in6.sin6_addr, a->b, 16);
	return s;
}

static void
ask_uniform(Bench *b, GRand *rng)
{
	for (gsize i = 0; i < b->n; i++) {
		guint32 v4 = g_rand_int(rng);
		AsnAddr a = {.family = 4};

		memcpy(a.b + 12, &v4, 4);
		b->questions[i] = sockaddr_of(&a);
	}
}

/* Rank r with a chance in proportion to 1/r, over a shuffled pool. */
static void
ask_zipf(Bench *b, GRand *rng)
{
	const double top = log(b->pool->len);

	for (gsize i = 0; i < b->n; i++) {
		guint rank = (guint)exp(g_rand_double(rng) * top) - 1;

		b->questions[i] =
		    sockaddr_of(&g_array_index(b->pool, AsnAddr, rank));
	}
}

static void
ask_listed(Bench *b, GRand *rng)
{
	for (gsize i = 0; i < b->n; i++)
		b->questions[i] = sockaddr_of(&g_array_index(
		    b->pool, AsnAddr, (guint)g_rand_int_range(rng, 0, POOL)));
}

/* --- measuring --------------------------------------------------------------
 */

static volatile double sink; /* so that no answer is left out */

static double
raw_slice(const Bench *b, gsize from, gsize n)
{
	double start = now_ns();
	guint found = 0;

	for (gsize i = from; i < from + n; i++) {
		int error;
		MMDB_lookup_result_s r =
		    MMDB_lookup_sockaddr(&b->mmdb, &b->questions[i].sa, &error);
		found += r.found_entry;
	}
	sink += found;
	return (now_ns() - start) / (double)n;
}

static double
our_slice(const Bench *b, gsize from, gsize n)
{
	const AsnThresholds thresholds = {0.9, 2, 50};
	double start = now_ns(), sum = 0;

	for (gsize i = from; i < from + n; i++) {
		AsnPrediction p;
		AsnOrigin origin;
		AsnOriginKey key;
		AsnRule rule;
		AsnAddr addr;

		asn_addr_from_sockaddr(&b->questions[i].sa, &addr);
		asn_networks_lookup(b->networks, &addr, &origin);
		sum += asn_rules_find(
		    b->rules, &addr, origin.asn, (gint64)NOW, &rule);
		key = asn_origin_key(&addr, &origin);
		asn_reputation_predict(
		    b->reputation, &key, NOW + 1000, &thresholds, &p);
		sum += p.score;
	}
	sink += sum;
	return (now_ns() - start) / (double)n;
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
measure(const Bench *b, const char *name)
{
	const gsize n = b->n / SLICES;
	double ours[SLICES], raw[SLICES], ratios[SLICES], ratio;

	for (guint i = 0; i < SLICES; i++) {
		guint warm = (i + SLICES - 1) % SLICES;

		raw_slice(b, warm * n, n);
		raw[i] = raw_slice(b, i * n, n);
		our_slice(b, warm * n, n);
		ours[i] = our_slice(b, i * n, n);
		ratios[i] = ours[i] / raw[i];
	}
	qsort(ours, SLICES, sizeof *ours, by_value);
	qsort(raw, SLICES, sizeof *raw, by_value);
	qsort(ratios, SLICES, sizeof *ratios, by_value);
	ratio = ratios[SLICES / 2];
	printf("lookup+score, %s\t%.0f ns\t%.0f ns\t%.2f\t%.2f\t%s\n", name,
	    ours[SLICES / 2], raw[SLICES / 2], ratio, TARGET,
	    ratio <= TARGET ? "ok" : "MISSED");
}

/* --- the real networks
 * -------------------------------------------------------- */

static char *
networks_path(void)
{
	const char *build = g_getenv("ASND_BUILD");
	char *path;

	if (build == NULL)
		build = "build";
	path = g_build_filename(build, "bench", ASN_NETWORKS_FILE, NULL);
	if (access(path, R_OK) != 0) {
		g_autofree char *asnctl =
		    g_build_filename(build, "asnctl", "asnctl", NULL);
		g_autofree char *command =
		    g_strdup_printf("'%s' import -o '%s'", asnctl, path);
		if (system(command) != 0)
			exit(1); /* asnctl has said why */
	}
	return path;
}

int
main(int argc, char **argv)
{
	g_autofree char *path = networks_path();
	Bench b = {.n = argc > 1 && strcmp(argv[1], "--short") == 0 ? 100000
								    : 1000000};
	GRand *rng = g_rand_new_with_seed(1);
	g_autoptr(GError) error = NULL;
	Sample sample = {.rng = rng};
	guint n_rules = argc > 2 && strcmp(argv[argc - 2], "--rules") == 0
			    ? (guint)atoi(argv[argc - 1])
			    : 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	b.networks = asn_networks_open(fd, path, &error);
	if (b.networks == NULL ||
	    MMDB_open(path, MMDB_MODE_MMAP, &b.mmdb) != MMDB_SUCCESS) {
		fprintf(stderr, "b-lookup: %s\n",
		    error ? error->message : "MMDB_open failed");
		return 1;
	}
	close(fd);
	b.pool = sample.pool = g_array_new(FALSE, FALSE, sizeof(AsnAddr));
	asn_mmdb_foreach(asn_networks_mmdb(b.networks), sample_leaf, &sample);
	if (b.pool->len < POOL) {
		fprintf(stderr, "b-lookup: %s has only %u networks\n", path,
		    b.pool->len);
		return 1;
	}
	shuffle(b.pool, rng);
	build(&b, rng);
	build_rules(&b, n_rules, rng);
	shuffle(b.pool, rng); /* ranks do not follow the evidence */
	b.questions = g_new(Sockaddr, b.n);
	ask_uniform(&b, rng);
	measure(&b, "uniform IPv4");
	ask_zipf(&b, rng);
	measure(&b, "zipf over listed networks");
	ask_listed(&b, rng);
	measure(&b, "uniform over listed networks");
	g_free(b.questions);
	g_array_unref(b.pool);
	g_rand_free(rng);
	asn_reputation_close(b.reputation);
	asn_rules_close(b.rules);
	asn_networks_close(b.networks);
	MMDB_close(&b.mmdb);
	return 0;
}
