/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-folder-kind.c: junk-folders or trash-folders were changed, and what lies
 * in a folder was judged as if it were of another kind. */

#include <sys/socket.h>
#include <unistd.h>

#include "evidence.h"
#include "watch-server.h"

typedef struct {
	Evidence ev;
	gint64 user;
	EvMail mail;
} Fixture;

#define FOLDER ".Suspect"
#define NAME "1.a:2,S"

static void
set_up(Fixture *f, gconstpointer data)
{
	ev_init(&f->ev, FALSE);
	f->user = ev_user(&f->ev, "/v/a/Maildir");
	f->mail = (EvMail){.ino = 11,
	    .addr = "192.0.2.7",
	    .time = f->ev.now - EV_DAYS(5),
	    .seal = 1};
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	ev_clear(&f->ev);
}

#define STANDING() ev_standing(&f->ev, f->user, &f->mail)
#define COUNT() asnd_journal_count(f->ev.journal)

static gint64
folder_id(Fixture *f)
{
	return asnd_mails_folder(f->ev.mails, f->user, FOLDER, strlen(FOLDER));
}

static void
kind(Fixture *f, AsndPlace place)
{
	asnd_mails_set_kind(f->ev.mails, folder_id(f), place);
	g_assert_true(asnd_store_commit(f->ev.store));
}

/* A name appears in the folder, which is of this kind. */
static gboolean
entry(Fixture *f, AsndPlace place, const char *name, const EvMail *mail)
{
	AsndMailEntry e = {.user = f->user,
	    .folder = folder_id(f),
	    .place = place,
	    .name = name,
	    .name_len = strlen(name),
	    .cur = 1,
	    .dev = 1,
	    .ino = mail->ino,
	    .mtime = mail->time,
	    .ctime = mail->ctime ? mail->ctime : mail->time};
	AsndMailRow row;
	AsndBlock block;
	gboolean read;

	asnd_mails_entry(f->ev.mails, &e, f->ev.now - ASND_WINDOW, &row);
	read = row.state == ASND_MAIL_WANTED;
	if (read) {
		ev_block(mail, &block);
		asnd_mails_set_block(f->ev.mails, &row, &block, FALSE);
	}
	if (read || row.pending)
		asnd_learner_judge(f->ev.learner, &row, f->ev.now);
	g_assert_true(asnd_store_commit(f->ev.store));
	return read;
}

/* asnd starts with another configuration; the mail is listed again. */
static void
changed_to(Fixture *f, AsndPlace place)
{
	ev_reopen(&f->ev);
	kind(f, place);
	g_assert_false(entry(f, place, NAME, &f->mail));
}

/* The mail is in a folder of this kind; this is what stands for it. */
static void
stands(Fixture *f, AsndPlace place, AsndVote vote)
{
	kind(f, place);
	f->ev.now -= 60;
	g_assert_cmpint(ev_entry(&f->ev, f->user, "", NAME, &f->mail), ==, 1);
	if (vote == ASND_VOTE_HAM) /* answered */
		ev_rename(&f->ev, f->user, "", NAME, "", "1.a:2,RS", &f->mail);
	else if (vote == ASND_VOTE_SPAM)
		ev_rename(&f->ev, f->user, "", NAME, ".Junk", NAME, &f->mail);
	ev_gone(&f->ev, f->user, "", NAME);
	f->ev.now += 60;
	g_assert_cmpint(STANDING(), ==, vote);
}

/* Into the folder; whatever that is worth. */
static void
into_folder(Fixture *f, AsndPlace place)
{
	EvMail later = f->mail;

	later.ctime = f->ev.now;
	entry(f, place, NAME, &later);
	ev_gone(&f->ev, f->user, ".Junk", NAME);
	ev_gone(&f->ev, f->user, "", "1.a:2,RS");
}

