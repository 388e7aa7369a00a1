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

typedef struct {
	MmdbTreeNode *nodes; /* children before parents */
	guint32 n_nodes, room;
	guint32 *buckets;  /* of equal nodes, when subtrees are shared */
	guint32 n_buckets; /* a power of two, or 0 */
	gboolean share;
	gboolean full; /* more nodes than can be named */
	/* while building */
	const MmdbTreeItem *next, *end;
} MmdbTree;

void mmdb_tree_init(MmdbTree *t, gboolean share);
void mmdb_tree_clear(MmdbTree *t);
/* Subtree of `items` (sorted, parents first, all longer than or equal to
 * 0 bits of their own address). */
MmdbRef mmdb_tree_build(MmdbTree *t, const MmdbTreeItem *items, gsize n);
/* A node that nothing built later is merged with; unless ref is an answer. */
MmdbRef mmdb_tree_keep_apart(MmdbTree *t, MmdbRef ref);
/* The tree below ref in depth-first preorder; ref itself becomes node 0.
 * Returns the nodes in that order, children renumbered; *n: how many. */
MmdbTreeNode *mmdb_tree_order(const MmdbTree *t, MmdbRef ref, guint32 *n);
/* Writes the nodes as records of `bits` (24, 28, 32), answers at node count +
 * 16 + offset.  out: n * bits / 4 bytes. */
void mmdb_tree_write(
    const MmdbTreeNode *nodes, guint32 n, guint bits, guint8 *out);
