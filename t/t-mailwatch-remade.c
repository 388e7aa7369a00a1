/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-mailwatch-remade.c: directories that go and are there again before anybody
 * looked, also under the inode number that the old one had (ext4 gives it
 * again at once; device and inode are then the same, the kernel's watch is
 * not).
 */

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "borrow-watch.h"
#include "watch-peer.h"

#define A "home/a/Maildir"
#define B "home/b/Maildir"
#define MAIL "A: b\n\n"
#define RESTS "changes faster than others can wait for"
#define TRIES 200 /* directories made, for one to get the old number */

static const char *const levels[] = {
    "home/a", A, A "/.Junk", A "/cur", A "/.Junk/cur"};

static Peer *
started(void)
{
	Peer *p = peer_new("home/*/Maildir");

	peer_maildir(p, A);
	peer_maildir(p, A "/.Junk");
	peer_write(p, A "/new/flip", MAIL);
	peer_write(p, A "/.Junk/cur/1", MAIL);
	peer_maildir(p, B);
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	return p;
}

static void
stop(Peer *p)
{
	int status;

	kill(p->pid, SIGSTOP);
	g_assert_cmpint(waitpid(p->pid, &status, WUNTRACED), ==, p->pid);
	g_assert_true(WIFSTOPPED(status));
}

static void
go_on(Peer *p)
{
	kill(p->pid, SIGCONT);
}

static guint64
inode_of(Peer *p, const char *path)
{
	g_autofree char *full = peer_path(p, "%s", path);
	struct stat st;

	g_assert_cmpint(lstat(full, &st), ==, 0);
	return st.st_ino;
}

/* An empty directory, with that inode number if the file system gives it. */
static gboolean
make_as(Peer *p, const char *path, guint64 ino)
{
	g_autofree char *full = peer_path(p, "%s", path);
	g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func(g_free);
	gboolean same = FALSE;

	for (guint i = 0; i < TRIES && !same; i++) {
		char *other = g_strdup_printf("%s-%u", full, i);
		struct stat st;

		g_assert_cmpint(g_mkdir(other, 0755), ==, 0);
		g_assert_cmpint(lstat(other, &st), ==, 0);
		same = st.st_ino == ino;
		if (same) {
			g_assert_cmpint(rename(other, full), ==, 0);
			g_free(other);
		} else
			g_ptr_array_add(others, other);
	}
	if (!same)
		g_assert_cmpint(g_mkdir(full, 0755), ==, 0);
	for (guint i = 0; i < others->len; i++)
		g_rmdir(others->pdata[i]);
	return same;
}

/* Every directory of it is listened to, the home last. */
static void
assert_heard(Peer *p)
{
	peer_maildir(p, A);
	peer_maildir(p, A "/.Junk");
	peer_write(p, A "/new/a", MAIL);
	peer_wait(p, peer_mail(p, A, "", "new/a"));
	peer_write(p, A "/cur/b", MAIL);
	peer_wait(p, peer_mail(p, A, "", "cur/b"));
	peer_write(p, A "/.Junk/cur/c", MAIL);
	peer_wait(p, peer_mail(p, A, ".Junk", "cur/c"));
	peer_write(p, A "/.Junk/new/d", MAIL);
	peer_wait(p, peer_mail(p, A, ".Junk", "new/d"));
	peer_maildir(p, A "/.Other");
	peer_wait(p, peer_folder(p, A, ".Other"));
	peer_remove(p, A);
	peer_wait(p, g_hash_table_size(p->maildirs) == 1);
	peer_maildir(p, A);
	peer_wait(p, peer_folder(p, A, ""));
	peer_remove(p, "home/a");
	peer_wait(p, g_hash_table_size(p->maildirs) == 1);
	peer_maildir(p, A);
	peer_wait(p, peer_folder(p, A, ""));
}

static void
finish(Peer *p)
{
	assert_heard(p);
	peer_stop(p);
	peer_free(p);
}

/* Until it has a rest. */
static void
flood(Peer *p)
{
	g_autofree char *a = peer_path(p, A "/new/flip");
	g_autofree char *b = peer_path(p, A "/new/flop");

	while (peer_logged(p, RESTS) == 0) {
		for (int i = 0; i < 500; i++) {
			g_assert_cmpint(rename(a, b), ==, 0);
			g_assert_cmpint(rename(b, a), ==, 0);
		}
		peer_pump(p, 0);
	}
}

/* data: which level goes; what is in it comes only later, or at once. */
static void
remake(gconstpointer data, gboolean resting, gboolean at_once)
{
	const char *path = data;
	Peer *p = started();
	guint64 ino = inode_of(p, path);

	if (resting)
		flood(p);
	stop(p);
	peer_remove(p, path);
	g_test_message("%s: %s inode number", path,
	    make_as(p, path, ino) ? "the same" : "another");
	if (at_once) {
		peer_maildir(p, A);
		peer_maildir(p, A "/.Junk");
		peer_write(p, A "/.Junk/cur/2", MAIL);
	}
	go_on(p);
	if (at_once)
		peer_wait(p, peer_mail(p, A, ".Junk", "cur/2"));
	else {
		/* events keep their order: all of that was looked at */
		peer_write(p, B "/new/1", MAIL);
		peer_wait(p, peer_mail(p, B, "", "new/1"));
	}
	finish(p);
}

static void
test_at_once(gconstpointer data)
{
	remake(data, FALSE, TRUE);
}

static void
test_bit_by_bit(gconstpointer data)
{
	remake(data, FALSE, FALSE);
}

static void
test_resting(gconstpointer data)
{
	remake(data, TRUE, TRUE);
}

static void
test_resting_bit_by_bit(gconstpointer data)
{
	remake(data, TRUE, FALSE);
}

/* What the same inode number looks like, on any file system: the kernel says
 * that its watch is gone, and the directory seems to be as it was. */
static void
test_watch_gone(gconstpointer data)
{
	const char *path = data;
	Peer *p = started();
	int fd, wd;

	stop(p);
	fd = borrow_inotify(p->pid);
	g_assert_cmpint(fd, >=, 0);
	wd = borrowed_watch_on(fd, inode_of(p, path));
	/* a folder needs none as long as it has both boxes */
	g_assert_true(wd >= 0 || strcmp(path, A "/.Junk") == 0);
	if (wd >= 0)
		g_assert_cmpint(inotify_rm_watch(fd, wd), ==, 0);
	close(fd);
	go_on(p);
	finish(p);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		GTestDataFunc func;
		gsize levels;
	} kinds[] = {
	    {"at-once", test_at_once, G_N_ELEMENTS(levels)},
	    {"bit-by-bit", test_bit_by_bit, G_N_ELEMENTS(levels)},
	    /* a folder's rest is its Maildir's */
	    {"resting", test_resting, 2},
	    {"resting-bit-by-bit", test_resting_bit_by_bit, 2},
	    {"watch-gone", test_watch_gone, G_N_ELEMENTS(levels)},
	};

	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
		for (gsize level = 0; level < kinds[i].levels; level++) {
			g_autofree char *path =
			    g_strdup_printf("/mailwatch-remade/%s/%s",
				kinds[i].name, levels[level]);
			g_test_add_data_func(
			    path, levels[level], kinds[i].func);
		}
	g_test_add_data_func(
	    "/mailwatch-remade/watch-gone/home", "home", test_watch_gone);
	return g_test_run();
}
