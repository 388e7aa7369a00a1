/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-watch-set.c: mailwatch-inotify.h; does the kernel have our watches? */

#include <fcntl.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "mailwatch-inotify.h"

#define DIRS 20

typedef struct {
	char *dir, *path[DIRS];
	MwInotify in;
	MwWatch watch[DIRS];
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
	f->dir = g_dir_make_tmp("watch-set-XXXXXX", NULL);
	mw_inotify_init(&f->in, FALSE);
	for (int i = 0; i < DIRS; i++) {
		int fd;

		f->path[i] = g_strdup_printf("%s/%d", f->dir, i);
		g_assert_cmpint(g_mkdir(f->path[i], 0700), ==, 0);
		fd = open(f->path[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		f->watch[i].wd = -1;
		mw_inotify_add(&f->in, &f->watch[i], fd, IN_CREATE);
		close(fd);
		g_assert_cmpint(f->watch[i].wd, >=, 0);
	}
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	mw_inotify_clear(&f->in);
	for (int i = 0; i < DIRS; i++) {
		g_rmdir(f->path[i]);
		g_free(f->path[i]);
	}
	g_rmdir(f->dir);
	g_free(f->dir);
}

static void
drain(Fixture *f)
{
	while (mw_inotify_next(&f->in) != NULL)
		;
}

static void
test_all_there(Fixture *f, gconstpointer data)
{
	g_assert_true(mw_inotify_is_drained(&f->in));
	g_assert_true(mw_inotify_matches(&f->in));
	mw_inotify_drop(&f->in, &f->watch[3]);
	drain(f);
	g_assert_true(mw_inotify_matches(&f->in));
}

/* The kernel drops a watch and says so: an event waits. */
static void
test_removed(Fixture *f, gconstpointer data)
{
	g_assert_cmpint(g_rmdir(f->path[0]), ==, 0);
	g_assert_false(mw_inotify_is_drained(&f->in));
	g_assert_false(mw_inotify_matches(&f->in));
	drain(f);
	g_assert_true(mw_inotify_is_drained(&f->in));
	mw_inotify_forget(&f->in, f->watch[0].wd);
	g_assert_true(mw_inotify_matches(&f->in));
}

static void
test_missing(Fixture *f, gconstpointer data)
{
	g_assert_cmpint(inotify_rm_watch(f->in.fd, f->watch[7].wd), ==, 0);
	drain(f);
	g_assert_false(mw_inotify_matches(&f->in));
}

/* As many as there should be, but another one. */
static void
test_other(Fixture *f, gconstpointer data)
{
	g_assert_cmpint(inotify_rm_watch(f->in.fd, f->watch[7].wd), ==, 0);
	drain(f);
	g_assert_cmpint(inotify_add_watch(f->in.fd, f->dir, IN_CREATE), >=, 0);
	g_assert_false(mw_inotify_matches(&f->in));
}

static void
test_foreign(Fixture *f, gconstpointer data)
{
	int other = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	g_assert_cmpint(dup2(other, f->in.fd), ==, f->in.fd);
	g_assert_false(mw_inotify_matches(&f->in));
	close(other);
}

static void
test_lost(Fixture *f, gconstpointer data)
{
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	g_assert_cmpint(dup2(file, f->in.fd), ==, f->in.fd);
	g_assert_false(mw_inotify_matches(&f->in));
	close(file);
	close(f->in.fd);
	g_assert_false(mw_inotify_matches(&f->in));
	f->in.fd = -1; /* none was to be had: nothing is expected of it */
	g_assert_true(mw_inotify_matches(&f->in));
}

/* Who else writes there tells this host nothing. */
static void
test_shared(void)
{
	g_assert_true(mw_fs_needs_polling(0x6969));      /* NFS */
	g_assert_true(mw_fs_needs_polling(0x65735546));  /* FUSE */
	g_assert_true(mw_fs_needs_polling(0xFF534D42));  /* CIFS */
	g_assert_false(mw_fs_needs_polling(0xEF53));     /* ext4 */
	g_assert_false(mw_fs_needs_polling(0x01021994)); /* tmpfs */
}

#define ADD(name, fn)                                                          \
	g_test_add("/watch-set/" name, Fixture, NULL, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("all-there", test_all_there);
	ADD("removed", test_removed);
	ADD("missing", test_missing);
	ADD("other", test_other);
	ADD("foreign", test_foreign);
	ADD("lost", test_lost);
	g_test_add_func("/watch-set/shared", test_shared);
	return g_test_run();
}
