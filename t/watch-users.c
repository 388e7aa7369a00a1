/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch-users.c: two users for tests that run as root. */

#include "watch-users.h"

Peer *
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

Peer *
users_started(void)
{
	Peer *p = alice_and_bob();

	peer_start(p);
	peer_wait(p, p->syncs == 1);
	return p;
}

void
users_finish(Peer *p)
{
	peer_stop(p);
	peer_free(p);
}

struct stat
users_look(Peer *p, const char *path)
{
	g_autofree char *full = peer_path(p, "%s", path);
	struct stat st;

	g_assert_cmpint(lstat(full, &st), ==, 0);
	return st;
}
