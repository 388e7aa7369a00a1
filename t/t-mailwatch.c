/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-mailwatch.c: what the real asnd-mailwatch tells a scripted asnd. */

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watch-peer.h"

#define A "home/a/Maildir"
#define B "home/b/Maildir"
#define MAIL "Subject: x\n\nbody\n"

static Peer *
two_users(void)
{
	Peer *p = peer_new("home/*/Maildir");

	peer_maildir(p, A);
	peer_maildir(p, A "/.Junk");
	peer_maildir(p, B);
	return p;
}

static Peer *
two_users_started(void)
{
	Peer *p = two_users();

	peer_start(p);
	peer_wait(p, p->syncs == 1);
	return p;
}

static void
assert_facts(
    Peer *p, const char *folder_path, const PeerMail *mail, const char *name)
{
	g_autofree char *path = peer_path(p, "%s/%s", folder_path, name);
	struct stat st;

	g_assert_nonnull(mail);
	g_assert_cmpint(lstat(path, &st), ==, 0);
	g_assert_cmpuint(mail->entry.dev, ==, st.st_dev);
	g_assert_cmpuint(mail->entry.ino, ==, st.st_ino);
	g_assert_cmpint(mail->entry.mtime, ==, st.st_mtime);
	g_assert_cmpint(mail->entry.ctime, ==, st.st_ctime);
}

static void
test_first_scan(void)
{
	static const char *const odd[] = {"new/1.a", "cur/2.a:2,S",
	    "cur/line\nbreak", "new/\xff\xfe not UTF-8", "cur/ %s%n\t"};
	Peer *p = two_users();

	for (gsize i = 0; i < G_N_ELEMENTS(odd); i++) {
		g_autofree char *path = g_strconcat(A "/", odd[i], NULL);
		peer_write(p, path, MAIL);
	}
	peer_write(p, A "/.Junk/cur/spam", MAIL);
	peer_write(p, A "/cur/.hidden", MAIL);
	peer_write(p, A "/tmp/unfinished", MAIL);
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	g_assert_cmpuint(g_hash_table_size(p->maildirs), ==, 2);
	g_assert_cmpuint(g_hash_table_size(p->folders), ==, 3);
	g_assert_cmpuint(
	    g_hash_table_size(peer_folder(p, A, "")->mails), ==, 5);
	for (gsize i = 0; i < G_N_ELEMENTS(odd); i++) {
		PeerMail *mail = peer_mail(p, A, "", odd[i]);
		assert_facts(p, A, mail, odd[i]);
		g_assert_cmpuint(mail->entry.scan, ==, 1);
		g_assert_cmpuint(mail->named, ==, 1);
	}
	assert_facts(
	    p, A "/.Junk", peer_mail(p, A, ".Junk", "cur/spam"), "cur/spam");
	g_assert_cmpuint(peer_folder(p, B, "")->listed, ==, 1);
	g_assert_cmpuint(p->sync.polled, ==, 0);
	/* /home, two homes, two Maildirs, three folders of two boxes */
	g_assert_cmpuint(p->sync.watches, ==, 11);
	peer_stop(p);
	peer_free(p);
}

