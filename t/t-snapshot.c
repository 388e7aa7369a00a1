/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-snapshot.c: milter/snapshot.h and databases.h, under readers */

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "aside.h"
#include "databases.h"
#include "test-db.h"

#define READERS 4
#define DEADLINE (20 * G_USEC_PER_SEC)

/* --- swapping under readers
 * --------------------------------------------------- */

typedef struct {
	MltSnapshots snapshots;
	gint stop;
	gint reads;
} Shared;

/* The two handles of a snapshot are one number twice here, never two. */
static gpointer
read_on(gpointer data)
{
	Shared *shared = data;

	while (!g_atomic_int_get(&shared->stop)) {
		int ticket;
		const MltSnapshot *s =
		    mlt_snapshot_borrow(&shared->snapshots, &ticket);

		g_assert_true(
		    (gconstpointer)s->networks == (gconstpointer)s->reputation);
		if (s->networks != NULL)
			g_assert_cmpint(*(const int *)s->networks, ==, 42);
		mlt_snapshot_return(&shared->snapshots, ticket);
		g_atomic_int_inc(&shared->reads);
	}
	return NULL;
}

static void
test_swap(void)
{
	Shared shared = {0};
	GThread *reader[READERS];
	int *old = NULL;

	mlt_snapshots_init(&shared.snapshots);
	for (gsize i = 0; i < READERS; i++)
		reader[i] = g_thread_new("reader", read_on, &shared);
	for (guint i = 0; i < 2000 || g_atomic_int_get(&shared.reads) < 10000;
	     i++) {
		int *new = g_new(int, 1);
		MltSnapshot next = {(gpointer) new, (gpointer) new};

		*new = 42;
		mlt_snapshot_swap(&shared.snapshots, &next);
		/* Nobody may still see it: free(3) would show. */
		if (old != NULL)
			*old = 0;
		g_free(old);
		old = new;
	}
	g_atomic_int_set(&shared.stop, 1);
	for (gsize i = 0; i < READERS; i++)
		g_thread_join(reader[i]);
	g_free(old);
}

/* --- files
 * ---------------------------------------------------------------------- */

typedef struct {
	char *dir;
	MltSnapshots snapshots;
	MltDatabases *db;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
	f->dir = g_dir_make_tmp("t-snapshot-XXXXXX", NULL);
	mlt_snapshots_init(&f->snapshots);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	static const char *const names[] = {ASN_NETWORKS_FILE,
	    ASN_REPUTATION_FILE, ASN_RECENT_FILE, ("a/b/" ASN_NETWORKS_FILE),
	    "a/b", "a"};

	mlt_databases_stop(f->db);
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path =
		    g_build_filename(f->dir, names[i], NULL);
		g_remove(path);
	}
	g_rmdir(f->dir);
	g_free(f->dir);
}

static void
start(Fixture *f, const char *dir)
{
	GError *error = NULL;

	f->db = mlt_databases_start(&f->snapshots, dir, &error);
	g_assert_no_error(error);
}

static void
put(const char *dir, const char *name, GBytes *bytes)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	GError *error = NULL;
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);

	asn_aside_write(fd, name, data, len, 0644, &error);
	g_assert_no_error(error);
	close(fd);
	g_bytes_unref(bytes);
}

/* What borrowers see of 198.51.100.7: the holder's first letter, and whether
 * its mail is flagged. */
static char
holder(Fixture *f)
{
	AsnAddr addr;
	AsnOrigin origin;
	int ticket;
	const MltSnapshot *s = mlt_snapshot_borrow(&f->snapshots, &ticket);
	char c = '-';

	asn_addr_parse("198.51.100.7", 12, &addr);
	if (s->networks != NULL &&
	    asn_networks_lookup(s->networks, &addr, &origin))
		c = *origin.org;
	mlt_snapshot_return(&f->snapshots, ticket);
	return c;
}

static char
flag(Fixture *f)
{
	AsnThresholds thresholds = {0.9, 2, 50};
	AsnOriginKey key = {0};
	AsnPrediction p = {0};
	int ticket;
	const MltSnapshot *s = mlt_snapshot_borrow(&f->snapshots, &ticket);
	gboolean have = s->reputation != NULL;

	asn_addr_parse("198.51.100.7", 12, &key.addr);
	if (have)
		asn_reputation_predict(s->reputation, &key,
		    (double)g_get_real_time() / 1e6, &thresholds, &p);
	mlt_snapshot_return(&f->snapshots, ticket);
	return !have ? '-' : p.flag ? 'Y' : 'N';
}

static void
wait_for(Fixture *f, char (*what)(Fixture *), char want)
{
	gint64 until = g_get_monotonic_time() + DEADLINE;

	while (what(f) != want) {
		g_assert_cmpint(g_get_monotonic_time(), <, until);
		g_usleep(200);
	}
}

static gint64
now(void)
{
	return g_get_real_time() / G_USEC_PER_SEC;
}

