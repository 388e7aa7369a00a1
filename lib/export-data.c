/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export-data.c: exports that programs read as data. */

#include <math.h>
#include <string.h>

#include "export.h"
#include "json.h"
#include "mmdb-write.h"
#include "trace.h"

#define MMDB_TYPE "asnd-Export (compat=GeoLite2-ASN)"

static const AsnExportEntry *
entry(const AsnExport *e, guint i)
{
	return &g_array_index(e->entries, AsnExportEntry, i);
}

char *
asn_export_date(gint64 epoch)
{
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(epoch);

	return t ? g_date_time_format(t, "%Y-%m-%dT%H:%M:%SZ")
		 : g_strdup("unknown");
}

/* Three digits after the point, whatever the locale. */
static void
put_score(GString *out, double score)
{
	char buf[G_ASCII_DTOSTR_BUF_SIZE];

	g_string_append(out, g_ascii_formatd(buf, sizeof buf, "%.3f", score));
}

/* --- json ------------------------------------------------------------------
 */

static void
json_date(GString *out, const char *key, gint64 epoch)
{
	g_autofree char *date = asn_export_date(epoch);

	asn_json_member_string(out, key, date);
}

static void
json_entry(GString *out, const AsnExportEntry *x)
{
	g_autoptr(GString) one = g_string_new("{");
	char net[ASN_NETWORK_STRLEN], rule[ASN_RULE_STRLEN];

	asn_json_member_string(
	    one, "network", asn_network_format(&x->net, net));
	if (x->origin.asn != 0)
		asn_json_member_uint(one, "asn", x->origin.asn);
	if (x->origin.org != NULL) {
		asn_json_member(one, "holder");
		asn_json_string(one, x->origin.org, (gssize)x->origin.org_len);
	}
	if (x->origin.country[0] != '\0')
		asn_json_member_string(one, "country", x->origin.country);
	if (!isnan(x->score)) {
		asn_json_member(one, "score");
		put_score(one, x->score);
	}
	if (x->rule.action != 0)
		asn_json_member_string(
		    one, "rule", asn_rule_format(&x->rule, rule));
	g_string_append_printf(out, "%s}", one->str);
}

gboolean
asn_export_json(const AsnExport *e, GString *out, GError **error)
{
	const AsnMmdb *db = asn_networks_mmdb(e->pick->networks);
	g_autofree char *title = asn_export_title(e);

	g_string_append_c(out, '{');
	json_date(out, "exported", (gint64)e->pick->now);
	asn_json_member_string(out, "what", title);
	json_date(
	    out, "networks_built", (gint64)asn_mmdb_meta(db)->build_epoch);
	if (e->pick->reputation != NULL)
		json_date(out, "reputation_built",
		    asn_reputation_weights_time(e->pick->reputation));
	asn_json_member(out, "networks");
	g_string_append_c(out, '[');
	for (guint i = 0; i < e->entries->len; i++) {
		g_string_append(out, i > 0 ? ",\n" : "\n");
		json_entry(out, entry(e, i));
	}
	g_string_append(out, "]}\n");
	return TRUE;
}

/* --- csv (RFC 4180) --------------------------------------------------------
 */

/* Quoted; what a spreadsheet would take for a formula gets an apostrophe. */
static void
csv_holder(GString *out, const AsnOrigin *origin)
{
	char org[ASN_HOLDER_MAX + 1] = "";

	if (origin->org != NULL)
		asn_trace_clean_holder(org, origin->org, origin->org_len);
	g_string_append_c(out, '"');
	if (org[0] != '\0' && strchr("=+-@", org[0]) != NULL)
		g_string_append_c(out, '\'');
	for (const char *p = org; *p != '\0'; p++) {
		if (*p == '"')
			g_string_append_c(out, '"');
		g_string_append_c(out, *p);
	}
	g_string_append_c(out, '"');
}

gboolean
asn_export_csv(const AsnExport *e, GString *out, GError **error)
{
	char net[ASN_NETWORK_STRLEN], rule[ASN_RULE_STRLEN];

	g_string_append(out, "network,asn,holder,country,score,rule\r\n");
	for (guint i = 0; i < e->entries->len; i++) {
		const AsnExportEntry *x = entry(e, i);

		g_string_append_printf(
		    out, "%s,", asn_network_format(&x->net, net));
		if (x->origin.asn != 0)
			g_string_append_printf(out, "%u", x->origin.asn);
		g_string_append_c(out, ',');
		csv_holder(out, &x->origin);
		g_string_append_printf(out, ",%s,", x->origin.country);
		if (!isnan(x->score))
			put_score(out, x->score);
		g_string_append_c(out, ',');
		if (x->rule.action != 0)
			g_string_append(out, asn_rule_format(&x->rule, rule));
		g_string_append(out, "\r\n");
	}
	return TRUE;
}

/* --- mmdb ------------------------------------------------------------------
 */

#define KEY(w, name) asn_mmdb_put_shared_string(w, name, strlen(name))

static guint32
mmdb_record(AsnMmdbWriter *w, const AsnExportEntry *x)
{
	const AsnOrigin *o = &x->origin;
	const gboolean scored = !isnan(x->score);
	const gboolean country = o->country[0] != '\0';
	const guint32 at = asn_mmdb_writer_tell(w);

	asn_mmdb_put_map(w, (guint)(1 + (o->org != NULL) + country + scored));
	KEY(w, "autonomous_system_number");
	asn_mmdb_put_uint32(w, o->asn);
	if (o->org != NULL) {
		KEY(w, "autonomous_system_organization");
		asn_mmdb_put_shared_string(w, o->org, o->org_len);
	}
	if (country) {
		KEY(w, "country");
		asn_mmdb_put_shared_string(w, o->country, 2);
	}
	if (scored) {
		KEY(w, "score");
		asn_mmdb_put_double(w, round(x->score * 1000) / 1000);
	}
	return at;
}

gboolean
asn_export_mmdb(const AsnExport *e, GString *out, GError **error)
{
	g_autofree char *title = asn_export_title(e);
	g_autofree char *text = g_strdup_printf("asnctl export: %s", title);
	const AsnMmdbWriterOptions options = {.database_type = MMDB_TYPE,
	    .description = text,
	    .build_epoch = (guint64)e->pick->now};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&options);
	g_autoptr(GBytes) file = NULL;
	gboolean ok = TRUE;
	gconstpointer data;
	gsize len;

	for (guint i = 0; ok && i < e->entries->len; i++) {
		const AsnExportEntry *x = entry(e, i);
		const guint32 at = mmdb_record(w, x);

		ok = asn_mmdb_writer_add(w, &x->net, at, error);
	}
	if (ok)
		file = asn_mmdb_writer_finish(w, error);
	asn_mmdb_writer_free(w);
	if (file == NULL)
		return FALSE;
	data = g_bytes_get_data(file, &len);
	g_string_append_len(out, data, (gssize)len);
	return TRUE;
}
