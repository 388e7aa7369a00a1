/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-db.c: small databases, built as asnd builds them. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test-db.h"

static const struct {
	const char *net, *country;
	guint32 asn;
} networks[] = {
    {"192.0.2.0/24", "ZZ", 64496},
    {"198.51.100.0/24", "DE", 64497},
    {"203.0.113.0/24", "NL", 64498},
    {"2001:db8::/32", "FR", 64499},
};

static void
check(gboolean ok, GError *error)
{
	if (ok)
		return;
	fprintf(stderr, "test-db: %s\n", error ? error->message : "failed");
	exit(1);
}

static AsnNetwork
net(const char *text)
{
	AsnNetwork n;

	check(asn_network_parse(text, strlen(text), &n), NULL);
	return n;
}

GBytes *
test_db_networks(const char *holder)
{
	return test_db_networks_of(holder, NULL);
}

GBytes *
test_db_networks_of(const char *holder, const char *country)
{
	AsnMmdbWriterOptions options = {ASN_NETWORKS_TYPE, "test", 1, FALSE};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&options);
	GError *error = NULL;
	GBytes *bytes;

	for (gsize i = 0; i < G_N_ELEMENTS(networks); i++) {
		AsnNetwork n = net(networks[i].net);
		guint32 at = asn_mmdb_writer_tell(w);

		asn_mmdb_put_map(w, 4);
		asn_mmdb_put_shared_string(w, "autonomous_system_number", 24);
		asn_mmdb_put_uint32(w, networks[i].asn);
		asn_mmdb_put_shared_string(
		    w, "autonomous_system_organization", 30);
		asn_mmdb_put_string(w, holder, strlen(holder));
		asn_mmdb_put_shared_string(w, "country", 7);
		if (country == NULL)
			asn_mmdb_put_string(w, networks[i].country, 2);
		else
			asn_mmdb_put_string(w, country, strlen(country));
		asn_mmdb_put_shared_string(w, "prefix_length", 13);
		asn_mmdb_put_uint16(w, n.len);
		check(asn_mmdb_writer_add(w, &n, at, &error), error);
	}
	bytes = asn_mmdb_writer_finish(w, &error);
	check(bytes != NULL, error);
	asn_mmdb_writer_free(w);
	return bytes;
}

static AsnOriginKey
key_of(AsnNetwork n)
{
	AsnOriginKey key = {.addr = n.addr};

	for (gsize i = 0; i < G_N_ELEMENTS(networks); i++) {
		AsnNetwork known = net(networks[i].net);
		if (!asn_network_contains(&known, &n.addr))
			continue;
		key.prefix = known;
		key.asn = networks[i].asn;
		g_strlcpy(key.country, networks[i].country, 3);
	}
	return key;
}

static void
learn(AsnModel *model, const char *block, guint n, gboolean spam, gint64 now)
{
	AsnNetwork around = net(block);

	for (guint i = 1; i <= n; i++) {
		AsnNetwork one = around;
		AsnOriginKey key;

		one.addr.b[15] = (guint8)i;
		key = key_of(one);
		asn_model_learn(model, &key, (double)now, spam, 1, i % 5 + 1);
	}
}

GBytes *
test_db_reputation(
    gboolean recent, guint64 id, const char *const *bad, gint64 now)
{
	AsnModelParams params = asn_model_defaults;
	AsnReputationBuild build = {.base_id = id, .weights_time = now};
	AsnModel *model;
	GError *error = NULL;
	GBytes *bytes;

	params.cap = 0;
	model = asn_model_new(&params);
	learn(model, "192.0.2.0/24", 100, FALSE, now);
	for (guint i = 0; i < 100; i++)
		learn(model, "192.0.2.0/24", 1, FALSE, now);
	if (recent)
		asn_model_advance(model);
	for (; *bad != NULL; bad++)
		learn(model, *bad, 20, TRUE, now);
	bytes = recent ? asn_reputation_build_recent(model, &build, &error)
		       : asn_reputation_build_base(model, &build, &error);
	check(bytes != NULL, error);
	asn_model_free(model);
	return bytes;
}

