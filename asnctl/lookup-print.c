/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lookup-print.c: an answer of asnctl lookup as a person reads it. */

#include <stdio.h>

#include "escape.h"
#include "lookup.h"
#include "rules-date.h"

#define COUNTRIES_SHOWN 8

static const char *
colour(const Lookup *l, const char *code)
{
	return l->colour ? code : "";
}

static const char *
known(const char *country)
{
	return country[0] != '\0' ? country : "unknown";
}

static void
print_holder(const LookupAnswer *a)
{
	char org[ASN_ESCAPE_SIZE];

	if (a->origin.asn == 0)
		printf("  holder      unknown\n");
	else if (a->origin.org == NULL)
		printf("  holder      AS%u (no name known)\n", a->origin.asn);
	else
		printf("  holder      AS%u %s\n", a->origin.asn,
		    asn_escape(org, a->origin.org, a->origin.org_len));
}

static void
print_countries(const GArray *countries)
{
	for (guint i = 0; i < countries->len && i < COUNTRIES_SHOWN; i++) {
		const LookupCountry *c =
		    &g_array_index(countries, LookupCountry, i);

		printf("  %-10s  %-7s  %" G_GUINT64_FORMAT " IPv4 addresses, "
		       "%" G_GUINT64_FORMAT " IPv6 networks\n",
		    i == 0 ? "country" : "", known(c->country), c->v4_addresses,
		    c->v6_networks);
	}
	if (countries->len > COUNTRIES_SHOWN)
		printf("              and %u countries more\n",
		    countries->len - COUNTRIES_SHOWN);
}

static void
print_owner(const Lookup *l, const LookupAnswer *a)
{
	gboolean is_as = a->what.kind == ASN_SUBJECT_AS;
	gboolean single = a->what.kind == ASN_SUBJECT_ADDRESS;
	char text[ASN_SUBJECT_STRLEN];

	printf("%s%s%s\n", colour(l, "\033[1m"),
	    asn_subject_format(&a->what, text), colour(l, "\033[0m"));
	if (l->networks == NULL)
		return;
	if (!a->found) {
		printf("  %s\n", is_as    ? "no known network belongs to it"
				 : single ? "in no known network"
					  : "in no known network, or wider "
					    "than one");
		return;
	}
	print_holder(a);
	if (is_as) {
		print_countries(a->countries);
		return;
	}
	printf("  country     %s\n", known(a->origin.country));
	printf(
	    "  prefix      %s\n", asn_network_format(&a->origin.prefix, text));
}

static void
print_rule(const Lookup *l, const LookupAnswer *a)
{
	gboolean block = a->rule.action == ASN_RULE_BLOCK;
	char what[ASN_SUBJECT_STRLEN], until[ASN_UNTIL_SIZE];

	if (!a->ruled)
		return;
	printf("  rule        %s%s %s%s",
	    colour(l, block ? "\033[1;31m" : "\033[1;32m"),
	    asn_rule_action_name(a->rule.action),
	    asn_subject_format(&a->rule.what, what), colour(l, "\033[0m"));
	if (a->rule.until != 0)
		printf(" until %s", asn_until_format(a->rule.until, until));
	printf(": %s, whatever the score\n", block ? "flagged" : "not flagged");
}

static void
print_levels(const LookupAnswer *a)
{
	char key[ASN_NETWORK_STRLEN];

	printf("\n  %-10s  %-24s %9s %9s %8s %8s\n", "level", "", "spam", "ham",
	    "theta", "change");
	for (guint i = 0; i <= (guint)a->last; i++) {
		const AsnChainLevel *c = &a->p.level[i];

		if (!c->present)
			continue;
		printf("  %-10s  %-24s %9.2f %9.2f %8.4f %+8.2f\n",
		    asn_level_name(i),
		    asn_level_key(i, &a->key, key, sizeof key), c->s, c->h,
		    c->theta, asn_prediction_change(&a->p, i));
	}
	printf("  Weights above the address are effective different sources, "
	       "not mail counts.\n\n");
}

static void
print_reporters(const Lookup *l, const AsnPrediction *p)
{
	gboolean any = FALSE;

	if (!asn_reputation_needs_two(l->reputation, l->now)) {
		printf("  reporters   one user's reports are enough\n");
		return;
	}
	printf("  reporters   two different users are needed;");
	for (guint i = ASN_LEVEL_AS; i < ASN_N_LEVELS; i++) {
		if (!p->level[i].backed || p->level[i].s <= 0)
			continue;
		printf("%s %s", any ? "," : " two reported this",
		    asn_level_name(i));
		any = TRUE;
	}
	printf("%s\n", any ? "" : " no two reported spam here");
}

static void
print_verdict(const Lookup *l, const LookupAnswer *a)
{
	const AsnThresholds *need = &l->config->thresholds;
	const AsnPrediction *p = &a->p;
	const AsnLevel decider = asn_prediction_decider(p);
	char key[ASN_NETWORK_STRLEN];

	printf("  score       %s%.4f%s%s\n",
	    colour(l, p->flag ? "\033[1;31m" : "\033[1;32m"), p->score,
	    colour(l, "\033[0m"),
	    a->what.kind == ASN_SUBJECT_ADDRESS ? ""
						: " for a new address there");
	if (a->ruled)
		printf("  flagged     %s, by the rule (the score alone: %s)\n",
		    lookup_is_flagged(a) ? "yes" : "no",
		    p->flag ? "yes" : "no");
	else
		printf("  flagged     %s (from %.3f on, with the evidence, "
		       "when warm)\n",
		    p->flag ? "yes" : "no", need->threshold);
	if (decider != ASN_LEVEL_ALL && decider <= a->last)
		printf("  decided by  %s %s\n", asn_level_name(decider),
		    asn_level_key(decider, &a->key, key, sizeof key));
	printf("  evidence    %.2f (a flag needs %.2f)\n", p->evidence,
	    need->evidence);
	print_reporters(l, p);
	printf("  warm        %s, %.1f ham in all (a flag needs %.1f)\n",
	    p->warm ? "yes" : "no", p->raw_ham, need->min_ham);
}

static void
print_dates(const Lookup *l)
{
	g_autofree char *networks = NULL, *reputation = NULL;

	if (l->networks != NULL)
		networks = lookup_date(
		    (gint64)asn_mmdb_meta(asn_networks_mmdb(l->networks))
			->build_epoch);
	if (l->reputation != NULL)
		reputation =
		    lookup_date(asn_reputation_weights_time(l->reputation));
	printf("  databases   networks %s, reputation %s\n",
	    networks ? networks : l->no_networks,
	    reputation ? reputation : l->no_reputation);
}

void
lookup_print(const Lookup *l, const LookupAnswer *a)
{
	print_owner(l, a);
	print_rule(l, a);
	if (a->scored) {
		print_levels(a);
		print_verdict(l, a);
	}
	print_dates(l);
}
