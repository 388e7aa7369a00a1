/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-learn.c: mails.h and learn.h; what users do, as asnd sees it. */

#include "evidence.h"

/* Each test gets one user and one mail of an hour ago. */
typedef struct {
	Evidence ev;
	gint64 user;
	EvMail mail;
} Fixture;

static void
set_up(Fixture *f, gconstpointer first_run)
{
	ev_init(&f->ev, first_run != NULL);
	f->user = ev_user(&f->ev, "/v/a/Maildir");
	f->mail = (EvMail){.ino = 11,
	    .addr = "192.0.2.7",
	    .time = f->ev.now - 3600,
	    .seal = 1};
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	ev_clear(&f->ev);
}

#define ENTRY(folder, name) ev_entry(&f->ev, f->user, folder, name, &f->mail)
#define GONE(folder, name) ev_gone(&f->ev, f->user, folder, name)
#define STANDING() ev_standing(&f->ev, f->user, &f->mail)
#define MOVE(from, name, to, new_name)                                         \
	ev_rename(&f->ev, f->user, from, name, to, new_name, &f->mail)

static void
test_junk_and_back(Fixture *f, gconstpointer data)
{
	g_assert_true(ENTRY("", "1.a"));
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
	MOVE("", "1.a", ".Junk", "1.a:2,");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	MOVE(".Junk", "1.a:2,", "", "1.a:2,S");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
	MOVE("", "1.a:2,S", ".Work", "1.a:2,S");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
	MOVE(".Work", "1.a:2,S", ".Spam", "1.a:2,S");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	/* three votes, two taken back, and it was read once */
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 5);
	g_assert_cmpint(asnd_mails_count(f->ev.mails), ==, 1);
}

static void
test_flagged_delivered(Fixture *f, gconstpointer data)
{
	f->mail.flagged = TRUE;
	g_assert_true(ENTRY(".Junk", "1.a"));
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
	/* read there, moved between junk folders, thrown away: nothing */
	MOVE(".Junk", "1.a", ".Junk", "1.a:2,S");
	MOVE(".Junk", "1.a:2,S", ".Spam", "1.a:2,S");
	MOVE(".Spam", "1.a:2,S", ".Trash", "1.a:2,S");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 0);
}

static void
test_flagged_rescued(Fixture *f, gconstpointer data)
{
	f->mail.flagged = TRUE;
	ENTRY(".Junk", "1.a");
	MOVE(".Junk", "1.a", "", "1.a:2,");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
}

static void
test_trash(Fixture *f, gconstpointer data)
{
	ENTRY("", "1.a");
	MOVE("", "1.a", ".Junk", "1.a");
	MOVE(".Junk", "1.a", ".Trash", "1.a:2,S");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	GONE(".Trash", "1.a:2,S");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	f->ev.now += ASND_GONE_GRACE + 1;
	asnd_mails_purge(f->ev.mails, f->ev.now);
	g_assert_cmpint(asnd_mails_count(f->ev.mails), ==, 0);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
}

/* Dovecot: a hard link under a new name, then the old name goes. */
static void
test_link_unlink(Fixture *f, gconstpointer data)
{
	g_assert_true(ENTRY("", "1.a:2,"));
	f->mail.ctime = f->ev.now;
	g_assert_false(ENTRY(".Junk", "2.b:2,"));
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	GONE("", "1.a:2,");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	f->mail.ctime = f->ev.now;
	g_assert_false(ENTRY("", "3.c:2,"));
	GONE(".Junk", "2.b:2,");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
}

/* IMAP without MOVE: COPY (a hard link), STORE \Deleted, EXPUNGE. */
static void
test_copy_store_expunge(Fixture *f, gconstpointer data)
{
	ENTRY("", "1.a:2,S");
	f->mail.ctime = f->ev.now;
	ENTRY(".Junk", "2.b:2,S");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	MOVE("", "1.a:2,S", "", "1.a:2,ST");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	GONE("", "1.a:2,ST");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	/* and back again; the old name's flags may be listed before it goes */
	ENTRY("", "3.c:2,S");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
	ENTRY(".Junk", "2.b:2,ST");
	GONE(".Junk", "2.b:2,S");
	GONE(".Junk", "2.b:2,ST");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 3);
}

/* The user's filter delivers what we flagged into both folders. */
static void
test_flagged_delivered_twice(Fixture *f, gconstpointer data)
{
	f->mail.flagged = TRUE;
	f->mail.time = f->mail.ctime = f->ev.now;
	ENTRY("", "1.a");
	f->mail.ino = 22;
	ENTRY(".Junk", "2.b");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
}

/* A server that copies and expunges; also in the other order, and when the
 * mail was flagged, so that only its seal tells. */
