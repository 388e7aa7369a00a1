/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-folder.c: looking at a folder, listing its mails. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "escape.h"
#include "mailwatch-log.h"
#include "mailwatch-tree.h"
#include "open-beneath.h"

/* Entries that are passed over in one step, before other work gets its turn */
#define MAX_PASSED_OVER 256

static void
announce_folder(MwTree *tree, MwNode *node)
{
	AsnWatchFolder f;

	if (!node->announced) {
		node->announced = TRUE;
		node->id = ++tree->last_id;
		g_hash_table_insert(
		    tree->folders, GUINT_TO_POINTER(node->id), node);
	}
	f = (AsnWatchFolder){.id = node->id, .maildir = node->up->id};
	mw_emit(tree, ASN_WATCH_FOLDER, &f, sizeof f, node->name);
}

/* Neither cur nor new is there (any more); it may come. */
static void
retract_folder(MwTree *tree, MwNode *node)
{
	MwFarewell farewell = {ASN_WATCH_FOLDER_GONE, node->id};

	if (!node->announced)
		return;
	g_array_append_val(tree->gone, farewell);
	g_hash_table_remove(tree->folders, GUINT_TO_POINTER(node->id));
	node->announced = FALSE;
	if (tree->listing == node)
		mw_listing_stop(tree);
}

/* What cannot be found in a Maildir that is not there itself (any more: it was
 * unmounted) is not gone: all of the Maildir is. */
static gboolean
maildir_went(MwTree *tree, MwNode *node)
{
	struct stat st;
	int fd = mw_node_open(node->up, &st);

	if (fd >= 0) {
		close(fd);
		return FALSE;
	}
	if (!mw_again(tree, node, errno))
		mw_node_queue(tree, node->up, TRUE);
	return TRUE;
}

/* Watches one box.  *same: nothing was added to or taken from it since it was
 * listed, as far as its change time tells. */
static gboolean
watch_box(MwTree *tree, MwNode *node, MwPart part, gboolean *same)
{
	struct timespec *listed = &node->listed[part - MW_NEW];
	struct stat st;
	int fd = mw_folder_open(node, part, &st);

	if (fd < 0 && mw_again(tree, node, errno))
		return FALSE;
	if (fd < 0) {
		*same = *same && listed->tv_sec == 0 && listed->tv_nsec == 0;
		*listed = (struct timespec){0};
		mw_inotify_drop(&tree->inotify, &node->watch[part]);
		return FALSE;
	}
	mw_inotify_add(&tree->inotify, &node->watch[part], fd, MW_MASK_BOX);
	close(fd);
	*same = *same && listed->tv_sec != 0 &&
		listed->tv_sec == st.st_ctim.tv_sec &&
		listed->tv_nsec == st.st_ctim.tv_nsec;
	return TRUE;
}

/* Only while a box is missing the folder itself must be watched. */
static gboolean
watch_folder(MwTree *tree, MwNode *node, gboolean missing)
{
	struct stat st;
	int fd;

	if (node->name[0] == '\0') /* INBOX: the Maildir is watched anyway */
		return TRUE;
	if (!missing) {
		mw_inotify_drop(&tree->inotify, &node->watch[MW_DIR]);
		return TRUE;
	}
	fd = mw_folder_open(node, MW_DIR, &st);
	if (fd < 0)
		return mw_again(tree, node, errno);
	mw_inotify_add(
	    &tree->inotify, &node->watch[MW_DIR], fd, MW_MASK_PARENT);
	close(fd);
	return TRUE;
}

void
mw_look_at_folder(MwTree *tree, MwNode *node)
{
	gboolean same = !node->force, new_box, cur_box;

	node->force = FALSE;
	new_box = watch_box(tree, node, MW_NEW, &same);
	cur_box = watch_box(tree, node, MW_CUR, &same);
	if ((!new_box || !cur_box) && !node->again) {
		if (!watch_folder(tree, node, TRUE)) {
			if (!maildir_went(tree, node))
				mw_node_drop(tree, node);
			return;
		}
		/* The other box may have come just before that watch. */
		new_box = watch_box(tree, node, MW_NEW, &same);
		cur_box = watch_box(tree, node, MW_CUR, &same);
	}
	if (node->again)
		return;
	watch_folder(tree, node, !new_box || !cur_box);
	if (!new_box && !cur_box) {
		if (!maildir_went(tree, node))
			retract_folder(tree, node);
		return;
	}
	if (same && node->announced)
		return;
	announce_folder(tree, node);
	if (tree->folders_only)
		return;
	mw_listing_stop(tree);
	tree->listing = node;
	tree->part = MW_NEW;
	tree->listed_entries = 0;
	tree->listing_failed = FALSE;
}