/* The ways in which a mail comes, moves and goes. */
static void
test_events(void)
{
	Peer *p = two_users_started();
	g_autofree char *tmp = peer_path(p, A "/tmp/2");
	g_autofree char *new = peer_path(p, A "/new/2");

	peer_write(p, A "/tmp/1", MAIL);
	peer_rename(p, A "/tmp/1", A "/new/1");
	peer_wait(p, peer_mail(p, A, "", "new/1"));
	assert_facts(p, A, peer_mail(p, A, "", "new/1"), "new/1");
	g_assert_cmpuint(peer_mail(p, A, "", "new/1")->entry.scan, ==, 0);
	/* by hard link, as maildir(5) wants it */
	peer_write(p, A "/tmp/2", MAIL);
	g_assert_cmpint(link(tmp, new), ==, 0);
	g_assert_cmpint(unlink(tmp), ==, 0);
	peer_wait(p, peer_mail(p, A, "", "new/2"));
	/* written in place */
	peer_write(p, A "/.Junk/new/3", MAIL);
	peer_wait(p, peer_mail(p, A, ".Junk", "new/3"));
	/* seen, then moved to Junk: gone here, there there */
	peer_rename(p, A "/new/1", A "/cur/1:2,S");
	peer_wait(p, peer_mail(p, A, "", "cur/1:2,S"));
	g_assert_null(peer_mail(p, A, "", "new/1"));
	peer_rename(p, A "/cur/1:2,S", A "/.Junk/cur/1:2,S");
	peer_wait(p, peer_mail(p, A, ".Junk", "cur/1:2,S"));
	g_assert_null(peer_mail(p, A, "", "cur/1:2,S"));
	peer_remove(p, A "/.Junk/cur/1:2,S");
	peer_wait(p, !peer_mail(p, A, ".Junk", "cur/1:2,S"));
	/* a directory among the mails is none */
	peer_maildir(p, A "/cur/dir");
	peer_write(p, A "/cur/last", MAIL);
	peer_wait(p, peer_mail(p, A, "", "cur/last"));
	g_assert_null(peer_mail(p, A, "", "cur/dir"));
	peer_stop(p);
	peer_free(p);
}

static void
test_folders_come_and_go(void)
{
	Peer *p = two_users_started();
	g_autofree char *later = peer_path(p, A "/.Later");
	g_autofree char *box = peer_path(p, A "/.Later/new");

	/* at once, with mail in it */
	peer_maildir(p, "aside");
	peer_write(p, "aside/cur/1", MAIL);
	peer_rename(p, "aside", A "/.Whole");
	peer_wait(p, peer_mail(p, A, ".Whole", "cur/1"));
	/* bit by bit */
	g_assert_cmpint(g_mkdir(later, 0755), ==, 0);
	g_assert_cmpint(g_mkdir(box, 0755), ==, 0);
	peer_write(p, A "/.Later/new/2", MAIL);
	peer_wait(p, peer_mail(p, A, ".Later", "new/2"));
	peer_maildir(p, A "/.Later");
	peer_write(p, A "/.Later/cur/3", MAIL);
	peer_wait(p, peer_mail(p, A, ".Later", "cur/3"));
	/* renamed: another folder with the same mail */
	peer_rename(p, A "/.Whole", A "/.Renamed");
	peer_wait(p, peer_mail(p, A, ".Renamed", "cur/1"));
	peer_wait(p, !peer_folder(p, A, ".Whole"));
	peer_write(p, A "/.Renamed/cur/4", MAIL);
	peer_wait(p, peer_mail(p, A, ".Renamed", "cur/4"));
	/* removed, and made again under the same name */
	peer_remove(p, A "/.Later");
	peer_wait(p, !peer_folder(p, A, ".Later"));
	peer_maildir(p, A "/.Later");
	peer_wait(p, peer_folder(p, A, ".Later"));
	peer_write(p, A "/.Later/cur/5", MAIL);
	peer_wait(p, peer_mail(p, A, ".Later", "cur/5"));
	/* one box exchanged for another */
	peer_maildir(p, "other");
	peer_write(p, "other/cur/6", MAIL);
	peer_rename(p, A "/.Later/cur", A "/.Later/old");
	peer_rename(p, "other/cur", A "/.Later/cur");
	peer_wait(p, peer_mail(p, A, ".Later", "cur/6"));
	peer_wait(p, !peer_mail(p, A, ".Later", "cur/5"));
	peer_write(p, A "/.Later/cur/7", MAIL);
	peer_wait(p, peer_mail(p, A, ".Later", "cur/7"));
	/* a directory that is no folder */
	g_assert_null(peer_folder(p, A, "old"));
	peer_stop(p);
	peer_free(p);
}

