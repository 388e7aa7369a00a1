/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-learn-waits.c: learn.h; mails that cannot be judged when they come. */

#include "evidence.h"

typedef struct {
	Evidence ev;
	gint64 user;
} Fixture;

static void
set_up(Fixture *f, gconstpointer first_run)
{
	ev_init(&f->ev, first_run != NULL);
	f->user = ev_user(&f->ev, "/v/a/Maildir");
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	ev_clear(&f->ev);
}

static gboolean
sweep(Fixture *f)
{
	gboolean more = asnd_learner_sweep(f->ev.learner, f->ev.now);

	g_assert_true(asnd_store_commit(f->ev.store));
	return more;
}

/* The n-th mail, five days old and read. */
static EvMail
nth_mail(guint n)
{
	EvMail mail = {
	    .ino = 1000 + n, .addr = "192.0.2.7", .time = EV_NOW - EV_DAYS(5)};

	return mail;
}

/* --- during the first run --------------------------------------------------
 */

static void
fill_inbox(Fixture *f, guint n)
{
	for (guint i = 0; i < n; i++) {
		g_autofree char *name = g_strdup_printf("%u.a:2,S", i);
		EvMail mail = nth_mail(i);

		ev_entry(&f->ev, f->user, "", name, &mail);
	}
}

/* The first mails are through, and one of them is moved before the last. */
static void
test_first_run_move(Fixture *f, gconstpointer data)
{
	EvMail moved = nth_mail(7);

	fill_inbox(f, 500);
	for (int i = 0; i < 4; i++)
		g_assert_true(
		    asnd_learner_step_first_run(f->ev.learner, f->ev.now));
	ev_rename(&f->ev, f->user, "", "7.a:2,S", ".Junk", "7.a:2,S", &moved);
	while (asnd_learner_step_first_run(f->ev.learner, f->ev.now))
		;
	g_assert_false(asnd_learner_first_run(f->ev.learner));
	sweep(f);
	g_assert_cmpint(
	    ev_standing(&f->ev, f->user, &moved), ==, ASND_VOTE_SPAM);
}

/* --- votes faster than a user may cast them --------------------------------
 */

/* Bounded, so that a sweep without end fails here. */
static void
sweep_all(Fixture *f)
{
	for (int i = 0; sweep(f); i++)
		g_assert_cmpint(i, <, 100);
}

static guint
n_due(Fixture *f)
{
	gint64 ids[10];

	return asnd_mails_due(f->ev.mails, f->ev.now, 0, ids, 10);
}

static void
report(Fixture *f, gint64 user)
{
	EvMail spam = {.ino = 1,
	    .addr = "198.51.100.1",
	    .seal = 9,
	    .time = EV_NOW - 7200,
	    .ctime = EV_NOW};

	ev_entry(&f->ev, user, ".Junk", "spam", &spam);
}

/* 2000 mails fall due at once, of a user who then votes as a user may; the
 * ham of another one does not wait for them. */
static void
test_due_flood(Fixture *f, gconstpointer data)
{
	gint64 other = ev_user(&f->ev, "/v/b/Maildir");
	EvMail mail = nth_mail(5000);

	fill_inbox(f, 2000);
	ev_entry(&f->ev, other, "", "5000.a:2,S", &mail);
	report(f, f->user);
	report(f, other);
	sweep_all(f);
	g_assert_cmpuint(n_due(f), ==, 0);
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 502);
	g_assert_cmpint(ev_standing(&f->ev, other, &mail), ==, ASND_VOTE_HAM);
	/* nothing to do until there is a token, then one vote each */
	g_assert_false(sweep(f));
	f->ev.now += 100;
	sweep_all(f);
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 504);
	/* across a restart nothing is lost */
	ev_reopen(&f->ev);
	for (int i = 0; i < 5; i++) {
		f->ev.now += 25000;
		sweep_all(f);
	}
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 2003);
}

/* To and fro once a minute: the journal grows by 500 and a day's tokens, and
 * where the mail lies in the end is learnt. */
static void
test_flip(Fixture *f, gconstpointer data)
{
	EvMail mail = nth_mail(1);
	const int minutes = 24 * 60;

	ev_entry(&f->ev, f->user, "", "1.a:2,S", &mail);
	for (int i = 0; i < 2 * minutes; i++) {
		f->ev.now += 30;
		ev_rename(&f->ev, f->user, i % 2 ? ".Junk" : "", "1.a:2,S",
		    i % 2 ? "" : ".Junk", "1.a:2,S", &mail);
		sweep(f);
	}
	g_assert_cmpint(asnd_journal_count(f->ev.journal), <=, 500 + 1728);
	g_assert_cmpint(asnd_journal_count(f->ev.journal), >, 2000);
	ev_rename(&f->ev, f->user, "", "1.a:2,S", ".Junk", "1.a:2,S", &mail);
	f->ev.now += 100;
	sweep(f);
	g_assert_cmpint(
	    ev_standing(&f->ev, f->user, &mail), ==, ASND_VOTE_SPAM);
}

#define ADD(name, fn, first_run)                                               \
	g_test_add(                                                            \
	    "/learn-waits/" name, Fixture, first_run, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("first-run/move", test_first_run_move, "");
	ADD("due-flood", test_due_flood, NULL);
	ADD("flip", test_flip, NULL);
	return g_test_run();
}
