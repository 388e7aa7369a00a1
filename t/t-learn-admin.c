/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-learn-admin.c: learn-admin.c and users.c; votes by a command, and whose. */

#include "learn-fixture.h"

static AsndLearnt
say(Fixture *f, AsndVote vote, AsndVote *before)
{
	AsndVote unused;
	AsndBlock block;
	AsndLearnt learnt;

	ev_block(&f->mail, &block);
	learnt = asnd_learner_learn(f->ev.learner, f->user, &block, vote,
	    f->ev.now, before ? before : &unused);
	g_assert_true(asnd_store_commit(f->ev.store));
	return learnt;
}

/* One evidence by moves, one by words: the same in every number. */
static void
test_as_a_move(Fixture *f, gconstpointer data)
{
	Fixture said;

	set_up(&said, NULL);
	for (int i = 0; i < 5; i++) {
		g_autofree char *addr = g_strdup_printf("192.0.%d.7", i);
		g_autofree char *name = g_strdup_printf("%d.a", i);
		g_autofree char *back = g_strdup_printf("%d.a:2,S", i);

		f->mail.ino = said.mail.ino = 50 + i;
		f->mail.seal = said.mail.seal = (guint8)(10 + i);
		f->mail.addr = said.mail.addr = addr;
		f->mail.flagged = said.mail.flagged = i % 2;
		ENTRY("", name);
		MOVE("", name, ".Junk", back);
		g_assert_cmpint(say(&said, ASND_VOTE_SPAM, NULL), <=,
		    ASND_LEARNT_BEYOND_CAP);
		f->ev.now += 3600;
		said.ev.now += 3600;
		if (i % 2) {
			MOVE(".Junk", back, "", back);
			say(&said, ASND_VOTE_HAM, NULL);
		}
	}
	ev_assert_same_model(asnd_journal_model(f->ev.journal),
	    asnd_journal_model(said.ev.journal));
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==,
	    asnd_journal_count(said.ev.journal));
	g_assert_cmpint(asnd_mails_last_spam(f->ev.mails, f->user), ==,
	    asnd_mails_last_spam(said.ev.mails, said.user));
	g_assert_cmpint(asnd_mails_last_spam(f->ev.mails, f->user), >, 0);
	g_assert_cmpuint(asnd_learner_votes(f->ev.learner), ==,
	    asnd_learner_votes(said.ev.learner));
	tear_down(&said, NULL);
}

static void
test_once(Fixture *f, gconstpointer data)
{
	AsndVote before;

	g_assert_cmpint(say(f, ASND_VOTE_SPAM, &before), ==, ASND_LEARNT);
	g_assert_cmpint(before, ==, ASND_VOTE_NONE);
	g_assert_cmpint(
	    say(f, ASND_VOTE_SPAM, &before), ==, ASND_LEARNT_BEFORE);
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 1);
	/* said first, then moved, then listed again */
	ENTRY("", "1.a");
	MOVE("", "1.a", ".Junk", "1.a:2,");
	ENTRY(".Junk", "1.a:2,");
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 1);
	g_assert_cmpint(say(f, ASND_VOTE_HAM, &before), ==, ASND_LEARNT);
	g_assert_cmpint(before, ==, ASND_VOTE_SPAM);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
	ev_reopen(&f->ev);
	f->mail.listed = TRUE;
	ENTRY(".Junk", "1.a:2,");
	sweep(f);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
}

/* Unsealed mail of today counts: whoever may say so is trusted. */
static void
test_unsealed(Fixture *f, gconstpointer data)
{
	AsndBlock nobody = {.digest = {1}};
	AsndVote before;

	f->mail.seal = 0;
	g_assert_cmpint(say(f, ASND_VOTE_SPAM, NULL), ==, ASND_LEARNT);
	g_assert_cmpint(asnd_learner_learn(f->ev.learner, f->user, &nobody,
			    ASND_VOTE_SPAM, f->ev.now, &before),
	    ==, ASND_LEARNT_NO_CLIENT);
	g_assert_cmpint(asnd_journal_count(f->ev.journal), ==, 1);
}

static void
test_limits(Fixture *f, gconstpointer data)
{
	guint counted = 0, capped = 0, fast = 0;

	for (int i = 0; i < 600; i++) {
		AsndLearnt learnt;

		f->mail.ino = i;
		f->mail.seal = 0; /* the digest is of the inode */
		learnt = say(f, ASND_VOTE_SPAM, NULL);
		counted += learnt == ASND_LEARNT;
		capped += learnt == ASND_LEARNT_BEYOND_CAP;
		fast += learnt == ASND_LEARNT_TOO_FAST;
	}
	g_assert_cmpuint(counted, ==, 2);
	g_assert_cmpuint(capped, ==, 498);
	g_assert_cmpuint(fast, ==, 100);
	/* as a flood of moves: one in 50 s from there on */
	f->ev.now += 100;
	g_assert_cmpint(
	    say(f, ASND_VOTE_SPAM, NULL), ==, ASND_LEARNT_BEYOND_CAP);
}

/* --- users -----------------------------------------------------------------
 */

