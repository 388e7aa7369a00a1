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

#include "watch-peer.h"

#define ALICE 20001
#define BOB 20002
#define A "home/alice/Maildir"
#define B "home/bob/Maildir"
#define CANARY "X-Canary: for bob alone"
#define ROUNDS 1500

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

static Peer *
alice_and_bob(void)
{
	Peer *p = peer_new("home/*/Maildir");

	peer_maildir(p, A);
	peer_maildir(p, A "/.Junk");
	peer_maildir(p, B);
	peer_write(p, B "/cur/1", CANARY "\n\n");
	peer_write(p, A "/cur/1", "Subject: alice\n\nbody\n");
	peer_chown(p, "home/alice", ALICE, 0700);
	peer_chown(p, "home/bob", BOB, 0700);
	return p;
}

static Peer *
started(void)
{
	Peer *p = alice_and_bob();

	peer_start(p);
	peer_wait(p, p->syncs == 1);
	return p;
}

static void
finish(Peer *p)
{
	peer_stop(p);
	peer_free(p);
}

/* A mark that comes after everything alice did before. */
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

static struct stat
look(Peer *p, const char *path)
{
	g_autofree char *full = peer_path(p, "%s", path);
	struct stat st;

	g_assert_cmpint(lstat(full, &st), ==, 0);
	return st;
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
	Peer *p = started();
	g_autofree char *path = g_strdup_printf("/proc/%d/status", p->pid);
	g_autofree char *status = NULL;

	g_assert_true(g_file_get_contents(path, &status, NULL, NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++)
		g_assert_nonnull(strstr(status, lines[i]));
	peer_read_mail(p, A, "", "cur/1");
	g_assert_cmpuint(p->block.status, ==, ASN_WATCH_OK);
	g_assert_cmpmem(g_bytes_get_data(p->block_bytes, NULL),
	    g_bytes_get_size(p->block_bytes), "Subject: alice\n\n", 16);
	finish(p);
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
		st = look(p, A "/cur/after");
		peer_read(p, peer_folder(p, A, ""), TRUE, "after", st.st_dev,
		    st.st_ino);
		g_assert_cmpuint(p->block.status, ==, ASN_WATCH_REFUSED);
		st = look(p, B "/cur/1");
		peer_read(p, peer_folder(p, A, ""), TRUE, "after", st.st_dev,
		    st.st_ino);
		g_assert_cmpuint(p->block.status, !=, ASN_WATCH_OK);
		finish(p);
	}
}

/* A FIFO is not even opened for reading: its writer would notice. */
static void
test_fifo_untouched(void)
{
	Peer *p = started();
	g_autofree char *full = peer_path(p, A "/cur/fifo");
	struct stat st;

	make_not_mail(p, 1, A "/cur/fifo");
	st = look(p, A "/cur/fifo");
	for (int i = 0; i < 200; i++) {
		peer_read(p, peer_folder(p, A, ""), TRUE, "fifo", st.st_dev,
		    st.st_ino);
		g_assert_cmpint(
		    open(full, O_WRONLY | O_NONBLOCK | O_CLOEXEC), ==, -1);
		g_assert_cmpint(errno, ==, ENXIO);
	}
	finish(p);
}

/* A write lease would hold up open(2) for 45 seconds. */
static void
test_lease(void)
{
	Peer *p = started();
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
	finish(p);
}

/* Symlinks in the place of a box, a folder, a Maildir, a home. */
static void
test_linked_directories(void)
{
	static const struct {
		const char *from, *to;
	} links[] = {{A "/.Junk/cur", B "/cur"}, {A "/.Other", B},
	    {"home/carol/Maildir", B}, {"home/dave", "home/bob"}};
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
	struct stat st = look(p, B "/cur/1");
	peer_read(p, peer_folder(p, A, ""), TRUE, "1", st.st_dev, st.st_ino);
	g_assert_cmpuint(p->block.status, ==, ASN_WATCH_REFUSED);
	finish(p);
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
		finish(p);
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
	finish(p);
}

/* A mount point below a Maildir (a user's FUSE file system could hang us). */
static void
test_mount(void)
{
	Peer *p = started();
	g_autofree char *at = peer_path(p, A "/.Junk");
	g_autofree char *bobs = peer_path(p, B);

	g_assert_cmpint(mount(bobs, at, NULL, MS_BIND, NULL), ==, 0);
	peer_hang_up(p);
	peer_accept(p);
	peer_wait(p, p->syncs == 1);
	gboolean seen = peer_folder(p, A, ".Junk") != NULL;
	g_assert_cmpint(umount2(at, MNT_DETACH), ==, 0);
	g_assert_false(seen);
	finish(p);
}