/* Our header sent it there, and its owner read it. */
static void
test_now_junk(Fixture *f, gconstpointer data)
{
	stands(f, ASND_PLACE_OTHER, ASND_VOTE_HAM);
	into_folder(f, ASND_PLACE_OTHER);
	changed_to(f, ASND_PLACE_JUNK);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	g_assert_cmpint(COUNT(), ==, 3);
	/* once */
	changed_to(f, ASND_PLACE_JUNK);
	g_assert_cmpint(COUNT(), ==, 3);
}

static void
test_now_junk_flagged(Fixture *f, gconstpointer data)
{
	f->mail.flagged = TRUE;
	stands(f, ASND_PLACE_OTHER, ASND_VOTE_HAM);
	into_folder(f, ASND_PLACE_OTHER);
	changed_to(f, ASND_PLACE_JUNK);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
	g_assert_cmpint(COUNT(), ==, 2);
}

/* Older than what the first run looks at: no vote, but no wrong one. */
static void
test_now_junk_old(Fixture *f, gconstpointer data)
{
	stands(f, ASND_PLACE_OTHER, ASND_VOTE_HAM);
	into_folder(f, ASND_PLACE_OTHER);
	f->ev.now += EV_DAYS(100);
	changed_to(f, ASND_PLACE_JUNK);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
}

static void
test_now_other(Fixture *f, gconstpointer data)
{
	stands(f, ASND_PLACE_JUNK, ASND_VOTE_NONE);
	into_folder(f, ASND_PLACE_JUNK);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	/* its owner reports: by that vote, so read and kept it is ham */
	changed_to(f, ASND_PLACE_OTHER);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
	/* and the other way round */
	changed_to(f, ASND_PLACE_JUNK);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
}

static void
test_now_other_young(Fixture *f, gconstpointer data)
{
	f->mail.time = f->ev.now - 3600;
	stands(f, ASND_PLACE_JUNK, ASND_VOTE_NONE);
	into_folder(f, ASND_PLACE_JUNK);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	changed_to(f, ASND_PLACE_OTHER);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_NONE);
	f->ev.now += EV_DAYS(3);
	asnd_learner_sweep(f->ev.learner, f->ev.now);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_HAM);
}

static void
test_now_trash(Fixture *f, gconstpointer data)
{
	stands(f, ASND_PLACE_JUNK, ASND_VOTE_NONE);
	into_folder(f, ASND_PLACE_JUNK);
	changed_to(f, ASND_PLACE_TRASH);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
	g_assert_cmpint(COUNT(), ==, 1);
	/* out of the trash: no rescue from junk */
	ev_rename(&f->ev, f->user, FOLDER, NAME, "", "1.a:2,", &f->mail);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
}

/* What lay in the trash is junk now, but for what was too old to be read. */
static void
test_was_trash(Fixture *f, gconstpointer data)
{
	EvMail old = f->mail;

	old.ino = 12;
	old.seal = 2;
	old.time = f->ev.now - EV_DAYS(61);
	kind(f, ASND_PLACE_TRASH);
	g_assert_true(entry(f, ASND_PLACE_TRASH, NAME, &f->mail));
	g_assert_false(entry(f, ASND_PLACE_TRASH, "2.b:2,S", &old));
	ev_reopen(&f->ev);
	kind(f, ASND_PLACE_JUNK);
	g_assert_false(entry(f, ASND_PLACE_JUNK, NAME, &f->mail));
	g_assert_false(entry(f, ASND_PLACE_JUNK, "2.b:2,S", &old));
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
}

/* Many at once, asnd killed before they were listed: in bounded pieces, and
 * no limit of votes holds what the administrator did. */
