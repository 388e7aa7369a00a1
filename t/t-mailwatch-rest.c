/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-mailwatch-rest.c: who floods waits; nobody else does, nothing is missed. */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watch-peer.h"

#define A "home/a/Maildir"
#define B "home/b/Maildir"
#define RESTS "changes faster than others can wait for"

static Peer *
two_users(void)
{
	Peer *p = peer_new("home/*/Maildir");

	peer_maildir(p, A);
	peer_maildir(p, B);
	peer_write(p, A "/new/flip", "A: b\n\n");
	return p;
}

/* There and back, until it has a rest. */
static void
flood(Peer *p)
{
	g_autofree char *a = peer_path(p, A "/new/flip");
	g_autofree char *b = peer_path(p, A "/new/flop");
	guint rests = peer_logged(p, RESTS);
	gint64 until = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

	while (peer_logged(p, RESTS) == rests) {
		for (int i = 0; i < 500; i++) {
			g_assert_cmpint(rename(a, b), ==, 0);
			g_assert_cmpint(rename(b, a), ==, 0);
		}
		peer_pump(p, 0);
		g_assert_cmpint(g_get_monotonic_time(), <, until);
	}
}

static guint
mails(Peer *p, const char *maildir, const char *folder)
{
	PeerFolder *f = peer_folder(p, maildir, folder);

	return f ? g_hash_table_size(f->mails) : 0;
}

/* While it rests others are heard; then all that happened is found. */
static void
test_renames(void)
{
	Peer *p = two_users();

	peer_start(p);
	peer_wait(p, p->syncs == 1);
	flood(p);
	peer_rename(p, A "/new/flip", A "/cur/flip:2,S");
	peer_maildir(p, A "/.New");
	peer_write(p, A "/.New/cur/1", "A: b\n\n");
	peer_write(p, B "/new/1", "A: b\n\n");
	peer_wait(p, peer_mail(p, B, "", "new/1"));
	g_assert_null(peer_folder(p, A, ".New"));
	peer_wait(p, peer_mail(p, A, ".New", "cur/1"));
	peer_wait(p, peer_mail(p, A, "", "cur/flip:2,S"));
	peer_wait(p, !peer_mail(p, A, "", "new/flip"));
	/* and it is listened to again */
	peer_write(p, A "/new/2", "A: b\n\n");
	peer_wait(p, peer_mail(p, A, "", "new/2"));
	g_assert_cmpuint(peer_logged(p, RESTS), ==, 1);
	peer_stop(p);
	peer_free(p);
}

/* A rescan for an overflow does not wake it, and it may go meanwhile. */
static void
test_goes(void)
{
	Peer *p = two_users();
	guint gone;

	peer_start(p);
	peer_wait(p, p->syncs == 1);
	flood(p);
	gone = p->maildirs_gone;
	peer_remove(p, "home/a");
	peer_wait(p, p->maildirs_gone == gone + 1);
	peer_maildir(p, A);
	peer_wait(p, peer_folder(p, A, ""));
	peer_write(p, A "/new/1", "A: b\n\n");
	peer_wait(p, peer_mail(p, A, "", "new/1"));
	peer_stop(p);
	peer_free(p);
}

/* Many names at once, for one rename: once they are listed, again and again
 * they are not. */
static void
test_listings(void)
{
	Peer *p = two_users();
	g_autofree char *first = peer_path(p, "many/cur/0");
	const guint n = 60000;
	guint before;

	peer_maildir(p, "many");
	peer_write(p, "many/cur/0", "A: b\n\n");
	for (guint i = 1; i < n; i++) {
		g_autofree char *path = peer_path(p, "many/cur/%u", i);
		g_assert_cmpint(link(first, path), ==, 0);
	}
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	before = p->packets;
	for (int i = 0; i < 5; i++) {
		peer_rename(p, "many", A "/.Many");
		peer_wait(
		    p, mails(p, A, ".Many") == n || peer_logged(p, RESTS) != 0);
		peer_rename(p, A "/.Many", "many");
		peer_wait(p,
		    !peer_folder(p, A, ".Many") || peer_logged(p, RESTS) != 0);
	}
	g_assert_cmpuint(peer_logged(p, RESTS), ==, 1);
	g_assert_cmpuint(p->packets - before, <, 3 * n);
	peer_rename(p, "many", A "/.Many");
	peer_write(p, B "/new/1", "A: b\n\n");
	peer_wait(p, peer_mail(p, B, "", "new/1"));
	peer_wait(p, mails(p, A, ".Many") == n);
	g_assert_cmpuint(peer_logged(p, RESTS), ==, 1);
	peer_stop(p);
	peer_free(p);
}