/* --- races ------------------------------------------------------------------
 */

static void
flip(const char *a, const char *b)
{
	syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

/* A process that exchanges a and b until it is killed, every pace us. */
static pid_t
start_flipping(Peer *p, const char *a, const char *b, gulong pace)
{
	g_autofree char *full_a = peer_path(p, "%s", a);
	g_autofree char *full_b = peer_path(p, "%s", b);
	pid_t parent = getpid(), pid = fork();

	g_assert_cmpint(pid, >=, 0);
	if (pid != 0)
		return pid;
	for (; getppid() == parent; g_usleep(pace))
		flip(full_a, full_b);
	_exit(0);
}

static void
stop_flipping(pid_t pid)
{
	kill(pid, SIGKILL);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static gboolean
is_canary(Peer *p)
{
	gsize len = 0;
	const char *data =
	    p->block_bytes ? g_bytes_get_data(p->block_bytes, &len) : NULL;

	return data != NULL && g_strstr_len(data, (gssize)len, CANARY) != NULL;
}

/* Asks for both inodes under the name that is being exchanged, as an asnd in
 * alice's hands would.  Hers must come through at times, or nothing was
 * raced; his never. */
static void
race(Peer *p, const char *a, const char *b, const char *folder, gulong pace)
{
	g_autofree char *hers =
	    *folder ? g_strdup(A "/.Junk/cur/1") : g_strdup(A "/cur/1");
	struct stat her_st = look(p, hers), his_st = look(p, B "/cur/1");
	pid_t pid;
	guint good = 0, bad = 0;
	AsnWatchRead fixed = {.folder = peer_folder(p, A, folder)->id};
	PeerFolder probe = {.id = fixed.folder};

	pid = start_flipping(p, a, b, pace);
	for (int i = 0;
	     i < ROUNDS || ((good == 0 || bad == 0) && i < 20 * ROUNDS); i++) {
		const struct stat *st = i % 2 ? &her_st : &his_st;
		PeerFolder *now = peer_folder(p, A, folder);
		if (now != NULL)
			probe.id = now->id;
		peer_read(p, &probe, TRUE, "1", st->st_dev, st->st_ino);
		g_assert_false(is_canary(p));
		if (i % 2 == 0)
			g_assert_cmpuint(p->block.status, !=, ASN_WATCH_OK);
		else if (p->block.status == ASN_WATCH_OK)
			good++;
		else
			bad++;
	}
	stop_flipping(pid);
	g_test_message("%u read, %u refused", good, bad);
	g_assert_cmpuint(good, >, 0);
	g_assert_cmpuint(bad, >, 0);
}

static void
link_to(Peer *p, const char *target, const char *path)
{
	g_autofree char *to = peer_path(p, "%s", target);
	g_autofree char *full = peer_path(p, "%s", path);

	g_assert_cmpint(symlink(to, full), ==, 0);
	g_assert_cmpint(lchown(full, ALICE, ALICE), ==, 0);
}

static void
test_race_mail(void)
{
	Peer *p = started();

	link_to(p, B "/cur/1", A "/tmp/link");
	race(p, A "/cur/1", A "/tmp/link", "", 0);
	finish(p);
}

static void
test_race_box(void)
{
	Peer *p = started();

	link_to(p, B "/cur", A "/tmp/link");
	race(p, A "/cur", A "/tmp/link", "", 0);
	finish(p);
}

static void
test_race_folder(void)
{
	Peer *p = alice_and_bob();

	peer_write(p, A "/.Junk/cur/1", "Subject: alice\n\n");
	peer_chown(p, A "/.Junk/cur", ALICE, 0700);
	link_to(p, B, A "/tmp/link");
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	race(p, A "/.Junk", A "/tmp/link", ".Junk", 0);
	finish(p);
}

static void
test_race_maildir(void)
{
	Peer *p = started();

	link_to(p, B, "home/alice/link");
	/* each exchange gives it a new id, so leave time to hear of it */
	race(p, A, "home/alice/link", "", 300);
	finish(p);
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
	g_test_add_func("/mailwatch-hostile/mount", test_mount);
	g_test_add_func("/mailwatch-hostile/race-mail", test_race_mail);
	g_test_add_func("/mailwatch-hostile/race-box", test_race_box);
	g_test_add_func("/mailwatch-hostile/race-folder", test_race_folder);
	g_test_add_func("/mailwatch-hostile/race-maildir", test_race_maildir);
	return g_test_run();
}
