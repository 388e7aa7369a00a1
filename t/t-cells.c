/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-cells.c: holdings and cells, held against the databases address by
 * address. */

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cells.h"
#include "holdings.h"
#include "test-db.h"

#define NOW 1795217323.0

/* A descriptor of a file with these bytes. */
static int
file_of(GBytes *bytes)
{
	int fd = memfd_create("t-cells", MFD_CLOEXEC);
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, data, len), ==, (gssize)len);
	return fd;
}

static AsnNetworks *
random_networks(GRand *rng)
{
	g_autoptr(GBytes) bytes = test_db_random_networks(300, rng);
	g_autoptr(GError) error = NULL;
	int fd = file_of(bytes);
	AsnNetworks *db = asn_networks_open(fd, "networks", &error);

	g_assert_no_error(error);
	close(fd);
	return db;
}

static GRand *
new_rng(void)
{
	return g_rand_new_with_seed((guint32)g_test_rand_int());
}

static AsnPos
random_in(GRand *rng, const AsnRange *r)
{
	const AsnPos span = r->last - r->first;
	AsnPos v = 0;

	for (guint i = 0; i < 4; i++)
		v = v << 32 | g_rand_int(rng);
	return r->first + (span == ~(AsnPos)0 ? v : v % (span + 1));
}

/* --- holdings ---------------------------------------------------------------
 */

typedef struct {
	const AsnNetworks *db;
	guint32 asn;
	AsnPos size[2]; /* addresses of the AS, by family */
	const AsnHoldings *h;
} Count;

static gboolean
count_leaf(const AsnNetwork *leaf, AsnMmdbValue value, gpointer data)
{
	const AsnRange r = asn_range_of(leaf);
	Count *c = data;
	AsnOrigin o;
	guint in = 0;

	g_assert_true(asn_networks_lookup(c->db, &leaf->addr, &o));
	if (o.asn != c->asn)
		return TRUE;
	c->size[r.family == 6] += r.last - r.first + 1;
	for (guint i = 0; i < c->h->networks->len; i++) {
		const AsnHolding *n =
		    &g_array_index(c->h->networks, AsnHolding, i);
		if (!asn_network_contains(&n->net, &leaf->addr))
			continue;
		in++;
		g_assert_nonnull(strstr(n->countries, o.country));
	}
	g_assert_cmpuint(in, ==, 1);
	return TRUE;
}

/* Of the same size as what the AS has, with all of it inside: the same. */
static void
check_fewest(const AsnNetworks *db, const AsnHoldings *h, GRand *rng)
{
	Count c = {db, h->asn, {0, 0}, h};
	AsnPos size[2] = {0, 0};

	asn_mmdb_foreach(asn_networks_mmdb(db), count_leaf, &c);
	for (guint i = 0; i < h->networks->len; i++) {
		const AsnHolding *n =
		    &g_array_index(h->networks, AsnHolding, i);
		const AsnRange r = asn_range_of(&n->net);
		AsnNetwork around;

		size[r.family == 6] += r.last - r.first + 1;
		for (guint k = 0; k < 20; k++) {
			AsnAddr a = asn_pos_addr(random_in(rng, &r), r.family);
			g_assert_cmpuint(
			    asn_networks_key(db, &a).asn, ==, h->asn);
		}
		/* Its other half is not there as a whole. */
		if (i == 0 || n[-1].net.len != n->net.len || n->net.len == 0)
			continue;
		around = asn_network_of(&n->net.addr, (guint8)(n->net.len - 1));
		g_assert_false(asn_network_contains(&around, &n[-1].net.addr));
	}
	g_assert_true(size[0] == c.size[0] && size[1] == c.size[1]);
}

static void
check_exact(const AsnNetworks *db, const AsnHoldings *h)
{
	for (guint i = 0; i < h->networks->len; i++) {
		const AsnHolding *n =
		    &g_array_index(h->networks, AsnHolding, i);

		g_assert_true(asn_network_is_canonical(&n->net));
		g_assert_cmpuint(strlen(n->countries), ==, 2);
		if (i > 0)
			g_assert_cmpint(
			    asn_network_cmp(&n[-1].net, &n->net), <, 0);
	}
}

static guint
n_seen(const AsnHoldings *exact, const AsnNetwork *prefix)
{
	guint n = 0;

	for (guint i = 0; i < exact->networks->len; i++)
		n += asn_network_equal(prefix,
			 &g_array_index(exact->networks, AsnHolding, i).net)
			 ? 1
			 : 0;
	return n;
}

