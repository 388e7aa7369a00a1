/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-lookup.c: Lookup and LookupMail: why mail scores as it does. */

#include <math.h>
#include <string.h>

#include "bus-history.h"
#include "bus-mail.h"
#include "bus-methods.h"
#include "chain.h"
#include "daemon-private.h"
#include "dict.h"

#define VOTES 20 /* on one mail, at most */

/* What is asked about, and what the model says of it. */
typedef struct {
	AsndDaemon *d;
	AsnSubject what;
	AsnOriginKey key;
	AsnOrigin origin;
	gboolean found;
	guint last; /* the narrowest level that is about all of it */
	AsnPrediction p;
	gboolean ruled;
	AsnRule rule;
	double now;
} Question;

/* --- asking ----------------------------------------------------------------
 */

/* A new address of an AS: where mail from there came from last.  100::/64 has
 * no reputation of its own (RFC 6666). */
static void
ask_as(Question *q)
{
	const AsnNetworks *networks = asnd_sources_networks(q->d->sources);
	AsndJournalVote vote;

	q->last = ASN_LEVEL_AS;
	if (asnd_journal_last_of_as(q->d->journal, q->what.asn, &vote)) {
		memcpy(q->key.country, vote.key.country, sizeof q->key.country);
		if (networks != NULL)
			asn_networks_lookup(
			    networks, &vote.key.addr, &q->origin);
	}
	/* Without a vote, or where another AS has it now, only that is said. */
	q->found = q->origin.asn == q->what.asn;
	if (!q->found)
		memset(&q->origin, 0, sizeof q->origin);
	q->origin.asn = q->key.asn = q->what.asn;
	q->origin.prefix.addr.family = 0;
	q->key.addr = (AsnAddr){.family = 6, .b = {0x01}};
}

static void
ask_network(Question *q)
{
	const AsnNetworks *networks = asnd_sources_networks(q->d->sources);
	const AsnAddr *addr = &q->what.net.addr;
	const guint8 len = q->what.net.len;

	if (networks != NULL)
		q->found = asn_networks_lookup(networks, addr, &q->origin);
	/* It may have several owners. */
	if (q->found && q->origin.prefix.len > len) {
		memset(&q->origin, 0, sizeof q->origin);
		q->found = FALSE;
	}
	q->key = asn_origin_key(addr, &q->origin);
	q->last =
	    asn_level_of_network(&q->what.net, q->key.prefix.addr.family != 0);
}

/* As the milter would do: a rule beats the score. */
static void
obey(Question *q)
{
	const AsnRules *rules = asnd_rules_published(q->d->rules);
	const gint64 now = (gint64)q->now;

	q->ruled = q->what.kind == ASN_SUBJECT_AS
		       ? asn_rules_find_as(rules, q->what.asn, now, &q->rule)
		       : asn_rules_find_network(
			     rules, &q->what.net, q->key.asn, now, &q->rule);
	if (q->ruled)
		q->p.flag = q->rule.action == ASN_RULE_BLOCK;
}

static void
ask(Question *q)
{
	const AsnThresholds *need = &q->d->config->thresholds;

	if (q->what.kind == ASN_SUBJECT_AS)
		ask_as(q);
	else
		ask_network(q);
	q->now = (double)asnd_daemon_now(q->d);
	asn_model_predict(
	    asnd_journal_model(q->d->journal), &q->key, q->now, &q->p);
	asn_prediction_cut(
	    &q->p, (AsnLevel)q->last, need->threshold, need->evidence);
	obey(q);
}

/* --- answering -------------------------------------------------------------
 */

static void
put_owner(GVariantBuilder *b, const Question *q)
{
	g_autofree char *holder =
	    g_strndup(q->origin.org ? q->origin.org : "", q->origin.org_len);

	if (q->what.kind == ASN_SUBJECT_ADDRESS)
		dict_address(b, "address", &q->what.net.addr);
	else if (q->what.kind == ASN_SUBJECT_NETWORK)
		dict_network(b, "network", &q->what.net);
	if (q->origin.asn != 0)
		dict_uint(b, "asn", q->origin.asn);
	dict_text(b, "holder", holder);
	dict_text(b, "country", q->origin.country);
	dict_network(b, "prefix", &q->origin.prefix);
	if (q->found || q->what.kind != ASN_SUBJECT_AS)
		dict_bool(b, "known", q->found);
}

/* Different users who reported spam there: 2 means two or more. */
static guint
reporters(const Question *q, AsnLevel level)
{
	const AsnNode *node =
	    asn_model_node(asnd_journal_model(q->d->journal), level, &q->key);

	if (node == NULL || node->reporter == 0)
		return 0;
	return isinf(node->ot) ? 1 : 2;
}