static void
test_copy_expunge(Fixture *f, gconstpointer data)
{
	f->mail.flagged = TRUE;
	ENTRY("", "1.a:2,");
	f->mail.ino = 22;
	f->mail.ctime = f->ev.now;
	g_assert_true(ENTRY(".Junk", "2.b:2,"));
	GONE("", "1.a:2,");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	GONE(".Junk", "2.b:2,");
	f->mail.ino = 33;
	g_assert_true(ENTRY("", "3.c:2,"));
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
}

static void
test_copies_add_nothing(Fixture *f, gconstpointer data)
{
	ENTRY("", "1.a:2,");
	for (int i = 0; i < 20; i++) {
		g_autofree char *name = g_strdup_printf("c%d:2,", i);

		f->mail.ino = 100 + i;
		ENTRY(".Junk", name);
	}
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 1);
	/* another user's copy is another vote */
	f->user = ev_user(&f->ev, "/v/b/Maildir");
	f->mail.ino = 300;
	f->mail.ctime = f->ev.now;
	ENTRY(".Junk", "x:2,");
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 2);
}

/* Both names of a hard link stay: a rescan must not move it to and fro. */
static void
test_two_names(Fixture *f, gconstpointer data)
{
	ENTRY("", "1.a:2,");
	ENTRY(".Junk", "2.b:2,");
	for (int i = 0; i < 3; i++) {
		g_assert_false(ENTRY("", "1.a:2,"));
		g_assert_false(ENTRY(".Junk", "2.b:2,"));
	}
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 1);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
}

/* The number of a deleted inode goes to the next mail. */
static void
test_inode_reused(Fixture *f, gconstpointer data)
{
	ENTRY("", "1.a:2,");
	GONE("", "1.a:2,");
	f->mail.seal = 2;
	f->mail.flagged = TRUE;
	g_assert_true(ENTRY(".Junk", "2.b"));
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
	f->mail.seal = 1;
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
	/* the same name, rewritten */
	f->mail.seal = 3;
	f->mail.mtime = f->mail.time + 9;
	g_assert_true(ENTRY(".Junk", "2.b"));
}

/* Moved while asnd was away: the scan may list either folder first. */
static void
moved_while_away(Fixture *f, gboolean junk_first)
{
	gint64 inbox;

	ENTRY("", "1.a");
	ev_reopen(&f->ev);
	inbox = asnd_mails_folder(f->ev.mails, f->user, "", 0);
	f->mail.ctime = f->ev.now;
	if (junk_first)
		g_assert_false(ENTRY(".Junk", "1.a:2,S"));
	asnd_mails_sweep_folder(f->ev.mails, inbox, NULL, NULL, f->ev.now);
	if (!junk_first)
		g_assert_false(ENTRY(".Junk", "1.a:2,S"));
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	g_assert_cmpint(asnd_mails_count(f->ev.mails), ==, 1);
}

static void
test_junk_listed_first(Fixture *f, gconstpointer data)
{
	moved_while_away(f, TRUE);
}

static void
test_inbox_listed_first(Fixture *f, gconstpointer data)
{
	moved_while_away(f, FALSE);
}

static void
test_restart_reads_nothing(Fixture *f, gconstpointer data)
{
	for (int i = 0; i < 50; i++) {
		g_autofree char *name = g_strdup_printf("%d.a:2,S", i);

		f->mail.ino = 1000 + i;
		g_assert_true(ENTRY(i % 2 ? ".Junk" : "", name));
	}
	ev_reopen(&f->ev);
	for (int i = 0; i < 50; i++) {
		g_autofree char *name = g_strdup_printf("%d.a:2,S", i);

		f->mail.ino = 1000 + i;
		g_assert_false(ENTRY(i % 2 ? ".Junk" : "", name));
	}
}

static void
test_old_is_read_when_it_moves(Fixture *f, gconstpointer data)
{
	f->mail.time = f->ev.now - EV_DAYS(61);
	f->mail.listed = TRUE;
	g_assert_false(ENTRY("", "1.a:2,S"));
	g_assert_false(ENTRY("", "1.a:2,RS"));
	f->mail.ctime = f->ev.now;
	GONE("", "1.a:2,RS");
	g_assert_true(ENTRY(".Junk", "1.a:2,RS"));
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
}

/* --- ham that waits --------------------------------------------------------
 */

static void
report_something(Fixture *f)
{
	EvMail spam = {.ino = 999,
	    .addr = "198.51.100.1",
	    .time = f->ev.now - 7200,
	    .seal = 99,
	    .ctime = f->ev.now};

	ev_entry(&f->ev, f->user, ".Junk", "spam", &spam);
	g_assert_cmpint(
	    ev_standing(&f->ev, f->user, &spam), ==, ASND_VOTE_SPAM);
}

