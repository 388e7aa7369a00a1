/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-learn.c: mails.h and learn.h; what users do, as asnd sees it. */

#include "learn-fixture.h"

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

/* \\Deleted is no vote, and neither is a draft; but when that is taken back,
 * the mail is what it would have been. */
static void
test_undeleted(Fixture *f, gconstpointer data)
{
	ENTRY("", "1.a:2,");
	MOVE("", "1.a:2,", ".Junk", "1.a:2,T");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	MOVE(".Junk", "1.a:2,T", ".Work", "1.a:2,T");
	MOVE(".Work", "1.a:2,T", ".Work", "1.a:2,ST");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	MOVE(".Work", "1.a:2,ST", ".Work", "1.a:2,S");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
}

/* The same of mail that is read, and ham once it is old enough. */
static void
test_undeleted_later(Fixture *f, gconstpointer data)
{
	asnd_mails_set_last_spam(f->ev.mails, f->user, f->ev.now);
	ENTRY("", "1.a:2,S");
	MOVE("", "1.a:2,S", "", "1.a:2,ST");
	MOVE("", "1.a:2,ST", "", "1.a:2,S");
	f->ev.now += EV_DAYS(3);
	asnd_learner_sweep(f->ev.learner, f->ev.now);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
}

/* A scan found the rescue before its event came; and the way back was seen by
 * the next asnd-mailwatch, which had not looked where it came from. */
static void
test_back_unseen(Fixture *f, gconstpointer data)
{
	ENTRY("", "1.a:2,S");
	MOVE("", "1.a:2,S", ".Junk", "1.a:2,S");
	f->mail.listed = TRUE;
	ENTRY(".Work", "1.a:2,S");
	f->mail.listed = FALSE;
	GONE(".Junk", "1.a:2,S");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
	asnd_mails_begin_events(f->ev.mails);
	ENTRY(".Junk", "1.a:2,S");
	GONE(".Work", "1.a:2,S");
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

/* Junked where asnd saw it or not, and taken out again while it was away: the
 * name in the inbox is the one that the mail once had there. */
static void
rescued_while_away(Fixture *f, gboolean junked_too)
{
	gint64 inbox, junk_id;

	ENTRY("", "1.a");
	f->mail.listed = junked_too;
	if (junked_too) {
		ENTRY(".Junk", "1.a:2,");
		inbox = asnd_mails_folder(f->ev.mails, f->user, "", 0);
		asnd_mails_sweep_folder(
		    f->ev.mails, inbox, NULL, NULL, f->ev.now);
	} else {
		MOVE("", "1.a", ".Junk", "1.a:2,");
	}
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	f->mail.listed = TRUE;
	ENTRY("", "1.a:2,S");
	junk_id = asnd_mails_folder(f->ev.mails, f->user, ".Junk", 5);
	asnd_mails_sweep_folder(f->ev.mails, junk_id, NULL, NULL, f->ev.now);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
}

static void
test_rescued_while_away(Fixture *f, gconstpointer data)
{
	rescued_while_away(f, FALSE);
}

static void
test_junked_and_rescued_while_away(Fixture *f, gconstpointer data)
{
	rescued_while_away(f, TRUE);
}

/* Into a new folder: it is listed before the old name is told to be gone. */
static void
test_new_folder(Fixture *f, gconstpointer data)
{
	EvMail listed = f->mail;

	listed.listed = TRUE;
	ENTRY("", "1.a");
	MOVE("", "1.a", ".Junk", "1.a:2,");
	ev_entry(&f->ev, f->user, ".New", "1.a:2,", &listed);
	GONE(".Junk", "1.a:2,");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
	ev_entry(&f->ev, f->user, ".Junk", "1.a:2,", &listed);
	GONE(".New", "1.a:2,");
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
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

/* Read and thrown away: no vote, also while it is remembered. */
static void
test_gone_before_due(Fixture *f, gconstpointer data)
{
	report_something(f);
	ENTRY("", "1.a:2,S");
	f->ev.now = f->mail.time + EV_DAYS(3) - 1;
	GONE("", "1.a:2,S");
	f->ev.now++;
	sweep(f);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
	/* an IMAP server had only taken it out to put it back */
	ENTRY("", "1.a:2,S");
	sweep(f);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
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
	ADD("undeleted", test_undeleted);
	ADD("undeleted/later", test_undeleted_later);
	ADD("back, unseen", test_back_unseen);
	ADD("link and unlink", test_link_unlink);
	ADD("copy, store, expunge", test_copy_store_expunge);
	ADD("flagged, delivered twice", test_flagged_delivered_twice);
	ADD("copy and expunge", test_copy_expunge);
	ADD("copies add nothing", test_copies_add_nothing);
	ADD("two names", test_two_names);
	ADD("inode reused", test_inode_reused);
	ADD("moved while away, junk first", test_junk_listed_first);
	ADD("moved while away, inbox first", test_inbox_listed_first);
	ADD("rescued while away", test_rescued_while_away);
	ADD("junked and rescued while away",
	    test_junked_and_rescued_while_away);
	ADD("into a new folder", test_new_folder);
	ADD("restart reads nothing", test_restart_reads_nothing);
	ADD("old mail", test_old_is_read_when_it_moves);
	ADD("ham falls due", test_ham_falls_due);
	ADD("ham waits for a report", test_ham_waits_for_a_report);
	ADD("deleted before due", test_deleted_before_due);
	ADD("gone before due", test_gone_before_due);
	ADD("answered", test_answered);
	ADD("flood", test_flood);
	return g_test_run();
}