/* asnd must not take what the first scan left out for gone. */
static void
test_first_scan(void)
{
	Peer *p = two_users();
	g_autofree char *first = peer_path(p, A "/.Big/cur/0");
	const guint n = 20000;

	peer_maildir(p, A "/.Big");
	peer_maildir(p, A "/.Big2");
	peer_write(p, A "/.Big/cur/0", "A: b\n\n");
	for (guint i = 1; i < n; i++) {
		g_autofree char *path = peer_path(p, A "/.Big/cur/%u", i);
		g_assert_cmpint(link(first, path), ==, 0);
	}
	peer_start(p);
	peer_wait(p, peer_folder(p, A, ".Big"));
	g_assert_cmpuint(p->syncs, ==, 0);
	flood(p);
	peer_wait(p, p->syncs != 0);
	g_assert_cmpuint(p->sync.unseen, ==, 1);
	g_assert_cmpuint(mails(p, A, ".Big"), <, n);
	/* the queue may have overflowed: more than once */
	peer_wait(p, p->sync.unseen == 0);
	g_assert_cmpuint(mails(p, A, ".Big"), ==, n);
	g_assert_nonnull(peer_folder(p, A, ".Big2"));
	peer_stop(p);
	peer_free(p);
}

/* Directories come and go in it. */
static void
churn(Peer *p, const char *dir)
{
	g_autofree char *path = peer_path(p, "%s/.x", dir);

	for (int i = 0; i < 400; i++) {
		g_assert_cmpint(mkdir(path, 0755), ==, 0);
		g_assert_cmpint(rmdir(path), ==, 0);
	}
}

/* A mail server's domains are its own, not one user's: new users there do not
 * keep the others waiting.  Each user's directory has an account. */
static void
test_domain(gconstpointer data)
{
	Peer *p = peer_new(data);
	gboolean direct = g_str_has_suffix(data, "*");
	const char *ann = direct ? "vm/d/ann" : "vm/d/ann/Maildir";
	const char *bob = direct ? "vm/d/bob" : "vm/d/bob/Maildir";
	g_autofree char *mail = g_strconcat(bob, "/new/1", NULL);

	peer_maildir(p, ann);
	peer_maildir(p, bob);
	if (geteuid() == 0)
		peer_chown(p, "vm", 20001, 0755);
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	churn(p, "vm/d");
	peer_write(p, mail, "A: b\n\n");
	if (geteuid() == 0)
		peer_chown(p, mail, 20001, 0644);
	peer_wait(p, peer_mail(p, bob, "", "new/1"));
	g_assert_cmpuint(peer_logged(p, RESTS), ==, 0);
	churn(p, "vm/d/ann");
	peer_wait(p, peer_logged(p, RESTS) == 1);
	peer_stop(p);
	peer_free(p);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mailwatch-rest/renames", test_renames);
	g_test_add_func("/mailwatch-rest/goes", test_goes);
	g_test_add_func("/mailwatch-rest/listings", test_listings);
	g_test_add_func("/mailwatch-rest/first-scan", test_first_scan);
	g_test_add_data_func(
	    "/mailwatch-rest/domain", "vm/*/*/Maildir", test_domain);
	g_test_add_data_func(
	    "/mailwatch-rest/domain-direct", "vm/*/*", test_domain);
	return g_test_run();
}
