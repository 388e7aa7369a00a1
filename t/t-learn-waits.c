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

#define ADD(name, fn, first_run)                                               \
	g_test_add(                                                            \
	    "/learn-waits/" name, Fixture, first_run, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("first-run/move", test_first_run_move, "");
	return g_test_run();
}
