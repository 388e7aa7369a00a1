/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lookup-json.c: an answer of asnctl lookup as one line of JSON. */

#include <stdio.h>

#include "json.h"
#include "lookup.h"

static void
put_double(GString *out, const char *key, double v)
{
	char buf[G_ASCII_DTOSTR_BUF_SIZE];

	asn_json_member(out, key);
	g_string_append(out, g_ascii_formatd(buf, sizeof buf, "%.12g", v));
}

static void
put_bool(GString *out, const char *key, gboolean v)
{
	asn_json_member(out, key);
	g_string_append(out, v ? "true" : "false");
}

static void
open_item(GString *out, guint i)
{
	g_string_append(out, i > 0 ? ", {" : "{");
}

static void
put_countries(GString *out, const GArray *countries)
{
	asn_json_member(out, "countries");
	g_string_append_c(out, '[');
	for (guint i = 0; i < countries->len; i++) {
		const LookupCountry *c =
		    &g_array_index(countries, LookupCountry, i);

		open_item(out, i);
		asn_json_member_string(out, "country", c->country);
		asn_json_member_uint(out, "v4_addresses", c->v4_addresses);
		asn_json_member_uint(out, "v6_networks", c->v6_networks);
		g_string_append_c(out, '}');
	}
	g_string_append_c(out, ']');
}

/* Unknown things are left out. */
static void
put_owner(GString *out, const LookupAnswer *a)
{
	char text[ASN_NETWORK_STRLEN];

	if (a->what.kind != ASN_SUBJECT_AS)
		asn_json_member_string(out,
		    a->what.kind == ASN_SUBJECT_ADDRESS ? "address" : "network",
		    asn_subject_format(&a->what, text));
	if (a->origin.asn != 0)
		asn_json_member_uint(out, "asn", a->origin.asn);
	if (a->origin.org != NULL) {
		asn_json_member(out, "holder");
		asn_json_string(out, a->origin.org, (gssize)a->origin.org_len);
	}
	if (a->origin.country[0] != '\0')
		asn_json_member_string(out, "country", a->origin.country);
	if (a->origin.prefix.addr.family != 0)
		asn_json_member_string(
		    out, "prefix", asn_network_format(&a->origin.prefix, text));
	if (a->countries != NULL)
		put_countries(out, a->countries);
}

static void
put_levels(GString *out, const LookupAnswer *a)
{
	char key[ASN_NETWORK_STRLEN];

	asn_json_member(out, "levels");
	g_string_append_c(out, '[');
	for (guint i = 0; i <= (guint)a->last; i++) {
		const AsnChainLevel *c = &a->p.level[i];

		if (!c->present)
			continue;
		open_item(out, i); /* level 0 is always present */
		asn_json_member_string(out, "level", asn_level_name(i));
		asn_json_member_string(
		    out, "key", asn_level_key(i, &a->key, key, sizeof key));
		put_double(out, "spam", c->s);
		put_double(out, "ham", c->h);
		put_double(out, "theta", c->theta);
		put_double(out, "change", asn_prediction_change(&a->p, i));
		put_bool(out, "enough_reporters", c->backed);
		g_string_append_c(out, '}');
	}
	g_string_append_c(out, ']');
}

static void
put_score(GString *out, const Lookup *l, const LookupAnswer *a)
{
	const AsnThresholds *need = &l->config->thresholds;
	const AsnLevel decider = asn_prediction_decider(&a->p);

	put_levels(out, a);
	if (decider != ASN_LEVEL_ALL && decider <= a->last)
		asn_json_member_string(
		    out, "decided_by", asn_level_name(decider));
	put_double(out, "score", a->p.score);
	put_double(out, "evidence", a->p.evidence);
	asn_json_member_uint(out, "reporters_needed",
	    asn_reputation_needs_two(l->reputation, l->now) ? 2 : 1);
	put_bool(out, "warm", a->p.warm);
	put_double(out, "ham_in_all", a->p.raw_ham);
	put_bool(out, "flag", lookup_is_flagged(a));
	put_double(out, "threshold", need->threshold);
	put_double(out, "evidence_needed", need->evidence);
	put_double(out, "min_ham", need->min_ham);
}

static void
put_date(GString *out, const char *key, gint64 epoch)
{
	g_autofree char *date = lookup_date(epoch);

	asn_json_member_string(out, key, date);
}

static void
put_rule(GString *out, const LookupAnswer *a)
{
	char text[ASN_RULE_STRLEN];

	if (!a->ruled)
		return;
	asn_json_member_string(out, "rule", asn_rule_format(&a->rule, text));
	if (a->rule.until != 0)
		put_date(out, "rule_until", a->rule.until);
	if (!a->scored)
		put_bool(out, "flag", lookup_is_flagged(a));
}

void
lookup_print_json(const Lookup *l, const LookupAnswer *a)
{
	g_autoptr(GString) out = g_string_new("{");

	put_owner(out, a);
	if (l->networks != NULL)
		put_bool(out, "known", a->found);
	put_rule(out, a);
	if (a->scored)
		put_score(out, l, a);
	if (l->networks != NULL)
		put_date(out, "networks_built",
		    (gint64)asn_mmdb_meta(asn_networks_mmdb(l->networks))
			->build_epoch);
	if (l->reputation != NULL)
		put_date(out, "reputation_built",
		    asn_reputation_weights_time(l->reputation));
	printf("%s}\n", out->str);
}
