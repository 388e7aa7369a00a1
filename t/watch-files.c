/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch-files.c: what tests of asnd-mailwatch do to files. */

#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "watch-peer.h"

char *
peer_path(Peer *p, const char *format, ...)
{
	g_autofree char *below = NULL;
	va_list args;

	va_start(args, format);
	below = g_strdup_vprintf(format, args);
	va_end(args);
	return g_strdup_printf("%s/%s", p->dir, below);
}

void
peer_maildir(Peer *p, const char *path)
{
	static const char *const box[] = {"tmp", "new", "cur"};

	for (gsize i = 0; i < G_N_ELEMENTS(box); i++) {
		g_autofree char *full = peer_path(p, "%s/%s", path, box[i]);
		g_assert_cmpint(g_mkdir_with_parents(full, 0755), ==, 0);
	}
}

void
peer_write(Peer *p, const char *path, const char *text)
{
	g_autofree char *full = peer_path(p, "%s", path);
	int fd = open(full, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
	close(fd);
}

void
peer_rename(Peer *p, const char *from, const char *to)
{
	g_autofree char *a = peer_path(p, "%s", from);
	g_autofree char *b = peer_path(p, "%s", to);

	g_assert_cmpint(rename(a, b), ==, 0);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

void
peer_remove(Peer *p, const char *path)
{
	g_autofree char *full = strcmp(path, ".") == 0
				    ? g_strdup(p->dir)
				    : peer_path(p, "%s", path);

	g_assert_cmpint(
	    nftw(full, remove_one, 64, FTW_DEPTH | FTW_PHYS), ==, 0);
}

static uid_t new_owner;

static int
chown_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return lchown(path, new_owner, new_owner);
}

void
peer_chown(Peer *p, const char *path, uid_t uid, mode_t mode)
{
	g_autofree char *full = peer_path(p, "%s", path);

	new_owner = uid;
	g_assert_cmpint(nftw(full, chown_one, 64, FTW_DEPTH | FTW_PHYS), ==, 0);
	g_assert_cmpint(chmod(full, mode), ==, 0);
}