/* --- listing ----------------------------------------------------------------
 */

DIR *
mw_open_listing(int fd, const struct stat *st)
{
	int reading = asn_reopen_read(fd, O_DIRECTORY, st);
	DIR *dir;

	if (reading < 0)
		return NULL;
	dir = fdopendir(reading);
	if (dir == NULL)
		close(reading);
	return dir;
}

void
mw_cannot_list(MwTree *tree, MwNode *node)
{
	int error = errno;
	g_autofree char *path = mw_node_full_path(node);
	char shown[ASN_ESCAPE_SIZE];

	if (mw_again(tree, node, error))
		return;
	mw_warn("%s cannot be read: %s", asn_escape_str(shown, path),
	    g_strerror(error));
}

void
mw_listing_stop(MwTree *tree)
{
	if (tree->dir != NULL)
		closedir(tree->dir);
	tree->dir = NULL;
	tree->listing = NULL;
}

static void
open_box(MwTree *tree)
{
	MwNode *node = tree->listing;
	struct timespec *listed = &node->listed[tree->part - MW_NEW];
	struct stat st;
	int fd = mw_folder_open(node, tree->part, &st);

	if (fd < 0) {
		tree->listing_failed |=
		    mw_again(tree, node, errno) || maildir_went(tree, node);
		return;
	}
	/* File systems stamp with coarse clocks: a change time of just now
	 * cannot tell what comes before the next tick. */
	*listed = st.st_ctim;
	if (st.st_ctim.tv_sec + 2 >= g_get_real_time() / G_USEC_PER_SEC)
		*listed = (struct timespec){.tv_nsec = 1};
	tree->dir = mw_open_listing(fd, &st);
	if (tree->dir == NULL) {
		tree->listing_failed = TRUE;
		mw_cannot_list(tree, node);
	}
	close(fd);
}

static void
list_done(MwTree *tree)
{
	AsnWatchId id = {.id = tree->listing->id};
	gboolean failed = tree->listing_failed;

	tree->listing->charged = FALSE;

	mw_listing_stop(tree);
	/* "Every entry was sent" must be true. */
	if (!failed)
		mw_emit(tree, ASN_WATCH_FOLDER_LISTED, &id, sizeof id, NULL);
}

static gboolean
list_is_full(MwTree *tree)
{
	MwNode *node = tree->listing;

	if (tree->listed_entries < MW_MAX_ENTRIES)
		return FALSE;
	/* asnd must not take what is passed over for gone. */
	tree->listing_failed = TRUE;
	if (!node->warned) {
		g_autofree char *path = mw_node_full_path(node);
		char shown[ASN_ESCAPE_SIZE];
		mw_warn("%s has more than %u entries: the others are passed "
			"over until they are renamed",
		    asn_escape_str(shown, path), MW_MAX_ENTRIES);
	}
	node->warned = TRUE;
	errno = 0; /* no error of readdir: it was not asked */
	return TRUE;
}

/* TRUE: a packet went out. */
static gboolean
list_entry(MwTree *tree, const char *name)
{
	struct stat st;

	if (name[0] == '.') /* not mail: Maildir(5) */
		return FALSE;
	if (fstatat(dirfd(tree->dir), name, &st,
		AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
		tree->listing_failed |= mw_again(tree, tree->listing, errno);
		return FALSE;
	}
	tree->listed_entries++;
	if (tree->listing->charged &&
	    mw_rest_charge(tree, tree->listing, MW_COST_LISTED))
		return TRUE; /* and is not listed any more */
	if (!mw_mail_is_good(tree->listing, &st)) {
		tree->refused++;
		return FALSE;
	}
	mw_emit_entry(tree, tree->listing, tree->part, name, &st, TRUE);
	return TRUE;
}

/* new before cur, as mail moves: none is missed on the way. */
void
mw_list_step(MwTree *tree)
{
	struct dirent *e = NULL;

	if (tree->dir == NULL)
		open_box(tree);
	for (int n = 0; n < MAX_PASSED_OVER && tree->dir != NULL; n++) {
		errno = 0;
		e = list_is_full(tree) ? NULL : readdir(tree->dir);
		if (e == NULL)
			break;
		if (list_entry(tree, e->d_name))
			return;
	}
	if (e != NULL)
		return; /* more to come in the next step */
	if (tree->dir != NULL && errno != 0) {
		tree->listing_failed = TRUE;
		mw_cannot_list(tree, tree->listing);
	}
	if (tree->dir != NULL)
		closedir(tree->dir);
	tree->dir = NULL;
	if (tree->part == MW_NEW)
		tree->part = MW_CUR;
	else
		list_done(tree);
}
