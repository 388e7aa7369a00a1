/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-mailwatch-mounts.c: homes that are mounted and unmounted while they are
 * watched.  Run as root, in a mount namespace of its own.
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch-peer.h"

#define A "home/a/Maildir"
#define B "home/b/Maildir"
#define MAIL "A: b\n\n"

static Peer *
started(void)
{
	Peer *p = peer_new("home/*/Maildir");

	peer_maildir(p, A);
	peer_write(p, A "/cur/below", MAIL);
	peer_maildir(p, B);
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	return p;
}

static void
mount_on(Peer *p, const char *path)
{
	g_autofree char *full = peer_path(p, "%s", path);

	g_assert_cmpint(mount("none", full, "tmpfs", 0, "mode=755"), ==, 0);
}

static void
unmount(Peer *p, const char *path)
{
	g_autofree char *full = peer_path(p, "%s", path);

	/* it may just be looked at */
	peer_wait(p, umount2(full, 0) == 0);
}

/* What comes now is told. */
static void
assert_heard(Peer *p, const char *name)
{
	g_autofree char *path = g_strdup_printf(A "/%s", name);

	peer_write(p, path, MAIL);
	peer_wait(p, peer_mail(p, A, "", name));
}

/* A file system comes and goes on top of a home, and comes back. */
static void
test_home(void)
{
	Peer *p = started();

	mount_on(p, "home/a");
	peer_wait(p, !peer_folder(p, A, ""));
	/* which is no word on what was in it */
	g_assert_cmpuint(p->folders_gone, ==, 0);
	peer_maildir(p, A);
	assert_heard(p, "new/1");
	g_assert_null(peer_mail(p, A, "", "cur/below"));
	unmount(p, "home/a");
	peer_wait(p, peer_mail(p, A, "", "cur/below"));
	g_assert_null(peer_mail(p, A, "", "new/1"));
	assert_heard(p, "new/2");
	mount_on(p, "home/a");
	peer_wait(p, !peer_folder(p, A, ""));
	g_assert_cmpuint(p->folders_gone, ==, 0);
	unmount(p, "home/a");
	peer_wait(p, peer_mail(p, A, "", "new/2"));
	assert_heard(p, "new/3");
	peer_stop(p);
	peer_free(p);
}

/* The same with the Maildir, found mounted at the start, and with no inotify:
 * then only mountinfo tells. */
static void
test_maildir(void)
{
	Peer *p = peer_new("home/*/Maildir");

	peer_maildir(p, A);
	peer_write(p, A "/cur/below", MAIL);
	mount_on(p, A);
	peer_maildir(p, A);
	peer_write(p, A "/cur/above", MAIL);
	p->no_inotify = TRUE;
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	g_assert_nonnull(peer_mail(p, A, "", "cur/above"));
	unmount(p, A);
	peer_wait(p, peer_mail(p, A, "", "cur/below"));
	g_assert_null(peer_mail(p, A, "", "cur/above"));
	peer_stop(p);
	peer_free(p);
}

/* Of all homes; and one elsewhere, which is none of ours. */
static void
test_base(void)
{
	Peer *p = started();

	mount_on(p, "home");
	peer_wait(p, !peer_folder(p, A, "") && !peer_folder(p, B, ""));
	peer_maildir(p, A);
	assert_heard(p, "new/1");
	peer_maildir(p, "elsewhere");
	mount_on(p, "elsewhere");
	unmount(p, "elsewhere");
	assert_heard(p, "new/2");
	peer_stop(p);
	unmount(p, "home");
	peer_free(p);
}

static void
bind_home(Peer *p)
{
	g_autofree char *home = peer_path(p, "home");

	g_assert_cmpint(mount(home, home, NULL, MS_BIND, NULL), ==, 0);
}

/* The file system of all homes is exchanged for itself before anybody looks:
 * what is mounted in it from then on is seen. */
static void
test_base_again(void)
{
	Peer *p = peer_new("home/*/Maildir");
	g_autofree char *home = peer_path(p, "home");

	peer_maildir(p, A);
	peer_write(p, A "/cur/below", MAIL);
	bind_home(p);
	peer_start(p);
	peer_wait(p, p->syncs == 1);
	g_assert_cmpint(kill(p->pid, SIGSTOP), ==, 0);
	g_assert_cmpint(waitpid(p->pid, NULL, WUNTRACED), ==, p->pid);
	g_assert_cmpint(umount2(home, MNT_DETACH), ==, 0);
	bind_home(p);
	g_assert_cmpint(kill(p->pid, SIGCONT), ==, 0);
	mount_on(p, "home/a");
	peer_wait(p, !peer_folder(p, A, ""));
	peer_maildir(p, A);
	assert_heard(p, "new/1");
	unmount(p, "home/a");
	peer_wait(p, peer_mail(p, A, "", "cur/below"));
	peer_stop(p);
	unmount(p, "home");
	peer_free(p);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		g_print("1..0 # SKIP no mount namespace of its own: %s\n",
		    g_strerror(errno));
		return 0;
	}
	g_test_add_func("/mailwatch-mounts/home", test_home);
	g_test_add_func("/mailwatch-mounts/maildir", test_maildir);
	g_test_add_func("/mailwatch-mounts/base", test_base);
	g_test_add_func("/mailwatch-mounts/base-again", test_base_again);
	return g_test_run();
}
