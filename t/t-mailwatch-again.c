/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-mailwatch-again.c: what a failed look at a directory says of what is there:
 * that it is gone, or nothing, and then all stays as it was known.
 */

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include "mailwatch-tree.h"
#include "open-beneath.h"

#define A "home/a/Maildir"

static struct {
	const char *in; /* what is opened in or below this fails, */
	int error;      /* so; 0: nothing does */
} fault;

static struct {
	guint maildirs, folders, entries, gone, syncs, unseen;
} told;

/* --- what fails ----------------------------------------------------------- */

int asn_open_dir_wrapped(int dir_fd, const char *path, gboolean same_mount,
    struct stat *st) __asm__("__real_asn_open_dir");
int open_dir(int dir_fd, const char *path, gboolean same_mount,
    struct stat *st) __asm__("__wrap_asn_open_dir");

static gboolean
is_to_fail(int dir_fd, const char *path)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", dir_fd);
	g_autofree char *above = g_file_read_link(link, NULL);
	g_autofree char *full = g_canonicalize_filename(path, above);

	return fault.error != 0 && strstr(full, fault.in) != NULL;
}

int
open_dir(int dir_fd, const char *path, gboolean same_mount, struct stat *st)
{
	if (!is_to_fail(dir_fd, path))
		return asn_open_dir_wrapped(dir_fd, path, same_mount, st);
	errno = fault.error;
	return -1;
}

/* --- a tree --------------------------------------------------------------- */

static void
emit(gpointer data, AsnWatchType type, const void *fixed, gsize fixed_len,
    const char *name, int fd)
{
	told.maildirs += type == ASN_WATCH_MAILDIR;
	told.folders += type == ASN_WATCH_FOLDER;
	told.entries += type == ASN_WATCH_ENTRY;
	told.gone += type == ASN_WATCH_MAILDIR_GONE ||
		     type == ASN_WATCH_FOLDER_GONE || type == ASN_WATCH_GONE;
	if (type == ASN_WATCH_SYNC) {
		told.syncs++;
		told.unseen = ((const AsnWatchSync *)fixed)->unseen;
	}
}

typedef struct {
	char *dir;
	MwTree *tree;
} Fixture;

static void
make(Fixture *f, const char *path)
{
	g_autofree char *full = g_build_filename(f->dir, path, NULL);

	g_assert_cmpint(g_mkdir_with_parents(full, 0700), ==, 0);
}

static void
deliver(Fixture *f, const char *path)
{
	g_autofree char *full = g_build_filename(f->dir, path, NULL);

	g_assert_true(g_file_set_contents(full, "A: b\n\n", -1, NULL));
}

static void
scan(Fixture *f)
{
	gboolean overflow;

	while (mw_scan_step(f->tree) || mw_event_step(f->tree, &overflow))
		;
}

static void
set_up(Fixture *f, gconstpointer data)
{
	g_autofree char *pattern = NULL;
	const char *patterns[2] = {NULL};

	f->dir = g_dir_make_tmp("asnd-again-XXXXXX", NULL);
	pattern = g_build_filename(f->dir, "home/*/Maildir", NULL);
	patterns[0] = pattern;
	make(f, A "/new");
	make(f, A "/cur");
	make(f, A "/.Junk/new");
	make(f, A "/.Junk/cur");
	deliver(f, A "/.Junk/cur/1");
	memset(&told, 0, sizeof told);
	f->tree = mw_tree_new(patterns, FALSE, 0, emit, NULL);
	scan(f);
	g_assert_cmpuint(told.maildirs, ==, 1);
	g_assert_cmpuint(told.folders, ==, 2);
	g_assert_cmpuint(told.entries, ==, 1);
	g_assert_cmpuint(told.syncs, ==, 1);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	fault.error = 0;
	mw_tree_free(f->tree);
	g_assert_cmpint(
	    nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), ==, 0);
	g_free(f->dir);
}

/* --- tests ---------------------------------------------------------------- */

static const char *const places[] = {"home/a", A, A "/.Junk", A "/.Junk/cur"};

/* One look at all of it that fails, then one that does not. */
static void
look(Fixture *f, const char *in, int error)
{
	memset(&told, 0, sizeof told);
	fault.in = in;
	fault.error = error;
	mw_scan_all(f->tree);
	scan(f);
	fault.error = 0;
	g_assert_cmpuint(told.syncs, ==, 1);
}

