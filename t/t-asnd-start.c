/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-asnd-start.c: the real asnd, while it starts. */

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "evidence.h"

typedef struct {
	char *dir, *config;
	GPid pid;
} Fixture;

/* What root made, to the one asnd becomes. */
static void
give(const char *path)
{
	const struct passwd *nobody = getpwnam("nobody");

	if (geteuid() == 0)
		g_assert_cmpint(
		    chown(path, nobody->pw_uid, nobody->pw_gid), ==, 0);
}

static void
write_file(Fixture *f, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(f->dir, name, NULL);

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
set_up(Fixture *f, gconstpointer data)
{
	g_autofree char *text = NULL;

	f->dir = g_dir_make_tmp("asnd-test-XXXXXX", NULL);
	g_assert_nonnull(f->dir);
	give(f->dir);
	text = g_strdup_printf("[paths]\ndatabase-dir=%s\nstate-dir=%s\n"
			       "seal-key=%s/seal.key\nwatch-socket=%s/sock\n",
	    f->dir, f->dir, f->dir, f->dir);
	write_file(f, "asnd.conf", text);
	f->config = g_build_filename(f->dir, "asnd.conf", NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	ev_remove_dir(f->dir);
	g_free(f->dir);
	g_free(f->config);
}

static void
start(Fixture *f)
{
	g_autofree char *asnd =
	    g_test_build_filename(G_TEST_BUILT, "..", "asnd", "asnd", NULL);
	char config[] = "--config", user[] = "--user", nobody[] = "nobody";
	char *argv[] = {asnd, config, f->config, user, nobody, NULL};
	g_autoptr(GError) error = NULL;

	if (geteuid() != 0)
		argv[3] = NULL; /* asnd does not stay root */
	g_spawn_async(NULL, argv, NULL,
	    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
	    &f->pid, &error);
	g_assert_no_error(error);
}

/* Its wait status, within half a minute. */
static int
end_of(Fixture *f)
{
	int status = 0;

	for (int i = 0; waitpid(f->pid, &status, WNOHANG) == 0; i++) {
		g_usleep(10000);
		g_assert_cmpint(i, <, 3000);
	}
	return status;
}

/* As asn-milter: nothing would get better by starting again. */
static void
test_broken_key(Fixture *f, gconstpointer data)
{
	int status;

	write_file(f, "seal.key", "0 c2hvcnQ=\n");
	start(f);
	status = end_of(f);
	g_assert_true(WIFEXITED(status));
	g_assert_cmpint(WEXITSTATUS(status), ==, EX_CONFIG);
}

static gboolean
has_open(GPid pid, const char *name)
{
	g_autofree char *fds = g_strdup_printf("/proc/%d/fd", (int)pid);
	g_autoptr(GDir) dir = g_dir_open(fds, 0, NULL);
	const char *fd;

	while (dir != NULL && (fd = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(fds, fd, NULL);
		g_autofree char *to = g_file_read_link(path, NULL);

		if (to != NULL && g_str_has_suffix(to, name))
			return TRUE;
	}
	return FALSE;
}

/* A lock holds the start up, as checking a big file would. */
static void
test_stop(Fixture *f, gconstpointer data)
{
	g_autofree char *path = g_build_filename(f->dir, ASND_STORE_FILE, NULL);
	sqlite3 *db;
	int status;

	g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(db, "CREATE TABLE t(a); BEGIN EXCLUSIVE",
			    NULL, NULL, NULL),
	    ==, SQLITE_OK);
	give(path);
	start(f);
	while (!has_open(f->pid, ASND_STORE_FILE))
		g_usleep(1000);
	kill(f->pid, SIGTERM);
	status = end_of(f);
	sqlite3_close(db);
	/* Waiting for the lock ends in an error. */
	g_assert_false(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	g_assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGTERM);
}

#define ADD(name, fn)                                                          \
	g_test_add("/asnd-start/" name, Fixture, NULL, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("broken-key", test_broken_key);
	ADD("stop", test_stop);
	return g_test_run();
}
