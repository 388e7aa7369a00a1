/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-top.c: top.h against sorting everything, and in pieces of any size. */

#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test-db.h"
#include "top.h"

#define NOW 1.8e9
#define HALF_LIFE (60 * 86400.0)

/* The networks of test-db.h and one that nobody owns. */
static const struct {
	const char *first, *country;
	guint32 asn;
	guint8 len;
} nets[] = {
    {"192.0.2.0", "ZZ", 64496, 24},
    {"198.51.100.0", "DE", 64497, 24},
    {"203.0.113.0", "NL", 64498, 24},
    {"2001:db8::", "FR", 64499, 32},
    {"10.0.0.0", "", 0, 8},
};

typedef struct {
	AsnNetworks *networks;
	AsnModel *model;
	GRand *rand;
} Fixture;

static AsnAddr
parse(const char *text)
{
	AsnAddr addr;

	g_assert_true(asn_addr_parse(text, strlen(text), &addr));
	return addr;
}

static AsnAddr
random_address(GRand *rand)
{
	guint i = (guint)g_rand_int_range(rand, 0, G_N_ELEMENTS(nets));
	AsnAddr addr = parse(nets[i].first);

	addr.b[15] = (guint8)g_rand_int(rand);
	if (addr.family == 6)
		addr.b[5] = (guint8)g_rand_int_range(rand, 0, 8);
	return addr;
}

static AsnNetworks *
open_networks(void)
{
	g_autoptr(GBytes) bytes = test_db_networks("Example Networks");
	g_autoptr(GError) error = NULL;
	int fd = memfd_create("networks", MFD_CLOEXEC);
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);
	AsnNetworks *out;

	g_assert_cmpint(write(fd, data, len), ==, (gssize)len);
	out = asn_networks_open(fd, "networks", &error);
	g_assert_no_error(error);
	close(fd);
	return out;
}

static void
set_up(Fixture *f, gconstpointer votes)
{
	f->rand = g_rand_new_with_seed(5);
	f->networks = open_networks();
	f->model = asn_model_new(&asn_model_defaults);
	for (guint i = 0; i < GPOINTER_TO_UINT(votes); i++) {
		AsnAddr addr = random_address(f->rand);
		AsnOriginKey key = asn_networks_key(f->networks, &addr);
		double age = g_rand_double_range(f->rand, -1, 400) * 86400;
		gboolean spam =
		    addr.b[14] == 113 || g_rand_int_range(f->rand, 0, 4) == 0;

		asn_model_learn(f->model, &key, NOW - age, spam, 1, i % 7 + 1);
	}
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	asn_model_free(f->model);
	asn_networks_close(f->networks);
	g_rand_free(f->rand);
}

/* --- what it must be, said another way -------------------------------------
 */

typedef struct {
	AsnNodeKey key;
	double spam, ham, score;
	gboolean flagged;
} Expected;

typedef struct {
	const Fixture *f;
	AsndTopBy by;
	GArray *all;
} Listing;

static double
weight(double w, const AsnNode *node)
{
	return w * exp2(-MAX(0, NOW - node->t) / HALF_LIFE);
}

static void
list_node(const AsnNodeKey *key, const AsnNode *node, gpointer data)
{
	Listing *l = data;
	Expected e = {.key = *key,
	    .spam = weight(node->s, node),
	    .ham = weight(node->h, node),
	    .score = 0.5};
	AsnOriginKey mail = {.addr = key->net.addr};
	double evidence = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(nets); i++) {
		AsnAddr first = parse(nets[i].first);
		AsnNetwork net = asn_network_of(&first, nets[i].len);

		if (nets[i].asn == 0 ||
		    (key->level == ASN_LEVEL_AS
			    ? nets[i].asn != key->asn
			    : !asn_network_contains(&net, &key->net.addr)))
			continue;
		mail.asn = nets[i].asn;
		mail.prefix = net;
		g_strlcpy(mail.country, nets[i].country, 3);
	}
	for (guint i = 0; i <= (guint)key->level; i++) {
		const AsnNode *n = asn_model_node(l->f->model, i, &mail);
		double s = n ? weight(n->s, n) : 0, h = n ? weight(n->h, n) : 0;
		double k = i == ASN_LEVEL_ALL ? 2 : 1;

		e.score = (s + k * e.score) / (s + h + k);
		if (i >= ASN_LEVEL_AS)
			evidence = MAX(evidence, s);
	}
	e.flagged = e.score >= 0.9 && evidence >= 2;
	if ((l->by == ASND_TOP_SPAM     ? e.spam
		: l->by == ASND_TOP_HAM ? e.ham
					: e.spam + e.ham) >= 0.05)
		g_array_append_val(l->all, e);
}

static double
value(const Expected *e, AsndTopBy by)
{
	return by == ASND_TOP_SPAM  ? e->spam
	       : by == ASND_TOP_HAM ? e->ham
				    : e->score;
}

static int
best_first(gconstpointer a, gconstpointer b, gpointer by)
{
	double x = value(a, *(AsndTopBy *)by), y = value(b, *(AsndTopBy *)by);

	return (x < y) - (x > y);
}

static const Expected *
find(GArray *all, const AsnNodeKey *key)
{
	for (guint i = 0; i < all->len; i++) {
		const Expected *e = &g_array_index(all, Expected, i);

		if (e->key.asn == key->asn &&
		    asn_network_equal(&e->key.net, &key->net))
			return e;
	}
	return NULL;
}

/* --- */

static GArray *
ask(const Fixture *f, AsnLevel level, AsndTopBy by, guint limit, guint piece)
{
	AsndTop *top = asnd_top_new(level, by, limit);
	AsndTopSource source = {f->model, f->networks, NOW};
	GArray *rows;
	guint turns = 0;

	while (asnd_top_step(top, &source, piece))
		if (++turns == 5)
			asnd_top_restart(top);
	rows = asnd_top_rows(top, &source);
	asnd_top_free(top);
	return rows;
}

