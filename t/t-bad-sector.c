/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-bad-sector.c: store.h, on a disk that cannot read one page. */

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "evidence.h"

#define PAGE 4096

/* --- in place of libc's, for SQLite and asnd ---------------------------------
 */

static off_t bad = -1; /* a byte of the evidence; -1: all is well */
static guint errors;   /* how many reads fail yet */
static ino_t evidence;

static gboolean
fails(int fd, off_t at, gsize n)
{
	struct stat st;

	if (bad < 0 || at > bad || (gsize)(bad - at) >= n || errors == 0 ||
	    fstat(fd, &st) != 0 || st.st_ino != evidence)
		return FALSE;
	errors--;
	errno = EIO;
	return TRUE;
}

ssize_t
read(int fd, void *to, size_t n)
{
	if (bad >= 0 && fails(fd, lseek(fd, 0, SEEK_CUR), n))
		return -1;
	return syscall(SYS_read, fd, to, n);
}

ssize_t
pread64(int fd, void *to, size_t n, off64_t at)
{
	if (fails(fd, at, n))
		return -1;
	return syscall(SYS_pread64, fd, to, n, at);
}

/* --- tests -------------------------------------------------------------------
 */

static off_t
make_evidence(Evidence *ev)
{
	g_autofree char *path = NULL;
	struct stat st;

	ev_init(ev, FALSE);
	for (guint i = 0; i < 500; i++) {
		EvMail mail = {.ino = i + 1,
		    .addr = "192.0.2.7",
		    .time = ev->now,
		    .seal = 1 + i % 200};
		g_autofree char *name = g_strdup_printf("%u:2,", i);

		ev_entry(ev, ev_user(ev, "/v/a/Maildir"), "", name, &mail);
	}
	ev_close(ev);
	path = g_build_filename(ev->dir, ASND_STORE_FILE, NULL);
	g_assert_cmpint(stat(path, &st), ==, 0);
	evidence = st.st_ino;
	return st.st_size;
}

/* Is the first evidence still the one in use? */
static void
is_there(const Evidence *ev)
{
	g_autofree char *path =
	    g_build_filename(ev->dir, ASND_STORE_FILE, NULL);
	struct stat st;

	g_assert_cmpint(stat(path, &st), ==, 0);
	g_assert_cmpuint(st.st_ino, ==, evidence);
}

static void
test_stays_bad(void)
{
	Evidence ev;
	off_t size = make_evidence(&ev);

	g_assert_cmpint(size, >, 20 * PAGE);
	for (bad = 100; bad < size; bad += 11 * PAGE) {
		g_autoptr(GError) error = NULL;

		errors = G_MAXUINT;
		g_assert_null(asnd_store_open(ev.dir, ev.now, &error));
		g_assert_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_OPEN);
		is_there(&ev);
		g_assert_nonnull(strstr(error->message, "check the disk"));
	}
	bad = -1;
	ev_open(&ev);
	g_assert_null(asnd_store_was_rebuilt(ev.store));
	g_assert_cmpint(asnd_mails_count(ev.mails), ==, 500);
	ev_clear(&ev);
}

static void
test_once(void)
{
	Evidence ev;
	off_t size = make_evidence(&ev);

	for (bad = 100; bad < size; bad += 7 * PAGE) {
		errors = 1;
		ev_open(&ev);
		g_assert_null(asnd_store_was_rebuilt(ev.store));
		g_assert_cmpint(asnd_mails_count(ev.mails), ==, 500);
		ev_close(&ev);
		is_there(&ev);
	}
	bad = -1;
	ev_clear(&ev);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/bad-sector/stays", test_stays_bad);
	g_test_add_func("/bad-sector/once", test_once);
	return g_test_run();
}