/* Evidence at n addresses all over the place, a fifth of it spam. */
GBytes *
test_db_random(guint n, gint64 now)
{
	AsnReputationBuild build = {.base_id = 1, .weights_time = now};
	AsnModel *model = asn_model_new(&asn_model_defaults);
	g_autoptr(GRand) rng = g_rand_new_with_seed(1);
	GError *error = NULL;
	GBytes *bytes;

	for (guint i = 0; i < n; i++) {
		AsnOriginKey key = {.addr = {.family = 4}, .country = "ZZ"};
		guint32 a =
		    g_htonl(g_rand_int(rng) % 0xdf000000u + 0x01000000u);

		memcpy(key.addr.b + 12, &a, 4);
		key.prefix = asn_network_of(&key.addr, 20);
		key.asn = g_rand_int(rng) % 70000 + 1;
		asn_model_learn(model, &key,
		    (double)(build.weights_time - i % 1000000), i % 5 == 0, 1,
		    i % 9 + 1);
	}
	bytes = asn_reputation_build_base(model, &build, &error);
	check(bytes != NULL, error);
	asn_model_free(model);
	return bytes;
}

/* --- random networks
 * ---------------------------------------------------------- */

static AsnNetwork
random_network(GRand *rng)
{
	const gboolean v4 = g_rand_boolean(rng);
	AsnNetwork n = net(v4 ? "198.18.0.0/20" : "2001:db8::/44");
	const guint from = n.len, to = v4 ? 32 : 68;

	for (guint i = from; i < to; i++)
		if (g_rand_boolean(rng))
			n.addr.b[(v4 ? 96 + i : i) / 8] |=
			    (guint8)(0x80 >> i % 8);
	return asn_network_of(&n.addr,
	    (guint8)g_rand_int_range(rng, (gint32)from, (gint32)to + 1));
}

static int
compare_networks(gconstpointer a, gconstpointer b)
{
	return asn_network_cmp(a, b);
}

static void
put_random_network(AsnMmdbWriter *w, const AsnNetwork *n, GRand *rng)
{
	const guint32 at = asn_mmdb_writer_tell(w);
	const guint32 asn = (guint32)g_rand_int_range(rng, 0, 10);
	GError *error = NULL;

	asn_mmdb_put_map(w, 3u - (asn == 0));
	if (asn != 0) {
		asn_mmdb_put_shared_string(w, "autonomous_system_number", 24);
		asn_mmdb_put_uint32(w, asn);
	}
	asn_mmdb_put_shared_string(w, "country", 7);
	asn_mmdb_put_string(w, g_rand_boolean(rng) ? "AA" : "BB", 2);
	asn_mmdb_put_shared_string(w, "prefix_length", 13);
	asn_mmdb_put_uint16(w, n->len);
	check(asn_mmdb_writer_add(w, n, at, &error), error);
}

GBytes *
test_db_random_networks(guint n, GRand *rng)
{
	AsnMmdbWriterOptions options = {ASN_NETWORKS_TYPE, "test", 1, TRUE};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&options);
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(AsnNetwork));
	const AsnNetwork ends[] = {net("0.0.0.0/9"), net("255.255.255.254/31")};
	GError *error = NULL;
	GBytes *bytes;

	g_array_append_vals(all, ends, G_N_ELEMENTS(ends));
	for (guint i = 0; i < n; i++) {
		AsnNetwork one = random_network(rng);
		g_array_append_val(all, one);
	}
	g_array_sort(all, compare_networks);
	for (guint i = 0; i < all->len; i++) {
		const AsnNetwork *at = &g_array_index(all, AsnNetwork, i);
		if (i == 0 || !asn_network_equal(&at[-1], at))
			put_random_network(w, at, rng);
	}
	bytes = asn_mmdb_writer_finish(w, &error);
	check(bytes != NULL, error);
	asn_mmdb_writer_free(w);
	return bytes;
}