static void
check_row(const AsndTopRow *row, const Expected *e, const Expected *place,
    AsndTopBy by)
{
	g_assert_nonnull(e);
	g_assert_cmpfloat_with_epsilon(row->spam, e->spam, 1e-9);
	g_assert_cmpfloat_with_epsilon(row->ham, e->ham, 1e-9);
	g_assert_cmpfloat_with_epsilon(row->score, e->score, 1e-9);
	g_assert_cmpint(row->flagged, ==, e->flagged);
	/* Equals may stand in any order. */
	g_assert_cmpfloat_with_epsilon(value(e, by), value(place, by), 1e-9);
}

static void
check(const Fixture *f, AsnLevel level, AsndTopBy by, guint limit, guint piece)
{
	Listing l = {f, by, g_array_new(FALSE, FALSE, sizeof(Expected))};
	g_autoptr(GArray) rows = ask(f, level, by, limit, piece);

	asn_model_foreach(f->model, level, list_node, &l);
	g_array_sort_with_data(l.all, best_first, &by);
	g_assert_cmpuint(rows->len, ==, MIN(limit, l.all->len));
	for (guint i = 0; i < rows->len; i++) {
		const AsndTopRow *row = &g_array_index(rows, AsndTopRow, i);

		check_row(row, find(l.all, &row->key),
		    &g_array_index(l.all, Expected, i), by);
		if (row->origin.asn != 0)
			g_assert_cmpmem(row->origin.org, row->origin.org_len,
			    "Example Networks", 16);
	}
	g_array_unref(l.all);
}

static void
test_all(Fixture *f, gconstpointer votes)
{
	static const guint limits[] = {1, 3, 20, 1000};
	static const guint pieces[] = {7, 4096};

	for (guint level = ASN_LEVEL_AS; level <= ASN_LEVEL_ADDRESS; level++)
		for (guint by = ASND_TOP_SPAM; by <= ASND_TOP_HAM; by++)
			for (guint i = 0; i < 8; i++)
				check(
				    f, level, by, limits[i % 4], pieces[i / 4]);
}

/* Who is flagged, and who owns it. */
static void
test_owner(Fixture *f, gconstpointer votes)
{
	g_autoptr(GArray) rows = ask(f, ASN_LEVEL_AS, ASND_TOP_SCORE, 1, 1000);
	const AsndTopRow *row = &g_array_index(rows, AsndTopRow, 0);

	g_assert_cmpuint(rows->len, ==, 1);
	g_assert_cmpuint(row->key.asn, ==, 64498);
	g_assert_cmpuint(row->origin.asn, ==, 64498);
	g_assert_cmpstr(row->origin.country, ==, "NL");
	/* An AS learns little from each vote; its block is what is bad. */
	g_autoptr(GArray) bad =
	    ask(f, ASN_LEVEL_BLOCK, ASND_TOP_SCORE, 1, 1000);
	row = &g_array_index(bad, AsndTopRow, 0);
	g_assert_cmpuint(row->key.net.addr.b[14], ==, 113);
	g_assert_true(row->flagged);
}

static void
test_empty(Fixture *f, gconstpointer votes)
{
	for (guint level = ASN_LEVEL_AS; level <= ASN_LEVEL_ADDRESS; level++) {
		g_autoptr(GArray) rows =
		    ask(f, level, ASND_TOP_SCORE, 20, 1000);

		g_assert_cmpuint(rows->len, ==, 0);
	}
}

/* A wide network with a smaller one of another owner at its start. */
static void
test_nested(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(3);
	g_autoptr(GBytes) bytes = test_db_random_networks(60, rand);
	g_autoptr(GError) error = NULL;
	int fd = memfd_create("networks", MFD_CLOEXEC);
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);
	Fixture f = {.model = asn_model_new(&asn_model_defaults)};
	guint right = 0, all = 0;

	g_assert_cmpint(write(fd, data, len), ==, (gssize)len);
	f.networks = asn_networks_open(fd, "networks", &error);
	g_assert_no_error(error);
	close(fd);
	for (guint i = 0; i < 4096; i++) {
		AsnAddr addr = parse("198.18.0.0");
		AsnOriginKey key;

		addr.b[14] = (guint8)(i >> 8);
		addr.b[15] = (guint8)i;
		key = asn_networks_key(f.networks, &addr);
		asn_model_learn(f.model, &key, NOW, TRUE, 1, 1);
	}
	g_autoptr(GArray) rows =
	    ask(&f, ASN_LEVEL_PREFIX, ASND_TOP_SPAM, 1000, 100);
	for (guint i = 0; i < rows->len; i++) {
		const AsndTopRow *row = &g_array_index(rows, AsndTopRow, i);

		all++;
		right += asn_network_equal(&row->key.net, &row->origin.prefix);
	}
	g_test_message("%u of %u prefixes have their own owner", right, all);
	g_assert_cmpuint(all, >, 20);
	g_assert_cmpuint(right * 10, >=, all * 8);
	asn_model_free(f.model);
	asn_networks_close(f.networks);
}

int
main(int argc, char **argv)
{
	const gconstpointer votes = GUINT_TO_POINTER(3000);

	g_test_init(&argc, &argv, NULL);
	g_test_add("/top/all", Fixture, votes, set_up, test_all, tear_down);
	g_test_add("/top/owner", Fixture, votes, set_up, test_owner, tear_down);
	g_test_add("/top/empty", Fixture, NULL, set_up, test_empty, tear_down);
	g_test_add_func("/top/nested", test_nested);
	return g_test_run();
}
