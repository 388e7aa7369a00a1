/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-mailwatch-read.c: header blocks, and never a byte more. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watch-peer.h"

#define A "home/a/Maildir"

static Peer *
started(void)
{
	Peer *p = peer_new("home/*/Maildir");

	peer_maildir(p, A);
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	return p;
}

static void
write_bytes(Peer *p, const char *name, const void *data, gsize len)
{
	g_autofree char *tmp = peer_path(p, "aside");
	g_autofree char *full = peer_path(p, A "/%s", name);

	g_assert_true(g_file_set_contents(tmp, data, (gssize)len, NULL));
	g_assert_cmpint(rename(tmp, full), ==, 0);
	peer_wait(p, peer_mail(p, A, "", name));
}

/* want < len: up to and with the empty line. */
static void
assert_block(
    Peer *p, const char *name, const char *data, gsize want, gboolean complete)
{
	peer_read_mail(p, A, "", name);
	g_assert_cmpuint(p->block.status, ==, ASN_WATCH_OK);
	g_assert_cmpuint(p->block.complete, ==, complete);
	g_assert_cmpmem(g_bytes_get_data(p->block_bytes, NULL),
	    g_bytes_get_size(p->block_bytes), data, want);
}

#define MAIL(head, body)                                                       \
	{                                                                      \
		head body, sizeof(head body) - 1, sizeof(head) - 1             \
	}

static void
test_ends(void)
{
	static const struct {
		const char *data;
		gsize len, want;
	} mails[] = {
	    MAIL("A: b\n\n", "secret\n"),
	    MAIL("A: b\r\n\r\n", "secret\r\n"),
	    MAIL("A: b\n\n", "\n\nsecret"),
	    MAIL("A: b\r\nC: d\n\n", "secret"),
	    MAIL("A: b\nC: d\r\n\r\n", "secret"),
	    MAIL("A: b\r\n\n", "secret"),
	    MAIL("A: b\n\r\n", "secret"),
	    MAIL("A: \r\r\n\n", "secret"),
	    MAIL("\n", "secret"),
	    MAIL("\r\n", "secret"),
	    MAIL("\r\r\nA: b\n\n", "secret"), /* CR CR LF: not empty */
	    MAIL("A: b\n\rC: d\n\n", "secret"),
	    MAIL("A: \0\n\0\n\n", "secret\0"),
	    MAIL("A: b\n", ""),
	    MAIL("no end", ""),
	    MAIL("A: b\r", ""),
	    MAIL("", ""),
	};
	Peer *p = started();

	for (gsize i = 0; i < G_N_ELEMENTS(mails); i++) {
		g_autofree char *name = g_strdup_printf("new/%zu", i);
		write_bytes(p, name, mails[i].data, mails[i].len);
		assert_block(p, name, mails[i].data, mails[i].want, TRUE);
	}
	peer_stop(p);
	peer_free(p);
}

/* The empty line at every place around the bounds of what is read at once. */
static void
test_bounds(void)
{
	static char data[ASN_WATCH_BLOCK_MAX + 100];
	static const gsize around[] = {16384, 32768, ASN_WATCH_BLOCK_MAX};
	Peer *p = started();
	guint n = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(around); i++) {
		for (gsize end = around[i] - 5; end <= around[i] + 5; end++) {
			g_autofree char *name = g_strdup_printf("cur/%u", n++);
			gsize want = MIN(end, ASN_WATCH_BLOCK_MAX);
			memset(data, 'x', sizeof data);
			memcpy(
			    data + end - 4, n % 2 ? "\r\n\r\n" : "xx\n\n", 4);
			write_bytes(p, name, data, sizeof data);
			assert_block(
			    p, name, data, want, end <= ASN_WATCH_BLOCK_MAX);
		}
	}
	peer_stop(p);
	peer_free(p);
}

/* A terabyte of nothing is read for 256 KiB. */
static void
test_sparse(void)
{
	static char zeros[ASN_WATCH_BLOCK_MAX];
	Peer *p = started();
	g_autofree char *full = peer_path(p, A "/tmp/huge");

	peer_write(p, A "/tmp/huge", "");
	g_assert_cmpint(truncate(full, (off_t)1 << 40), ==, 0);
	peer_rename(p, A "/tmp/huge", A "/new/huge");
	peer_wait(p, peer_mail(p, A, "", "new/huge"));
	assert_block(p, "new/huge", zeros, sizeof zeros, FALSE);
	peer_stop(p);
	peer_free(p);
}

/* Asked for what is not there (any more): said so, never another file. */
static void
test_moved(void)
{
	Peer *p = started();
	PeerFolder *inbox = peer_folder(p, A, "");
	AsnWatchEntry one, two;
	guint32 gone_id;

	write_bytes(p, "new/1", "A: 1\n\n", 6);
	write_bytes(p, "new/2", "A: 2\n\n", 6);
	one = peer_mail(p, A, "", "new/1")->entry;
	two = peer_mail(p, A, "", "new/2")->entry;
	peer_read(p, inbox, FALSE, "1", two.dev, two.ino);
	g_assert_cmpuint(p->block.status, ==, ASN_WATCH_MOVED);
	peer_read(p, inbox, TRUE, "1", one.dev, one.ino);
	g_assert_cmpuint(p->block.status, ==, ASN_WATCH_MOVED);
	peer_read(p, inbox, FALSE, "3", one.dev, one.ino);
	g_assert_cmpuint(p->block.status, ==, ASN_WATCH_MOVED);
	peer_read(p, inbox, FALSE, "1", one.dev, one.ino);
	g_assert_cmpuint(p->block.status, ==, ASN_WATCH_OK);
	/* a folder that has just gone is no nonsense */
	gone_id = inbox->id;
	peer_rename(p, A, "away");
	peer_wait(p, g_hash_table_size(p->maildirs) == 0);
	peer_read(
	    p, &(PeerFolder){.id = gone_id}, FALSE, "1", one.dev, one.ino);
	g_assert_cmpuint(p->block.status, ==, ASN_WATCH_MOVED);
	peer_stop(p);
	peer_free(p);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mailwatch-read/ends", test_ends);
	g_test_add_func("/mailwatch-read/bounds", test_bounds);
	g_test_add_func("/mailwatch-read/sparse", test_sparse);
	g_test_add_func("/mailwatch-read/moved", test_moved);
	return g_test_run();
}