static void
test_files(Fixture *f, gconstpointer data)
{
	static const char *const none[] = {NULL};
	static const char *const bad[] = {"198.51.100.0/24", NULL};

	start(f, f->dir);
	g_assert_cmpint(holder(f), ==, '-');
	put(f->dir, ASN_NETWORKS_FILE, test_db_networks("A"));
	wait_for(f, holder, 'A');
	put(f->dir, ASN_NETWORKS_FILE, test_db_networks("B"));
	wait_for(f, holder, 'B');
	put(f->dir, ASN_REPUTATION_FILE,
	    test_db_reputation(FALSE, 1, none, now()));
	wait_for(f, flag, 'N');
	put(f->dir, ASN_RECENT_FILE, test_db_reputation(TRUE, 1, bad, now()));
	wait_for(f, flag, 'Y');
	/* A new base makes the old recent void. */
	put(f->dir, ASN_REPUTATION_FILE,
	    test_db_reputation(FALSE, 2, none, now()));
	wait_for(f, flag, 'N');
	put(f->dir, ASN_RECENT_FILE, test_db_reputation(TRUE, 2, bad, now()));
	wait_for(f, flag, 'Y');
}

static void
test_broken(Fixture *f, gconstpointer data)
{
	put(f->dir, ASN_NETWORKS_FILE, test_db_networks("A"));
	start(f, f->dir);
	g_assert_cmpint(holder(f), ==, 'A');
	put(f->dir, ASN_NETWORKS_FILE, g_bytes_new_static("broken", 6));
	put(f->dir, ASN_RECENT_FILE, g_bytes_new_static("broken", 6));
	put(f->dir, ASN_REPUTATION_FILE,
	    test_db_reputation(FALSE, 1, (const char *const[]){NULL}, now()));
	wait_for(f, flag, 'N'); /* a broken recent does not hide its base */
	g_assert_cmpint(holder(f), ==, 'A');
	/* The same base again, its recent broken meanwhile: what we have of it
	 * stays.  The networks come last and tell that it was looked at. */
	put(f->dir, ASN_RECENT_FILE,
	    test_db_reputation(TRUE, 1,
		(const char *const[]){"198.51.100.0/24", NULL}, now()));
	wait_for(f, flag, 'Y');
	put(f->dir, ASN_RECENT_FILE, g_bytes_new_static("broken", 6));
	put(f->dir, ASN_REPUTATION_FILE,
	    test_db_reputation(FALSE, 1, (const char *const[]){NULL}, now()));
	put(f->dir, ASN_NETWORKS_FILE, test_db_networks("C"));
	wait_for(f, holder, 'C');
	g_assert_cmpint(flag(f), ==, 'Y');
}

/* A directory that is not there yet, nor its parent; then it is replaced. */
static void
test_directory(Fixture *f, gconstpointer data)
{
	g_autofree char *a = g_build_filename(f->dir, "a", NULL);
	g_autofree char *b = g_build_filename(a, "b", NULL);
	g_autofree char *old = g_build_filename(f->dir, "old", NULL);
	g_autofree char *file = g_build_filename(old, ASN_NETWORKS_FILE, NULL);

	start(f, b);
	g_assert_cmpint(holder(f), ==, '-');
	g_assert_cmpint(g_mkdir(a, 0755), ==, 0);
	g_assert_cmpint(g_mkdir(b, 0755), ==, 0);
	put(b, ASN_NETWORKS_FILE, test_db_networks("A"));
	wait_for(f, holder, 'A');
	g_assert_cmpint(g_rename(b, old), ==, 0);
	g_assert_cmpint(g_mkdir(b, 0755), ==, 0);
	put(b, ASN_NETWORKS_FILE, test_db_networks("B"));
	wait_for(f, holder, 'B');
	g_remove(file);
	g_rmdir(old);
}

/* Without inotify's help: asked to. */
static void
test_reload(Fixture *f, gconstpointer data)
{
	g_autofree char *path =
	    g_build_filename(f->dir, ASN_NETWORKS_FILE, NULL);
	GBytes *bytes = test_db_networks("A");
	gsize len;
	const void *text = g_bytes_get_data(bytes, &len);
	FILE *out;

	start(f, f->dir);
	out = fopen(path, "w"); /* written in place: no IN_MOVED_TO */
	g_assert_cmpint(fwrite(text, 1, len, out), ==, len);
	fclose(out);
	g_bytes_unref(bytes);
	mlt_databases_reload(f->db);
	wait_for(f, holder, 'A');
}

/* The milter's own log, silent here: what it says is tested end to end. */
static GLogWriterOutput
no_log(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
	return G_LOG_WRITER_HANDLED;
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_writer_func(no_log, NULL, NULL);
	g_test_add_func("/snapshot/swap", test_swap);
	g_test_add(
	    "/databases/files", Fixture, NULL, set_up, test_files, tear_down);
	g_test_add(
	    "/databases/broken", Fixture, NULL, set_up, test_broken, tear_down);
	g_test_add("/databases/directory", Fixture, NULL, set_up,
	    test_directory, tear_down);
	g_test_add(
	    "/databases/reload", Fixture, NULL, set_up, test_reload, tear_down);
	return g_test_run();
}
