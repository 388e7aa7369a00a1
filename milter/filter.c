/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter.c: what libmilter calls. */

#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include <libmilter/mfapi.h>

#include "escape.h"
#include "filter.h"
#include "headers.h"

#define COPIES_MAX 100 /* removed of each of our names */

/* Ours, as Postfix may spell them in a mail. */
static char name_asn[] = ASN_HEADER_ASN;
static char name_spam[] = ASN_HEADER_SPAM;
static char name_seal[] = ASN_HEADER_SEAL;
static char *const own_names[] = {name_asn, name_spam, name_seal};

typedef struct {
	AsnAddr client; /* as Postfix gave it */
	MltRules *rules;
	/* of the message under way */
	guint copies[G_N_ELEMENTS(own_names)];
	gboolean relayed; /* client is a trusted relay: walk is in use */
	AsnReceivedWalk walk;
	AsnReceived origin;
	MltDecision decision;
} MltConn;

static MltFilter *the_filter;

static void
start_message(MltConn *conn)
{
	const AsnNetworkList *relays;

	mlt_rules_unref(conn->rules);
	conn->rules = mlt_filter_rules(the_filter);
	relays = &conn->rules->config->trusted_relays;
	memset(conn->copies, 0, sizeof conn->copies);
	conn->relayed = conn->client.family != 0 &&
			asn_network_list_contains(relays, &conn->client);
	if (conn->relayed)
		asn_received_walk_init(&conn->walk, NULL, relays);
}

/* --- negotiation, connect, close
 * ------------------------------------------------ */

/* All steps but connect, header and end of message are declined, and none of
 * these but the last is answered.  Returns the steps, 0 when the MTA lacks
 * what we need. */
static unsigned long
choose_steps(unsigned long offered)
{
	unsigned long want = SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT |
			     SMFIP_NOBODY | SMFIP_NOEOH | SMFIP_NODATA |
			     SMFIP_NOUNKNOWN | SMFIP_NR_CONN | SMFIP_NR_HDR;

	return want & offered;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long unused2, unsigned long unused3, unsigned long *out_actions,
    unsigned long *out_steps, unsigned long *out2, unsigned long *out3)
{
	static char none[] = "", eom[] = "i {auth_authen} {auth_type}";
	unsigned long need = SMFIF_ADDHDRS | SMFIF_CHGHDRS;
	unsigned long chosen = choose_steps(steps);

	if ((actions & need) != need) {
		g_warning("the mail server allows no header changes: "
			  "declined");
		return SMFIS_REJECT;
	}
	/* Without NR_* the callbacks would have to answer, see no_reply(). */
	*out_actions = need | (actions & SMFIF_SETSYMLIST);
	*out_steps = chosen;
	*out2 = *out3 = 0;
	if (actions & SMFIF_SETSYMLIST) {
		smfi_setsymlist(ctx, SMFIM_CONNECT, none);
		smfi_setsymlist(ctx, SMFIM_EOM, eom);
	}
	return SMFIS_CONTINUE;
}

/* libmilter turns this into an answer where the MTA did not agree to none. */
static sfsistat
no_reply(void)
{
	return SMFIS_NOREPLY;
}

static void
forget(MltConn *conn)
{
	if (conn != NULL)
		mlt_rules_unref(conn->rules);
	g_free(conn);
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
	MltConn *conn = g_try_new0(MltConn, 1);

	forget(smfi_getpriv(ctx)); /* a peer that connects twice */
	smfi_setpriv(ctx, conn);
	if (conn == NULL)
		return no_reply(); /* out of memory: this mail passes */
	if (!asn_addr_from_sockaddr(
		(const struct sockaddr *)addr, &conn->client))
		conn->client.family = 0;
	start_message(conn);
	return no_reply();
}

static sfsistat
on_close(SMFICTX *ctx)
{
	forget(smfi_getpriv(ctx));
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

/* --- a message
 * -------------------------------------------------------------------- */

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	MltConn *conn = smfi_getpriv(ctx);

	if (conn == NULL)
		return no_reply();
	for (gsize i = 0; i < G_N_ELEMENTS(own_names); i++)
		if (g_ascii_strcasecmp(name, own_names[i]) == 0)
			conn->copies[i]++;
	if (conn->relayed && g_ascii_strcasecmp(name, "Received") == 0)
		asn_received_walk_next(
		    &conn->walk, value, strlen(value), &conn->origin);
	return no_reply();
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	MltConn *conn = smfi_getpriv(ctx);

	if (conn != NULL)
		start_message(conn);
	return SMFIS_CONTINUE;
}

static MltFacts
gather(SMFICTX *ctx, const MltConn *conn)
{
	static char id[] = "i", user[] = "{auth_authen}", how[] = "{auth_type}";
	const char *authen = smfi_getsymval(ctx, user);
	const char *type = smfi_getsymval(ctx, how);
	MltFacts facts = {.client = conn->client};

	if (conn->relayed)
		facts.client = conn->walk.state == ASN_RECEIVED_FOUND
				   ? conn->origin.client
				   : (AsnAddr){0};
	facts.authenticated = (authen != NULL && *authen != '\0') ||
			      (type != NULL && *type != '\0');
	facts.queue_id = smfi_getsymval(ctx, id);
	return facts;
}