static void
test_says_nothing(Fixture *f, gconstpointer data)
{
	static const int errors[] = {ENOTCONN, ETIMEDOUT, EHOSTDOWN,
	    EHOSTUNREACH, ENETUNREACH, ECONNABORTED, ECONNRESET, ECONNREFUSED,
	    ESTALE, EIO, EREMOTEIO, ENODEV, ENXIO, ENOKEY, EKEYEXPIRED, EINTR,
	    EMFILE, ENFILE, ENOMEM, ENOBUFS, EUCLEAN};

	for (gsize i = 0; i < G_N_ELEMENTS(errors); i++)
		for (gsize n = 0; n < G_N_ELEMENTS(places); n++) {
			if (f->tree->again.pause == 0)
				g_test_expect_message(G_LOG_DOMAIN,
				    G_LOG_LEVEL_WARNING,
				    "*cannot be looked at now: *");
			look(f, places[n], errors[i]);
			g_assert_cmpuint(told.gone, ==, 0);
			g_assert_cmpuint(told.unseen, !=, 0);
			/* and when the pause is over */
			memset(&told, 0, sizeof told);
			g_assert_true(mw_again_turn(f->tree, G_MAXINT64 - 1));
			scan(f);
			g_assert_cmpuint(told.gone, ==, 0);
			g_assert_cmpuint(told.unseen, ==, 0);
			g_assert_cmpuint(told.syncs, ==, 1);
		}
	g_test_assert_expected_messages();
	/* all of it is watched, as before */
	memset(&told, 0, sizeof told);
	deliver(f, A "/.Junk/new/2");
	scan(f);
	g_assert_cmpuint(told.entries, >=, 1);
}

static void
test_says_it_is_gone(Fixture *f, gconstpointer data)
{
	static const int errors[] = {
	    ENOENT, ENOTDIR, ELOOP, EXDEV, EPERM, ENAMETOOLONG};

	for (gsize i = 0; i < G_N_ELEMENTS(errors); i++)
		for (gsize n = 0; n < 3; n++) { /* a box is no folder */
			look(f, places[n], errors[i]);
			g_assert_cmpuint(told.gone, !=, 0);
			g_assert_cmpuint(told.unseen, ==, 0);
			mw_scan_all(f->tree);
			scan(f);
		}
}

static void
an_hour_later(Fixture *f)
{
	GHashTableIter i;
	gpointer since;

	g_hash_table_iter_init(&i, f->tree->again.since);
	while (g_hash_table_iter_next(&i, NULL, &since))
		*(gint64 *)since -= 3601 * (gint64)G_USEC_PER_SEC;
}

static void
try_again(Fixture *f, int error)
{
	memset(&told, 0, sizeof told);
	fault.error = error;
	g_assert_true(mw_again_turn(f->tree, G_MAXINT64 - 1));
	scan(f);
	fault.error = 0;
	g_assert_cmpuint(told.syncs, ==, 1);
	g_assert_cmpuint(told.gone, ==, 0);
}

/* Nobody waits for what fails for ever, but it is tried again. */
static void
test_for_ever(Fixture *f, gconstpointer data)
{
	for (gsize n = 0; n < G_N_ELEMENTS(places); n++) {
		look(f, places[n], EIO);
		try_again(f, EIO);
		g_assert_cmpuint(told.unseen, ==, 1);
		an_hour_later(f);
		try_again(f, EIO);
		g_assert_cmpuint(told.unseen, ==, 0);
		try_again(f, EIO);
		g_assert_cmpuint(told.unseen, ==, 0);
		try_again(f, 0);
		g_assert_cmpuint(told.entries, ==, 1);
		/* an hour of another failure has not passed */
		look(f, places[n], EIO);
		g_assert_cmpuint(told.unseen, ==, 1);
		try_again(f, 0);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* what is passed over is warned of */
	g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
	g_test_add("/mailwatch-again/says-nothing", Fixture, NULL, set_up,
	    test_says_nothing, tear_down);
	g_test_add("/mailwatch-again/for-ever", Fixture, NULL, set_up,
	    test_for_ever, tear_down);
	g_test_add("/mailwatch-again/says-it-is-gone", Fixture, NULL, set_up,
	    test_says_it_is_gone, tear_down);
	return g_test_run();
}
