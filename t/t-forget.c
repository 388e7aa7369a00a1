/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-forget.c: journal-query.c and journal-forget.c. */

#include "evidence.h"

#define N_USERS 4
#define N_ADDRS 24
#define N_MAILS 60
#define N_ACTS 400

/* What a user did with a mail. */
typedef struct {
	guint user, mail;
	AsndVote vote; /* NONE: takes back */
	gint64 when;
} Act;

static AsnOriginKey
key_of(guint mail)
{
	guint n = mail % N_ADDRS;
	AsnOriginKey key = {.addr.family = 4, .asn = 64496 + n % 3};

	memcpy(
	    key.addr.b + 12, (guint8[]){192, 0, (guint8)(n % 5), (guint8)n}, 4);
	if (n % 4 == 0) {
		key.addr.family = 6;
		memcpy(key.addr.b, (guint8[]){0x20, 1, 0xd, 0xb8}, 4);
	}
	if (n % 3 == 2)
		key.asn = 0; /* the cap goes by prefix or block */
	if (n % 2 == 0)
		key.prefix = asn_network_of(&key.addr, 20);
	memcpy(key.country, "ZZ", 3);
	return key;
}

static void
digest_of(guint mail, guint8 digest[16])
{
	memset(digest, 0, 16);
	memcpy(digest, &mail, sizeof mail);
}

static void
do_act(Evidence *ev, const Act *act)
{
	gint64 user;
	g_autofree char *path = g_strdup_printf("/v/%u/Maildir", act->user);
	guint8 digest[16];
	AsndBallot b = {.digest = digest,
	    .vote = act->vote,
	    .key = key_of(act->mail),
	    .mail_time = act->when - 3600 * (act->mail % 7),
	    .vote_time = act->when,
	    .now = act->when};

	user = b.user = ev_user(ev, path);
	digest_of(act->mail, digest);
	if (act->vote == ASND_VOTE_NONE) {
		asnd_journal_take_back(ev->journal, user, digest, act->when);
		return;
	}
	if (asnd_journal_standing(ev->journal, user, digest) == act->vote)
		return;
	asnd_journal_cast(ev->journal, &b);
	if (act->vote == ASND_VOTE_SPAM)
		asnd_mails_set_last_spam(ev->mails, user, act->when);
}

static void
make_acts(Act acts[N_ACTS])
{
	for (guint i = 0; i < N_ACTS; i++)
		acts[i] =
		    (Act){.user = (guint)g_test_rand_int_range(0, N_USERS),
			.mail = (guint)g_test_rand_int_range(0, N_MAILS),
			.vote = (AsndVote)g_test_rand_int_range(0, 3),
			.when = EV_NOW - EV_DAYS(9) + 1700 * (gint64)i};
}

/* What is forgotten: one of these. */
typedef struct {
	const char *subject;
	gint mail, user; /* -1: not these */
} What;

static gboolean
is_forgotten(const What *what, const AsnSubject *subject, const Act *act)
{
	AsnOriginKey key = key_of(act->mail);

	if (what->mail >= 0)
		return act->mail == (guint)what->mail;
	if (what->user >= 0)
		return act->user == (guint)what->user;
	return asn_subject_contains(subject, &key);
}

static guint
forget(Evidence *ev, const What *what, const AsnSubject *subject)
{
	guint8 digest[16];

	if (what->user >= 0) {
		g_autofree char *path =
		    g_strdup_printf("/v/%d/Maildir", what->user);

		return asnd_journal_forget_user(ev->journal, ev_user(ev, path));
	}
	if (what->mail < 0)
		return asnd_journal_forget(ev->journal, subject);
	digest_of((guint)what->mail, digest);
	return asnd_journal_forget_mail(ev->journal, digest);
}

/* Users get their ids in this order in every evidence. */
static void
make_users(Evidence *ev)
{
	for (guint i = 0; i < N_USERS; i++) {
		g_autofree char *path = g_strdup_printf("/v/%u/Maildir", i);

		g_assert_cmpint(ev_user(ev, path), ==, (gint64)i + 1);
	}
}

