/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-copies.c: moves by IMAP clients that know no MOVE: COPY, then \Deleted on
 * the mail left behind, then EXPUNGE.  Dovecot makes the copy a hard link
 * under a new name, or a file of its own (maildir_copy_with_hardlinks).
 */

#include "evidence.h"

typedef struct {
	Evidence ev;
	gint64 user;
	EvMail mail;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
	ev_init(&f->ev, FALSE);
	f->user = ev_user(&f->ev, "/v/a/Maildir");
	f->mail = (EvMail){.ino = 11,
	    .addr = "192.0.2.7",
	    .time = f->ev.now - 3600,
	    .seal = 1};
	ev_entry(&f->ev, f->user, "", "1.a:2,", &f->mail);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	ev_clear(&f->ev);
}

#define STANDING() ev_standing(&f->ev, f->user, &f->mail)

/* From a folder to another, and the vote at each step. */
static void
copy_expunge(Fixture *f, const char *from, const char *name, const char *to,
    const char *new_name, guint64 new_ino, AsndVote vote)
{
	EvMail copy = f->mail;
	g_autofree char *deleted = g_strconcat(name, "T", NULL);

	copy.ino = new_ino;
	copy.ctime = f->ev.now;
	ev_entry(&f->ev, f->user, to, new_name, &copy);
	g_assert_cmpint(STANDING(), ==, vote);
	ev_rename(&f->ev, f->user, from, name, from, deleted, &f->mail);
	g_assert_cmpint(STANDING(), ==, vote);
	ev_gone(&f->ev, f->user, from, deleted);
	g_assert_cmpint(STANDING(), ==, vote);
	f->mail = copy;
}

static void
test_hard_links(Fixture *f, gconstpointer data)
{
	copy_expunge(f, "", "1.a:2,", ".Junk", "2.b:2,", 11, ASND_VOTE_SPAM);
	copy_expunge(f, ".Junk", "2.b:2,", "", "3.c:2,", 11, ASND_VOTE_HAM);
	copy_expunge(f, "", "3.c:2,", ".Spam", "4.d:2,", 11, ASND_VOTE_SPAM);
	/* three votes, two taken back */
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 5);
}

static void
test_files(Fixture *f, gconstpointer data)
{
	copy_expunge(f, "", "1.a:2,", ".Junk", "2.b:2,", 12, ASND_VOTE_SPAM);
	copy_expunge(f, ".Junk", "2.b:2,", "", "3.c:2,", 13, ASND_VOTE_HAM);
	copy_expunge(f, "", "3.c:2,", ".Spam", "4.d:2,", 14, ASND_VOTE_SPAM);
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 5);
}

/* The mail left behind is kept, and read or answered later: that says nothing
 * about the copy, which is where its owner put it last. */
static void
test_left_behind(Fixture *f, gconstpointer data)
{
	EvMail copy = f->mail;

	copy.ino = data != NULL ? 12 : 11;
	ev_entry(&f->ev, f->user, ".Junk", "2.b:2,", &copy);
	ev_rename(&f->ev, f->user, "", "1.a:2,", "", "1.a:2,S", &f->mail);
	ev_rename(&f->ev, f->user, "", "1.a:2,S", "", "1.a:2,RS", &f->mail);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	/* moved to another folder after all: there it is now */
	ev_rename(&f->ev, f->user, ".Junk", "2.b:2,", ".Work", "2.b:2,", &copy);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
	ev_rename(
	    &f->ev, f->user, "", "1.a:2,RS", ".Junk", "1.a:2,RS", &f->mail);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
}

/* Found in Junk by a listing, and known from nowhere else.  A filter put it
 * there and opening the folder renamed it, or an IMAP server copied it there
 * later: its name tells when it was made. */
