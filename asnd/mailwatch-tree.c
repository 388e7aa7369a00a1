/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-tree.c: the nodes of the tree. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "escape.h"
#include "mailwatch-log.h"
#include "mailwatch-tree.h"
#include "open-beneath.h"

static void
node_free(gpointer data)
{
	MwNode *node = data;

	g_clear_pointer(&node->children, g_hash_table_unref);
	g_free(node->name);
	g_free(node);
}

static MwNode *
node_alloc(MwPattern *pattern, MwNode *up, MwKind kind, const char *name)
{
	MwNode *node = g_new0(MwNode, 1);

	node->kind = kind;
	node->name = g_strdup(name);
	node->up = up;
	node->pattern = pattern;
	node->link.data = node;
	if (kind != MW_FOLDER)
		node->children = g_hash_table_new_full(
		    g_str_hash, g_str_equal, NULL, node_free);
	for (guint8 part = 0; part < 3; part++) {
		node->watch[part].node = node;
		node->watch[part].wd = -1;
		node->watch[part].part = part;
	}
	return node;
}

MwNode *
mw_node_child(const MwNode *node, const char *name)
{
	return g_hash_table_lookup(node->children, name);
}

MwNode *
mw_node_new(MwTree *tree, MwNode *up, MwKind kind, const char *name)
{
	guint cap = up->kind == MW_MAILDIR ? MW_MAX_FOLDERS : MW_MAX_CHILDREN;
	MwNode *node;

	if (g_hash_table_size(up->children) >= cap) {
		if (!up->warned) {
			g_autofree char *path = mw_node_full_path(up);
			char shown[ASN_ESCAPE_SIZE];
			mw_warn("%s has more than %u directories: the others "
				"are passed over",
			    asn_escape_str(shown, path), cap);
		}
		up->warned = TRUE;
		return NULL;
	}
	node = node_alloc(up->pattern, up, kind, name);
	node->depth = up->depth + 1;
	g_hash_table_insert(up->children, node->name, node);
	return node;
}

void
mw_node_queue(MwTree *tree, MwNode *node, gboolean force)
{
	node->force |= force;
	if (node->queued)
		return;
	node->queued = TRUE;
	g_queue_push_tail_link(&tree->work, &node->link);
}

/* What asnd is told of a node that goes.  A folder goes with its Maildir
 * without a word of its own: the Maildir may come back. */
static void
say_farewell(MwTree *tree, const MwNode *node, gboolean with_maildir)
{
	MwFarewell farewell = {ASN_WATCH_MAILDIR_GONE, node->id};

	if (node->kind == MW_FOLDER)
		farewell.type = ASN_WATCH_FOLDER_GONE;
	if (node->announced && !with_maildir)
		g_array_append_val(tree->gone, farewell);
}

/* The node and all below it.  with_maildir: its Maildir goes, too. */
static void
forget(MwTree *tree, MwNode *node, gboolean with_maildir)
{
	GHashTableIter iter;
	gpointer child;

	if (node->children != NULL) {
		g_hash_table_iter_init(&iter, node->children);
		while (g_hash_table_iter_next(&iter, NULL, &child))
			forget(tree, child, node->kind == MW_MAILDIR);
	}
	if (tree->listing == node)
		mw_listing_stop(tree);
	for (int part = 0; part < 3; part++)
		mw_inotify_drop(&tree->inotify, &node->watch[part]);
	if (node->queued)
		g_queue_unlink(&tree->work, &node->link);
	mw_rest_forget(tree, node);
	mw_again_freed(tree, node);
	if (node->kind == MW_MAILDIR) {
		g_autofree char *path = mw_node_full_path(node);
		if (g_hash_table_lookup(tree->paths, path) == node)
			g_hash_table_remove(tree->paths, path);
	}
	g_hash_table_remove(tree->folders, GUINT_TO_POINTER(node->id));
	say_farewell(tree, node, with_maildir);
}

void
mw_node_drop(MwTree *tree, MwNode *node)
{
	forget(tree, node, FALSE);
	g_hash_table_remove(node->up->children, node->name);
}

gboolean
mw_node_path(const MwNode *node, char *path)
{
	gsize len, at;

	if (node->up == NULL) {
		memcpy(path, ".", 2);
		return TRUE;
	}
	if (!mw_node_path(node->up, path))
		return FALSE;
	len = strlen(node->name);
	at = strlen(path);
	if (len >= PATH_MAX - 1 - at)
		return FALSE;
	path[at] = '/';
	memcpy(path + at + 1, node->name, len + 1);
	return TRUE;
}