static void
test_users_come_and_go(void)
{
	Peer *p = two_users_started();
	g_autofree char *home = peer_path(p, "home/c");

	g_assert_cmpint(g_mkdir(home, 0755), ==, 0);
	peer_maildir(p, "home/c/Maildir");
	peer_write(p, "home/c/Maildir/new/1", MAIL);
	peer_wait(p, peer_mail(p, "home/c/Maildir", "", "new/1"));
	/* the Maildir exchanged for another one */
	peer_maildir(p, "other");
	peer_write(p, "other/cur/2", MAIL);
	peer_rename(p, "home/c/Maildir", "home/c/old");
	peer_rename(p, "other", "home/c/Maildir");
	peer_wait(p, peer_mail(p, "home/c/Maildir", "", "cur/2"));
	g_assert_null(peer_mail(p, "home/c/Maildir", "", "new/1"));
	/* the user renamed */
	peer_rename(p, "home/c", "home/d");
	peer_wait(p, peer_mail(p, "home/d/Maildir", "", "cur/2"));
	peer_wait(p, !peer_folder(p, "home/c/Maildir", ""));
	/* moved out of the tree: nothing is told of it any more, and a new
	 * one at its place is */
	peer_rename(p, "home/d", "away");
	peer_wait(p, !peer_folder(p, "home/d/Maildir", ""));
	peer_write(p, "away/Maildir/new/3", MAIL);
	peer_maildir(p, "home/d/Maildir");
	peer_write(p, "home/d/Maildir/new/4", MAIL);
	peer_wait(p, peer_mail(p, "home/d/Maildir", "", "new/4"));
	g_assert_null(peer_mail(p, "home/d/Maildir", "", "new/3"));
	/* which is no word on what was in it */
	g_assert_cmpuint(p->folders_gone, ==, 0);
	peer_remove(p, "home/d");
	peer_wait(p, g_hash_table_size(p->maildirs) == 2);
	peer_stop(p);
	peer_free(p);
}

/* A mail renamed between its event and the look at it: told where it is. */
static void
test_renamed_in_between(void)
{
	Peer *p = two_users_started();

	kill(p->pid, SIGSTOP);
	peer_write(p, A "/tmp/1", MAIL);
	peer_rename(p, A "/tmp/1", A "/new/1");
	peer_rename(p, A "/new/1", A "/cur/1:2,");
	peer_rename(p, A "/cur/1:2,", A "/.Junk/cur/1:2,S");
	peer_maildir(p, "home/quick/Maildir/.X");
	peer_rename(p, "home/quick/Maildir/.X", "home/quick/Maildir/.Y");
	peer_rename(p, "home/quick", "home/slow");
	kill(p->pid, SIGCONT);
	peer_wait(p, peer_mail(p, A, ".Junk", "cur/1:2,S"));
	peer_wait(p, peer_folder(p, "home/slow/Maildir", ".Y"));
	g_assert_cmpuint(
	    g_hash_table_size(peer_folder(p, A, "")->mails), ==, 0);
	g_assert_null(peer_folder(p, "home/slow/Maildir", ".X"));
	peer_stop(p);
	peer_free(p);
}

static void
test_reconnect(void)
{
	Peer *p = two_users_started();

	for (int i = 0; i < 3; i++) {
		g_autofree char *name = g_strdup_printf(A "/new/%d", i);
		peer_hang_up(p);
		peer_write(p, name, MAIL);
		peer_accept(p);
		peer_wait(p, p->syncs == 1);
		g_assert_nonnull(peer_mail(p, A, "", name + sizeof A));
		g_assert_cmpuint(g_hash_table_size(p->folders), ==, 3);
	}
	peer_stop(p);
	peer_free(p);
}

/* Nonsense ends the connection, not the process. */
static void
test_nonsense(void)
{
	Peer *p = two_users_started();
	AsnWatchRead r = {.request = 1};
	AsnWatchHeader h = {ASN_WATCH_READ, sizeof h + sizeof r + 4};
	char packet[sizeof h + sizeof r + 4];

	for (int i = 0; i < 5; i++) {
		const char *name = i == 0 ? "../x" : "name";
		r.folder = i == 1 ? 0 : i == 2 ? 4000 : 2;
		r.cur = i == 3 ? 2 : 0;
		memcpy(packet, &h, sizeof h);
		memcpy(packet + sizeof h, &r, sizeof r);
		memcpy(packet + sizeof h + sizeof r, name, 4);
		peer_send_raw(p, packet, sizeof packet - (i == 4));
		peer_wait_closed(p);
		peer_hang_up(p);
		peer_accept(p); /* it came back */
		peer_wait(p, p->syncs == 1);
	}
	peer_stop(p);
	peer_free(p);
}

