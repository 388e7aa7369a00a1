/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-reputation.c: any bytes as reputation.mmdb, recent.mmdb and
 * networks.mmdb, as asn-milter opens them.  The checksum is made right, so that
 * what is wrong is found where it is.
 *
 * Covers: lib/reputation.c lib/reputation-file.c lib/reputation-near.c
 * lib/networks.c.
 * Longest input: 8192
 */

#include <math.h>

#include "fuzz.h"
#include "networks.h"
#include "test-db.h"

#define NOW 1795217323
#define ASKED 12 /* addresses made of the input */

static GBytes *base;
static AsnReputation *sound; /* of base */

static const AsnThresholds thresholds = {0.9, 2, 50};

static void
check_prediction(const AsnReputation *rep, const AsnOriginKey *key, double t)
{
	AsnPrediction p;

	asn_reputation_predict(rep, key, t, &thresholds, &p);
	g_assert_true(p.score >= 0 && p.score <= 1);
	g_assert_true(isfinite(p.evidence) && p.evidence >= 0);
	for (guint i = 0; i < ASN_N_LEVELS; i++) {
		g_assert_true(p.level[i].s >= 0 && p.level[i].h >= 0);
		if (p.level[i].present)
			g_assert_true(
			    p.level[i].theta >= 0 && p.level[i].theta <= 1);
	}
	g_assert_cmpint(asn_prediction_decider(&p), <, ASN_N_LEVELS);
	if (p.flag)
		g_assert_true(p.score >= 0.9 && p.warm);
}

static gboolean
count_leaf(const AsnNetwork *leaf, AsnMmdbValue value, gpointer data)
{
	g_assert_true(asn_network_is_canonical(leaf));
	return ++*(guint *)data < 300;
}

static void
ask(const AsnReputation *rep, const guint8 *data, gsize size)
{
	AsnOriginKey key = {.addr = {.family = 4}, .asn = 64497};
	AsnOriginKey key6 = {.addr = {.family = 6}, .country = "FR"};
	gint64 from = asn_reputation_weights_time(rep);
	guint leaves = 0;

	asn_reputation_foreach_leaf(rep, count_leaf, &leaves);
	asn_reputation_needs_two(rep, NOW);
	for (gsize i = 0; i < MIN(size, ASKED); i++) {
		key.addr.b[12 + i % 4] ^= data[size - 1 - i];
		key6.addr.b[i % 16] ^= data[size - 1 - i];
		key.prefix = asn_network_of(&key.addr, data[i] % 33);
		key6.prefix = asn_network_of(&key6.addr, data[i] % 129);
		key.asn = data[i];
		check_prediction(rep, &key, (double)MAX(from, NOW));
		check_prediction(rep, &key6, (double)from + i * 1e6);
	}
	g_assert_true(asn_addr_parse("198.51.100.7", 12, &key.addr));
	key.prefix = asn_network_of(&key.addr, 24);
	check_prediction(rep, &key, (double)from);
}

/* An error is said, in one line of text. */
static void
check_error(gconstpointer opened, GError *error)
{
	g_assert_true((opened == NULL) == (error != NULL));
	if (error == NULL)
		return;
	g_assert_true(g_utf8_validate(error->message, -1, NULL));
	g_assert_null(strchr(error->message, '\n'));
	g_error_free(error);
}

static void
as_base(GBytes *bytes, const guint8 *data, gsize size)
{
	GError *error = NULL;
	AsnReputation *rep =
	    asn_reputation_open_memory(bytes, NULL, "fuzz", &error);

	check_error(rep, error);
	if (rep == NULL)
		return;
	g_assert_false(asn_reputation_has_recent(rep));
	g_assert_cmpuint(asn_reputation_base_id(rep), >, 0);
	ask(rep, data, size);
	asn_reputation_close(rep);
}

static void
as_recent(GBytes *bytes, const guint8 *data, gsize size)
{
	GError *error = NULL;
	AsnReputation *rep =
	    asn_reputation_open_memory(base, bytes, "fuzz", &error);

	check_error(rep, error);
	if (rep == NULL)
		return;
	ask(rep, data, size);
	asn_reputation_close(rep);
}

/* Out of files, under an open base. */
static void
as_files(const guint8 *data, gsize size)
{
	int fd = fuzz_memfd(data, size);
	GError *error = NULL;
	AsnReputation *rep = asn_reputation_with_recent(sound, fd, &error);

	check_error(rep, error);
	asn_reputation_close(rep);
	error = NULL;
	rep = asn_reputation_open(fd, -1, "fuzz", &error);
	check_error(rep, error);
	asn_reputation_close(rep);
	close(fd);
}

static void
look_up(const AsnNetworks *db, const AsnAddr *at)
{
	AsnOrigin o;

	asn_networks_key(db, at);
	if (!asn_networks_lookup(db, at, &o)) {
		g_assert_cmpint(o.prefix.addr.family, ==, 0);
		return;
	}
	g_assert_true(asn_network_contains(&o.prefix, at));
	g_assert_true(asn_network_is_canonical(&o.prefix));
	g_assert_true(strlen(o.country) == 0 || strlen(o.country) == 2);
	if (o.org != NULL)
		g_assert_true(g_utf8_validate(o.org, (gssize)o.org_len, NULL));
}

static void
as_networks(const guint8 *data, gsize size)
{
	static const char *const known[] = {"192.0.2.1", "198.51.100.1",
	    "203.0.113.1", "2001:db8::1", "2002:c000:201::1"};
	int fd = fuzz_memfd(data, size);
	GError *error = NULL;
	AsnNetworks *db = asn_networks_open(fd, "fuzz", &error);
	AsnAddr a = {.family = 4};

	close(fd);
	check_error(db, error);
	for (gsize i = 0; db != NULL && i < MIN(size, ASKED); i++) {
		a.b[12 + i % 4] ^= data[size - 1 - i];
		look_up(db, &a);
	}
	for (gsize i = 0; db != NULL && i < G_N_ELEMENTS(known); i++) {
		AsnAddr at;

		g_assert_true(asn_addr_parse(known[i], strlen(known[i]), &at));
		look_up(db, &at);
	}
	asn_networks_close(db);
}

static void
start(void)
{
	static const char *const bad[] = {
	    "198.51.100.0/24", "2001:db8::/64", NULL};

	base = test_db_reputation(FALSE, 1, bad, NOW);
	sound = asn_reputation_open_memory(base, NULL, "base", NULL);
	g_assert_nonnull(sound);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	guint8 *copy = fuzz_with_sum(data, size);
	g_autoptr(GBytes) bytes = g_bytes_new_take(copy, size);

	if (sound == NULL)
		start();
	if (size % 8 == 0)
		as_files(copy, size);
	else if (memmem(copy, size, ASN_RECENT_TYPE, strlen(ASN_RECENT_TYPE)))
		as_recent(bytes, copy, size);
	else
		as_base(bytes, copy, size);
	as_networks(copy, size);
	return 0;
}
