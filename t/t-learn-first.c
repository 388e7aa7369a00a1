/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-learn-first.c: learn.h; what is there when asnd starts for the first time.
 */

#include "learn-fixture.h"

static void
first_entry(Fixture *f, const char *folder, int n, int age, const char *flags)
{
	g_autofree char *name = g_strdup_printf("%d.m:2,%s", n, flags);
	EvMail mail = {
	    .ino = n, .addr = "203.0.113.1", .time = EV_NOW - EV_DAYS(age) - n};

	ev_entry(&f->ev, f->user, folder, name, &mail);
}

static AsndVote
first_standing(Fixture *f, int n)
{
	EvMail mail = {.ino = n, .addr = "203.0.113.1"};

	return ev_standing(&f->ev, f->user, &mail);
}

static void
assert_ordered(const char *dir)
{
	g_autofree char *path = g_build_filename(dir, ASND_STORE_FILE, NULL);
	sqlite3 *db;
	sqlite3_stmt *s;
	gint64 last = 0;

	g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
	sqlite3_prepare_v2(db,
	    "SELECT mail_time, vote_time FROM votes ORDER BY id", -1, &s, NULL);
	while (sqlite3_step(s) == SQLITE_ROW) {
		g_assert_cmpint(sqlite3_column_int64(s, 0), >=, last);
		last = sqlite3_column_int64(s, 0);
		g_assert_cmpint(sqlite3_column_int64(s, 1), ==, last);
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
}

static void
test_first_run(Fixture *f, gconstpointer data)
{
	first_entry(f, ".Junk", 1, 5, "S");
	first_entry(f, "", 2, 50, "S");
	first_entry(f, ".Junk", 3, 30, "");
	first_entry(f, "", 4, 20, "");
	first_entry(f, ".Work", 5, 10, "R");
	first_entry(f, "", 6, 1, "S");
	first_entry(f, "", 7, 70, "S");
	first_entry(f, ".Trash", 8, 10, "S");
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 0);
	while (asnd_learner_step_first_run(f->ev.learner, f->ev.now))
		;
	g_assert_true(asnd_store_commit(f->ev.store));
	g_assert_cmpint(first_standing(f, 1), ==, ASND_VOTE_SPAM);
	/* older than any report, and counts all the same */
	g_assert_cmpint(first_standing(f, 2), ==, ASND_VOTE_HAM);
	g_assert_cmpint(first_standing(f, 3), ==, ASND_VOTE_SPAM);
	g_assert_cmpint(first_standing(f, 4), ==, ASND_VOTE_NONE);
	g_assert_cmpint(first_standing(f, 5), ==, ASND_VOTE_HAM);
	g_assert_cmpint(first_standing(f, 6), ==, ASND_VOTE_NONE);
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 4);
	assert_ordered(f->ev.dir);
	/* too young then */
	f->ev.now += EV_DAYS(3);
	sweep(f);
	g_assert_cmpint(first_standing(f, 6), ==, ASND_VOTE_HAM);
	ev_reopen(&f->ev);
	g_assert_false(asnd_learner_first_run(f->ev.learner));
}

/* A link in INBOX and in Junk: no order of reading makes it a rescue. */
static void
test_first_run_copies(Fixture *f, gconstpointer data)
{
	f->mail.time = EV_NOW - EV_DAYS(5);
	ENTRY(".Junk", "1.a:2,S");
	f->mail.ino = 12;
	ENTRY("", "1.b:2,S");
	while (asnd_learner_step_first_run(f->ev.learner, f->ev.now))
		;
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 1);
}

/* Killed in the middle, it goes on without casting anything twice. */
static void
test_first_run_interrupted(Fixture *f, gconstpointer data)
{
	for (int i = 1; i <= 900; i++)
		first_entry(f, i % 3 ? ".Junk" : "", i, 1 + i % 50, "S");
	for (int i = 0; i < 7; i++)
		g_assert_true(
		    asnd_learner_step_first_run(f->ev.learner, f->ev.now));
	g_assert_true(asnd_store_commit(f->ev.store));
	g_assert_cmpint(asnd_journal_count(f->ev.journal), >, 100);
	ev_reopen(&f->ev);
	g_assert_true(asnd_learner_first_run(f->ev.learner));
	while (asnd_learner_step_first_run(f->ev.learner, f->ev.now))
		;
	gint64 n = asnd_journal_count(f->ev.journal);
	/* 600 spam, and the ham that is three days old */
	g_assert_cmpint(n, ==, 600 + 300 - 6 * 2);
}

#define ADD(name, fn)                                                          \
	g_test_add("/learn-first/" name, Fixture, "", set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("order", test_first_run);
	ADD("copies", test_first_run_copies);
	ADD("interrupted", test_first_run_interrupted);
	return g_test_run();
}
