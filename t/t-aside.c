/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-aside.c: aside.h, with the failures that a disk can have. */

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
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

static void
put(const Fixture *f, const char *name, const char *text, mode_t mode)
{
	int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, mode);

	g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
	close(fd);
}

/* What a killed writer left: longer than the new file, of another mode, a
 * second name of something else, another user's. */
static void
test_stale(Fixture *f, gconstpointer unused)
{
	GError *error = NULL;
	struct stat st;

	put(f, ".x.tmp", "a long one that was never finished", 0600);
	g_assert_true(asn_aside_write(f->fd, "x", "new", 3, 0644, &error));
	expect(f, "x", "new");
	put(f, "target", "safe", 0600);
	g_assert_cmpint(linkat(f->fd, "target", f->fd, ".x.tmp", 0), ==, 0);
	g_assert_true(asn_aside_write(f->fd, "x", "newer", 5, 0644, &error));
	expect(f, "x", "newer");
	expect(f, "target", "safe");
	put(f, ".x.tmp", "a long one that was never finished", 0666);
	if (geteuid() == 0)
		g_assert_cmpint(
		    fchownat(f->fd, ".x.tmp", 12345, 12345, 0), ==, 0);
	g_assert_true(asn_aside_write(f->fd, "x", "newest", 6, 0640, &error));
	expect(f, "x", "newest");
	g_assert_cmpint(fstatat(f->fd, "x", &st, 0), ==, 0);
	g_assert_cmpuint(st.st_mode & 07777, ==, 0640);
	g_assert_cmpuint(st.st_uid, ==, geteuid());
	g_assert_cmpuint(count_files(f), ==, 2);
}

/* Root in another user's directory: the file, and so what a killed writer
 * leaves of it, belongs to that user. */
static void
test_given(Fixture *f, gconstpointer unused)
{
	GError *error = NULL;
	struct stat st;

	if (geteuid() != 0) {
		g_test_skip("only root gives files away");
		return;
	}
	g_assert_cmpint(fchown(f->fd, 12345, 12346), ==, 0);
	g_assert_true(asn_aside_write(f->fd, "x", "new", 3, 0644, &error));
	g_assert_cmpint(fstatat(f->fd, "x", &st, 0), ==, 0);
	g_assert_cmpuint(st.st_uid, ==, 12345);
	g_assert_cmpuint(st.st_gid, ==, 12346);
}

/* A link that somebody put where the temporary file goes. */
static void
test_trap(Fixture *f, gconstpointer unused)
{
	GError *error = NULL;

	put(f, "target", "safe", 0600);
	g_assert_cmpint(symlinkat("target", f->fd, ".x.tmp"), ==, 0);
	g_assert_false(asn_aside_write(f->fd, "x", "new", 3, 0644, &error));
	g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_LOOP);
	g_assert_nonnull(strstr(error->message, ".x.tmp"));
	g_assert_nonnull(strstr(error->message, "remove it"));
	g_clear_error(&error);
	expect(f, "target", "safe");
	g_assert_cmpuint(count_files(f), ==, 2);
}

/* Only a regular file is replaced: root's -o /dev/null is no file to be. */
static void
test_special(Fixture *f, gconstpointer unused)
{
	static const struct {
		mode_t type;
		const char *shown;
	} cases[] = {
	    {S_IFIFO, "a FIFO"},
	    {S_IFSOCK, "a socket"},
	    {S_IFLNK, "a symbolic link"},
	    {S_IFCHR, "a device"},
	};
	gsize n = G_N_ELEMENTS(cases) - (geteuid() == 0 ? 0 : 1);

	for (gsize i = 0; i < n; i++) {
		GError *error = NULL;
		struct stat st;

		if (cases[i].type == S_IFLNK)
			g_assert_cmpint(symlinkat("y", f->fd, "x"), ==, 0);
		else
			g_assert_cmpint(
			    mknodat(f->fd, "x", cases[i].type | 0600,
				cases[i].type == S_IFCHR ? makedev(1, 3) : 0),
			    ==, 0);
		g_assert_false(
		    asn_aside_write(f->fd, "x", "new", 3, 0644, &error));
		g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST);
		g_test_message("%s", error->message);
		g_assert_nonnull(strstr(error->message, cases[i].shown));
		g_clear_error(&error);
		g_assert_cmpint(
		    fstatat(f->fd, "x", &st, AT_SYMLINK_NOFOLLOW), ==, 0);
		g_assert_cmpuint(st.st_mode & S_IFMT, ==, cases[i].type);
		g_assert_cmpuint(count_files(f), ==, 1);
		unlinkat(f->fd, "x", 0);
	}
}

