/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-mailwatch-load.c: floods, full sockets, lost events, caps. */

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watch-peer.h"

#define A "home/a/Maildir"

/* Hard links to a few files: many mails in little time. */
static void
many_mails(Peer *p, const char *box, guint from, guint to)
{
	g_autofree char *seed = NULL;

	for (guint i = from; i < to; i++) {
		g_autofree char *path = peer_path(p, "%s/m%u", box, i);
		if (i == from || i % 30000 == 0) {
			g_free(seed);
			seed = g_strdup(path);
			g_assert_true(
			    g_file_set_contents(seed, "A: b\n\n", 6, NULL));
		} else {
			g_assert_cmpint(link(seed, path), ==, 0);
		}
	}
}

static guint64
peak_rss_kb(Peer *p)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", p->pid);
	g_autofree char *status = NULL;
	const char *line;

	g_assert_true(g_file_get_contents(path, &status, NULL, NULL));
	line = strstr(status, "VmHWM:");
	g_assert_nonnull(line);
	return g_ascii_strtoull(line + 6, NULL, 10);
}

static guint
mails(Peer *p, const char *folder)
{
	PeerFolder *f = peer_folder(p, A, folder);

	return f ? g_hash_table_size(f->mails) : 0;
}

/* asnd reads nothing for a while: nothing piles up, nothing is lost. */
static void
test_full_socket(void)
{
	Peer *p = peer_new("home/*/Maildir");
	guint64 before;

	peer_maildir(p, A);
	peer_maildir(p, A "/.B");
	many_mails(p, A "/cur", 0, 100000);
	peer_start(p);
	before = peak_rss_kb(p);
	/* these come while the socket is full */
	many_mails(p, A "/.B/new", 0, 2000);
	peer_wait(p, p->syncs == 1);
	peer_wait(p, mails(p, ".B") == 2000);
	g_assert_cmpuint(mails(p, ""), ==, 100000);
	/* 100,000 names of a queue would take more */
	g_assert_cmpuint(peak_rss_kb(p) - before, <, 4096);
	peer_stop(p);
	peer_free(p);
}

static guint64
max_queued_events(void)
{
	g_autofree char *text = NULL;

	g_assert_true(g_file_get_contents(
	    "/proc/sys/fs/inotify/max_queued_events", &text, NULL, NULL));
	return g_ascii_strtoull(text, NULL, 10);
}

/* More events than the kernel keeps: everything is looked at again. */
static void
test_overflow(void)
{
	Peer *p = peer_new("home/*/Maildir");
	guint64 max = max_queued_events();
	g_autofree char *a = NULL, *b = NULL;

	peer_maildir(p, A);
	peer_maildir(p, A "/.B");
	peer_write(p, A "/cur/old", "A: b\n\n");
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	/* The socket fills first, then the queue. */
	a = peer_path(p, A "/new/flip");
	b = peer_path(p, A "/new/flop");
	peer_write(p, A "/new/flip", "A: b\n\n");
	for (guint64 i = 0; i < max + 4000; i++) {
		g_assert_cmpint(rename(a, b), ==, 0);
		g_assert_cmpint(rename(b, a), ==, 0);
	}
	/* lost, all of these */
	peer_rename(p, A "/cur/old", A "/.B/cur/old");
	peer_maildir(p, A "/.C");
	peer_write(p, A "/.C/cur/1", "A: b\n\n");
	peer_maildir(p, "home/new/Maildir");
	peer_wait(p, p->syncs >= 2);
	g_assert_cmpuint(p->sync.overflows, >=, 1);
	peer_wait(p, peer_mail(p, A, ".C", "cur/1"));
	peer_wait(p, peer_mail(p, A, ".B", "cur/old"));
	peer_wait(p, !peer_mail(p, A, "", "cur/old"));
	peer_wait(p, peer_folder(p, "home/new/Maildir", ""));
	peer_wait(p, peer_mail(p, A, "", "new/flip"));
	g_assert_cmpuint(peer_logged(p, "overflowed"), >=, 1);
	peer_stop(p);
	peer_free(p);
}

/* Loses what a user does. */
static void
overflow(Peer *p, const char *user)
{
	g_autofree char *a = peer_path(p, "home/%s/Maildir/new/flip", user);
	g_autofree char *b = peer_path(p, "home/%s/Maildir/new/flop", user);
	g_autofree char *lost = g_strdup_printf("home/%s/Maildir/.L", user);
	guint64 max = max_queued_events();

	g_assert_true(g_file_set_contents(a, "A: b\n\n", -1, NULL));
	kill(p->pid, SIGSTOP);
	for (guint64 i = 0; i < max / 2 + 1000; i++) {
		g_assert_cmpint(rename(a, b), ==, 0);
		g_assert_cmpint(rename(b, a), ==, 0);
	}
	peer_maildir(p, lost);
	kill(p->pid, SIGCONT);
	lost[strlen(lost) - 3] = '\0';
	peer_wait(p, peer_folder(p, lost, ".L"));
}

