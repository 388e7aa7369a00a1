/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-event.c: what inotify says. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mailwatch-tree.h"

#define SELF (IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT | IN_IGNORED)
#define APPEARED (IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB)

/* At the cost of its owner. */
static void
list_anew(MwTree *tree, MwNode *folder)
{
	folder->charged = TRUE;
	mw_node_queue(tree, folder, TRUE);
}

/* Below the directory above it stands the same node, another one, or none. */
static MwNode *
check_self(MwTree *tree, MwNode *node)
{
	/* node, and its name with it, may be freed on the way */
	g_autofree char *name = g_strdup(node->name);
	MwNode *up = node->up;

	if (up == NULL) {
		mw_pattern_refresh(tree, node->pattern);
		return node->pattern->base_fd >= 0 ? node : NULL;
	}
	mw_check_child(tree, up, name);
	return mw_node_child(up, name);
}

/* The directory of this node itself was moved, deleted or unmounted.  Another
 * one may have got its inode number: it looks like the old one and has no
 * watch, here and below. */
static void
self_changed(MwTree *tree, MwNode *node, guint32 mask)
{
	if (node->kind == MW_FOLDER) {
		list_anew(tree, node);
		return;
	}
	node = check_self(tree, node);
	if (node != NULL && (mask & IN_MOVE_SELF) == 0)
		mw_node_queue(tree, node, TRUE);
}

/* INBOX is there with one box, which may be given to its user before the other
 * is; of the boxes of a folder, the folder's own watch tells. */
static gboolean
was_readable(const MwNode *folder, const char *name)
{
	const MwWatch *box = NULL;

	if (strcmp(name, "cur") == 0)
		box = &folder->watch[MW_CUR];
	else if (strcmp(name, "new") == 0)
		box = &folder->watch[MW_NEW];
	return folder->announced &&
	       (box == NULL || box->wd >= 0 || box->polled);
}

static void
maildir_changed(MwTree *tree, MwNode *node, const struct inotify_event *event)
{
	gboolean attributes = (event->mask & IN_ATTRIB) != 0;
	MwNode *folder;

	if (strcmp(event->name, "cur") == 0 || strcmp(event->name, "new") == 0)
		folder = mw_node_child(node, "");
	else if (!mw_is_folder_name(event->name))
		return;
	else
		folder = mw_node_child(node, event->name);
	if (folder == NULL)
		folder = mw_node_new(tree, node, MW_FOLDER, event->name);
	/* A new mode or owner matters only to what was not readable. */
	if (folder != NULL &&
	    !(attributes && was_readable(folder, event->name)))
		list_anew(tree, folder);
}

static void
box_changed(
    MwTree *tree, const MwWatch *watch, const struct inotify_event *event)
{
	MwNode *folder = watch->node;
	AsnWatchGone gone = {
	    .folder = folder->id, .cur = watch->part == MW_CUR};
	struct stat st;
	int fd;

	/* What is not announced yet will be listed after this event. */
	if (!folder->announced || event->name[0] == '.')
		return;
	if ((event->mask & APPEARED) == 0) {
		mw_emit(tree, ASN_WATCH_GONE, &gone, sizeof gone, event->name);
		return;
	}
	fd = mw_folder_open_mail(folder, watch->part, event->name, &st);
	if (fd < 0) {
		/* Else it is gone again: the next event says so. */
		mw_again(tree, folder, errno);
		return;
	}
	close(fd);
	if (mw_mail_is_good(folder, &st))
		mw_emit_entry(
		    tree, folder, watch->part, event->name, &st, FALSE);
	else
		tree->refused++;
}

static double
cost_of(const MwWatch *watch, const struct inotify_event *event)
{
	gboolean box = watch->part != MW_DIR;

	return !box && (event->mask & IN_ISDIR) != 0 ? MW_COST_DIRECTORY
						     : MW_COST_EVENT;
}

static void
dispatch(MwTree *tree, MwWatch *watch, const struct inotify_event *event)
{
	MwNode *node = watch->node;

	if ((event->mask & SELF) != 0)
		self_changed(tree, node, event->mask);
	else if (event->len == 0)
		/* our own directory's attributes */
		return; /* NOLINT(bugprone-branch-clone): two reasons */
	else if (watch->part != MW_DIR && (event->mask & IN_ISDIR) == 0)
		box_changed(tree, watch, event);
	else if (watch->part != MW_DIR || (event->mask & IN_ISDIR) == 0)
		return; /* a directory among mails, a file among directories */
	else if (node->kind == MW_PARENT)
		mw_check_child(tree, node, event->name);
	else if (node->kind == MW_MAILDIR)
		maildir_changed(tree, node, event);
	else
		list_anew(tree, node);
}

gboolean
mw_event_step(MwTree *tree, gboolean *overflow)
{
	const struct inotify_event *event = mw_inotify_next(&tree->inotify);
	MwWatch *watch;

	if (event == NULL)
		return FALSE;
	if ((event->mask & IN_Q_OVERFLOW) != 0) {
		tree->overflows++;
		*overflow = TRUE;
		return TRUE;
	}
	tree->unmounted |= (event->mask & IN_UNMOUNT) != 0;
	watch = mw_inotify_find(&tree->inotify, event->wd);
	if (watch == NULL)
		return TRUE; /* a watch that was dropped meanwhile */
	if (mw_rest_charge(tree, watch->node, cost_of(watch, event)))
		return TRUE;
	if (watch->next == NULL) {
		if ((event->mask & IN_IGNORED) != 0)
			mw_inotify_forget(&tree->inotify, event->wd);
		dispatch(tree, watch, event);
		return TRUE;
	}
	/* One inode under several names: look again at each of them. */
	for (; watch != NULL; watch = watch->next)
		mw_node_queue(tree, watch->node, TRUE);
	if ((event->mask & IN_IGNORED) != 0)
		mw_inotify_forget(&tree->inotify, event->wd);
	return TRUE;
}
