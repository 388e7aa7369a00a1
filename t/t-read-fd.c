/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-read-fd.c: read-fd.h; descriptors of strangers. */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "read-fd.h"

/* What fn was told. */
typedef struct {
	guint calls;
	char *block, *why;
	gsize len;
	gboolean his;
} Told;

static void
on_read(
    const char *block, gsize len, const char *why, gboolean his, gpointer data)
{
	Told *t = data;

	t->calls++;
	t->why = g_strdup(why);
	if (why == NULL)
		t->block = g_memdup2(block, len);
	t->len = len;
	t->his = his;
}

static void
told_clear(Told *t)
{
	g_free(t->block);
	g_free(t->why);
	memset(t, 0, sizeof *t);
}

static void
wait_until(const guint *n, guint at_least)
{
	while (*n < at_least)
		g_main_context_iteration(NULL, TRUE);
}

/* An unlinked file on disk, open as flags say; its path where `path` is given.
 */
static int
disk_file(const char *content, int flags)
{
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("asnd-test-XXXXXX", &path, NULL), again;

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(
	    write(fd, content, strlen(content)), ==, (gssize)strlen(content));
	again = open(path, flags | O_CLOEXEC);
	g_assert_cmpint(again, >=, 0);
	close(fd);
	g_unlink(path);
	return again;
}

static void
read_one(AsndFdReader *r, int fd, Told *t)
{
	told_clear(t);
	g_assert_true(asnd_fd_reader_read(r, fd, 1000, on_read, t));
	wait_until(&t->calls, 1);
	g_assert_cmpuint(asnd_fd_reader_out(r), ==, 0);
}

static void
test_files(void)
{
	AsndFdReader *r = asnd_fd_reader_new(NULL);
	Told t = {0};
	int fd = disk_file("A: b\n\nbody", O_RDONLY);

	/* the offset is its owner's business */
	g_assert_cmpint(lseek(fd, 3, SEEK_SET), ==, 3);
	read_one(r, fd, &t);
	g_assert_null(t.why);
	g_assert_cmpmem(t.block, t.len, "A: b\n\n", 6);
	g_assert_cmpint(fcntl(fd, F_GETFD), ==, -1); /* closed */
	fd = asn_header_seal("A: b\n\n", 6);
	read_one(r, fd, &t);
	g_assert_cmpmem(t.block, t.len, "A: b\n\n", 6);
	g_assert_cmpint(fcntl(fd, F_GETFD), ==, -1);
	fd = memfd_create("sparse", MFD_CLOEXEC);
	g_assert_cmpint(ftruncate(fd, 1 << 30), ==, 0);
	read_one(r, fd, &t);
	g_assert_cmpuint(t.len, ==, ASN_HEADER_BLOCK_MAX);
	read_one(r, disk_file("", O_RDONLY), &t);
	g_assert_null(t.why);
	g_assert_cmpuint(t.len, ==, 0);
	told_clear(&t);
	asnd_fd_reader_free(r);
}

static void
test_not_files(void)
{
	AsndFdReader *r = asnd_fd_reader_new(NULL);
	g_autofree char *dir = g_dir_make_tmp("asnd-test-XXXXXX", NULL);
	g_autofree char *fifo = g_build_filename(dir, "fifo", NULL);
	int pipes[2], sockets[2];
	int fds[7];
	Told t = {0};

	g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
	g_assert_cmpint(pipe2(pipes, O_CLOEXEC), ==, 0);
	g_assert_cmpint(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), ==, 0);
	fds[0] = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[1] = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	fds[2] = pipes[0]; /* would wait for ever */
	fds[3] = sockets[0];
	fds[4] = open(dir, O_PATH | O_CLOEXEC);
	fds[5] = disk_file("A: b\n\n", O_PATH);
	fds[6] = disk_file("A: b\n\n", O_WRONLY);
	for (gsize i = 0; i < G_N_ELEMENTS(fds); i++) {
		g_assert_cmpint(fds[i], >=, 0);
		read_one(r, fds[i], &t);
		g_assert_nonnull(t.why);
		g_assert_true(t.his);
		g_assert_cmpint(fcntl(fds[i], F_GETFD), ==, -1);
	}
	close(pipes[1]);
	close(sockets[1]);
	g_unlink(fifo);
	g_rmdir(dir);
	told_clear(&t);
	asnd_fd_reader_free(r);
}

