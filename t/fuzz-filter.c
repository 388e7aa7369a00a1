/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-filter.c: the callbacks of asn-milter, in any order and with anything
 * that a mail server or a sender may have them called with.
 *
 * What libmilter does is played here: it keeps a mail, and changes it as the
 * filter says.  So what a user gets can be looked at.  The input is a list of
 * steps, see play().  t/fuzz-milter.c has the real libmilter.
 *
 * Covers: milter/filter.c milter/policy.c milter/snapshot.c milter/rules.c
 * lib/placeholders.c.
 * Longest input: 1024
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <libmilter/mfapi.h>

#include "filter-fixture.h"

#define FIELDS_MAX 400
#define MAILS_MAX 6 /* of an input: more of them tell nothing new */

typedef struct {
	char *name, *value;
} Field;

/* One connection. */
typedef struct {
	void *priv;
	char *queue_id, *authen, *type;
	AsnAddr client;
	gboolean connected, relayed, broken; /* broken: changes fail */
	Field field[FIELDS_MAX];
	guint n, added;
	gboolean replied;
} Fake;

static struct smfiDesc desc;

/* --- libmilter ------------------------------------------------------------ */

int
smfi_register(struct smfiDesc d)
{
	desc = d;
	return MI_SUCCESS;
}

void *
smfi_getpriv(SMFICTX *ctx)
{
	return ((Fake *)ctx)->priv;
}

int
smfi_setpriv(SMFICTX *ctx, void *data)
{
	((Fake *)ctx)->priv = data;
	return MI_SUCCESS;
}

char *
smfi_getsymval(SMFICTX *ctx, char *name)
{
	const Fake *f = (const Fake *)ctx;

	if (strcmp(name, "i") == 0)
		return f->queue_id;
	if (strcmp(name, "{auth_authen}") == 0)
		return f->authen;
	g_assert_cmpstr(name, ==, "{auth_type}");
	return f->type;
}

int
smfi_setsymlist(SMFICTX *ctx, int stage, char *macros)
{
	g_assert_true(stage == SMFIM_CONNECT || stage == SMFIM_EOM);
	return MI_SUCCESS;
}

int
smfi_insheader(SMFICTX *ctx, int at, char *name, char *value)
{
	Fake *f = (Fake *)ctx;

	fixture_check_added(name, value);
	g_assert_cmpint(at, ==, 0);
	if (f->broken || f->n == FIELDS_MAX)
		return MI_FAILURE;
	memmove(f->field + 1, f->field, f->n++ * sizeof f->field[0]);
	f->field[0] = (Field){g_strdup(name), g_strdup(value)};
	f->added++;
	return MI_SUCCESS;
}

/* Postfix counts from the top, and passes over what is not there. */
int
smfi_chgheader(SMFICTX *ctx, char *name, int index, char *value)
{
	Fake *f = (Fake *)ctx;
	guint i;

	g_assert_true(fixture_is_ours(name));
	g_assert_null(value);
	g_assert_cmpint(index, >, 0);
	g_assert_cmpuint(f->added, ==, 0); /* first all deletions */
	if (f->broken)
		return MI_FAILURE;
	for (i = 0; i < f->n; i++)
		if (g_ascii_strcasecmp(f->field[i].name, name) == 0 &&
		    --index == 0)
			break;
	if (i == f->n)
		return MI_SUCCESS;
	g_free(f->field[i].name);
	g_free(f->field[i].value);
	memmove(
	    f->field + i, f->field + i + 1, (--f->n - i) * sizeof f->field[0]);
	return MI_SUCCESS;
}

int
smfi_setreply(SMFICTX *ctx, char *code, char *extended, char *text)
{
	g_assert_cmpint(code[0], ==, extended[0]);
	g_assert_null(strpbrk(text, "\r\n%"));
	((Fake *)ctx)->replied = TRUE;
	return MI_SUCCESS;
}

/* --- what must come of it ------------------------------------------------- */

static void
clear_mail(Fake *f)
{
	for (guint i = 0; i < f->n; i++) {
		g_free(f->field[i].name);
		g_free(f->field[i].value);
	}
	f->n = f->added = 0;
	f->replied = FALSE;
}