static void
test_holdings(void)
{
	g_autoptr(GRand) rng = new_rng();

	for (guint round = 0; round < 20; round++) {
		AsnNetworks *db = random_networks(rng);

		for (guint32 asn = 1; asn < 11; asn++) {
			AsnHoldings h, exact;

			asn_holdings_read(db, asn, FALSE, &h);
			asn_holdings_read(db, asn, TRUE, &exact);
			check_fewest(db, &h, rng);
			check_exact(db, &exact);
			for (guint i = 0; i < h.networks->len; i++) {
				const AsnAddr *a =
				    &g_array_index(h.networks, AsnHolding, i)
					 .net.addr;
				const AsnOriginKey key =
				    asn_networks_key(db, a);
				g_assert_cmpuint(
				    n_seen(&exact, &key.prefix), ==, 1);
			}
			asn_holdings_clear(&h);
			asn_holdings_clear(&exact);
		}
		asn_networks_close(db);
	}
}

/* --- cells ------------------------------------------------------------------
 */

static AsnAddr
random_client(GRand *rng)
{
	static const char *const near[] = {
	    "198.18.0.0/20", "2001:db8::/44", "203.0.113.0/24"};
	const char *text = near[g_rand_int_range(rng, 0, 3)];
	AsnNetwork net;
	AsnRange r;

	g_assert_true(asn_network_parse(text, strlen(text), &net));
	r = asn_range_of(&net);
	return asn_pos_addr(random_in(rng, &r), r.family);
}

static void
learn(AsnModel *model, const AsnNetworks *db, guint n, GRand *rng)
{
	for (guint i = 0; i < n; i++) {
		const AsnAddr a = random_client(rng);
		const AsnOriginKey key = asn_networks_key(db, &a);

		asn_model_learn(model, &key,
		    NOW - g_rand_int_range(rng, 0, 9999),
		    key.asn % 3 == 1 || g_rand_int_range(rng, 0, 4) == 0, 1,
		    (guint32)g_rand_int_range(rng, 1, 9));
	}
}

static AsnReputation *
random_reputation(const AsnNetworks *db, GRand *rng)
{
	AsnModel *model = asn_model_new(&asn_model_defaults);
	const AsnReputationBuild build = {.base_id = 7,
	    .weights_time = (gint64)NOW,
	    .two_reporters_until = (gint64)NOW + 1};
	g_autoptr(GError) error = NULL;
	AsnReputation *rep;

	learn(model, db, 300, rng);
	g_autoptr(GBytes) base =
	    asn_reputation_build_base(model, &build, &error);
	g_assert_no_error(error);
	asn_model_advance(model);
	learn(model, db, 100, rng);
	g_autoptr(GBytes) recent =
	    asn_reputation_build_recent(model, &build, &error);
	g_assert_no_error(error);
	rep = asn_reputation_open_memory(base, recent, "test", &error);
	g_assert_no_error(error);
	g_assert_true(asn_reputation_has_recent(rep));
	asn_model_free(model);
	return rep;
}

/* Nested, of ASs, and some that have ended. */
static AsnRules *
random_rules(GRand *rng, GBytes **bytes)
{
	AsnRule rules[60] = {0};
	const guint8 *data;
	AsnRules *out;
	gsize len;

	for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
		AsnAddr a = random_client(rng);
		AsnRule *r = &rules[i];
		guint8 max = a.family == 4 ? 32 : 128;

		r->action =
		    g_rand_boolean(rng) ? ASN_RULE_ALLOW : ASN_RULE_BLOCK;
		r->until =
		    i % 3 ? 0 : (gint64)NOW + g_rand_int_range(rng, 1, 9);
		r->what.kind = i < 3 ? ASN_SUBJECT_AS : ASN_SUBJECT_NETWORK;
		r->what.asn = i < 3 ? i + 1 : 0;
		if (i >= 3)
			r->what.net = asn_network_of(
			    &a, (guint8)g_rand_int_range(rng, max / 2, max));
	}
	*bytes = asn_rules_build(rules, G_N_ELEMENTS(rules), (gint64)NOW, NULL);
	g_assert_nonnull(*bytes);
	data = g_bytes_get_data(*bytes, &len);
	out = asn_rules_open_memory(data, len, "test", NULL);
	g_assert_nonnull(out);
	return out;
}

typedef struct {
	const AsnCellsQuestion *q;
	GRand *rng;
	guint8 family;
	AsnPos next; /* where the next cell must start */
	guint n, flagged, clear;
} Check;