static GArray *
new_votes(void)
{
	return g_array_new(FALSE, FALSE, sizeof(AsndJournalVote));
}

static gint64
weights(Evidence *ev)
{
	AsnSubject all = {.kind = ASN_SUBJECT_NETWORK};
	gint64 sum = 0;

	for (guint8 family = 4; family <= 6; family += 2) {
		AsndSearch *s;
		g_autoptr(GArray) votes = new_votes();

		all.net.addr.family = family;
		s = asnd_search_new(ev->journal, &all, 100000);
		while (asnd_search_step(s, votes))
			;
		asnd_search_free(s);
		for (guint i = 0; i < votes->len; i++)
			sum += g_array_index(votes, AsndJournalVote, i).weight;
	}
	return sum;
}

/* After forgetting, and after a restart, everything is as if the votes had
 * never been cast. */
static void
check_forget(const What *what, const Act *acts)
{
	Evidence ev, other;
	AsnSubject subject = {.kind = ASN_SUBJECT_AS};
	gint64 before;
	guint n;

	if (what->subject != NULL)
		g_assert_true(asn_subject_parse(what->subject, &subject, NULL));
	ev_init(&ev, FALSE);
	ev_init(&other, FALSE);
	make_users(&ev);
	make_users(&other);
	for (guint i = 0; i < N_ACTS; i++) {
		do_act(&ev, &acts[i]);
		if (!is_forgotten(what, &subject, &acts[i]))
			do_act(&other, &acts[i]);
	}
	before = asnd_journal_count(ev.journal);
	n = forget(&ev, what, &subject);
	g_assert_cmpuint(n, >, 0);
	g_assert_cmpint(asnd_journal_count(ev.journal), <=, before - n);
	g_assert_true(asnd_store_commit(ev.store));
	for (int again = 0; again < 2; again++) {
		g_assert_cmpint(asnd_journal_count(ev.journal), ==,
		    asnd_journal_count(other.journal));
		g_assert_cmpint(weights(&ev), ==, weights(&other));
		ev_assert_same_model(asnd_journal_model(ev.journal),
		    asnd_journal_model(other.journal));
		for (gint64 user = 1; user <= N_USERS; user++)
			g_assert_cmpint(asnd_mails_last_spam(ev.mails, user),
			    ==, asnd_mails_last_spam(other.mails, user));
		ev_reopen(&ev);
	}
	g_assert_cmpuint(forget(&ev, what, &subject), ==, 0);
	ev_clear(&ev);
	ev_clear(&other);
}

static void
test_as_if_never_cast(void)
{
	static const What whats[] = {
	    {"192.0.1.1", -1, -1},
	    {"2001:db8::c000:0404", -1, -1},
	    {"192.0.0.0/22", -1, -1},
	    {"0.0.0.0/0", -1, -1},
	    {"::/0", -1, -1},
	    {"2001:db8::/32", -1, -1},
	    {"AS64496", -1, -1},
	    {"AS64497", -1, -1},
	    {NULL, 3, -1},
	    {NULL, 8, -1},
	    {NULL, -1, 2},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(whats); i++) {
		Act acts[N_ACTS];

		make_acts(acts);
		check_forget(&whats[i], acts);
	}
}

/* --- what is still to come -------------------------------------------------
 */

static gboolean
has_votes(Evidence *ev, const char *what)
{
	AsnSubject subject;
	AsndSearch *s;
	g_autoptr(GArray) votes = new_votes();

	g_assert_true(asn_subject_parse(what, &subject, NULL));
	s = asnd_search_new(ev->journal, &subject, 10);
	while (asnd_search_step(s, votes))
		;
	asnd_search_free(s);
	return votes->len > 0;
}

static void
sweep(Evidence *ev)
{
	while (asnd_learner_sweep(ev->learner, ev->now))
		;
	g_assert_true(asnd_store_commit(ev->store));
}

/* A mail in Junk that was forgotten, and one that was read: neither a rescan
 * nor the third day makes a vote of them, a user does. */