static void
test_names(Fixture *f, gconstpointer data)
{
	static const struct {
		const char *path, *name;
		gboolean is;
	} cases[] = {
	    {"/home/eve/Maildir", "eve", TRUE},
	    {"/home/eve/Maildir", "Eve", FALSE},
	    {"/home/eve/Maildir", "ev", FALSE},
	    {"/home/eve/Maildir", "home", FALSE},
	    {"/home/eve/Maildir", "eve@home", TRUE},
	    {"/home/eve/Maildir", "eve@example.org", FALSE},
	    {"/var/mail/eve", "eve", TRUE},
	    {"/var/vmail/example.org/eve/Maildir", "eve", TRUE},
	    {"/var/vmail/example.org/eve/Maildir", "eve@example.org", TRUE},
	    {"/var/vmail/example.org/eve/Maildir", "eve@example.net", FALSE},
	    {"/var/vmail/example.org/eve/Maildir", "example.org", FALSE},
	    {"/var/vmail/example.org/eve", "eve@example.org", TRUE},
	    {"/var/vmail/eve@example.org/Maildir", "eve@example.org", TRUE},
	    {"/var/vmail/eve@example.org/Maildir", "eve", FALSE},
	    {"/eve", "eve", TRUE},
	    {"user:eve", "eve", FALSE},
	    {"/x/a@b@c/Maildir", "a@b@c", TRUE},
	    {"/x/c/a@b/Maildir", "a@b@c", TRUE},
	    {"/x/eve/Maildir", "@", FALSE},
	    {"/x/eve/Maildir", "@x", FALSE},
	    {"/x/eve/Maildir", "eve@", FALSE},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		gint64 user = ev_user(&f->ev, cases[i].path);
		g_autoptr(GArray) ids =
		    asnd_mails_users_named(f->ev.mails, cases[i].name);
		gboolean found = FALSE;

		for (guint k = 0; k < ids->len; k++)
			found |= g_array_index(ids, gint64, k) == user;
		g_test_message("%s %s", cases[i].path, cases[i].name);
		g_assert_cmpint(found, ==, cases[i].is);
	}
}

/* Two names fit: the one that says the domain, too, is meant. */
static void
test_two_names(Fixture *f, gconstpointer data)
{
	static const char path[] = "/var/vmail/example.org/ann/Maildir";
	gint64 any = ev_user(&f->ev, "user:ann"), ours;

	ours = ev_user(&f->ev, "user:ann@example.org");
	g_assert_cmpint(
	    asnd_mails_maildir(f->ev.mails, path, strlen(path), f->ev.now), ==,
	    ours);
	g_assert_cmpint(ours, !=, any);
	g_assert_true(asnd_store_commit(f->ev.store));
}

/* Who voted by name before the Maildir was there is not two reporters. */
static void
test_maildir_comes(Fixture *f, gconstpointer data)
{
	static const struct {
		const char *name, *path;
		gboolean same;
	} cases[] = {
	    {"user:eve", "/home/eve/Maildir", TRUE},
	    {"user:eve", "/home/eve/Maildir", FALSE}, /* that one has hers */
	    {"user:bob@example.org", "/var/vmail/example.org/bob/Maildir",
		TRUE},
	    {"user:dan@example.net", "/var/vmail/example.org/dan/Maildir",
		FALSE},
	    {"user:", "/home/fay/Maildir", FALSE},
	    {"uid:1000", "/home/uid:1000/Maildir", FALSE},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *path = cases[i].path;
		gint64 named = ev_user(&f->ev, cases[i].name), user;
		g_autofree char *now_called = NULL;

		user = asnd_mails_maildir(
		    f->ev.mails, path, strlen(path), f->ev.now);
		g_test_message("%s %s", cases[i].name, path);
		g_assert_cmpint(user == named, ==, cases[i].same);
		now_called = asnd_mails_user_path(f->ev.mails, user);
		g_assert_cmpstr(now_called, ==, path);
		/* and so it stays */
		g_assert_cmpint(asnd_mails_maildir(
				    f->ev.mails, path, strlen(path), f->ev.now),
		    ==, user);
	}
	g_assert_true(asnd_store_commit(f->ev.store));
}

static void
test_owners(Fixture *f, gconstpointer data)
{
	gint64 b = ev_user(&f->ev, "/v/b/Maildir");
	GArray *ids = asnd_mails_users_of(f->ev.mails, 1000, f->ev.now);

	g_assert_cmpuint(ids->len, ==, 0);
	g_array_unref(ids);
	asnd_mails_set_owner(f->ev.mails, f->user, 1000);
	asnd_mails_set_owner(f->ev.mails, b, 1001);
	ids = asnd_mails_users_of(f->ev.mails, 1000, f->ev.now);
	g_assert_cmpuint(ids->len, ==, 1);
	g_assert_cmpint(g_array_index(ids, gint64, 0), ==, f->user);
	g_array_unref(ids);
	/* given to another user, and one that is not there any more */
	asnd_mails_set_owner(f->ev.mails, f->user, 1001);
	ids = asnd_mails_users_of(f->ev.mails, 1001, f->ev.now);
	g_assert_cmpuint(ids->len, ==, 2);
	g_array_unref(ids);
	f->ev.now += EV_DAYS(8);
	ev_user(&f->ev, "/v/b/Maildir");
	ids = asnd_mails_users_of(f->ev.mails, 1001, f->ev.now);
	g_assert_cmpuint(ids->len, ==, 1);
	g_assert_cmpint(g_array_index(ids, gint64, 0), ==, b);
	g_array_unref(ids);
}

#define ADD(path, fn) g_test_add(path, Fixture, NULL, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/learn-admin/as-a-move", test_as_a_move);
	ADD("/learn-admin/once", test_once);
	ADD("/learn-admin/unsealed", test_unsealed);
	ADD("/learn-admin/limits", test_limits);
	ADD("/users/names", test_names);
	ADD("/users/owners", test_owners);
	ADD("/users/maildir-comes", test_maildir_comes);
	ADD("/users/two-names", test_two_names);
	return g_test_run();
}
