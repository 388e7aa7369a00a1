/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-reputation-hostile.c: sound .mmdb files that no asnd would write. */

#include <math.h>
#include <string.h>

#include "mmdb-write.h"
#include "reputation.h"

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

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/reputation/nonsense", test_nonsense);
	return g_test_run();
}