static void
test_not_learnt_again(void)
{
	Evidence ev;
	gint64 user;
	AsnSubject subject;
	EvMail spam, read, other;

	ev_init(&ev, FALSE);
	user = ev_user(&ev, "/v/a/Maildir");
	spam = (EvMail){
	    .ino = 11, .addr = "192.0.2.7", .time = ev.now - 3600, .seal = 1};
	read = spam;
	read.ino = 12;
	read.seal = 2;
	other = (EvMail){.ino = 13,
	    .addr = "198.51.100.1",
	    .time = ev.now - 3600,
	    .seal = 3};
	ev_entry(&ev, user, "", "1.a", &spam);
	ev_rename(&ev, user, "", "1.a", ".Junk", "1.a:2,", &spam);
	ev_entry(&ev, user, "", "2.a:2,S", &read);
	/* the user stays one who reports */
	ev_entry(&ev, user, "", "3.a", &other);
	ev_rename(&ev, user, "", "3.a", ".Junk", "3.a:2,", &other);
	g_assert_cmpint(ev_standing(&ev, user, &spam), ==, ASND_VOTE_SPAM);

	g_assert_true(asn_subject_parse("192.0.2.0/24", &subject, NULL));
	g_assert_cmpuint(asnd_learner_forget(ev.learner, &subject), ==, 1);
	g_assert_true(asnd_store_commit(ev.store));
	g_assert_false(has_votes(&ev, "192.0.2.7"));
	g_assert_true(has_votes(&ev, "198.51.100.1"));
	ev_reopen(&ev);
	spam.listed = read.listed = TRUE;
	g_assert_false(ev_entry(&ev, user, ".Junk", "1.a:2,", &spam));
	g_assert_false(ev_entry(&ev, user, "", "2.a:2,S", &read));
	ev.now += EV_DAYS(4);
	sweep(&ev);
	g_assert_false(has_votes(&ev, "192.0.2.7"));
	/* acted on anew */
	ev_rename(&ev, user, ".Junk", "1.a:2,", "", "1.a:2,S", &spam);
	g_assert_cmpint(ev_standing(&ev, user, &spam), ==, ASND_VOTE_HAM);
	ev_rename(&ev, user, "", "2.a:2,S", ".Junk", "2.a:2,S", &read);
	g_assert_cmpint(ev_standing(&ev, user, &read), ==, ASND_VOTE_SPAM);
	ev_clear(&ev);
}

/* A flood that waits for its turn. */
static void
test_waiting_is_forgotten(void)
{
	Evidence ev;
	gint64 user;
	AsnSubject subject;

	ev_init(&ev, FALSE);
	user = ev_user(&ev, "/v/a/Maildir");
	for (int i = 0; i < 600; i++) {
		g_autofree char *name = g_strdup_printf("%d.a:2,", i);
		g_autofree char *addr = g_strdup_printf("192.0.2.%d", i / 3);
		EvMail mail = {.ino = 100 + i,
		    .addr = addr,
		    .time = ev.now - 3600,
		    .ctime = ev.now,
		    .seal = (guint8)(1 + i % 3)};

		ev_entry(&ev, user, ".Junk", name, &mail);
	}
	g_assert_true(asn_subject_parse("192.0.2.0/24", &subject, NULL));
	g_assert_cmpuint(asnd_learner_forget(ev.learner, &subject), ==, 500);
	g_assert_true(asnd_store_commit(ev.store));
	ev.now += EV_DAYS(1);
	sweep(&ev);
	g_assert_cmpint(asnd_journal_count(ev.journal), ==, 0);
	ev_clear(&ev);
}

/* --- history ---------------------------------------------------------------
 */

static GArray *
search(Evidence *ev, const char *what, guint limit)
{
	AsnSubject subject;
	AsndSearch *s;
	GArray *votes = new_votes();

	g_assert_true(asn_subject_parse(what, &subject, NULL));
	s = asnd_search_new(ev->journal, &subject, limit);
	while (asnd_search_step(s, votes))
		;
	asnd_search_free(s);
	return votes;
}

