/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-watch-away.c: a Maildir that goes, as an unmounted home does, and comes
 * back; watch-server.h, against a scripted asnd-mailwatch.
 */

#include "watch-fixture.h"

static guint
n_due(Fixture *f)
{
	gint64 ids[10];

	return asnd_mails_due(f->ev.mails, f->ev.now, 0, ids, 10);
}

/* All that is gone long enough is forgotten. */
static gint64
remembered(Fixture *f)
{
	settle();
	f->ev.now += ASND_GONE_GRACE + 1;
	asnd_mails_purge(f->ev.mails, f->ev.now);
	return asnd_mails_count(f->ev.mails);
}

/* A user with a mail in INBOX that is ham by now, and one elsewhere. */
static void
set_up_away(Fixture *f)
{
	AsnWatchRead r;
	AsndMailRow row;
	char name[256];

	hello(f);
	folder(f, 1, "");
	entry(f, 1, 100, "a:2,S", 1);
	listed(f, 1);
	folder(f, 2, ".Old");
	entry(f, 2, 101, "b:2,S", 1);
	listed(f, 2);
	sync_now(f);
	while (asked(f, &r, name))
		answer(f, r.request, ASN_WATCH_OK, "A: b\n\n", SEALED, -1);
	g_assert_true(asnd_mails_get(f->ev.mails, 1, &row));
	row.due = EV_NOW;
	asnd_mails_save(f->ev.mails, &row);
	asnd_mails_set_last_spam(f->ev.mails, row.user, EV_NOW);
	g_assert_cmpuint(n_due(f), ==, 1);
}

static void
maildir(Fixture *f)
{
	AsnWatchMaildir m = {.id = 7, .uid = 1000};

	say(f, ASN_WATCH_MAILDIR, &m, sizeof m, "/v/a/Maildir", -1);
}

static void
maildir_gone(Fixture *f)
{
	AsnWatchId id = {7};

	say(f, ASN_WATCH_MAILDIR_GONE, &id, sizeof id, NULL, -1);
}

/* asnd-mailwatch starts again. */
static void
restart(Fixture *f)
{
	close(f->peer);
	expect("it left");
	assert_hung_up(f);
	connect_peer(f);
}

static void
assert_due(Fixture *f, guint n)
{
	settle();
	g_assert_cmpuint(n_due(f), ==, n);
}

/* And it comes back without the folder .Old. */
static void
come_back(Fixture *f)
{
	AsnWatchRead r;
	char name[256];

	maildir(f);
	folder(f, 3, "");
	entry(f, 3, 100, "a:2,S", 1);
	assert_due(f, 0); /* a listing that fails says no more */
	listed(f, 3);
	assert_due(f, 1);
	g_assert_cmpint(remembered(f), ==, 2);
	sync_but(f, 1);
	g_assert_cmpint(remembered(f), ==, 2);
	sync_now(f);
	g_assert_cmpint(remembered(f), ==, 1);
	/* what was read is not read again */
	g_assert_false(asked(f, &r, name));
	g_assert_cmpuint(f->blocks, ==, 2);
}

/* An unmounted Maildir is remembered; nothing becomes ham meanwhile. */
static void
test_maildir_away(Fixture *f, gconstpointer data)
{
	set_up_away(f);
	maildir_gone(f);
	g_assert_cmpint(remembered(f), ==, 2);
	sync_now(f);
	g_assert_cmpint(remembered(f), ==, 2);
	g_assert_cmpuint(n_due(f), ==, 0);
	come_back(f);
}

/* The same where it went while nobody watched. */
static void
test_maildir_away_unseen(Fixture *f, gconstpointer data)
{
	AsnWatchHello h = {ASN_WATCH_VERSION};

	set_up_away(f);
	restart(f);
	say(f, ASN_WATCH_HELLO, &h, sizeof h, NULL, -1);
	g_assert_cmpint(remembered(f), ==, 2);
	g_assert_cmpuint(n_due(f), ==, 1);
	sync_now(f);
	g_assert_cmpint(remembered(f), ==, 2);
	g_assert_cmpuint(n_due(f), ==, 0);
	come_back(f);
}