/* What is due to this client, whatever the mail says. */
static void
decide(const Fake *f, MltDecision *d)
{
	const MltRules *rules = fixture_filter.rules;
	MltFacts facts = {.client = f->client,
	    .authenticated = (f->authen && *f->authen) || (f->type && *f->type),
	    .queue_id = f->queue_id};
	const MltSnapshot *s;
	int ticket;

	s = mlt_snapshot_borrow(&fixture_filter.snapshots, &ticket);
	mlt_policy_decide(&rules->policy, s, &facts, time(NULL), d);
	mlt_snapshot_return(&fixture_filter.snapshots, ticket);
}

static void
check_answer(const Fake *f, sfsistat answer, gboolean may_flag)
{
	AsnAction action = fixture_filter.rules->config->flagged_action;
	static const sfsistat flagged[] = {
	    [ASN_ACTION_ACCEPT] = SMFIS_CONTINUE,
	    [ASN_ACTION_DEFER] = SMFIS_TEMPFAIL,
	    [ASN_ACTION_REJECT] = SMFIS_REJECT,
	};

	g_assert_true(answer == SMFIS_CONTINUE ||
		      (may_flag && answer == flagged[action]));
	g_assert_cmpint(f->replied, ==, answer != SMFIS_CONTINUE);
}

/* Ours are on top, all of them, and nobody else's of these names is left. */
static void
check_mail(const Fake *f, const MltDecision *d, guint before)
{
	gboolean yes = d->verdict == MLT_FLAGGED;
	guint ours = 0;

	g_assert_cmpuint(f->added, ==, d->n);
	if (d->verdict == MLT_UNTOUCHED)
		g_assert_cmpuint(f->n, ==, before);
	for (guint i = 0; i < f->n; i++)
		ours += i >= f->added && fixture_is_ours(f->field[i].name);
	if (d->verdict != MLT_UNTOUCHED && before <= 100)
		g_assert_cmpuint(ours, ==, 0);
	for (guint i = 0; i < f->added; i++) {
		const Field *h = &f->field[i];

		g_assert_cmpuint(strlen(h->name), ==, d->header[i].name_len);
		if (strcmp(h->name, ASN_HEADER_SPAM) == 0)
			g_assert_true(
			    g_str_has_prefix(h->value, yes ? "Yes, " : "No, "));
	}
}

static void
finish(Fake *f)
{
	guint before = f->n;
	MltDecision d;
	sfsistat answer = desc.xxfi_eom((SMFICTX *)f);

	/* A relay's client is what the mail's Received lines say. */
	decide(f, &d);
	check_answer(f, answer,
	    f->connected && (f->relayed || d.verdict == MLT_FLAGGED));
	if (f->connected && !f->relayed && !f->broken)
		check_mail(f, &d, before);
	clear_mail(f);
}

/* --- the script ----------------------------------------------------------- */

static const char *const names[] = {"X-ASN", "x-asn-SPAM", "X-Asn-Seal",
    "Received", "Subject", "X-ASN-Spam ", "X-Spam-Flag", "received"};

static void
say_header(Fake *f, FuzzInput *in)
{
	guint which = fuzz_byte(in);
	g_autofree char *name =
	    which < 128 ? g_strdup(names[which % G_N_ELEMENTS(names)])
			: fuzz_text(in, ':');
	g_autofree char *value = fuzz_text(in, 0);

	if (f->n + MLT_HEADERS_MAX >= FIELDS_MAX)
		return;
	g_assert_cmpint(
	    desc.xxfi_header((SMFICTX *)f, name, value), ==, SMFIS_NOREPLY);
	f->field[f->n++] =
	    (Field){g_steal_pointer(&name), g_steal_pointer(&value)};
}

