/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export-text.c: exports that other programs read as their configuration. */

#include <string.h>

#include "export.h"
#include "placeholders.h"
#include "trace.h"

static const AsnExportEntry *
entry(const AsnExport *e, guint i)
{
	return &g_array_index(e->entries, AsnExportEntry, i);
}

const char *
asn_export_holder(const AsnOrigin *origin, char *buf)
{
	char org[ASN_HOLDER_MAX + 1] = "";

	if (origin->org != NULL)
		asn_trace_clean_holder(org, origin->org, origin->org_len);
	if (origin->asn == 0)
		g_strlcpy(buf, "unknown AS", ASN_EXPORT_HOLDER_SIZE);
	else
		g_snprintf(buf, ASN_EXPORT_HOLDER_SIZE, "AS%u%s%s", origin->asn,
		    org[0] != '\0' ? " " : "", org);
	return buf;
}

/* --- comments --------------------------------------------------------------
 */

static void
put_head(const AsnExport *e, GString *out)
{
	const AsnMmdb *db = asn_networks_mmdb(e->pick->networks);
	g_autofree char *title = asn_export_title(e);
	g_autofree char *made = asn_export_date((gint64)e->pick->now);
	g_autofree char *networks =
	    asn_export_date((gint64)asn_mmdb_meta(db)->build_epoch);
	g_autofree char *learned = NULL;

	g_string_append_printf(out, "# asnctl export, %s: %s\n# networks of %s",
	    made, title, networks);
	if (e->pick->reputation != NULL) {
		learned = asn_export_date(
		    asn_reputation_weights_time(e->pick->reputation));
		g_string_append_printf(out, ", reputation of %s", learned);
	}
	g_string_append_c(out, '\n');
}

/* The holder, where it is another one than that of the entry before. */
static void
put_holder(
    const AsnExportEntry *before, const AsnExportEntry *now, GString *out)
{
	char holder[ASN_EXPORT_HOLDER_SIZE];

	if (before == NULL || before->origin.asn != now->origin.asn)
		g_string_append_printf(
		    out, "# %s\n", asn_export_holder(&now->origin, holder));
}

/* --- postfix-cidr ----------------------------------------------------------
 */

static int
narrower_first(gconstpointer a, gconstpointer b)
{
	const AsnExportEntry *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->net.len != y->net.len)
		return (int)y->net.len - (int)x->net.len;
	return asn_network_cmp(&x->net, &y->net);
}

/* The first match wins (cidr_table(5)). */
gboolean
asn_export_postfix(const AsnExport *e, GString *out, GError **error)
{
	g_autoptr(GArray) sorted = g_array_copy(e->entries);
	const AsnExportEntry *last = NULL;

	g_array_sort(sorted, narrower_first);
	put_head(e, out);
	for (guint i = 0; i < sorted->len; i++) {
		const AsnExportEntry *x =
		    &g_array_index(sorted, AsnExportEntry, i);
		const AsnPlaceholders values = {&x->origin, x->score};
		char net[ASN_NETWORK_STRLEN], rule[4096];

		put_holder(last, x, out);
		last = x;
		if (!x->in)
			g_strlcpy(rule, "DUNNO", sizeof rule);
		else
			asn_placeholders_expand(
			    e->rule, &values, rule, sizeof rule);
		g_string_append_printf(
		    out, "%s %s\n", asn_network_format(&x->net, net), rule);
	}
	return TRUE;
}

/* --- rbldnsd ---------------------------------------------------------------
 */

static void
put_rbldnsd_value(const AsnOrigin *origin, GString *out)
{
	char holder[ASN_EXPORT_HOLDER_SIZE];

	g_string_append(out, " :127.0.0.2:");
	asn_export_holder(origin, holder);
	for (const char *p = holder; *p != '\0'; p++) /* $$: a dollar sign */
		g_string_append(out, *p == '$' ? "$$" : (char[2]){*p, '\0'});
}

/* A trie answers with the longest match.  127.0.0.2 and its like are RFC 5782's
 * test entries. */
static void
put_rbldnsd(const AsnExport *e, guint8 family, GString *out)
{
	const AsnExportEntry *last = NULL;
	char net[ASN_NETWORK_STRLEN];

	g_string_append_printf(out, "$DATASET ip%utrie:asnd%u @\n%s\n", family,
	    family,
	    family == 4 ? "127.0.0.2 :127.0.0.2:test entry of RFC 5782"
			: "::ffff:7f00:2 :127.0.0.2:test entry of RFC 5782");
	for (guint i = 0; i < e->entries->len; i++) {
		const AsnExportEntry *x = entry(e, i);

		if (x->net.addr.family != family)
			continue;
		put_holder(last, x, out);
		last = x;
		g_string_append_printf(out, "%s%s", x->in ? "" : "!",
		    asn_network_format(&x->net, net));
		if (x->in)
			put_rbldnsd_value(&x->origin, out);
		g_string_append_c(out, '\n');
	}
}

gboolean
asn_export_rbldnsd(const AsnExport *e, GString *out, GError **error)
{
	put_head(e, out);
	put_rbldnsd(e, 4, out);
	put_rbldnsd(e, 6, out);
	return TRUE;
}

/* --- nftables --------------------------------------------------------------
 */

static void
put_set(const AsnExport *e, guint8 family, GString *out)
{
	const AsnExportEntry *last = NULL;
	char net[ASN_NETWORK_STRLEN];

	g_string_append_printf(out,
	    "add set inet asnd flagged%u { type ipv%u_addr; flags interval; }\n"
	    "flush set inet asnd flagged%u\n",
	    family, family, family);
	for (guint i = 0; i < e->entries->len; i++) {
		const AsnExportEntry *x = entry(e, i);

		if (x->net.addr.family != family)
			continue;
		if (last == NULL)
			g_string_append_printf(
			    out, "add element inet asnd flagged%u {\n", family);
		put_holder(last, x, out);
		last = x;
		g_string_append_printf(
		    out, "\t%s,\n", asn_network_format(&x->net, net));
	}
	if (last != NULL)
		g_string_append(out, "}\n");
}

/* One transaction: the sets are made where they are not, and filled anew;
 * rules that use them stay. */
gboolean
asn_export_nftables(const AsnExport *e, GString *out, GError **error)
{
	put_head(e, out);
	g_string_append(out, "add table inet asnd\n");
	put_set(e, 4, out);
	put_set(e, 6, out);
	return TRUE;
}