/* Time in which nothing happens, while the flood's Maildir rests, is not time
 * that a rescan took: the next one need not wait for it, ninefold. */
static void
test_overflow_after_rest(void)
{
	Peer *p = peer_new("home/*/Maildir");

	peer_maildir(p, A);
	peer_maildir(p, "home/b/Maildir");
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	overflow(p, "a");
	peer_wait(p, p->sync.overflows == 1);
	overflow(p, "b");
	peer_wait(p, p->sync.overflows == 2);
	peer_stop(p);
	peer_free(p);
}

/* Somebody who renames faster than it can be told does not keep the scan
 * from its end. */
static void
test_event_flood(void)
{
	Peer *p = peer_new("home/*/Maildir");
	g_autofree char *a = NULL, *b = NULL;
	guint renames = 1000, done = 0;

	peer_maildir(p, A);
	peer_write(p, A "/new/flip", "A: b\n\n");
	many_mails(p, A "/cur", 0, 3000);
	a = peer_path(p, A "/new/flip");
	b = peer_path(p, A "/new/flop");
	peer_start(p);
	/* the socket is full, the watch is there, the listing is not over */
	peer_wait(p, mails(p, "") > 0);
	while (p->syncs == 0) {
		guint before = p->packets;

		for (; done < renames; done++) {
			g_assert_cmpint(rename(a, b), ==, 0);
			g_assert_cmpint(rename(b, a), ==, 0);
		}
		peer_pump(p, 50);
		/* two events a packet, and some events make none: no end */
		renames += (p->packets - before) / 2 + 1;
		g_assert_cmpuint(p->packets, <, 20000);
	}
	g_assert_cmpuint(mails(p, ""), >=, 3000);
	g_assert_cmpuint(p->sync.overflows, ==, 0);
	peer_stop(p);
	peer_free(p);
}

static void
test_entry_cap(void)
{
	Peer *p = peer_new("home/*/Maildir");

	peer_maildir(p, A);
	many_mails(p, A "/cur", 0, 250010);
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	g_assert_cmpuint(mails(p, ""), ==, 250000);
	g_assert_cmpuint(peer_logged(p, "more than 250000 entries"), ==, 1);
	/* not all were named, so it must not say that */
	g_assert_cmpuint(peer_folder(p, A, "")->listed, ==, 0);
	g_assert_cmpuint(peer_logged(p, "cannot be read"), ==, 0);
	/* what comes now is told all the same */
	peer_write(p, A "/new/fresh", "A: b\n\n");
	peer_wait(p, peer_mail(p, A, "", "new/fresh"));
	peer_stop(p);
	peer_free(p);
}

static void
test_folder_cap(void)
{
	Peer *p = peer_new("home/*/Maildir");

	peer_maildir(p, A);
	peer_maildir(p, "home/b/Maildir");
	for (int i = 0; i < 1100; i++) {
		g_autofree char *path = g_strdup_printf(A "/.f%d", i);
		peer_maildir(p, path);
	}
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	/* with INBOX; and others have theirs */
	g_assert_cmpuint(g_hash_table_size(p->folders), ==, 1024 + 1);
	peer_maildir(p, A "/.more");
	peer_maildir(p, "home/b/Maildir/.other");
	peer_wait(p, peer_folder(p, "home/b/Maildir", ".other"));
	g_assert_null(peer_folder(p, A, ".more"));
	g_assert_cmpuint(peer_logged(p, "more than 1024 directories"), ==, 1);
	peer_stop(p);
	peer_free(p);
}

/* asnd away for a while, then another one at the same place. */
static void
test_asnd_restarts(void)
{
	Peer *p = peer_new("home/*/Maildir");

	peer_maildir(p, A);
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	g_assert_cmpint(g_unlink(p->socket), ==, 0);
	peer_hang_up(p);
	peer_wait(p, peer_logged(p, "waiting for asnd") == 1);
	peer_write(p, A "/new/1", "A: b\n\n");
	peer_listen(p);
	peer_accept(p);
	peer_wait(p, peer_mail(p, A, "", "new/1"));
	g_assert_cmpuint(peer_logged(p, "waiting for asnd"), ==, 1);
	peer_stop(p);
	peer_free(p);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mailwatch-load/full-socket", test_full_socket);
	g_test_add_func("/mailwatch-load/overflow", test_overflow);
	g_test_add_func(
	    "/mailwatch-load/overflow-after-rest", test_overflow_after_rest);
	g_test_add_func("/mailwatch-load/event-flood", test_event_flood);
	g_test_add_func("/mailwatch-load/entry-cap", test_entry_cap);
	g_test_add_func("/mailwatch-load/folder-cap", test_folder_cap);
	g_test_add_func("/mailwatch-load/asnd-restarts", test_asnd_restarts);
	return g_test_run();
}