static void
say_connect(Fake *f, FuzzInput *in)
{
	static const char *const known[] = {"198.51.100.7", "192.0.2.7",
	    "203.0.113.1", "127.0.0.1", "2001:db8::1", "10.1.2.3"};
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ss;
	guint how = fuzz_byte(in);
	char host[] = "client.example";
	_SOCK_ADDR *addr = (_SOCK_ADDR *)&ss;

	ss.ss_family = how & 1 ? AF_INET : AF_INET6;
	if (how < 32) {
		const char *text = known[how % G_N_ELEMENTS(known)];

		ss.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
		inet_pton(ss.ss_family, text,
		    ss.ss_family == AF_INET ? (void *)&v4->sin_addr
					    : (void *)&v6->sin6_addr);
	} else if (how < 224) {
		for (guint i = 0; i < 16; i++)
			v6->sin6_addr.s6_addr[i] = (guint8)fuzz_byte(in);
		v4->sin_addr.s_addr ^= v6->sin6_scope_id;
	} else {
		ss.ss_family = how & 1 ? AF_UNIX : AF_UNSPEC;
		addr = how & 2 ? NULL : addr;
	}
	g_assert_cmpint(
	    desc.xxfi_connect((SMFICTX *)f, host, addr), ==, SMFIS_NOREPLY);
	f->connected = TRUE;
	if (!asn_addr_from_sockaddr((struct sockaddr *)addr, &f->client))
		f->client.family = 0;
	f->relayed = asn_network_list_contains(
	    &fixture_filter.rules->config->trusted_relays, &f->client);
	clear_mail(f);
}

static void
say_macros(Fake *f, FuzzInput *in)
{
	guint which = fuzz_byte(in);
	char **at = which & 1   ? &f->queue_id
		    : which & 2 ? &f->authen
				: &f->type;

	g_free(*at);
	*at = which & 4 ? fuzz_text(in, 0) : NULL;
}

static void
negotiate(Fake *f, FuzzInput *in)
{
	unsigned long actions = fuzz_number(in, 2), steps = fuzz_number(in, 4);
	unsigned long out[4] = {0};
	sfsistat got = desc.xxfi_negotiate((SMFICTX *)f, actions, steps, 0, 0,
	    &out[0], &out[1], &out[2], &out[3]);

	if (got == SMFIS_REJECT)
		return;
	g_assert_cmpint(got, ==, SMFIS_CONTINUE);
	g_assert_cmpuint(out[0] & ~actions, ==, 0); /* no more than offered */
	g_assert_cmpuint(out[1] & ~steps, ==, 0);
	g_assert_cmpuint(out[0] & (SMFIF_ADDHDRS | SMFIF_CHGHDRS), !=, 0);
	g_assert_cmpuint(out[1] & (SMFIP_NOCONNECT | SMFIP_NOHDRS), ==, 0);
}

static void
play(Fake *f, FuzzInput *in)
{
	guint mails = 0;

	while (in->p < in->end && mails < MAILS_MAX) {
		guint step = fuzz_byte(in);

		if (step < 96)
			say_header(f, in);
		else if (step < 128)
			say_connect(f, in);
		else if (step < 160)
			say_macros(f, in);
		else if (step < 208)
			finish(f), mails++;
		else if (step < 216)
			desc.xxfi_abort((SMFICTX *)f), clear_mail(f);
		else if (step < 224)
			negotiate(f, in);
		else if (step < 228)
			f->broken = !f->broken;
		else if (step < 232)
			desc.xxfi_close((SMFICTX *)f), f->connected = FALSE;
		else
			fixture_filter.rules->config->flagged_action = step % 3;
	}
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	FuzzInput in = {data, data + size};
	Fake fake = {.n = 0};

	if (desc.xxfi_name == NULL)
		fixture_set_up();
	fixture_filter.rules->config->flagged_action = ASN_ACTION_ACCEPT;
	play(&fake, &in);
	finish(&fake);
	desc.xxfi_close((SMFICTX *)&fake);
	g_assert_null(fake.priv);
	g_assert_cmpint(fixture_filter.busy, ==, 0);
	g_assert_cmpint(fixture_filter.rules->refs, ==, 1);
	g_free(fake.queue_id);
	g_free(fake.authen);
	g_free(fake.type);
	return 0;
}