/* Last to first, because the numbers of those behind it would change.  No more
 * than the topmost hundred of a name: Postfix walks the whole header block for
 * each, and gives up on the message after some thousands (its cleanup panics
 * with "too many reverse jump records").  Whoever forges more gains nothing:
 * our own stand above, a rule looks for any Yes, and no forged seal verifies.
 */
static gboolean
remove_copies(SMFICTX *ctx, const MltConn *conn)
{
	for (gsize i = 0; i < G_N_ELEMENTS(own_names); i++)
		for (guint n = MIN(conn->copies[i], COPIES_MAX); n > 0; n--)
			if (smfi_chgheader(ctx, own_names[i], (int)n, NULL) !=
			    MI_SUCCESS)
				return FALSE;
	return TRUE;
}

/* Bottom-up at index 0, so that they stand top-down as in the decision. */
static gboolean
insert_headers(SMFICTX *ctx, MltDecision *d)
{
	for (guint i = d->n; i > 0; i--) {
		MltHeader *h = &d->header[i - 1];
		char name[256];

		g_strlcpy(name, h->name, MIN(sizeof name, h->name_len + 1));
		if (smfi_insheader(ctx, 0, name, h->value) != MI_SUCCESS)
			return FALSE;
	}
	return TRUE;
}

static void
log_judged(const MltFacts *facts, const MltDecision *d)
{
	char client[ASN_ADDR_STRLEN], id[ASN_ESCAPE_SIZE], score[16] = "-";
	char rule[ASN_RULE_STRLEN] = "";

	if (!isnan(d->score))
		g_ascii_formatd(score, sizeof score, "%.3f", d->score);
	if (d->ruled)
		asn_rule_format(&d->rule, rule);
	g_info("%s: client=%s asn=%" G_GUINT32_FORMAT
	       " score=%s verdict=%s reason=%s%s%s",
	    facts->queue_id ? asn_escape_str(id, facts->queue_id) : "-",
	    asn_addr_format(&facts->client, client), d->asn, score,
	    mlt_verdict_name(d), d->reason, d->ruled ? " rule=" : "", rule);
}

static sfsistat
act_on_flag(SMFICTX *ctx, const AsnConfig *config, const MltDecision *d)
{
	static char defer[] = "451", reject[] = "550";
	static char soft[] = "4.7.1", hard[] = "5.7.1";
	static char learned[] =
	    "Your network neighbourhood has a bad reputation here";
	static char ruled[] = "Your network is blocked here";
	char *text = d->ruled ? ruled : learned;
	AsnAction action = config->flagged_action;

	if (d->verdict != MLT_FLAGGED || action == ASN_ACTION_ACCEPT)
		return SMFIS_CONTINUE;
	if (action == ASN_ACTION_DEFER) {
		smfi_setreply(ctx, defer, soft, text);
		return SMFIS_TEMPFAIL;
	}
	smfi_setreply(ctx, reject, hard, text);
	return SMFIS_REJECT;
}

static void
count(const MltDecision *d)
{
	if (d->verdict == MLT_UNTOUCHED)
		return;
	atomic_fetch_add_explicit(&the_filter->judged, 1, memory_order_relaxed);
	if (d->verdict == MLT_FLAGGED)
		atomic_fetch_add_explicit(
		    &the_filter->flagged, 1, memory_order_relaxed);
}

static sfsistat
finish(SMFICTX *ctx, MltConn *conn)
{
	MltDecision *d = &conn->decision;
	MltFacts facts = gather(ctx, conn);
	const MltSnapshot *snapshot;
	int ticket;

	snapshot = mlt_snapshot_borrow(&the_filter->snapshots, &ticket);
	mlt_policy_decide(&conn->rules->policy, snapshot, &facts,
	    (gint64)time(NULL) + the_filter->clock_offset, d);
	mlt_snapshot_return(&the_filter->snapshots, ticket);
	if (d->verdict != MLT_UNTOUCHED &&
	    (!remove_copies(ctx, conn) || !insert_headers(ctx, d)))
		d->reason = "connection lost";
	count(d);
	log_judged(&facts, d);
	return act_on_flag(ctx, conn->rules->config, d);
}

static sfsistat
on_end(SMFICTX *ctx)
{
	MltConn *conn = smfi_getpriv(ctx);
	sfsistat answer;

	if (conn == NULL)
		return SMFIS_CONTINUE;
	g_atomic_int_inc(&the_filter->busy);
	answer = finish(ctx, conn);
	start_message(conn);
	g_atomic_int_add(&the_filter->busy, -1);
	return answer;
}

gboolean
mlt_filter_register(MltFilter *filter)
{
	static char name[] = "asn-milter";
	struct smfiDesc desc = {
	    .xxfi_name = name,
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_SETSYMLIST,
	    .xxfi_connect = on_connect,
	    .xxfi_header = on_header,
	    .xxfi_eom = on_end,
	    .xxfi_abort = on_abort,
	    .xxfi_close = on_close,
	    .xxfi_negotiate = on_negotiate,
	};

	the_filter = filter;
	mlt_snapshots_init(&filter->snapshots);
	return smfi_register(desc) == MI_SUCCESS;
}