static void
test_many(Fixture *f, gconstpointer data)
{
	EvMail mail = f->mail;
	guint pieces = 1;

	kind(f, ASND_PLACE_OTHER);
	mail.seal = 0;
	for (int i = 0; i < 900; i++) {
		g_autofree char *name = g_strdup_printf("%d.m:2,S", i);

		mail.ino = 1000 + i;
		entry(f, ASND_PLACE_OTHER, name, &mail);
	}
	g_assert_cmpint(COUNT(), ==, 0);
	kind(f, ASND_PLACE_JUNK);
	ev_reopen(&f->ev);
	while (asnd_learner_sweep(f->ev.learner, f->ev.now))
		pieces++;
	g_assert_true(asnd_store_commit(f->ev.store));
	g_assert_cmpint(COUNT(), ==, 900);
	g_assert_cmpuint(pieces, >=, 900 / 200);
}

/* --- as asnd-mailwatch says it ---------------------------------------------
 */

static gint64
on_now(gpointer data)
{
	return ((Fixture *)data)->ev.now;
}

static void
on_moved(AsndMailRow *row, gpointer data)
{
	Fixture *f = data;

	asnd_learner_judge(f->ev.learner, row, f->ev.now);
}

static void
on_block(AsndMailRow *row, const char *block, gsize len, gpointer data)
{
}

static void
on_sync(const AsnWatchSync *sync, gpointer data)
{
}

static gboolean
on_turn(gpointer data)
{
	return asnd_store_commit(((Fixture *)data)->ev.store);
}

static void
say(int fd, AsnWatchType type, const void *fixed, gsize len, const char *name)
{
	g_assert_cmpint(
	    asn_watch_send(fd, type, fixed, len, name, strlen(name), -1), ==,
	    0);
}

/* asnd starts, asnd-mailwatch connects and lists the folder. */
static void
scan(Fixture *f, const AsnConfig *config)
{
	static const AsndWatchHandler handler = {
	    on_now, on_moved, on_block, on_sync, on_turn};
	AsndWatchServer *server =
	    asnd_watch_server_new(config, f->ev.mails, &handler, f);
	AsnWatchHello hello = {ASN_WATCH_VERSION};
	AsnWatchMaildir maildir = {.id = 7, .uid = 1000};
	AsnWatchFolder folder = {.id = 3, .maildir = 7};
	AsnWatchEntry e = {.dev = 1,
	    .ino = (guint64)f->mail.ino,
	    .mtime = f->mail.time,
	    .ctime = f->mail.time,
	    .scan = 1,
	    .folder = 3,
	    .cur = 1};
	int fds[2];

	g_assert_cmpint(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), ==, 0);
	asnd_watch_server_attach(server, fds[0]);
	say(fds[1], ASN_WATCH_HELLO, &hello, sizeof hello, "");
	say(fds[1], ASN_WATCH_MAILDIR, &maildir, sizeof maildir,
	    "/v/a/Maildir");
	say(fds[1], ASN_WATCH_FOLDER, &folder, sizeof folder, FOLDER);
	say(fds[1], ASN_WATCH_ENTRY, &e, sizeof e, NAME);
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_assert_true(asnd_watch_server_connected(server));
	asnd_watch_server_free(server);
	close(fds[1]);
}

static void
test_announced(Fixture *f, gconstpointer data)
{
	static char name[] = FOLDER;
	char *junks[] = {NULL, NULL}, *trashes[] = {NULL};
	AsnConfig config = {.junk_folders = junks, .trash_folders = trashes};

	g_assert_true(entry(f, ASND_PLACE_OTHER, NAME, &f->mail));
	scan(f, &config);
	g_assert_cmpint(COUNT(), ==, 0);
	junks[0] = name;
	scan(f, &config);
	g_assert_cmpint(STANDING(), ==, ASND_VOTE_SPAM);
}

#define ADD(name, fn)                                                          \
	g_test_add("/folder-kind/" name, Fixture, NULL, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("now junk", test_now_junk);
	ADD("now junk, flagged", test_now_junk_flagged);
	ADD("now junk, old", test_now_junk_old);
	ADD("now another", test_now_other);
	ADD("now another, young", test_now_other_young);
	ADD("now trash", test_now_trash);
	ADD("was trash", test_was_trash);
	ADD("many", test_many);
	ADD("announced", test_announced);
	return g_test_run();
}
