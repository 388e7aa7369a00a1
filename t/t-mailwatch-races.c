/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-mailwatch-races.c: alice exchanges a mail, a box, a folder, her Maildir
 * for a symlink to bob's, in a loop, while asnd reads.  Run as root.
 */

#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch-users.h"

#define ROUNDS 1500

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
	struct stat her_st = users_look(p, hers),
		    his_st = users_look(p, B "/cur/1");
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
	Peer *p = users_started();

	link_to(p, B "/cur/1", A "/tmp/link");
	race(p, A "/cur/1", A "/tmp/link", "", 0);
	users_finish(p);
}

static void
test_race_box(void)
{
	Peer *p = users_started();

	link_to(p, B "/cur", A "/tmp/link");
	race(p, A "/cur", A "/tmp/link", "", 0);
	users_finish(p);
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
	users_finish(p);
}

static void
test_race_maildir(void)
{
	Peer *p = users_started();

	link_to(p, B, "home/alice/link");
	/* each exchange gives it a new id, so leave time to hear of it */
	race(p, A, "home/alice/link", "", 300);
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
	g_test_add_func("/mailwatch-races/mail", test_race_mail);
	g_test_add_func("/mailwatch-races/box", test_race_box);
	g_test_add_func("/mailwatch-races/folder", test_race_folder);
	g_test_add_func("/mailwatch-races/maildir", test_race_maildir);
	return g_test_run();
}