static void
sweep(Fixture *f)
{
	while (asnd_learner_sweep(f->ev.learner, f->ev.now))
		;
	g_assert_true(asnd_store_commit(f->ev.store));
}

static void
test_ham_falls_due(Fixture *f, gconstpointer data)
{
	report_something(f);
	ENTRY("", "1.a");
	MOVE("", "1.a", "", "1.a:2,S");
	sweep(f);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
	f->ev.now = f->mail.time + EV_DAYS(3) - 1;
	sweep(f);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
	ev_reopen(&f->ev);
	f->ev.now++;
	sweep(f);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
}

static void
test_ham_waits_for_a_report(Fixture *f, gconstpointer data)
{
	ENTRY("", "1.a:2,S");
	f->ev.now += EV_DAYS(4);
	sweep(f);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
	report_something(f);
	g_assert_true(asnd_learner_take_new_reporter(f->ev.learner));
	sweep(f);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
	/* nothing is left that would be asked again */
	f->ev.now += EV_DAYS(1);
	sweep(f);
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 2);
}

static void
test_deleted_before_due(Fixture *f, gconstpointer data)
{
	report_something(f);
	ENTRY("", "1.a:2,S");
	MOVE("", "1.a:2,S", "", "1.a:2,ST");
	f->ev.now += EV_DAYS(4);
	sweep(f);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
}

static void
test_answered(Fixture *f, gconstpointer data)
{
	ENTRY("", "1.a:2,S");
	MOVE("", "1.a:2,S", "", "1.a:2,RS");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
}

/* --- a flood ---------------------------------------------------------------
 */

static void
test_flood(Fixture *f, gconstpointer data)
{
	gint64 at_once, other = ev_user(&f->ev, "/v/other/Maildir");
	EvMail mail = {.ino = 5,
	    .addr = "192.0.2.99",
	    .seal = 5,
	    .time = f->ev.now - 3600,
	    .ctime = f->ev.now};

	f->mail.ctime = f->ev.now;
	for (int i = 0; i < 2000; i++) {
		g_autofree char *name = g_strdup_printf("%d.a", i);

		f->mail.ino = 1000 + i;
		f->mail.seal = 0;
		f->mail.time = EV_NOW - EV_DAYS(1) - i;
		ENTRY(".Junk", name);
		if (i == 1000)
			ev_entry(&f->ev, other, ".Junk", "x", &mail);
	}
	/* unsealed mail counts only from before the installation */
	g_assert_cmpint(asnd_journal_count(f->ev.journal), >=, 500);
	at_once = asnd_journal_count(f->ev.journal);
	g_assert_cmpint(at_once, <, 600);
	g_assert_cmpint(ev_standing(&f->ev, other, &mail), ==, ASND_VOTE_SPAM);
	/* what was too much is not lost, across a restart either */
	ev_reopen(&f->ev);
	for (int i = 0; i < 2000; i++) {
		f->ev.now += 50;
		sweep(f);
	}
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 2001);
}

/* --- the first run ---------------------------------------------------------
 */

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
	g_test_add("/learn/" name, Fixture, NULL, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("junk and back", test_junk_and_back);
	ADD("flagged and delivered", test_flagged_delivered);
	ADD("flagged and rescued", test_flagged_rescued);
	ADD("trash", test_trash);
	ADD("link and unlink", test_link_unlink);
	ADD("copy, store, expunge", test_copy_store_expunge);
	ADD("flagged, delivered twice", test_flagged_delivered_twice);
	ADD("copy and expunge", test_copy_expunge);
	ADD("copies add nothing", test_copies_add_nothing);
	ADD("two names", test_two_names);
	ADD("inode reused", test_inode_reused);
	ADD("moved while away, junk first", test_junk_listed_first);
	ADD("moved while away, inbox first", test_inbox_listed_first);
	ADD("restart reads nothing", test_restart_reads_nothing);
	ADD("old mail", test_old_is_read_when_it_moves);
	ADD("ham falls due", test_ham_falls_due);
	ADD("ham waits for a report", test_ham_waits_for_a_report);
	ADD("deleted before due", test_deleted_before_due);
	ADD("answered", test_answered);
	ADD("flood", test_flood);
	g_test_add("/learn/first-run/order", Fixture, "", set_up,
	    test_first_run, tear_down);
	g_test_add("/learn/first-run/copies", Fixture, "", set_up,
	    test_first_run_copies, tear_down);
	g_test_add("/learn/first-run/interrupted", Fixture, "", set_up,
	    test_first_run_interrupted, tear_down);
	return g_test_run();
}
