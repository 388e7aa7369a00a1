/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-again.c: what could not be looked at for now. */

#include <errno.h>

#include "escape.h"
#include "mailwatch-tree.h"

#define SECOND ((gint64)G_USEC_PER_SEC)
#define PAUSE_MIN SECOND
#define PAUSE_MAX (300 * SECOND)
/* What fails for longer may do so for ever; nobody is to wait for it. */
#define GIVEN_UP (3600 * SECOND)

/* What a look at a directory or a mail tells of it.  Whatever else failed does
 * not: out of descriptors or memory, a disk that cannot be read, a file server
 * that does not answer or a file system whose daemon died (network and FUSE
 * file systems have many words for that, ENOTCONN, ETIMEDOUT, EHOSTDOWN, ESTALE
 * among them).  EAGAIN is a lease on a mail (fcntl(2)), which its owner may
 * hold for ever. */
static gboolean
tells_what_is_there(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP ||
	       error == EXDEV || error == EACCES || error == EPERM ||
	       error == ENAMETOOLONG || error == EAGAIN;
}

static void
say_failed(const MwNode *node, int error)
{
	g_autofree char *path = mw_node_full_path(node);
	char shown[ASN_ESCAPE_SIZE];

	g_warning("%s cannot be looked at now: %s; trying again until it, and "
		  "whatever else fails meanwhile, can be",
	    asn_escape_str(shown, path), g_strerror(error));
}

static void
note_failing(MwAgain *again, MwNode *node)
{
	gint64 now = g_get_monotonic_time();

	if (again->since == NULL)
		again->since = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	if (!g_hash_table_contains(again->since, node))
		g_hash_table_insert(
		    again->since, node, g_memdup2(&now, sizeof now));
}

gboolean
mw_again(MwTree *tree, MwNode *node, int error)
{
	MwAgain *again = &tree->again;

	if (error == 0 || tells_what_is_there(error))
		return FALSE;
	if (again->nodes == NULL)
		again->nodes = g_ptr_array_new();
	if (!node->again)
		g_ptr_array_add(again->nodes, node);
	node->again = TRUE;
	note_failing(again, node);
	if (again->at != 0 || tree->folders_only)
		return TRUE;
	if (again->pause == 0)
		say_failed(node, error);
	again->pause = CLAMP(2 * again->pause, PAUSE_MIN, PAUSE_MAX);
	again->at = g_get_monotonic_time() + again->pause;
	again->calm = 0;
	return TRUE;
}

void
mw_again_forget(MwTree *tree, MwNode *node)
{
	if (node->again)
		g_ptr_array_remove_fast(tree->again.nodes, node);
	node->again = FALSE;
}

void
mw_again_freed(MwTree *tree, MwNode *node)
{
	mw_again_forget(tree, node);
	if (tree->again.since != NULL)
		g_hash_table_remove(tree->again.since, node);
}

gint64
mw_again_next(const MwTree *tree)
{
	const MwAgain *again = &tree->again;

	if (again->at != 0)
		return again->at;
	return again->calm != 0 ? again->calm : G_MAXINT64;
}

guint
mw_again_count(const MwTree *tree)
{
	const MwAgain *again = &tree->again;
	gint64 now = g_get_monotonic_time();
	guint n = 0;

	for (guint i = 0; again->nodes != NULL && i < again->nodes->len; i++) {
		const gint64 *since =
		    g_hash_table_lookup(again->since, again->nodes->pdata[i]);

		n += now - *since <= GIVEN_UP;
	}
	return n;
}

static void
look_again(MwTree *tree, MwNode *node)
{
	if (node->up == NULL)
		mw_pattern_refresh(tree, node->pattern);
	if (node->up != NULL || node->pattern->base_fd >= 0)
		mw_node_queue(tree, node, TRUE);
}

/* Looking may drop nodes, which takes them from the array, and fail again at
 * once, which adds to it. */
static void
start(MwTree *tree)
{
	GPtrArray *nodes = tree->again.nodes;

	tree->again.at = 0;
	for (guint n = nodes->len; n > 0 && nodes->len > 0; n--) {
		MwNode *node = g_ptr_array_remove_index_fast(nodes, 0);

		node->again = FALSE;
		look_again(tree, node);
	}
	tree->sync_due = TRUE;
}

gboolean
mw_again_turn(MwTree *tree, gint64 now)
{
	MwAgain *again = &tree->again;

	if (again->at != 0 && now >= again->at) {
		start(tree);
		return TRUE;
	}
	if (again->at == 0 && again->calm != 0 && now >= again->calm) {
		again->pause = again->calm = 0;
		g_message("everything could be looked at again");
	}
	return FALSE;
}

static gboolean
is_well(gpointer node, gpointer since, gpointer data)
{
	return !((const MwNode *)node)->again;
}

void
mw_again_scanned(MwTree *tree)
{
	if (tree->again.since != NULL)
		g_hash_table_foreach_remove(tree->again.since, is_well, NULL);
	if (tree->again.pause != 0 && tree->again.at == 0)
		tree->again.calm = g_get_monotonic_time() + tree->again.pause;
}

void
mw_again_clear(MwTree *tree)
{
	g_clear_pointer(&tree->again.nodes, g_ptr_array_unref);
	g_clear_pointer(&tree->again.since, g_hash_table_unref);
}