static void
put_levels(GVariantBuilder *b, const Question *q)
{
	char key[ASN_LEVEL_KEY_STRLEN];
	GVariantBuilder all;

	g_variant_builder_init(&all, G_VARIANT_TYPE("aa{sv}"));
	for (guint i = 0; i < ASN_N_LEVELS; i++) {
		const AsnChainLevel *c = &q->p.level[i];

		if (!c->present)
			continue;
		g_variant_builder_open(&all, G_VARIANT_TYPE_VARDICT);
		dict_text(&all, "level", asn_level_name(i));
		dict_text(
		    &all, "key", asn_level_key(i, &q->key, key, sizeof key));
		dict_double(&all, "spam", c->s);
		dict_double(&all, "ham", c->h);
		dict_double(&all, "theta", c->theta);
		dict_double(&all, "change", asn_prediction_change(&q->p, i));
		dict_bool(&all, "enough_reporters", c->backed);
		if (i >= ASN_LEVEL_AS)
			dict_uint(&all, "reporters", reporters(q, i));
		g_variant_builder_close(&all);
	}
	g_variant_builder_add(b, "{sv}", "levels", g_variant_builder_end(&all));
}

static void
put_rule(GVariantBuilder *b, const Question *q)
{
	char text[ASN_RULE_STRLEN];

	if (!q->ruled)
		return;
	dict_text(b, "rule", asn_rule_format(&q->rule, text));
	if (q->rule.until != 0)
		dict_time(b, "rule_until", q->rule.until);
}

static void
put_score(GVariantBuilder *b, const Question *q)
{
	const AsnThresholds *need = &q->d->config->thresholds;
	const AsnLevel decider = asn_prediction_decider(&q->p);
	const gint64 now = (gint64)q->now;

	put_levels(b, q);
	if (decider != ASN_LEVEL_ALL)
		dict_text(b, "decided_by", asn_level_name(decider));
	dict_double(b, "score", q->p.score);
	dict_double(b, "evidence", q->p.evidence);
	dict_uint(b, "reporters_needed",
	    asnd_learner_two_reporters_until(q->d->learner, now) > now ? 2 : 1);
	dict_bool(b, "warm", q->p.warm);
	dict_double(b, "ham_in_all", q->p.raw_ham);
	dict_bool(b, "flag", q->p.flag);
	dict_double(b, "threshold", need->threshold);
	dict_double(b, "evidence_needed", need->evidence);
	dict_double(b, "min_ham", need->min_ham);
	dict_time(b, "time", now);
}

static void
put_answer(GVariantBuilder *b, AsndDaemon *d, const AsnSubject *what)
{
	const AsnNetworks *networks = asnd_sources_networks(d->sources);
	Question q = {.d = d, .what = *what};

	ask(&q);
	put_owner(b, &q);
	put_rule(b, &q);
	put_score(b, &q);
	if (networks != NULL)
		dict_time(b, "networks_built",
		    (gint64)asn_mmdb_meta(asn_networks_mmdb(networks))
			->build_epoch);
}

void
asnd_bus_lookup(AsndBusCall *call)
{
	g_autoptr(GError) error = NULL;
	GVariantBuilder b;
	AsnSubject what;
	const char *text;

	g_variant_get(call->args, "(&s)", &text);
	if (!asn_subject_parse(text, &what, &error)) {
		asnd_bus_fail(call, ASND_BUS_INVALID, "%s", error->message);
		return;
	}
	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	put_answer(&b, call->daemon, &what);
	asnd_bus_return(call, g_variant_new("(a{sv})", &b));
}

/* --- a mail ----------------------------------------------------------------
 */

/* What its headers say of the verdict then; the seal covers no more than
 * `flagged`. */
static void
put_verdict(GVariantBuilder *b, const AsndBlock *mail)
{
	dict_bool(b, "sealed", mail->sealed);
	dict_time(b, "mail_time", mail->time);
	if (!mail->sealed)
		return;
	dict_bool(b, "was_flagged", mail->flagged);
	if (!isnan(mail->score))
		dict_double(b, "was_score", mail->score);
	if (mail->level != ASN_SPAM_UNKNOWN)
		dict_text(
		    b, "was_decided_by", asn_spam_level_name(mail->level));
}

static void
put_votes(GVariantBuilder *b, AsndDaemon *d, const guint8 digest[16])
{
	g_autoptr(GArray) votes =
	    asnd_journal_votes_on(d->journal, digest, VOTES);
	AsndVoteList list;

	asnd_vote_list_init(&list, d);
	asnd_vote_list_add(&list, votes);
	g_variant_builder_add(b, "{sv}", "votes", asnd_vote_list_end(&list));
}

static void
on_mail(AsndBusCall *call, const AsndBlock *mail, const char *data, gsize len)
{
	AsndDaemon *d = call->daemon;
	AsnSubject what = {.kind = ASN_SUBJECT_ADDRESS,
	    .net = {mail->addr, mail->addr.family == 4 ? 32 : 128}};
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	put_verdict(&b, mail);
	if (mail->addr.family == 0) {
		g_autofree char *why = asnd_bus_no_client(d, data, len);

		dict_text(&b, "problem", why);
	} else {
		put_answer(&b, d, &what);
	}
	if (call->may_change)
		put_votes(&b, d, mail->digest);
	asnd_bus_return(call, g_variant_new("(a{sv})", &b));
}

void
asnd_bus_lookup_mail(AsndBusCall *call)
{
	g_autoptr(GVariant) mail = g_variant_get_child_value(call->args, 0);

	asnd_bus_mail(call, mail, on_mail);
}