char *
mw_node_full_path(const MwNode *node)
{
	g_autofree char *above = NULL;

	if (node->up == NULL)
		return g_strdup(node->pattern->base);
	above = mw_node_full_path(node->up);
	return g_build_filename(above, node->name, NULL);
}

int
mw_node_open(const MwNode *node, struct stat *st)
{
	char path[PATH_MAX];
	int fd;

	if (!mw_node_path(node, path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = asn_open_dir(node->pattern->base_fd, path, FALSE, st);
	if (fd >= 0 && (st->st_dev != node->dev || st->st_ino != node->ino ||
			   st->st_uid != node->uid)) {
		close(fd);
		errno = ENOENT;
		return -1;
	}
	return fd;
}

/* "FOLDER/new/NAME" below the Maildir, without what is not there. */
static gboolean
mail_path(const MwNode *folder, MwPart part, const char *name, char *path)
{
	static const char *const box[] = {NULL, "new", "cur"};
	const char *parts[4];
	int n = 0, len;

	if (folder->name[0] != '\0')
		parts[n++] = folder->name;
	if (part != MW_DIR)
		parts[n++] = box[part];
	if (name != NULL)
		parts[n++] = name;
	if (n == 0)
		parts[n++] = ".";
	len =
	    g_snprintf(path, PATH_MAX, "%s%s%s%s%s", parts[0], n > 1 ? "/" : "",
		n > 1 ? parts[1] : "", n > 2 ? "/" : "", n > 2 ? parts[2] : "");
	return len < PATH_MAX;
}

static int
open_in_maildir(
    const MwNode *folder, MwPart part, const char *name, struct stat *st)
{
	char path[PATH_MAX];
	int maildir, fd, error;

	if (!mail_path(folder, part, name, path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	maildir = mw_node_open(folder->up, st);
	if (maildir < 0)
		return -1;
	fd = name == NULL ? asn_open_dir(maildir, path, TRUE, st)
			  : asn_open_look(maildir, path, st);
	error = errno;
	close(maildir);
	errno = error;
	return fd;
}

int
mw_folder_open(const MwNode *folder, MwPart part, struct stat *st)
{
	int fd = open_in_maildir(folder, part, NULL, st);

	if (fd >= 0 && st->st_uid != folder->up->uid) {
		close(fd);
		errno = EPERM;
		return -1;
	}
	return fd;
}

int
mw_folder_open_mail(
    const MwNode *folder, MwPart part, const char *name, struct stat *st)
{
	return open_in_maildir(folder, part, name, st);
}

gboolean
mw_mail_is_good(const MwNode *folder, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == folder->up->uid;
}

void
mw_emit(MwTree *tree, AsnWatchType type, const void *fixed, gsize fixed_len,
    const char *name)
{
	tree->emit(tree->emit_data, type, fixed, fixed_len, name, -1);
}

void
mw_emit_entry(const MwTree *tree, const MwNode *folder, MwPart part,
    const char *name, const struct stat *st, gboolean scan)
{
	AsnWatchEntry entry = {
	    .dev = st->st_dev,
	    .ino = st->st_ino,
	    .mtime = st->st_mtime,
	    .ctime = st->st_ctime,
	    .folder = folder->id,
	    .cur = part == MW_CUR,
	    .scan = scan != FALSE,
	};

	tree->emit(
	    tree->emit_data, ASN_WATCH_ENTRY, &entry, sizeof entry, name, -1);
}

static MwPattern *
pattern_new(const char *text)
{
	MwPattern *p = g_new0(MwPattern, 1);
	g_auto(GStrv) names = g_strsplit(text, "/", -1);
	GPtrArray *rest = g_ptr_array_new();
	GString *base = g_string_new(NULL);
	gboolean literal = TRUE;

	for (char **name = names; *name != NULL; name++) {
		gboolean last = TRUE;
		if (**name == '\0')
			continue;
		for (char **more = name + 1; *more != NULL; more++)
			last = last && **more == '\0';
		literal = literal && !last && strpbrk(*name, "*?[") == NULL;
		if (literal)
			g_string_append_printf(base, "/%s", *name);
		else
			g_ptr_array_add(rest, g_strdup(*name));
	}
	g_ptr_array_add(rest, NULL);
	if (base->len == 0)
		g_string_append_c(base, '/');
	p->text = g_strdup(text);
	p->base = g_string_free(base, FALSE);
	p->rest = (char **)g_ptr_array_free(rest, FALSE);
	p->base_fd = -1;
	p->root = node_alloc(p, NULL, MW_PARENT, "");
	return p;
}

static void
pattern_free(gpointer data)
{
	MwPattern *p = data;

	node_free(p->root);
	if (p->base_fd >= 0)
		close(p->base_fd);
	g_strfreev(p->rest);
	g_free(p->base);
	g_free(p->text);
	g_free(p);
}

static void
drop_children(MwTree *tree, MwNode *node)
{
	GHashTableIter iter;
	gpointer child;

	g_hash_table_iter_init(&iter, node->children);
	while (g_hash_table_iter_next(&iter, NULL, &child)) {
		forget(tree, child, FALSE);
		g_hash_table_iter_remove(&iter);
	}
}

/* The id of the mount that fd is in, not given again while fd is open; 0: not
 * known.  No file server is asked. */
static guint64
mount_of(int fd)
{
	struct statx st = {0};

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID,
		&st) != 0)
		return 0;
	return st.stx_mnt_id;
}

/* In the same mount, too: what is mounted below another one of the same file
 * system is not seen through this one. */
static gboolean
is_base(const MwPattern *pattern, int fd, const struct stat *st)
{
	guint64 old, now;

	if (fd < 0 || pattern->base_fd < 0 ||
	    st->st_dev != pattern->root->dev ||
	    st->st_ino != pattern->root->ino)
		return FALSE;
	old = mount_of(pattern->base_fd);
	now = mount_of(fd);
	return old == now || old == 0 || now == 0;
}

void
mw_pattern_refresh(MwTree *tree, MwPattern *pattern)
{
	MwNode *root = pattern->root;
	struct stat st = {0};
	int fd = asn_open_base(pattern->base), error = fd < 0 ? errno : 0;

	if (fd >= 0 && fstat(fd, &st) != 0) {
		error = errno;
		close(fd);
		fd = -1;
	}
	if (mw_again(tree, root, error))
		return;
	if (is_base(pattern, fd, &st)) {
		root->uid = st.st_uid;
		close(fd);
		return;
	}
	drop_children(tree, root);
	mw_inotify_drop(&tree->inotify, &root->watch[MW_DIR]);
	if (pattern->base_fd >= 0)
		close(pattern->base_fd);
	pattern->base_fd = fd;
	root->dev = st.st_dev;
	root->ino = st.st_ino;
	root->uid = st.st_uid;
	if (fd >= 0)
		mw_node_queue(tree, root, TRUE);
	else if (error != ENOENT)
		mw_warn("maildirs %s: %s: %s", pattern->text, pattern->base,
		    g_strerror(error));
}

MwTree *
mw_tree_new(const char *const *patterns, gboolean folders_only,
    guint32 overflows, MwEmit emit, gpointer data)
{
	MwTree *tree = g_new0(MwTree, 1);

	tree->emit = emit;
	tree->emit_data = data;
	tree->folders_only = folders_only;
	tree->overflows = overflows;
	mw_inotify_init(&tree->inotify, folders_only);
	tree->patterns = g_ptr_array_new_with_free_func(pattern_free);
	tree->folders = g_hash_table_new(NULL, NULL);
	tree->paths =
	    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	tree->gone = g_array_new(FALSE, FALSE, sizeof(MwFarewell));
	g_queue_init(&tree->work);
	tree->resting = g_ptr_array_new();
	for (; *patterns != NULL; patterns++)
		g_ptr_array_add(tree->patterns, pattern_new(*patterns));
	mw_scan_all(tree);
	return tree;
}

void
mw_tree_free(MwTree *tree)
{
	if (tree == NULL)
		return;
	mw_listing_stop(tree);
	mw_again_clear(tree);
	/* Closing the instance frees all watches at once. */
	mw_inotify_clear(&tree->inotify);
	g_ptr_array_unref(tree->patterns);
	g_hash_table_unref(tree->folders);
	g_hash_table_unref(tree->paths);
	g_array_unref(tree->gone);
	g_ptr_array_unref(tree->resting);
	g_free(tree);
}