static void
test_found_in_junk(Fixture *f, gconstpointer data)
{
	const gint64 late = data ? 1800 : 1;
	g_autofree char *name = g_strdup_printf(
	    "%" G_GINT64_FORMAT ".M1.host:2,S", f->mail.time + late);
	EvMail found = f->mail;

	found.ino = 77;
	found.seal = 9;
	found.ctime = f->ev.now;
	found.listed = TRUE;
	ev_entry(&f->ev, f->user, ".Junk", name, &found);
	g_assert_cmpint(ev_standing(&f->ev, f->user, &found), ==,
	    data ? ASND_VOTE_SPAM : ASND_VOTE_NONE);
	/* a name without a time */
	found.ino = 78;
	found.seal = 10;
	ev_entry(&f->ev, f->user, ".Junk", "x:2,S", &found);
	g_assert_cmpint(
	    ev_standing(&f->ev, f->user, &found), ==, ASND_VOTE_NONE);
}

/* A filter files flagged mail into Junk and, within two minutes, into another
 * folder: no act, and neither is one who moves the other one on; only the one
 * that was in Junk can be taken out of there. */
static void
test_filed_twice(Fixture *f, gconstpointer data)
{
	EvMail junk = {.ino = 21,
	    .addr = "192.0.2.9",
	    .time = f->ev.now - 10,
	    .seal = 2,
	    .flagged = TRUE};
	EvMail other = junk;

	other.ino = 22;
	ev_entry(&f->ev, f->user, ".Junk", "1.f:2,", &junk);
	ev_entry(&f->ev, f->user, ".Work", "1.g:2,", &other);
	if (data != NULL)
		ev_gone(&f->ev, f->user, ".Junk", "1.f:2,");
	ev_rename(
	    &f->ev, f->user, ".Work", "1.g:2,", ".Lists", "1.g:2,", &other);
	g_assert_cmpint(
	    ev_standing(&f->ev, f->user, &other), ==, ASND_VOTE_NONE);
	if (data != NULL)
		return;
	ev_rename(&f->ev, f->user, ".Junk", "1.f:2,", "", "1.f:2,", &junk);
	g_assert_cmpint(ev_standing(&f->ev, f->user, &junk), ==, ASND_VOTE_HAM);
}

/* What is copied into the trash and then expunged is asked for its seal while
 * it is still known where that was: long after, it can be taken out of there
 * as out of Junk, or out of another folder. */
static void
test_trash_for_long(Fixture *f, gconstpointer data)
{
	const char *from = data != NULL ? "" : ".Junk";
	const char *to = data != NULL ? ".Spam" : "";
	EvMail mail = {.ino = 31,
	    .addr = "192.0.2.9",
	    .time = f->ev.now - 10,
	    .seal = 2,
	    .flagged = TRUE};

	ev_entry(&f->ev, f->user, from, "1.f:2,", &mail);
	f->ev.now += 1000;
	mail.ino = 32;
	mail.ctime = f->ev.now;
	ev_entry(&f->ev, f->user, ".Trash", "2.g:2,", &mail);
	ev_gone(&f->ev, f->user, from, "1.f:2,");
	f->ev.now += ASND_GONE_GRACE + 1;
	asnd_mails_purge(f->ev.mails, f->ev.now);
	ev_rename(&f->ev, f->user, ".Trash", "2.g:2,", to, "2.g:2,", &mail);
	g_assert_cmpint(ev_standing(&f->ev, f->user, &mail), ==,
	    data != NULL ? ASND_VOTE_SPAM : ASND_VOTE_HAM);
}

#define ADD(name, fn, data)                                                    \
	g_test_add("/copies/" name, Fixture, data, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("hard links", test_hard_links, NULL);
	ADD("files", test_files, NULL);
	ADD("left behind/link", test_left_behind, NULL);
	ADD("left behind/file", test_left_behind, "");
	ADD("found in junk/delivered", test_found_in_junk, NULL);
	ADD("found in junk/copied", test_found_in_junk, "");
	ADD("filed twice/both stay", test_filed_twice, NULL);
	ADD("filed twice/Junk is emptied", test_filed_twice, "");
	ADD("long in the trash/out of Junk", test_trash_for_long, NULL);
	ADD("long in the trash/into Junk", test_trash_for_long, "");
	return g_test_run();
}
