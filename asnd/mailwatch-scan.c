/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-scan.c: looking at directories, listing folders. */

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "escape.h"
#include "mailwatch-log.h"
#include "mailwatch-tree.h"
#include "open-beneath.h"

/* Everywhere below: watch first, then look, so that what changes in between
 * is told by an event. */

/* --- directories above Maildirs ------------------------------------------- */

/* Users may put anything into a directory of theirs; a Maildir is only one
 * that belongs to whoever owns the directory it is in (or root does). */
static gboolean
owner_fits(const struct stat *parent, const struct stat *maildir)
{
	return parent->st_uid == 0 || parent->st_uid == maildir->st_uid;
}

/* Two patterns may match the same path: the first one has it. */
static gboolean
claim_path(MwTree *tree, MwNode *maildir)
{
	char *path = mw_node_full_path(maildir);

	if (strlen(path) >= PATH_MAX ||
	    g_hash_table_contains(tree->paths, path)) {
		g_free(path);
		return FALSE;
	}
	g_hash_table_insert(tree->paths, path, maildir);
	return TRUE;
}

static void
add_child(MwTree *tree, MwNode *parent, const char *name, gboolean is_maildir,
    const struct stat *st)
{
	MwNode *node = mw_node_new(
	    tree, parent, is_maildir ? MW_MAILDIR : MW_PARENT, name);

	if (node == NULL)
		return;
	node->dev = st->st_dev;
	node->ino = st->st_ino;
	node->uid = st->st_uid;
	if (is_maildir && !claim_path(tree, node))
		mw_node_drop(tree, node);
	else
		mw_node_queue(tree, node, TRUE);
}

static void
say_refused(const MwNode *parent, const char *name, const char *why)
{
	g_autofree char *above = mw_node_full_path(parent);
	g_autofree char *path = g_build_filename(above, name, NULL);
	char shown[ASN_ESCAPE_SIZE];

	mw_warn("%s is passed over: %s", asn_escape_str(shown, path), why);
}

/* Opens name below parent and judges it. */
static gboolean
child_is_good(MwTree *tree, const MwNode *parent, int parent_fd,
    const struct stat *parent_st, const char *name, gboolean is_maildir,
    struct stat *st)
{
	int fd = asn_open_dir(parent_fd, name, FALSE, st), error = errno;

	if (fd < 0) {
		if (is_maildir && (error == ELOOP || error == ENOTDIR))
			say_refused(parent, name, "not a directory itself");
		else if (error == EACCES)
			say_refused(parent, name,
			    "no permission (CAP_DAC_READ_SEARCH is missing)");
		errno = error;
		return FALSE;
	}
	close(fd);
	if (!is_maildir || owner_fits(parent_st, st))
		return TRUE;
	tree->refused++;
	say_refused(
	    parent, name, "its owner is not that of the directory it is in");
	errno = EPERM;
	return FALSE;
}

/* deep: also look again at what is as it was. */
static void
check_child(MwTree *tree, MwNode *parent, int parent_fd,
    const struct stat *parent_st, const char *name, gboolean deep)
{
	gboolean is_maildir = parent->pattern->rest[parent->depth + 1] == NULL;
	MwNode *known = mw_node_child(parent, name);
	gboolean force = parent->force;
	struct stat st;
	gboolean good;

	good = child_is_good(
	    tree, parent, parent_fd, parent_st, name, is_maildir, &st);
	if (!good && mw_again(tree, parent, errno))
		return;
	if (known != NULL &&
	    (!good || known->dev != st.st_dev || known->ino != st.st_ino ||
		known->uid != st.st_uid)) {
		mw_node_drop(tree, known);
		known = NULL;
	}
	if (good && known == NULL)
		add_child(tree, parent, name, is_maildir, &st);
	else if (good && deep)
		mw_node_queue(tree, known, force);
}

static const char *
wanted_name(const MwNode *parent)
{
	return parent->pattern->rest[parent->depth];
}

static gboolean
name_matches(const MwNode *parent, const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       fnmatch(wanted_name(parent), name, FNM_PERIOD) == 0;
}

void
mw_check_child(MwTree *tree, MwNode *parent, const char *name)
{
	struct stat st;
	int fd;

	if (!name_matches(parent, name))
		return;
	fd = mw_node_open(parent, &st);
	if (fd < 0) {
		mw_again(tree, parent, errno);
		return;
	}
	check_child(tree, parent, fd, &st, name, FALSE);
	close(fd);
}