/* The gaps are those of cells.h. */
static gboolean
is_gap(AsnPos from, AsnPos to)
{
	static const char *const gaps[] = {"::/16", "100::/8", "2002::/16"};

	for (gsize i = 0; i < G_N_ELEMENTS(gaps); i++) {
		AsnNetwork net;
		AsnRange r;

		g_assert_true(
		    asn_network_parse(gaps[i], strlen(gaps[i]), &net));
		r = asn_range_of(&net);
		if (r.first == from && r.last + 1 == to)
			return TRUE;
	}
	return FALSE;
}

static void
check_place(Check *c, const AsnRange *r)
{
	if (r->family != c->family) {
		g_assert_cmpint(c->family, ==, 4);
		g_assert_true(c->next == (AsnPos)G_MAXUINT32 + 1);
		c->family = r->family;
		c->next = 0;
	}
	g_assert_true(r->first <= r->last && r->last <= asn_pos_max(c->family));
	g_assert_true(r->first == c->next ||
		      (c->family == 6 && is_gap(c->next, r->first)));
	c->next = r->last + 1;
}

static void
check_cell(const AsnCell *cell, gpointer data)
{
	Check *c = data;

	check_place(c, &cell->range);
	c->n++;
	*(cell->flagged ? &c->flagged : &c->clear) += 1;
	for (guint i = 0; i < 4; i++) {
		const AsnPos pos = i == 0   ? cell->range.first
				   : i == 1 ? cell->range.last
					    : random_in(c->rng, &cell->range);
		const AsnAddr a = asn_pos_addr(pos, cell->range.family);
		const AsnOriginKey key = asn_networks_key(c->q->networks, &a);
		const gboolean exempt =
		    asn_network_list_contains(c->q->exempt[0], &a);
		AsnPrediction p;
		AsnRule rule;

		asn_reputation_predict(
		    c->q->reputation, &key, c->q->now, c->q->thresholds, &p);
		g_assert_cmpuint(key.asn, ==, cell->origin.asn);
		g_assert_cmpstr(key.country, ==, cell->origin.country);
		g_assert_true(
		    asn_network_equal(&key.prefix, &cell->origin.prefix));
		g_assert_true(p.score == cell->score);
		g_assert_cmpint(exempt, ==, cell->exempt);
		if (asn_rules_find(
			c->q->rules, &a, key.asn, (gint64)c->q->now, &rule))
			p.flag = rule.action == ASN_RULE_BLOCK;
		else
			rule.action = 0;
		g_assert_cmpint(rule.action, ==, cell->rule.action);
		if (rule.action != 0)
			g_assert_true(
			    asn_subject_equal(&rule.what, &cell->rule.what));
		g_assert_cmpint(p.flag && !exempt, ==, cell->flagged);
	}
}

static void
check_round(GRand *rng, gboolean with_rules)
{
	g_autoptr(GBytes) bytes = NULL;
	AsnRules *rules = with_rules ? random_rules(rng, &bytes) : NULL;
	const AsnThresholds thresholds = {0.8, 0.7, 1};
	AsnNetworks *db = random_networks(rng);
	AsnReputation *rep = random_reputation(db, rng);
	AsnNetwork local[2];
	AsnNetworkList list = {local, 2};
	const AsnNetworkList *const exempt[] = {&list, NULL};
	const AsnCellsQuestion q = {
	    db, rep, &thresholds, NOW + 5, rules, exempt};
	Check c = {.q = &q, .rng = rng, .family = 4};

	/* One with host bits set, one around and in others. */
	g_assert_true(asn_network_parse("198.18.3.77/25", 14, &local[0]));
	g_assert_true(asn_network_parse("198.18.3.80/30", 14, &local[1]));
	asn_cells_foreach(&q, check_cell, &c);
	g_assert_true(c.family == 6 && c.next == 0);
	g_assert_cmpuint(c.n, >, 300);
	g_assert_cmpuint(c.flagged, >, 20);
	g_assert_cmpuint(c.clear, >, 20);
	asn_rules_close(rules);
	asn_reputation_close(rep);
	asn_networks_close(db);
}

static void
test_cells(void)
{
	g_autoptr(GRand) rng = new_rng();

	for (guint round = 0; round < 10; round++)
		check_round(rng, round % 2 == 1);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/holdings/random", test_holdings);
	g_test_add_func("/cells/random", test_cells);
	return g_test_run();
}