/* Another one writes: no waiting, and nothing of its is touched. */
static void
test_busy(Fixture *f, gconstpointer unused)
{
	GError *error = NULL;
	int fd;

	put(f, ".x.tmp", "half of the ne", 0600);
	fd = openat(f->fd, ".x.tmp", O_WRONLY | O_CLOEXEC);
	g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
	g_assert_false(asn_aside_write(f->fd, "x", "new", 3, 0644, &error));
	g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN);
	g_assert_cmpstr(error->message, ==, "another process is writing x");
	g_clear_error(&error);
	expect(f, ".x.tmp", "half of the ne");
	close(fd);
	g_assert_true(asn_aside_write(f->fd, "x", "new", 3, 0644, &error));
	expect(f, "x", "new");
	g_assert_cmpuint(count_files(f), ==, 1);
}

#define ROUNDS 300
#define LONG 200000

/* Files of one letter and of two lengths, as fast as the disk takes them. */
static void
write_often(int dir_fd, char letter)
{
	g_autofree char *data = g_strnfill(LONG, letter);
	int failed = 0;

	for (guint i = 0; i < ROUNDS; i++) {
		g_autoptr(GError) error = NULL;

		while (!asn_aside_write(
		    dir_fd, "x", data, i % 2 ? LONG : LONG / 2, 0644, &error)) {
			if (!g_error_matches(
				error, G_FILE_ERROR, G_FILE_ERROR_AGAIN)) {
				g_printerr("# %s\n", error->message);
				failed = 1;
				break;
			}
			g_clear_error(&error);
		}
	}
	_exit(failed);
}

/* Two at once, and a third who reads. */
static void
test_race(Fixture *f, gconstpointer unused)
{
	g_autofree char *path = g_build_filename(f->dir, "x", NULL);
	pid_t pid[2];
	int status, running = 2;

	asn_aside_write(f->fd, "x", "aaaa", 4, 0644, NULL);
	for (int i = 0; i < 2; i++)
		if ((pid[i] = fork()) == 0)
			write_often(f->fd, (char)('a' + i));
	while (running > 0) {
		g_autofree char *got = NULL, *want = NULL;
		gsize len;

		g_assert_true(g_file_get_contents(path, &got, &len, NULL));
		if (len != 4)
			g_assert_true(len == LONG || len == LONG / 2);
		want = g_strnfill(len, got[0]);
		g_assert_cmpmem(got, len, want, len);
		if (waitpid(pid[running - 1], &status, WNOHANG) == 0)
			continue;
		g_assert_cmpint(status, ==, 0);
		running--;
	}
	g_assert_cmpuint(count_files(f), ==, 1);
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
	g_test_add(
	    "/aside/given", Fixture, NULL, set_up, test_given, tear_down);
	g_test_add("/aside/trap", Fixture, NULL, set_up, test_trap, tear_down);
	g_test_add(
	    "/aside/special", Fixture, NULL, set_up, test_special, tear_down);
	g_test_add("/aside/busy", Fixture, NULL, set_up, test_busy, tear_down);
	g_test_add("/aside/race", Fixture, NULL, set_up, test_race, tear_down);
	g_test_add("/aside/full", Fixture, NULL, set_up, test_full, tear_down);
	g_test_add("/aside/no-rename", Fixture, NULL, set_up, test_no_rename,
	    tear_down);
	return g_test_run();
}
