/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search tree of a MaxMind DB being written: from networks in order to the
 * smallest tree that answers the same, and to its bytes.
 *
 * Private to the writer, one thread.  Recursion is as deep as an address has
 * bits.  Work and memory are linear in networks times their depth.
 */
#pragma once

#include "addr.h"

/* Where a branch leads: a node by its index, or an answer. */
typedef guint32 MmdbRef;
#define MMDB_REF_LEAF 0x80000000u
#define MMDB_REF_NONE MMDB_REF_LEAF /* no data */
#define MMDB_REF_MAX_OFFSET 0x7ffffffeu
static inline MmdbRef
mmdb_ref_data(guint32 offset)
{
	return MMDB_REF_LEAF | (offset + 1);
}

/* A network as the left-aligned bits of its address. */
typedef struct {
	guint64 hi, lo;
	MmdbRef ref;
	guint8 len;
} MmdbTreeItem;

typedef struct {
	MmdbRef child[2];
} MmdbTreeNode;

/* A branch that is being built; its depth is its place in the stack. */
typedef struct {
	guint64 hi, lo;
	MmdbRef inherited; /* the answer where nothing narrower is known */
	MmdbRef left;
	gboolean has_left;
} MmdbTreeBranch;

typedef struct {
	MmdbTreeNode *nodes; /* children before parents */
	guint32 n_nodes, room;
	guint64 *buckets;  /* tag and index of nodes, when subtrees are shared */
	guint32 n_buckets; /* a power of two, or 0 */
	gboolean share;
	gboolean full; /* more nodes than can be named */
	/* between start and end */
	MmdbTreeBranch stack[129];
	guint depth;
	MmdbRef root;
	gboolean done;
} MmdbTree;

void mmdb_tree_init(MmdbTree *t, gboolean share);
void mmdb_tree_clear(MmdbTree *t);

/* A tree is built in one pass over its networks: sorted, parents first, none
 * twice.  Several trees can be built one after the other with the same nodes. */
void mmdb_tree_start(MmdbTree *t);
void mmdb_tree_add(MmdbTree *t, const MmdbTreeItem *item);
MmdbRef mmdb_tree_end(MmdbTree *t);
/* A node that nothing built later is merged with; unless ref is an answer. */
MmdbRef mmdb_tree_keep_apart(MmdbTree *t, MmdbRef ref);

/* Numbers the nodes below ref in depth-first preorder, ref being 0.  Returns
 * the number by index (G_MAXUINT32: not below ref); *n: how many.  Free with
 * g_free. */
guint32 *mmdb_tree_number(const MmdbTree *t, MmdbRef ref, guint32 *n);
/* Writes the n nodes below ref as records of `bits` (24, 28, 32), answers at
 * n + 16 + offset.  out: n * bits / 4 bytes. */
void mmdb_tree_write(const MmdbTree *t, MmdbRef ref, const guint32 *numbers,
    guint32 n, guint bits, guint8 *out);