static void
test_history(void)
{
	static const Act acts[] = {
	    {0, 1, ASND_VOTE_SPAM, EV_NOW - 500},
	    {1, 1, ASND_VOTE_SPAM, EV_NOW - 400},
	    {0, 1, ASND_VOTE_HAM, EV_NOW - 300},
	    {2, 3, ASND_VOTE_SPAM, EV_NOW - 200},
	};
	Evidence ev;
	g_autoptr(GArray) votes = NULL, few = NULL, as = NULL, on = NULL;
	const AsndJournalVote *v;
	guint8 digest[16];

	ev_init(&ev, FALSE);
	for (gsize i = 0; i < G_N_ELEMENTS(acts); i++)
		do_act(&ev, &acts[i]);
	votes = search(&ev, "192.0.0.0/16", 50);
	g_assert_cmpuint(votes->len, ==, 4);
	v = &g_array_index(votes, AsndJournalVote, 0);
	g_assert_cmpint(v->vote_time, ==, EV_NOW - 200);
	g_assert_cmpuint(v->key.addr.b[15], ==, 3);
	v = &g_array_index(votes, AsndJournalVote, 3);
	g_assert_cmpint(v->vote_time, ==, EV_NOW - 500);
	g_assert_cmpint(v->vote, ==, ASND_VOTE_SPAM);
	g_assert_cmpint(v->taken_back, ==, EV_NOW - 300);
	v = &g_array_index(votes, AsndJournalVote, 1);
	g_assert_cmpint(v->vote, ==, ASND_VOTE_HAM);
	g_assert_cmpint(v->taken_back, ==, 0);
	few = search(&ev, "192.0.1.1", 2);
	g_assert_cmpuint(few->len, ==, 2);
	g_assert_cmpint(
	    g_array_index(few, AsndJournalVote, 0).vote_time, ==, EV_NOW - 300);
	as = search(&ev, "AS64497", 50);
	g_assert_cmpuint(as->len, ==, 3);
	digest_of(1, digest);
	on = asnd_journal_votes_on(ev.journal, digest, 50);
	g_assert_cmpuint(on->len, ==, 3);
	ev_clear(&ev);
}

/* More votes than a piece, of many addresses and of one. */
static void
test_pieces(void)
{
	Evidence ev;
	guint n = 0;
	AsnSubject all;
	AsndSearch *s;
	g_autoptr(GArray) votes = new_votes();
	guint pieces = 1;

	ev_init(&ev, FALSE);
	for (guint i = 0; i < 10000; i++) {
		guint8 digest[16];
		AsndBallot b = {.user = 1,
		    .digest = digest,
		    .vote = ASND_VOTE_SPAM,
		    .key = key_of(i % 3 ? 1 : i),
		    .mail_time = EV_NOW,
		    .vote_time = EV_NOW + i,
		    .now = EV_NOW + i};

		digest_of(i, digest);
		asnd_journal_cast(ev.journal, &b);
		n += b.key.addr.family == 4;
	}
	g_assert_true(asn_subject_parse("0.0.0.0/0", &all, NULL));
	s = asnd_search_new(ev.journal, &all, 20000);
	while (asnd_search_step(s, votes))
		pieces++;
	asnd_search_free(s);
	g_assert_cmpuint(votes->len, ==, n);
	g_assert_cmpuint(pieces, >, 1);
	for (guint i = 1; i < votes->len; i++)
		g_assert_cmpint(g_array_index(votes, AsndJournalVote, i).id, <,
		    g_array_index(votes, AsndJournalVote, i - 1).id);
	ev_clear(&ev);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/forget/as-if-never-cast", test_as_if_never_cast);
	g_test_add_func("/forget/not-learnt-again", test_not_learnt_again);
	g_test_add_func("/forget/waiting", test_waiting_is_forgotten);
	g_test_add_func("/history/votes", test_history);
	g_test_add_func("/history/pieces", test_pieces);
	return g_test_run();
}
