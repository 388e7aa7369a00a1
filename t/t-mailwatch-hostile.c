/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-mailwatch-hostile.c: users against asnd-mailwatch.  Run as root: Maildirs
 * of mode 0700 belong to other uids, and asnd-mailwatch runs as a uid of its
 * own with CAP_DAC_READ_SEARCH.  Whatever they do, the canary, which only uid
 * BOB may read, never reaches asnd.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch-users.h"

static void
as_user(uid_t uid)
{
	g_assert_cmpint(setegid(uid), ==, 0);
	g_assert_cmpint(seteuid(uid), ==, 0);
}

static void
as_root(void)
{
	g_assert_cmpint(seteuid(0), ==, 0);
	g_assert_cmpint(setegid(0), ==, 0);
}

/* Comes after everything alice did before. */
static void
wait_for_mark(Peer *p)
{
	static guint n;
	g_autofree char *name = g_strdup_printf("new/mark%u", ++n);
	g_autofree char *path = g_strconcat(A "/", name, NULL);

	as_user(ALICE);
	peer_write(p, path, "A: b\n\n");
	as_root();
	peer_wait(p, peer_mail(p, A, "", name));
}

/* Maildirs of mode 0700 are read; the process holds the one capability and
 * nothing else. */
static void
test_privilege(void)
{
	static const char *const lines[] = {"CapInh:\t0000000000000000",
	    "CapPrm:\t0000000000000004", "CapEff:\t0000000000000004",
	    "CapAmb:\t0000000000000000", "NoNewPrivs:\t1",
	    "Uid:\t20009\t20009\t20009\t20009"};
	Peer *p = users_started();
	g_autofree char *path = g_strdup_printf("/proc/%d/status", p->pid);
	g_autofree char *status = NULL;

	g_assert_true(g_file_get_contents(path, &status, NULL, NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++)
		g_assert_nonnull(strstr(status, lines[i]));
	peer_read_mail(p, A, "", "cur/1");
	g_assert_cmpuint(p->block.status, ==, ASN_WATCH_OK);
	g_assert_cmpmem(g_bytes_get_data(p->block_bytes, NULL),
	    g_bytes_get_size(p->block_bytes), "Subject: alice\n\n", 16);
	users_finish(p);
}

/* Makes at path, as alice, what is no mail. */
static void
make_not_mail(Peer *p, int kind, const char *path)
{
	g_autofree char *full = peer_path(p, "%s", path);
	g_autofree char *bobs = peer_path(p, B "/cur/1");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int sock;

	as_user(ALICE);
	switch (kind) {
	case 0:
		g_assert_cmpint(symlink(bobs, full), ==, 0);
		break;
	case 1:
		g_assert_cmpint(mkfifo(full, 0600), ==, 0);
		break;
	case 2:
		sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		g_strlcpy(sa.sun_path, full, sizeof sa.sun_path);
		g_assert_cmpint(
		    bind(sock, (struct sockaddr *)&sa, sizeof sa), ==, 0);
		close(sock);
		break;
	case 3:
		g_assert_cmpint(mkdir(full, 0700), ==, 0);
		break;
	case 4: /* as if fs.protected_hardlinks were off */
		as_root();
		g_assert_cmpint(link(bobs, full), ==, 0);
		break;
	case 5:
		as_root();
		g_assert_cmpint(
		    mknod(full, S_IFCHR | 0600, makedev(1, 3)), ==, 0);
		g_assert_cmpint(lchown(full, ALICE, ALICE), ==, 0);
		break;
	}
	as_root();
}

/* Symlink, FIFO, socket, directory, another's hard link, device: not named by
 * the scan, not named by an event, not read even when asked for. */
static void
test_not_mail(void)
{
	for (int kind = 0; kind < 6; kind++) {
		Peer *p = alice_and_bob();
		struct stat st;

		make_not_mail(p, kind, A "/cur/before");
		peer_start(p);
		peer_wait(p, p->syncs == 1);
		make_not_mail(p, kind, A "/cur/after");
		wait_for_mark(p);
		g_assert_null(peer_mail(p, A, "", "cur/before"));
		g_assert_null(peer_mail(p, A, "", "cur/after"));
		st = users_look(p, A "/cur/after");
		peer_read(p, peer_folder(p, A, ""), TRUE, "after", st.st_dev,
		    st.st_ino);
		g_assert_cmpuint(p->block.status, ==, ASN_WATCH_REFUSED);
		st = users_look(p, B "/cur/1");
		peer_read(p, peer_folder(p, A, ""), TRUE, "after", st.st_dev,
		    st.st_ino);
		g_assert_cmpuint(p->block.status, !=, ASN_WATCH_OK);
		users_finish(p);
	}
}

/* A FIFO is not even opened for reading: its writer would notice. */
static void
test_fifo_untouched(void)
{
	Peer *p = users_started();
	g_autofree char *full = peer_path(p, A "/cur/fifo");
	struct stat st;

	make_not_mail(p, 1, A "/cur/fifo");
	st = users_look(p, A "/cur/fifo");
	for (int i = 0; i < 200; i++) {
		peer_read(p, peer_folder(p, A, ""), TRUE, "fifo", st.st_dev,
		    st.st_ino);
		g_assert_cmpint(
		    open(full, O_WRONLY | O_NONBLOCK | O_CLOEXEC), ==, -1);
		g_assert_cmpint(errno, ==, ENXIO);
	}
	users_finish(p);
}

/* A write lease would hold up open(2) for 45 seconds. */
static void
test_lease(void)
{
	Peer *p = users_started();
	g_autofree char *full = peer_path(p, A "/cur/1");
	int fd = open(full, O_RDWR | O_CLOEXEC);
	gint64 began;

	g_assert_cmpint(fcntl(fd, F_SETLEASE, F_WRLCK), ==, 0);
	signal(SIGIO, SIG_IGN);
	began = g_get_monotonic_time();
	peer_read_mail(p, A, "", "cur/1");
	g_assert_cmpuint(p->block.status, ==, ASN_WATCH_REFUSED);
	g_assert_cmpint(g_get_monotonic_time() - began, <, 20 * G_USEC_PER_SEC);
	close(fd);
	users_finish(p);
}

/* Symlinks in the place of a box, a folder, a Maildir, a home. */
static void
test_linked_directories(void)
{
	static const struct {
		const char *from, *to;
	} links[] = {
	    {A "/.Junk/cur", B "/cur"},
	    {A "/.Other", B},
	    {"home/carol/Maildir", B},
	    {"home/dave", "home/bob"},
	};
	Peer *p = alice_and_bob();
	g_autofree char *carol = peer_path(p, "home/carol");

	g_assert_cmpint(mkdir(carol, 0700), ==, 0);
	peer_remove(p, A "/.Junk/cur");
	for (gsize i = 0; i < G_N_ELEMENTS(links); i++) {
		g_autofree char *from = peer_path(p, "%s", links[i].from);
		g_autofree char *to = peer_path(p, "%s", links[i].to);
		g_assert_cmpint(symlink(to, from), ==, 0);
	}
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	g_assert_cmpuint(g_hash_table_size(p->maildirs), ==, 2);
	g_assert_cmpuint(g_hash_table_size(p->folders), ==, 3);
	g_assert_null(peer_mail(p, A, ".Junk", "cur/1"));
	g_assert_cmpuint(peer_logged(p, "is passed over"), ==, 2);
	/* and an exchange while it is watched */
	peer_rename(p, A "/cur", A "/tmp/cur");
	g_autofree char *from = peer_path(p, A "/cur");
	g_autofree char *to = peer_path(p, B "/cur");
	g_assert_cmpint(symlink(to, from), ==, 0);
	peer_wait(p, !peer_mail(p, A, "", "cur/1"));
	struct stat st = users_look(p, B "/cur/1");
	peer_read(p, peer_folder(p, A, ""), TRUE, "1", st.st_dev, st.st_ino);
	g_assert_cmpuint(p->block.status, ==, ASN_WATCH_REFUSED);
	users_finish(p);
}

/* The literal part of a pattern: root's symlink leads on, a user's does not. */
static void
test_base_links(void)
{
	for (int users = 0; users < 2; users++) {
		Peer *p = alice_and_bob();
		g_autofree char *from = peer_path(p, "link");
		g_autofree char *pattern = peer_path(p, "link/*/Maildir");

		g_assert_cmpint(symlink("home", from), ==, 0);
		if (users)
			g_assert_cmpint(lchown(from, ALICE, ALICE), ==, 0);
		g_free(p->pattern);
		p->pattern = g_steal_pointer(&pattern);
		peer_start(p);
		peer_wait(p, p->syncs == 1);
		g_assert_cmpuint(
		    g_hash_table_size(p->maildirs), ==, users ? 0 : 2);
		users_finish(p);
	}
}

/* A Maildir of another owner than the home it is in; a folder and a box of
 * another owner than the Maildir. */
static void
test_owners(void)
{
	Peer *p = alice_and_bob();

	peer_maildir(p, "home/carol/Maildir");
	peer_chown(p, "home/carol", 20003, 0700);
	peer_chown(p, "home/carol/Maildir", BOB, 0700);
	peer_maildir(p, A "/.Bobs");
	peer_write(p, A "/.Bobs/cur/1", CANARY "\n\n");
	peer_chown(p, A "/.Bobs", BOB, 0700);
	peer_write(p, A "/.Junk/cur/1", CANARY "\n\n");
	peer_chown(p, A "/.Junk/cur", BOB, 0700);
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	g_assert_cmpuint(g_hash_table_size(p->maildirs), ==, 2);
	g_assert_null(peer_folder(p, A, ".Bobs"));
	g_assert_null(peer_mail(p, A, ".Junk", "cur/1"));
	g_assert_cmpuint(peer_logged(p, "owner is not that of"), ==, 1);
	/* made by root, then given to its user: taken up */
	peer_chown(p, "home/carol/Maildir", 20003, 0700);
	peer_chown(p, A "/.Junk/cur", ALICE, 0700);
	peer_wait(p, peer_folder(p, "home/carol/Maildir", ""));
	users_finish(p);
}

/* A Maildir that root made and gives to its user, box after box: its INBOX is
 * there with the first one, and complete with the other. */
static void
test_given_later(void)
{
	static const char *const boxes[] = {"cur", "new"};

	for (gsize i = 0; i < G_N_ELEMENTS(boxes); i++) {
		Peer *p = alice_and_bob();
		g_autofree char *box = g_strdup_printf(A "/%s", boxes[i]);
		g_autofree char *path = g_strdup_printf("%s/1", box);
		g_autofree char *mail = g_strdup_printf("%s/1", boxes[i]);

		peer_write(p, path, "A: a\n\n");
		peer_chown(p, box, 0, 0700);
		peer_start(p);
		peer_wait(p, p->syncs == 1);
		g_assert_nonnull(peer_folder(p, A, ""));
		g_assert_null(peer_mail(p, A, "", mail));
		peer_chown(p, box, ALICE, 0700);
		peer_wait(p, peer_mail(p, A, "", mail));
		users_finish(p);
	}
}

/* Mail of her own, outside of the Maildir. */
static Peer *
with_private_mail(void)
{
	Peer *p = alice_and_bob();

	peer_maildir(p, "home/alice/private");
	peer_write(p, "home/alice/private/cur/1", "A: private\n\n");
	peer_chown(p, "home/alice", ALICE, 0700);
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	return p;
}

/* Owner and inode are right, but the way leads over a symlink: refused, also
 * before any event told of the exchange. */
static void
test_swapped_folder(void)
{
	Peer *p = with_private_mail();
	struct stat st = users_look(p, "home/alice/private/cur/1");
	g_autofree char *from = peer_path(p, A "/.Junk");

	kill(p->pid, SIGSTOP);
	peer_rename(p, A "/.Junk", A "/tmp/junk");
	g_assert_cmpint(symlink("../private", from), ==, 0);
	peer_post_read(
	    p, peer_folder(p, A, ".Junk"), TRUE, "1", st.st_dev, st.st_ino);
	kill(p->pid, SIGCONT);
	peer_wait(p, !p->block_due);
	g_assert_cmpuint(p->block.status, !=, ASN_WATCH_OK);
	peer_wait(p, !peer_folder(p, A, ".Junk"));
	users_finish(p);
}

/* A mount point below a Maildir (a user's FUSE file system could hang us). */
static void
test_mount(void)
{
	Peer *p = with_private_mail();
	g_autofree char *at = peer_path(p, A "/.Junk");
	g_autofree char *from = peer_path(p, "home/alice/private");
	gboolean seen;

	g_assert_cmpint(mount(from, at, NULL, MS_BIND, NULL), ==, 0);
	peer_hang_up(p);
	peer_accept(p);
	peer_wait(p, p->syncs == 1);
	seen = peer_folder(p, A, ".Junk") != NULL;
	g_assert_cmpint(umount2(at, MNT_DETACH), ==, 0);
	g_assert_false(seen);
	users_finish(p);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (geteuid() != 0) {
		g_printerr("Bail out! needs root, to have other users\n");
		return 1;
	}
	g_test_add_func("/mailwatch-hostile/privilege", test_privilege);
	g_test_add_func("/mailwatch-hostile/not-mail", test_not_mail);
	g_test_add_func("/mailwatch-hostile/fifo", test_fifo_untouched);
	g_test_add_func("/mailwatch-hostile/lease", test_lease);
	g_test_add_func("/mailwatch-hostile/links", test_linked_directories);
	g_test_add_func("/mailwatch-hostile/base-links", test_base_links);
	g_test_add_func("/mailwatch-hostile/owners", test_owners);
	g_test_add_func("/mailwatch-hostile/given later", test_given_later);
	g_test_add_func("/mailwatch-hostile/swapped", test_swapped_folder);
	g_test_add_func("/mailwatch-hostile/mount", test_mount);
	return g_test_run();
}