/* --- a file system that stalls ---------------------------------------------
 */

static GMutex stall;
static gint entered;

static gboolean
stalling(
    int fd, gint64 at, char *buf, gsize size, gsize *len, gboolean *complete)
{
	g_atomic_int_inc(&entered);
	g_mutex_lock(&stall);
	g_mutex_unlock(&stall);
	return asn_header_read(fd, at, buf, size, len, complete);
}

/* One a user, few in all; memory is read meanwhile, and the loop turns. */
static void
test_stalls(void)
{
	AsndFdReader *r = asnd_fd_reader_new(stalling);
	AsndFdReader *other = asnd_fd_reader_new(NULL);
	Told t[ASND_READ_THREADS] = {{0}}, more = {0};

	g_mutex_lock(&stall);
	for (guint i = 0; i < ASND_READ_THREADS; i++) {
		g_assert_true(asnd_fd_reader_read(r,
		    disk_file("A: b\n\n", O_RDONLY), 1000 + i, on_read, &t[i]));
		g_assert_false(asnd_fd_reader_read(r,
		    disk_file("A: b\n\n", O_RDONLY), 1000 + i, on_read, &more));
	}
	g_assert_false(asnd_fd_reader_read(
	    r, disk_file("A: b\n\n", O_RDONLY), 1, on_read, &more));
	g_assert_cmpuint(asnd_fd_reader_out(r), ==, ASND_READ_THREADS);
	read_one(other, asn_header_seal("A: b\n\n", 6), &more);
	g_assert_null(more.why);
	for (guint i = 0; i < ASND_READ_THREADS; i++)
		g_assert_cmpuint(t[i].calls, ==, 0);
	g_mutex_unlock(&stall);
	for (guint i = 0; i < ASND_READ_THREADS; i++) {
		wait_until(&t[i].calls, 1);
		g_assert_null(t[i].why);
		told_clear(&t[i]);
	}
	while (asnd_fd_reader_out(r) > 0)
		g_main_context_iteration(NULL, TRUE);
	read_one(r, disk_file("A: b\n\n", O_RDONLY), &t[0]);
	told_clear(&t[0]);
	told_clear(&more);
	asnd_fd_reader_free(r);
	asnd_fd_reader_free(other);
}

/* asnd leaves while a thread is stuck: told once, and nothing is touched. */
static void
test_leaves(void)
{
	AsndFdReader *r = asnd_fd_reader_new(stalling);
	Told t = {0};

	g_atomic_int_set(&entered, 0);
	g_mutex_lock(&stall);
	g_assert_true(asnd_fd_reader_read(
	    r, disk_file("A: b\n\n", O_RDONLY), 1000, on_read, &t));
	asnd_fd_reader_free(r);
	g_assert_cmpuint(t.calls, ==, 1);
	g_assert_nonnull(t.why);
	g_assert_false(t.his);
	g_mutex_unlock(&stall);
	/* the thread comes back to nobody */
	g_main_context_iteration(NULL, TRUE);
	g_assert_cmpuint(t.calls, ==, 1);
	told_clear(&t);
}

/* A file that shrinks while it is read. */
static gboolean
shrinking(
    int fd, gint64 at, char *buf, gsize size, gsize *len, gboolean *complete)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);

	g_assert_cmpint(truncate(path, 3), ==, 0);
	return asn_header_read(fd, at, buf, size, len, complete);
}

static void
test_shrinks(void)
{
	AsndFdReader *r = asnd_fd_reader_new(shrinking);
	Told t = {0};

	read_one(r, disk_file("A: b\n\nbody", O_RDWR), &t);
	g_assert_null(t.why);
	g_assert_cmpmem(t.block, t.len, "A: ", 3);
	told_clear(&t);
	asnd_fd_reader_free(r);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/read-fd/files", test_files);
	g_test_add_func("/read-fd/not-files", test_not_files);
	g_test_add_func("/read-fd/stalls", test_stalls);
	g_test_add_func("/read-fd/leaves", test_leaves);
	g_test_add_func("/read-fd/shrinks", test_shrinks);
	return g_test_run();
}