/* The next name; NULL: no more, or (it is tried again) not now. */
static struct dirent *
next_name(MwTree *tree, MwNode *node, DIR *dir)
{
	struct dirent *e;

	errno = 0;
	e = readdir(dir);
	if (e == NULL && errno != 0)
		mw_cannot_list(tree, node);
	return e;
}

static void
find_new_children(MwTree *tree, MwNode *node, int fd, const struct stat *st)
{
	DIR *dir = mw_open_listing(fd, st);
	struct dirent *e;

	if (dir == NULL) {
		mw_cannot_list(tree, node);
		return;
	}
	while ((e = next_name(tree, node, dir)) != NULL) {
		if (!name_matches(node, e->d_name))
			continue;
		if (e->d_type == DT_LNK)
			say_refused(node, e->d_name,
			    "a symlink; add where it leads to maildirs");
		else if ((e->d_type == DT_DIR || e->d_type == DT_UNKNOWN) &&
			 mw_node_child(node, e->d_name) == NULL)
			check_child(tree, node, fd, st, e->d_name, TRUE);
	}
	closedir(dir);
}

/* Names, copied: checking drops some of the nodes. */
static char **
child_names(const MwNode *node)
{
	GPtrArray *names = g_ptr_array_new();
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, node->children);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

/* What stands there now, if anything, the directory above tells. */
static void
drop_unreachable(MwTree *tree, MwNode *node)
{
	if (!mw_again(tree, node, errno) && node->up != NULL)
		mw_node_drop(tree, node);
}

static void
look_at_parent(MwTree *tree, MwNode *node)
{
	gboolean literal = strpbrk(wanted_name(node), "*?[") == NULL;
	g_auto(GStrv) known = child_names(node);
	struct stat st;
	int fd = mw_node_open(node, &st);

	if (fd < 0) {
		drop_unreachable(tree, node);
		return;
	}
	mw_inotify_add(
	    &tree->inotify, &node->watch[MW_DIR], fd, MW_MASK_PARENT);
	for (char **name = known; *name != NULL; name++)
		check_child(tree, node, fd, &st, *name, TRUE);
	if (!literal)
		find_new_children(tree, node, fd, &st);
	else if (mw_node_child(node, wanted_name(node)) == NULL)
		check_child(tree, node, fd, &st, wanted_name(node), TRUE);
	close(fd);
	node->force = FALSE;
}

/* --- Maildirs ---------------------------------------------------------------
 */

static void
announce_maildir(MwTree *tree, MwNode *node)
{
	g_autofree char *path = mw_node_full_path(node);
	AsnWatchMaildir m;

	node->announced = TRUE;
	node->id = ++tree->last_id;
	m = (AsnWatchMaildir){.id = node->id, .uid = node->uid};
	mw_emit(tree, ASN_WATCH_MAILDIR, &m, sizeof m, path);
}

static void
find_new_folders(MwTree *tree, MwNode *node, int fd, const struct stat *st)
{
	DIR *dir = mw_open_listing(fd, st);
	struct dirent *e;

	if (dir == NULL) {
		mw_cannot_list(tree, node);
		return;
	}
	while ((e = next_name(tree, node, dir)) != NULL) {
		MwNode *folder;
		if (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN)
			continue;
		if (!mw_is_folder_name(e->d_name) ||
		    mw_node_child(node, e->d_name) != NULL)
			continue;
		folder = mw_node_new(tree, node, MW_FOLDER, e->d_name);
		if (folder == NULL)
			break;
		mw_node_queue(tree, folder, TRUE);
	}
	closedir(dir);
}

static void
look_at_maildir(MwTree *tree, MwNode *node)
{
	GHashTableIter iter;
	gpointer folder;
	struct stat st;
	int fd = mw_node_open(node, &st);

	if (fd < 0) {
		drop_unreachable(tree, node);
		return;
	}
	mw_inotify_add(
	    &tree->inotify, &node->watch[MW_DIR], fd, MW_MASK_PARENT);
	if (!node->announced)
		announce_maildir(tree, node);
	g_hash_table_iter_init(&iter, node->children);
	while (g_hash_table_iter_next(&iter, NULL, &folder)) {
		if (node->force) /* our wish, not an event's */
			((MwNode *)folder)->charged = FALSE;
		mw_node_queue(tree, folder, node->force);
	}
	if (mw_node_child(node, "") == NULL)
		mw_node_queue(
		    tree, mw_node_new(tree, node, MW_FOLDER, ""), TRUE);
	find_new_folders(tree, node, fd, &st);
	close(fd);
	node->force = FALSE;
}

