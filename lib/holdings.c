/* SPDX-License-Identifier: GPL-2.0-or-later */
/* holdings.c: the networks of an AS. */

#include <stdlib.h>
#include <string.h>

#include <gio/gio.h>

#include "escape.h"
#include "holdings.h"
#include "subject.h"

/* A leaf of the database, or the routed prefix around it. */
typedef struct {
	AsnNetwork net;
	char country[3];
} Leaf;

typedef struct {
	const AsnNetworks *db;
	AsnHoldings *out;
	gboolean exact;
	GArray *leaves; /* Leaf */
} Scan;

static gboolean
is_of(AsnMmdbValue record, guint32 asn)
{
	AsnMmdbField f;
	guint64 v;

	return asn_mmdb_map_get(record, "autonomous_system_number", 24, &f) &&
	       asn_mmdb_field_uint(&f, &v) && v == asn;
}

static gboolean
scan(const AsnNetwork *leaf, AsnMmdbValue record, gpointer data)
{
	Scan *s = data;
	AsnOrigin o;
	Leaf l = {*leaf, ""};

	if (!is_of(record, s->out->asn) ||
	    !asn_networks_lookup(s->db, &leaf->addr, &o))
		return TRUE;
	if (s->exact)
		l.net = o.prefix;
	memcpy(l.country, o.country, sizeof l.country);
	if (s->out->org == NULL) {
		s->out->org = o.org;
		s->out->org_len = o.org_len;
	}
	g_array_append_val(s->leaves, l);
	return TRUE;
}

static int
compare_leaves(gconstpointer a, gconstpointer b)
{
	const Leaf *x = a, *y = b;

	return asn_network_cmp(&x->net, &y->net);
}

/* The routed prefixes, each once: many leaves may lie in one. */
static void
put_exact(GArray *leaves, GArray *out)
{
	g_array_sort(leaves, compare_leaves);
	for (guint i = 0; i < leaves->len; i++) {
		const Leaf *l = &g_array_index(leaves, Leaf, i);
		AsnHolding h = {l->net, NULL};

		if (i > 0 && asn_network_equal(&l->net, &l[-1].net))
			continue;
		h.countries = g_strdup(l->country);
		g_array_append_val(out, h);
	}
}

static int
compare_countries(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of the leaves inside net, which is where *next says and after it. */
static char *
countries_in(const AsnNetwork *net, const GArray *leaves, guint *next)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new();

	for (; *next < leaves->len; ++*next) {
		Leaf *l = &g_array_index(leaves, Leaf, *next);

		if (!asn_network_contains(net, &l->net.addr))
			break;
		if (l->country[0] != '\0' &&
		    !g_ptr_array_find_with_equal_func(
			found, l->country, g_str_equal, NULL))
			g_ptr_array_add(found, l->country);
	}
	g_ptr_array_sort(found, compare_countries);
	g_ptr_array_add(found, NULL);
	return g_strjoinv(",", (char **)found->pdata);
}

static void
put_fewest(const GArray *leaves, GArray *out)
{
	g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(AsnRange));
	g_autoptr(GArray) nets = g_array_new(FALSE, FALSE, sizeof(AsnNetwork));
	guint next = 0;

	for (guint i = 0; i < leaves->len; i++) {
		AsnRange r = asn_range_of(&g_array_index(leaves, Leaf, i).net);
		asn_ranges_add(ranges, &r);
	}
	for (guint i = 0; i < ranges->len; i++)
		asn_range_networks(&g_array_index(ranges, AsnRange, i), nets);
	for (guint i = 0; i < nets->len; i++) {
		AsnHolding h = {g_array_index(nets, AsnNetwork, i), NULL};

		h.countries = countries_in(&h.net, leaves, &next);
		g_array_append_val(out, h);
	}
}

static void
clear_holding(gpointer data)
{
	g_free(((AsnHolding *)data)->countries);
}

void
asn_holdings_read(
    const AsnNetworks *db, guint32 asn, gboolean exact, AsnHoldings *out)
{
	g_autoptr(GArray) leaves = g_array_new(FALSE, FALSE, sizeof(Leaf));
	Scan s = {db, out, exact, leaves};

	*out = (AsnHoldings){.asn = asn};
	out->networks = g_array_new(FALSE, FALSE, sizeof(AsnHolding));
	g_array_set_clear_func(out->networks, clear_holding);
	asn_mmdb_foreach(asn_networks_mmdb(db), scan, &s);
	if (exact)
		put_exact(leaves, out->networks);
	else
		put_fewest(leaves, out->networks);
}

void
asn_holdings_clear(AsnHoldings *h)
{
	g_clear_pointer(&h->networks, g_array_unref);
}

gboolean
asn_holdings_parse(
    const AsnNetworks *db, const char *what, guint32 *asn, GError **error)
{
	char shown[ASN_ESCAPE_SIZE];
	AsnSubject subject;
	AsnOrigin origin;

	if (!asn_subject_parse(what, &subject, error))
		return FALSE;
	if (subject.kind == ASN_SUBJECT_NETWORK) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
		    "%s is a network: name an AS, or an address in it",
		    asn_escape_str(shown, what));
		return FALSE;
	}
	*asn = subject.asn;
	if (subject.kind == ASN_SUBJECT_ADDRESS && db != NULL &&
	    asn_networks_lookup(db, &subject.net.addr, &origin))
		*asn = origin.asn;
	return TRUE;
}
