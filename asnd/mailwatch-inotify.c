/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-inotify.c: watches by inode, several names for each. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "mailwatch-inotify.h"

#define BUFFER_SIZE ((gsize)64 * 1024)

void
mw_inotify_init(MwInotify *in, gboolean counting)
{
	*in = (MwInotify){.fd = -1, .counting = counting};
	in->by_wd = g_hash_table_new(NULL, NULL);
	in->buffer = g_malloc(BUFFER_SIZE);
	if (counting)
		return;
	in->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	in->warned = in->fd < 0;
	if (in->fd < 0)
		g_warning("inotify cannot be had (%s), so all folders are only "
			  "rescanned on a timer; raise the sysctl "
			  "fs.inotify.max_user_instances",
		    g_strerror(errno));
}

void
mw_inotify_clear(MwInotify *in)
{
	if (in->fd >= 0)
		close(in->fd);
	g_clear_pointer(&in->by_wd, g_hash_table_unref);
	g_clear_pointer(&in->buffer, g_free);
	in->fd = -1;
}

void
mw_inotify_renew(MwInotify *in)
{
	in->failed = 0;
	if (in->fd < 0 && !in->counting)
		in->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

void
mw_inotify_renewed(MwInotify *in)
{
	if (!in->warned || in->failed != 0)
		return;
	in->warned = FALSE;
	g_message("inotify has room for all folders again");
}

gboolean
mw_fs_needs_polling(gint64 f_type)
{
	/* statfs(2), linux/magic.h */
	static const gint64 shared[] = {
	    0x6969,     /* NFS */
	    0x517B,     /* SMB */
	    0xFF534D42, /* CIFS */
	    0xFE534D42, /* SMB2 */
	    0x65735546, /* FUSE */
	    0x01021997, /* 9P */
	    0x00C36400, /* Ceph */
	    0x5346414F, /* AFS */
	    0x6B414653, /* kAFS */
	    0x73757245, /* Coda */
	    0x01161970, /* GFS2 */
	    0x7461636F, /* OCFS2 */
	    0x0BD00BD0, /* Lustre */
	    0x786F4256, /* VirtualBox folder */
	};

	for (gsize i = 0; i < G_N_ELEMENTS(shared); i++)
		if (f_type == shared[i])
			return TRUE;
	return FALSE;
}

MwWatch *
mw_inotify_find(MwInotify *in, int wd)
{
	return g_hash_table_lookup(in->by_wd, GINT_TO_POINTER(wd));
}

guint
mw_inotify_count(const MwInotify *in)
{
	return in->counting ? in->counted : g_hash_table_size(in->by_wd);
}

static void
link_watch(MwInotify *in, MwWatch *watch, int wd)
{
	watch->wd = wd;
	watch->next = mw_inotify_find(in, wd);
	g_hash_table_insert(in->by_wd, GINT_TO_POINTER(wd), watch);
}

void
mw_inotify_drop(MwInotify *in, MwWatch *watch)
{
	MwWatch *first;
	int wd = watch->wd;

	watch->polled = FALSE;
	if (wd < 0)
		return;
	watch->wd = -1;
	if (in->counting) {
		in->counted--;
		return;
	}
	first = mw_inotify_find(in, wd);
	if (first != watch) {
		while (first->next != watch)
			first = first->next;
		first->next = watch->next;
	} else if (watch->next != NULL) {
		g_hash_table_insert(
		    in->by_wd, GINT_TO_POINTER(wd), watch->next);
	} else {
		g_hash_table_remove(in->by_wd, GINT_TO_POINTER(wd));
		inotify_rm_watch(in->fd, wd);
	}
	watch->next = NULL;
}

void
mw_inotify_forget(MwInotify *in, int wd)
{
	MwWatch *watch = mw_inotify_find(in, wd);

	g_hash_table_remove(in->by_wd, GINT_TO_POINTER(wd));
	while (watch != NULL) {
		MwWatch *next = watch->next;
		watch->wd = -1;
		watch->next = NULL;
		watch = next;
	}
}

static void
add_failed(MwInotify *in, int error)
{
	in->failed++;
	if (in->warned)
		return;
	in->warned = TRUE;
	if (error == ENOSPC)
		g_warning("no inotify watches left after %u: the other folders "
			  "are only rescanned on a timer (rescan-interval); "
			  "raise the sysctl fs.inotify.max_user_watches",
		    mw_inotify_count(in));
	else
		g_warning("a folder cannot be watched (%s): it is only "
			  "rescanned on a timer (rescan-interval)",
		    g_strerror(error));
}

void
mw_inotify_add(MwInotify *in, MwWatch *watch, int dir_fd, guint32 mask)
{
	struct statfs fs;
	char path[32];
	int wd;

	if (in->counting) {
		in->counted += watch->wd < 0;
		watch->wd = 0;
		return;
	}
	/* inotify_add_watch takes only a path.  This one is a magic link to
	 * the inode that dir_fd holds and that was checked: no name of a
	 * user's is looked up again, so no symlink can be put in its way.
	 * (Hence no IN_DONT_FOLLOW, which would refuse the magic link.)
	 * IN_MASK_ADD: the inode may be watched for another name already. */
	g_snprintf(path, sizeof path, "/proc/self/fd/%d", dir_fd);
	wd = inotify_add_watch(in->fd, path, mask | IN_ONLYDIR | IN_MASK_ADD);
	if (wd < 0) {
		int error = errno;
		mw_inotify_drop(in, watch);
		watch->polled = TRUE;
		add_failed(in, error);
		return;
	}
	if (wd != watch->wd) {
		mw_inotify_drop(in, watch);
		link_watch(in, watch, wd);
	}
	watch->polled =
	    fstatfs(dir_fd, &fs) == 0 && mw_fs_needs_polling(fs.f_type);
}

const struct inotify_event *
mw_inotify_next(MwInotify *in)
{
	const struct inotify_event *event;

	if (in->at >= in->filled) {
		ssize_t n;
		in->at = in->filled = 0;
		if (in->fd < 0)
			return NULL;
		n = read(in->fd, in->buffer, BUFFER_SIZE);
		if (n <= 0)
			return NULL;
		in->filled = (gsize)n;
	}
	/* The kernel pads each event so that the next one is aligned. */
	event = (const void *)(in->buffer + in->at);
	in->at += sizeof *event + event->len;
	return event;
}

/* --- what the kernel has -----------------------------------------------------
 */

gboolean
mw_inotify_is_drained(const MwInotify *in)
{
	struct pollfd unread = {.fd = in->fd, .events = POLLIN};

	return in->at >= in->filled && poll(&unread, 1, 0) <= 0;
}

/* Lines "inotify wd:1 ino:2 ...", the number in hex (proc(5)). */
static gboolean
same_watches(MwInotify *in, FILE *info)
{
	static const char start[] = "inotify wd:";
	guint n = 0;
	char *line = NULL;
	size_t size = 0;
	gboolean known = TRUE;

	while (known && getline(&line, &size, info) > 0) {
		guint64 wd;

		if (!g_str_has_prefix(line, start))
			continue;
		wd = g_ascii_strtoull(line + strlen(start), NULL, 16);
		known = wd <= G_MAXINT && mw_inotify_find(in, (int)wd) != NULL;
		n++;
	}
	free(line);
	return known && n == g_hash_table_size(in->by_wd);
}

gboolean
mw_inotify_matches(MwInotify *in)
{
	char path[48];
	FILE *info;
	gboolean same;

	if (in->fd < 0)
		return TRUE;
	if (fcntl(in->fd, F_GETFD) < 0)
		return FALSE;
	g_snprintf(path, sizeof path, "/proc/self/fdinfo/%d", in->fd);
	info = fopen(path, "re");
	if (info == NULL) {
		if (!in->blind)
			g_warning("%s: %s: whether all watches are there "
				  "cannot be seen",
			    path, g_strerror(errno));
		in->blind = TRUE;
		return TRUE;
	}
	same = same_watches(in, info);
	fclose(info);
	return same;
}