static void
test_reload(void)
{
	Peer *p = two_users_started();
	g_autofree char *text = NULL;

	peer_write(p, "conf", "[mail]\nmaildirs=relative\n");
	kill(p->pid, SIGHUP);
	peer_wait(p, peer_logged(p, "the old configuration stays") == 1);
	peer_maildir(p, "srv/x/y/mail");
	text = g_strdup_printf("[paths]\nwatch-socket=%s\n[mail]\n"
			       "maildirs=%s/srv/*/?/mail;%s/srv/x/*/mail\n",
	    p->socket, p->dir, p->dir);
	peer_write(p, "conf", text);
	kill(p->pid, SIGHUP);
	peer_hang_up(p);
	peer_accept(p);
	peer_wait(p, p->syncs == 1);
	/* two patterns match it, one Maildir it is */
	g_assert_cmpuint(g_hash_table_size(p->maildirs), ==, 1);
	g_assert_nonnull(peer_folder(p, "srv/x/y/mail", ""));
	peer_stop(p);
	peer_free(p);
}

/* No inotify watches left: polled, with one warning, and nothing is missed. */
static void
test_polled(void)
{
	Peer *p = two_users();
	guint listed;

	p->no_inotify = TRUE;
	p->rescan = 1;
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	g_assert_cmpuint(p->sync.watches, ==, 0);
	g_assert_cmpuint(p->sync.polled, ==, 3);
	peer_write(p, A "/new/1", MAIL);
	peer_maildir(p, "home/c/Maildir");
	peer_maildir(p, B "/.New");
	peer_wait(p, peer_mail(p, A, "", "new/1"));
	peer_wait(p, peer_folder(p, "home/c/Maildir", ""));
	peer_wait(p, peer_folder(p, B, ".New"));
	peer_rename(p, A "/new/1", A "/.Junk/cur/1");
	peer_wait(p, peer_mail(p, A, ".Junk", "cur/1"));
	peer_wait(p, !peer_mail(p, A, "", "new/1"));
	peer_remove(p, "home/c");
	peer_wait(p, !peer_folder(p, "home/c/Maildir", ""));
	g_assert_cmpuint(peer_logged(p, "fs.inotify.max_user_watches"), ==, 1);
	/* what did not change is not listed again, poll after poll */
	listed = p->syncs;
	peer_wait(p, p->syncs > listed + 4);
	listed = peer_folder(p, A, ".Junk")->listed;
	peer_wait(p, p->syncs > 12);
	g_assert_cmpuint(peer_folder(p, A, ".Junk")->listed, ==, listed);
	peer_stop(p);
	peer_free(p);
}

/* More microseconds than 32 bits hold: it was taken for 33 milliseconds. */
static void
test_long_interval(void)
{
	Peer *p = two_users();

	p->no_inotify = TRUE; /* so that each look is told */
	p->rescan = 4295;
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	for (int i = 0; i < 10; i++)
		peer_pump(p, 50);
	g_assert_cmpuint(p->syncs, ==, 1);
	peer_stop(p);
	peer_free(p);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mailwatch/first-scan", test_first_scan);
	g_test_add_func("/mailwatch/events", test_events);
	g_test_add_func("/mailwatch/folders", test_folders_come_and_go);
	g_test_add_func("/mailwatch/users", test_users_come_and_go);
	g_test_add_func("/mailwatch/in-between", test_renamed_in_between);
	g_test_add_func("/mailwatch/reconnect", test_reconnect);
	g_test_add_func("/mailwatch/nonsense", test_nonsense);
	g_test_add_func("/mailwatch/reload", test_reload);
	g_test_add_func("/mailwatch/polled", test_polled);
	g_test_add_func("/mailwatch/long-interval", test_long_interval);
	return g_test_run();
}
