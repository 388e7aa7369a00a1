/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-aside.c: aside.h, with the failures that a disk can have. */

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aside.h"

typedef struct {
	char *dir;
	int fd;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
	f->dir = g_dir_make_tmp("t-aside-XXXXXX", NULL);
	f->fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_assert_cmpint(f->fd, >=, 0);
}

static guint
count_files(const Fixture *f)
{
	g_autoptr(GDir) d = g_dir_open(f->dir, 0, NULL);
	guint n = 0;

	while (g_dir_read_name(d) != NULL)
		n++;
	return n;
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
	static const char *const names[] = {"x", ".x.tmp", "target"};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		unlinkat(f->fd, names[i], 0);
	unlinkat(f->fd, "d", AT_REMOVEDIR);
	close(f->fd);
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->dir);
}

static void
expect(const Fixture *f, const char *name, const char *want)
{
	g_autofree char *path = g_build_filename(f->dir, name, NULL);
	g_autofree char *got = NULL;

	g_assert_true(g_file_get_contents(path, &got, NULL, NULL));
	g_assert_cmpstr(got, ==, want);
}

static void
test_write(Fixture *f, gconstpointer unused)
{
	GError *error = NULL;
	struct stat st;

	g_assert_true(asn_aside_write(f->fd, "x", "one", 3, 0640, &error));
	g_assert_no_error(error);
	expect(f, "x", "one");
	g_assert_cmpint(fstatat(f->fd, "x", &st, 0), ==, 0);
	g_assert_cmpuint(st.st_mode & 07777, ==, 0640);
	g_assert_true(asn_aside_write(f->fd, "x", "", 0, 0644, &error));
	expect(f, "x", "");
	g_assert_cmpuint(count_files(f), ==, 1);
}

/* A reader of the old file goes on with the old bytes. */
static void
test_replace(Fixture *f, gconstpointer unused)
{
	char buf[8] = "";
	int old;

	asn_aside_write(f->fd, "x", "old", 3, 0644, NULL);
	old = openat(f->fd, "x", O_RDONLY | O_CLOEXEC);
	g_assert_true(asn_aside_write(f->fd, "x", "new", 3, 0644, NULL));
	g_assert_cmpint(read(old, buf, sizeof buf - 1), ==, 3);
	g_assert_cmpstr(buf, ==, "old");
	expect(f, "x", "new");
	close(old);
}

/* What a killed writer left, and a link that somebody put there. */
static void
test_stale(Fixture *f, gconstpointer unused)
{
	int fd = openat(f->fd, "target", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	g_assert_cmpint(write(fd, "safe", 4), ==, 4);
	close(fd);
	g_assert_cmpint(symlinkat("target", f->fd, ".x.tmp"), ==, 0);
	g_assert_true(asn_aside_write(f->fd, "x", "new", 3, 0644, NULL));
	expect(f, "x", "new");
	expect(f, "target", "safe");
	g_assert_cmpuint(count_files(f), ==, 2);
}

/* The file size limit stands in for a full disk: write(2) fails midway. */
static void
test_full(Fixture *f, gconstpointer unused)
{
	g_autofree char *big = g_strnfill(100000, 'x');
	struct rlimit before, small;
	GError *error = NULL;

	asn_aside_write(f->fd, "x", "old", 3, 0644, NULL);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 50000;
	signal(SIGXFSZ, SIG_IGN);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
	g_assert_false(asn_aside_write(f->fd, "x", big, 100000, 0644, &error));
	setrlimit(RLIMIT_FSIZE, &before);
	g_assert_nonnull(error);
	g_assert_true(error->domain == G_FILE_ERROR);
	g_assert_nonnull(strstr(error->message, "x"));
	g_clear_error(&error);
	expect(f, "x", "old");
	g_assert_cmpuint(count_files(f), ==, 1);
	g_assert_true(asn_aside_write(f->fd, "x", big, 100000, 0644, &error));
	expect(f, "x", big);
}

/* The name is a directory: nothing can be renamed over it. */
static void
test_no_rename(Fixture *f, gconstpointer unused)
{
	GError *error = NULL;

	g_assert_cmpint(mkdirat(f->fd, "d", 0755), ==, 0);
	g_assert_false(asn_aside_write(f->fd, "d", "new", 3, 0644, &error));
	g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
	g_clear_error(&error);
	g_assert_cmpuint(count_files(f), ==, 1);
	g_assert_false(asn_aside_write(-1, "x", "new", 3, 0644, &error));
	g_assert_nonnull(error);
	g_clear_error(&error);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add(
	    "/aside/write", Fixture, NULL, set_up, test_write, tear_down);
	g_test_add(
	    "/aside/replace", Fixture, NULL, set_up, test_replace, tear_down);
	g_test_add(
	    "/aside/stale", Fixture, NULL, set_up, test_stale, tear_down);
	g_test_add("/aside/full", Fixture, NULL, set_up, test_full, tear_down);
	g_test_add("/aside/no-rename", Fixture, NULL, set_up, test_no_rename,
	    tear_down);
	return g_test_run();
}
