/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-header-copy.c: header-copy.h; a mail up to its first empty line. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "header-copy.h"

static char buf[ASN_HEADER_BLOCK_MAX];

/* A descriptor with this content that stands at its start. */
static int
file_of(const char *data, gsize len)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, data, len), ==, (gssize)len);
	g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
	return fd;
}

static void
test_where_it_ends(void)
{
	static const struct {
		const char *mail;
		gsize len;
		gboolean complete;
	} cases[] = {
	    {"A: b\n\nbody\n", 6, TRUE},
	    {"A: b\r\n\r\nbody\n", 8, TRUE},
	    {"A: b\n\r\nbody\n", 7, TRUE},
	    {"A: b\n\r\r\nC: d\n\nbody", 14, TRUE},
	    {"A: b\nC: d", 9, TRUE}, /* the file ends */
	    {"\nbody", 1, TRUE},
	    {"", 0, TRUE},
	    {"\r", 1, TRUE},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		int fd = file_of(cases[i].mail, strlen(cases[i].mail));

		/* as it stands, and at a place whatever that is */
		for (gint64 at = ASN_HEADER_HERE; at <= 0; at++) {
			gboolean complete;
			gsize len;

			g_assert_true(asn_header_read(
			    fd, at, buf, sizeof buf, &len, &complete));
			g_assert_cmpmem(buf, len, cases[i].mail, cases[i].len);
			g_assert_cmpint(complete, ==, cases[i].complete);
		}
		close(fd);
	}
}

/* The empty line may lie across two reads. */
static void
test_across_chunks(void)
{
	for (gsize before = 16 * 1024 - 4; before < 16 * 1024 + 4; before++) {
		g_autoptr(GString) mail = g_string_new("A: ");
		gboolean complete;
		gsize len;
		int fd;

		while (mail->len < before)
			g_string_append_c(mail, 'x');
		g_string_append(mail, "\r\n\r\nbody\n\n");
		fd = file_of(mail->str, mail->len);
		g_assert_true(
		    asn_header_read(fd, 0, buf, sizeof buf, &len, &complete));
		g_assert_cmpuint(len, ==, before + 4);
		g_assert_true(complete);
		close(fd);
	}
}

/* A file of 1 GB without an end of line: not more than there is room for. */
static void
test_sparse(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	gboolean complete;
	gsize len;

	g_assert_cmpint(ftruncate(fd, 1 << 30), ==, 0);
	g_assert_true(asn_header_read(fd, 0, buf, sizeof buf, &len, &complete));
	g_assert_cmpuint(len, ==, sizeof buf);
	g_assert_false(complete);
	g_assert_true(asn_header_read(fd, 0, buf, 100, &len, &complete));
	g_assert_cmpuint(len, ==, 100);
	close(fd);
}

static void
test_unreadable(void)
{
	gboolean complete;
	gsize len;
	int pipe_fds[2];

	g_assert_false(
	    asn_header_read(-1, 0, buf, sizeof buf, &len, &complete));
	g_assert_cmpint(errno, ==, EBADF);
	g_assert_cmpint(pipe(pipe_fds), ==, 0);
	g_assert_false(
	    asn_header_read(pipe_fds[0], 0, buf, sizeof buf, &len, &complete));
	g_assert_cmpint(errno, ==, ESPIPE);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void
test_sealed(void)
{
	int fd = asn_header_seal("A: b\n\n", 6);
	gboolean complete;
	gsize len;

	g_assert_cmpint(fd, >=, 0);
	g_assert_true(asn_header_read(fd, 0, buf, sizeof buf, &len, &complete));
	g_assert_cmpmem(buf, len, "A: b\n\n", 6);
	g_assert_cmpint(pwrite(fd, "x", 1, 0), ==, -1);
	g_assert_cmpint(ftruncate(fd, 0), ==, -1);
	g_assert_cmpint(fcntl(fd, F_ADD_SEALS, 0), ==, -1);
	close(fd);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/header-copy/where-it-ends", test_where_it_ends);
	g_test_add_func("/header-copy/across-chunks", test_across_chunks);
	g_test_add_func("/header-copy/sparse", test_sparse);
	g_test_add_func("/header-copy/unreadable", test_unreadable);
	g_test_add_func("/header-copy/sealed", test_sealed);
	return g_test_run();
}