/* Unmounted, its mount point may stand there as an empty directory: no mail is
 * back with it. */
static void
test_mount_point(Fixture *f, gconstpointer data)
{
	set_up_away(f);
	if (data == NULL) {
		maildir_gone(f);
		maildir(f);
	} else {
		restart(f);
		hello(f);
	}
	sync_now(f);
	assert_due(f, 0);
	g_assert_cmpint(remembered(f), ==, 2);
	maildir_gone(f);
	come_back(f);
}

/* What was deleted, or moved, before it came back does not become ham. */
static void
test_deleted_meanwhile(Fixture *f, gconstpointer data)
{
	set_up_away(f);
	maildir_gone(f);
	maildir(f);
	folder(f, 2, ".Old");
	entry(f, 2, 101, "b:2,S", 1);
	listed(f, 2);
	folder(f, 1, "");
	assert_due(f, 0);
	listed(f, 1);
	sync_now(f);
	assert_due(f, 0);
	g_assert_cmpint(remembered(f), ==, 1);
}

static gboolean
waits(Fixture *f, gint64 id)
{
	AsndMailRow row;

	settle();
	asnd_learner_reset(f->ev.learner);
	while (asnd_learner_sweep(f->ev.learner, f->ev.now))
		;
	g_assert_true(asnd_mails_get(f->ev.mails, id, &row));
	return row.pending;
}

/* Mail of a user who voted too fast is not judged while it is away. */
static void
test_deferred(Fixture *f, gconstpointer data)
{
	AsndMailRow row;

	set_up_away(f);
	g_assert_true(asnd_mails_get(f->ev.mails, 2, &row));
	row.pending = row.has_digest = TRUE;
	asnd_mails_save(f->ev.mails, &row);
	if (data == NULL) {
		maildir_gone(f);
	} else {
		restart(f);
		hello(f);
	}
	sync_now(f);
	g_assert_true(waits(f, 2));
	if (data == NULL)
		maildir(f);
	folder(f, 1, "");
	listed(f, 1);
	g_assert_true(waits(f, 2));
	sync_now(f);
	g_assert_false(waits(f, 2));
}

/* While all is looked at anew after a start nothing waits for it. */
static void
test_restart(Fixture *f, gconstpointer data)
{
	set_up_away(f);
	restart(f);
	hello(f);
	assert_due(f, 1);
	folder(f, 1, "");
	entry(f, 1, 100, "a:2,S", 1);
	assert_due(f, 1);
	listed(f, 1);
	sync_now(f);
	assert_due(f, 1);
}

/* A connection may last for months. */
static void
test_seen(Fixture *f, gconstpointer data)
{
	GArray *users;

	set_up_away(f);
	f->ev.now += ASND_USER_GRACE + 1;
	asnd_watch_server_seen(f->server, f->ev.now);
	asnd_mails_purge_users(f->ev.mails, f->ev.now);
	g_assert_cmpint(asnd_mails_count(f->ev.mails), ==, 2);
	users = asnd_mails_users_of(f->ev.mails, 1000, f->ev.now);
	g_assert_cmpuint(users->len, ==, 1);
	g_array_unref(users);
}

#define ADD_WITH(name, data, fn)                                               \
	g_test_add("/watch-away/" name, Fixture, data, set_up, fn, tear_down)
#define ADD(name, fn) ADD_WITH(name, NULL, fn)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("maildir", test_maildir_away);
	ADD("unseen", test_maildir_away_unseen);
	ADD("mount point", test_mount_point);
	ADD_WITH("mount point after a start", "", test_mount_point);
	ADD("deleted meanwhile", test_deleted_meanwhile);
	ADD("deferred", test_deferred);
	ADD_WITH("deferred after a start", "", test_deferred);
	ADD("restart", test_restart);
	ADD("seen", test_seen);
	return g_test_run();
}