gboolean
mw_is_folder_name(const char *name)
{
	static const char *const other[] = {".", "..", "cur", "new", "tmp"};

	for (gsize i = 0; i < G_N_ELEMENTS(other); i++)
		if (strcmp(name, other[i]) == 0)
			return FALSE;
	return TRUE;
}

/* --- steps ------------------------------------------------------------------
 */

static void
say_gone(MwTree *tree)
{
	MwFarewell f = g_array_index(tree->gone, MwFarewell, tree->gone_said++);
	AsnWatchId id = {.id = f.id};

	if (tree->gone_said == tree->gone->len) {
		g_array_set_size(tree->gone, 0);
		tree->gone_said = 0;
	}
	mw_emit(tree, (AsnWatchType)f.type, &id, sizeof id, NULL);
}

static void
look_at(MwTree *tree, MwNode *node)
{
	node->queued = FALSE;
	if (mw_rest_covers(node))
		return;
	mw_again_forget(tree, node);
	if (node->kind == MW_PARENT)
		look_at_parent(tree, node);
	else if (node->kind == MW_MAILDIR)
		look_at_maildir(tree, node);
	else
		mw_look_at_folder(tree, node);
}

static void
say_sync(MwTree *tree)
{
	AsnWatchSync sync = {
	    .watches = mw_inotify_count(&tree->inotify),
	    .polled = mw_count_polled(tree),
	    .overflows = tree->overflows,
	    .refused = tree->refused,
	    .unseen = tree->resting->len + mw_again_count(tree),
	};

	tree->sync_due = FALSE;
	tree->partial = sync.unseen != 0;
	mw_again_scanned(tree);
	mw_inotify_renewed(&tree->inotify);
	mw_emit(tree, ASN_WATCH_SYNC, &sync, sizeof sync, NULL);
}

gboolean
mw_scan_step(MwTree *tree)
{
	GList *link;

	if (tree->gone->len != 0)
		say_gone(tree);
	else if (tree->listing != NULL)
		mw_list_step(tree);
	else if ((link = g_queue_pop_head_link(&tree->work)) != NULL)
		look_at(tree, link->data);
	else if (tree->sync_due)
		say_sync(tree);
	else
		return FALSE;
	return TRUE;
}

void
mw_scan_all(MwTree *tree)
{
	mw_inotify_renew(&tree->inotify);
	for (guint i = 0; i < tree->patterns->len; i++) {
		MwPattern *p = g_ptr_array_index(tree->patterns, i);
		mw_pattern_refresh(tree, p);
		if (p->base_fd >= 0)
			mw_node_queue(tree, p->root, TRUE);
	}
	tree->sync_due = TRUE;
}

static gboolean
is_polled(const MwNode *node)
{
	return node->watch[MW_DIR].polled || node->watch[MW_NEW].polled ||
	       node->watch[MW_CUR].polled;
}

/* Returns the polled folders below node; queues what is polled if asked to. */
static guint32
walk_polled(MwTree *tree, MwNode *node, gboolean queue)
{
	guint32 n = node->kind == MW_FOLDER && is_polled(node);
	GHashTableIter iter;
	gpointer child;

	if (queue && is_polled(node)) {
		mw_node_queue(tree, node, FALSE);
		tree->sync_due = TRUE;
	}
	if (node->children == NULL)
		return n;
	g_hash_table_iter_init(&iter, node->children);
	while (g_hash_table_iter_next(&iter, NULL, &child))
		n += walk_polled(tree, child, queue);
	return n;
}

void
mw_scan_polled(MwTree *tree)
{
	mw_inotify_renew(&tree->inotify);
	for (guint i = 0; i < tree->patterns->len; i++) {
		MwPattern *p = g_ptr_array_index(tree->patterns, i);
		mw_pattern_refresh(tree, p);
		walk_polled(tree, p->root, TRUE);
	}
}

guint32
mw_count_polled(const MwTree *tree)
{
	guint32 n = 0;

	for (guint i = 0; i < tree->patterns->len; i++) {
		MwPattern *p = g_ptr_array_index(tree->patterns, i);
		n += walk_polled(NULL, p->root, FALSE);
	}
	return n;
}
