/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-rest.c: whose Maildir floods us is not listened to for a while. */

#include <string.h>

#include "escape.h"
#include "mailwatch-log.h"
#include "mailwatch-tree.h"

#define SECOND ((gint64)G_USEC_PER_SEC)
#define BURST 5000.0 /* events of a Maildir at once, */
#define RATE 200.0   /* and a second from then on */
#define REST_MIN (5 * SECOND)
#define REST_MAX (320 * SECOND)
#define CALM (600 * SECOND) /* then it starts at REST_MIN again */

/* What holds directories of several users, as all domains of a mail server do
 * that run under one uid, is as little of one user's as the patterns' base. */
static MwNode *
owner_of(MwNode *node)
{
	while (node->up != NULL && node->uid == node->up->uid)
		node = node->up;
	return node->up == NULL || node->uid == 0 ? NULL : node;
}

/* Whose events these are.  NULL: of a directory that root keeps, or of the
 * patterns' own: without it others would not be found. */
static MwNode *
account_of(MwNode *node)
{
	const char *const *wanted;

	if (node->kind == MW_FOLDER)
		return node->up;
	if (node->kind == MW_MAILDIR)
		return node;
	if (node->up == NULL || node->uid == 0)
		return NULL;
	wanted = (const char *const *)node->pattern->rest + node->depth;
	/* one Maildir is in it, so it is one user's */
	if (wanted[1] == NULL && strpbrk(wanted[0], "*?[") == NULL)
		return node;
	return owner_of(node);
}

static void
drop_watches(MwTree *tree, MwNode *node)
{
	GHashTableIter iter;
	gpointer child;

	for (int part = 0; part < 3; part++)
		mw_inotify_drop(&tree->inotify, &node->watch[part]);
	if (tree->listing == node)
		mw_listing_stop(tree);
	if (node->children == NULL)
		return;
	g_hash_table_iter_init(&iter, node->children);
	while (g_hash_table_iter_next(&iter, NULL, &child))
		drop_watches(tree, child);
}

static void
begin(MwTree *tree, MwNode *node, gint64 now)
{
	g_autofree char *path = mw_node_full_path(node);
	MwBudget *b = &node->budget;
	char shown[ASN_ESCAPE_SIZE];

	if (b->rest == 0 || now - b->when > CALM)
		b->rest = REST_MIN;
	else
		b->rest = MIN(2 * b->rest, REST_MAX);
	b->until = b->when = now + b->rest;
	b->tokens = BURST;
	g_ptr_array_add(tree->resting, node);
	drop_watches(tree, node);
	mw_warn("%s changes faster than others can wait for: it is looked at"
		" again in %u seconds",
	    asn_escape_str(shown, path), (guint)(b->rest / SECOND));
}

gboolean
mw_rest_charge(MwTree *tree, MwNode *node, double cost)
{
	MwNode *account = account_of(node);
	gint64 now = g_get_monotonic_time();
	MwBudget *b;

	if (account == NULL || tree->folders_only)
		return FALSE;
	b = &account->budget;
	if (b->filled == 0)
		b->tokens = BURST;
	else
		b->tokens = MIN(BURST,
		    b->tokens + RATE * (double)(now - b->filled) / SECOND);
	b->filled = now;
	b->tokens -= cost;
	if (b->tokens >= 0 || b->until != 0)
		return FALSE;
	begin(tree, account, now);
	return TRUE;
}

gboolean
mw_rest_covers(const MwNode *node)
{
	for (; node != NULL; node = node->up)
		if (node->budget.until != 0)
			return TRUE;
	return FALSE;
}

void
mw_rest_forget(MwTree *tree, MwNode *node)
{
	if (node->budget.until != 0)
		g_ptr_array_remove_fast(tree->resting, node);
}

gint64
mw_rest_next(const MwTree *tree)
{
	gint64 next = G_MAXINT64;

	for (guint i = 0; i < tree->resting->len; i++) {
		const MwNode *node = g_ptr_array_index(tree->resting, i);
		next = MIN(next, node->budget.until);
	}
	return next;
}

gboolean
mw_rest_end(MwTree *tree, gint64 now)
{
	gboolean any = FALSE;

	for (guint i = tree->resting->len; i-- > 0;) {
		MwNode *node = g_ptr_array_index(tree->resting, i);

		if (now < node->budget.until)
			continue;
		node->budget.until = 0;
		g_ptr_array_remove_index_fast(tree->resting, i);
		mw_node_queue(tree, node, TRUE);
		any = TRUE;
	}
	tree->sync_due |= any && tree->partial;
	return any;
}
