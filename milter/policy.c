/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.c: from facts and databases to headers. */

#include <math.h>
#include <string.h>

#include "placeholders.h"
#include "policy.h"

/* What the headers are made of. */
typedef struct {
	AsnOrigin origin;
	AsnPrediction prediction;
	gboolean known;  /* origin is a record of networks.mmdb */
	gboolean scored; /* prediction rests on weights */
	gboolean ruled;  /* rule beats it */
	AsnRule rule;
} Findings;

const char *
mlt_policy_exempt(const MltPolicy *policy, const MltFacts *facts)
{
	if (facts->authenticated)
		return "authenticated";
	if (facts->client.family == 0)
		return "no client address";
	if (asn_addr_is_loopback(&facts->client) ||
	    asn_network_list_contains(
		&policy->config->local_networks, &facts->client))
		return "local";
	return NULL;
}

static void
look_up(const MltPolicy *policy, const MltSnapshot *snapshot,
    const AsnAddr *client, gint64 now, Findings *f)
{
	AsnOriginKey key;

	memset(f, 0, sizeof *f);
	if (snapshot->networks != NULL)
		f->known =
		    asn_networks_lookup(snapshot->networks, client, &f->origin);
	f->ruled = asn_rules_find(
	    snapshot->rules, client, f->origin.asn, now, &f->rule);
	if (snapshot->reputation == NULL)
		return;
	key = asn_origin_key(client, &f->origin);
	asn_reputation_predict(snapshot->reputation, &key, (double)now,
	    &policy->config->thresholds, &f->prediction);
	f->scored = f->prediction.level[ASN_LEVEL_ALL].s +
			f->prediction.level[ASN_LEVEL_ALL].h >
		    0;
}

/* The slot for the next header, kept only when `len` says it was written. */
static void
add(MltDecision *d, const char *name, gsize len)
{
	if (len == 0)
		return;
	d->header[d->n].name = name;
	d->header[d->n].name_len = (guint)strlen(name);
	d->n++;
}

static void
add_asn(const Findings *f, MltDecision *d)
{
	const AsnOrigin *o = &f->origin;

	if (!f->known)
		return;
	add(d, ASN_HEADER_ASN,
	    asn_trace_format_asn(d->header[d->n].value, ASN_TRACE_MAX, o->asn,
		&o->prefix, o->country, o->org, o->org_len));
}

static void
add_spam(const MltPolicy *policy, const Findings *f, MltDecision *d)
{
	const AsnPrediction *p = &f->prediction;
	char rule[ASN_RULE_STRLEN];
	AsnLevel decider;
	gboolean none;

	if (!f->scored && !f->ruled)
		return;
	if (f->ruled)
		asn_rule_format(&f->rule, rule);
	decider = asn_prediction_decider(p);
	none = decider == ASN_LEVEL_ALL;
	add(d, ASN_HEADER_SPAM,
	    asn_trace_format_spam(d->header[d->n].value, ASN_TRACE_MAX,
		d->verdict == MLT_FLAGGED, f->ruled ? rule : NULL, d->score,
		policy->config->thresholds.threshold,
		none ? "none" : asn_level_name(decider),
		none ? 0 : p->level[decider].s,
		none ? 0 : p->level[decider].h));
}

static void
add_seal(
    const MltPolicy *policy, const MltFacts *facts, gint64 now, MltDecision *d)
{
	AsnSeal seal = {.time = now, .addr = facts->client};

	if (policy->sealer == NULL || facts->queue_id == NULL ||
	    g_strlcpy(seal.queue_id, facts->queue_id, sizeof seal.queue_id) >=
		sizeof seal.queue_id)
		return;
	seal.flagged = d->verdict == MLT_FLAGGED;
	add(d, ASN_HEADER_SEAL,
	    asn_seal_write(
		policy->sealer, &seal, d->header[d->n].value, ASN_TRACE_MAX));
}

/* --- flag headers
 * -------------------------------------------------------------- */

static void
add_flag_headers(const MltPolicy *policy, const Findings *f, MltDecision *d)
{
	const AsnPlaceholders values = {&f->origin, d->score};
	char **lines = policy->config->flag_headers;

	for (gsize i = 0; lines[i] != NULL && d->n < MLT_HEADERS_MAX; i++) {
		MltHeader *h = &d->header[d->n];
		const char *colon = strchr(lines[i], ':');
		const char *value = colon + 1 + strspn(colon + 1, " ");

		if (asn_placeholders_expand(
			value, &values, h->value, sizeof h->value) == 0)
			continue;
		h->name = lines[i];
		h->name_len = (guint)(colon - lines[i]);
		d->n++;
	}
}

/* --- the whole
 * ------------------------------------------------------------------ */

static void
leave(MltDecision *d, const char *reason)
{
	d->verdict = MLT_UNTOUCHED;
	d->reason = reason;
	d->asn = 0;
	d->score = (double)NAN;
	d->ruled = FALSE;
	d->n = 0;
}

static void
judge(const Findings *f, MltDecision *d)
{
	const AsnPrediction *p = &f->prediction;
	gboolean flag =
	    f->ruled ? f->rule.action == ASN_RULE_BLOCK : f->scored && p->flag;

	d->asn = f->origin.asn;
	d->score = f->scored ? p->score : (double)NAN;
	d->ruled = f->ruled;
	d->rule = f->rule;
	d->verdict = flag ? MLT_FLAGGED : MLT_UNFLAGGED;
	d->reason = f->ruled     ? "rule"
		    : !f->scored ? "no score"
		    : flag       ? "flagged"
		    : p->warm    ? "below"
				 : "warming up";
}

void
mlt_policy_decide(const MltPolicy *policy, const MltSnapshot *snapshot,
    const MltFacts *facts, gint64 now, MltDecision *out)
{
	const char *exempt = mlt_policy_exempt(policy, facts);
	Findings f;

	leave(out, exempt);
	if (exempt != NULL)
		return;
	if (snapshot->networks == NULL && snapshot->reputation == NULL &&
	    snapshot->rules == NULL) {
		leave(out, "no database");
		return;
	}
	look_up(policy, snapshot, &facts->client, now, &f);
	judge(&f, out);
	add_asn(&f, out);
	add_spam(policy, &f, out);
	add_seal(policy, facts, now, out);
	if (out->verdict == MLT_FLAGGED)
		add_flag_headers(policy, &f, out);
}

const char *
mlt_verdict_name(const MltDecision *d)
{
	if (d->verdict == MLT_UNTOUCHED || (isnan(d->score) && !d->ruled))
		return "-";
	return d->verdict == MLT_FLAGGED ? "Yes" : "No";
}
