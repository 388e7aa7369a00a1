/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mmdb-tree.c: the search tree of a MaxMind DB being written. */

#include <string.h>

#include "huge.h"
#include "mmdb-format.h"
#include "mmdb-tree.h"

#define NO_NODE G_MAXUINT32
#define NO_BUCKET G_MAXUINT64

void
mmdb_tree_init(MmdbTree *t, gboolean share)
{
	memset(t, 0, sizeof *t);
	t->share = share;
}

void
mmdb_tree_clear(MmdbTree *t)
{
	g_clear_pointer(&t->nodes, g_free);
	g_clear_pointer(&t->buckets, g_free);
}

static MmdbRef
append(MmdbTree *t, MmdbTreeNode node)
{
	if (t->n_nodes == MMDB_REF_LEAF - 1) {
		t->full = TRUE;
		return MMDB_REF_NONE;
	}
	if (t->n_nodes == t->room) {
		t->room = MAX(1024, t->room + t->room / 2);
		t->nodes = g_renew(MmdbTreeNode, t->nodes, t->room);
	}
	t->nodes[t->n_nodes] = node;
	return t->n_nodes++;
}

/* A bucket holds the upper half of the hash beside the index, so that only a
 * node that is most likely equal is looked at. */
static guint64
hash_of(MmdbTreeNode node)
{
	guint64 h = (guint64)node.child[0] << 32 | node.child[1];

	h *= 0x9E3779B97F4A7C15u;
	return (h ^ h >> 32) * 0xBF58476D1CE4E5B9u;
}

/* The place of an equal node, or the free one where it belongs. */
static guint64 *
find_node(const MmdbTree *t, MmdbTreeNode node, guint64 hash)
{
	guint32 i = (guint32)hash & (t->n_buckets - 1);
	guint32 tag = (guint32)(hash >> 32);

	for (; t->buckets[i] != NO_BUCKET; i = (i + 1) & (t->n_buckets - 1))
		if ((guint32)(t->buckets[i] >> 32) == tag &&
		    memcmp(&t->nodes[(guint32)t->buckets[i]], &node,
			sizeof node) == 0)
			break;
	return &t->buckets[i];
}

static void
grow_buckets(MmdbTree *t)
{
	g_autofree guint64 *old = g_steal_pointer(&t->buckets);
	guint32 n_old = t->n_buckets;

	t->n_buckets = MAX(2048, n_old * 2);
	t->buckets = g_new(guint64, t->n_buckets);
	asn_advise_huge(t->buckets, sizeof *t->buckets * t->n_buckets);
	memset(t->buckets, 0xff, sizeof *t->buckets * t->n_buckets);
	for (guint32 i = 0; i < n_old; i++) {
		MmdbTreeNode node;
		if (old[i] == NO_BUCKET)
			continue;
		node = t->nodes[(guint32)old[i]];
		*find_node(t, node, hash_of(node)) = old[i];
	}
}

static MmdbRef
join(MmdbTree *t, MmdbRef left, MmdbRef right)
{
	MmdbTreeNode node = {{left, right}};
	guint64 *bucket, hash;
	MmdbRef ref;

	if (left == right && left & MMDB_REF_LEAF)
		return left;
	if (!t->share)
		return append(t, node);
	if (t->n_nodes >= t->n_buckets / 4 * 3)
		grow_buckets(t);
	hash = hash_of(node);
	bucket = find_node(t, node, hash);
	if (*bucket != NO_BUCKET)
		return (guint32)*bucket;
	ref = append(t, node);
	if (!(ref & MMDB_REF_LEAF))
		*bucket = hash >> 32 << 32 | ref;
	return ref;
}

/* Whether the first `depth` bits of the item are those of the branch. */
static inline gboolean
inside(const MmdbTreeItem *item, guint64 hi, guint64 lo, guint depth)
{
	if (depth <= 64)
		return depth == 0 || (item->hi ^ hi) >> (64 - depth) == 0;
	return item->hi == hi && (item->lo ^ lo) >> (128 - depth) == 0;
}

void
mmdb_tree_start(MmdbTree *t)
{
	t->depth = 0;
	t->done = FALSE;
	t->stack[0] = (MmdbTreeBranch){.inherited = MMDB_REF_NONE};
}

/* Opens the left or right half of the narrowest open branch. */
static inline void
open_half(MmdbTree *t, guint bit)
{
	MmdbTreeBranch *b = &t->stack[t->depth + 1];

	*b = t->stack[t->depth];
	b->has_left = FALSE;
	if (t->depth < 64)
		b->hi |= (guint64)bit << (63 - t->depth);
	else
		b->lo |= (guint64)bit << (127 - t->depth);
	t->depth++;
}

/* Nothing more comes inside the narrowest open branch: its answer goes to the
 * one around it, and on outwards until a right half is still to come. */
static void
close_branch(MmdbTree *t)
{
	MmdbRef ref = t->stack[t->depth].inherited;

	while (t->depth > 0) {
		MmdbTreeBranch *around = &t->stack[--t->depth];
		if (!around->has_left) {
			around->left = ref;
			around->has_left = TRUE;
			open_half(t, 1);
			return;
		}
		ref = join(t, around->left, ref);
	}
	t->root = ref;
	t->done = TRUE;
}

static inline guint
bit_at(const MmdbTreeItem *item, guint depth)
{
	return (guint)((depth < 64 ? item->hi >> (63 - depth)
				   : item->lo >> (127 - depth)) &
		       1);
}

void
mmdb_tree_add(MmdbTree *t, const MmdbTreeItem *item)
{
	/* Ends at the root at the latest, in which everything is. */
	while (!inside(
	    item, t->stack[t->depth].hi, t->stack[t->depth].lo, t->depth))
		close_branch(t);
	while (t->depth < item->len) {
		MmdbTreeBranch *b = &t->stack[t->depth];
		guint bit = bit_at(item, t->depth);

		if (bit == 1) {
			b->left = b->inherited;
			b->has_left = TRUE;
		}
		open_half(t, bit);
	}
	t->stack[t->depth].inherited = item->ref;
}

MmdbRef
mmdb_tree_end(MmdbTree *t)
{
	while (!t->done)
		close_branch(t);
	return t->root;
}

MmdbRef
mmdb_tree_keep_apart(MmdbTree *t, MmdbRef ref)
{
	if (ref & MMDB_REF_LEAF)
		return ref;
	return append(t, t->nodes[ref]);
}

static void
visit(const MmdbTree *t, MmdbRef ref, guint32 *numbers, guint32 *n)
{
	if (ref & MMDB_REF_LEAF || numbers[ref] != NO_NODE)
		return;
	numbers[ref] = (*n)++;
	visit(t, t->nodes[ref].child[0], numbers, n);
	visit(t, t->nodes[ref].child[1], numbers, n);
}

guint32 *
mmdb_tree_number(const MmdbTree *t, MmdbRef ref, guint32 *n)
{
	gsize size = sizeof(guint32) * t->n_nodes;
	guint32 *numbers = g_malloc(size + 1);

	asn_advise_huge(numbers, size);
	memset(numbers, 0xff, size);
	*n = 0;
	visit(t, ref, numbers, n);
	if (*n == 0)
		*n = 1; /* a tree has at least one node */
	return numbers;
}

static inline guint32
record_of(MmdbRef ref, const guint32 *numbers, guint32 n)
{
	if (!(ref & MMDB_REF_LEAF))
		return numbers[ref];
	if (ref == MMDB_REF_NONE)
		return n;
	return n + MMDB_SEPARATOR + (ref & ~MMDB_REF_LEAF) - 1;
}

static inline void
put_be(guint8 *out, guint32 v, guint bytes)
{
	for (guint i = 0; i < bytes; i++)
		out[i] = (guint8)(v >> (8 * (bytes - 1 - i)));
}

static inline void
write_node(guint8 *out, guint bits, guint32 left, guint32 right)
{
	if (bits == 28) {
		put_be(out, left, 3);
		out[3] = (guint8)(left >> 24 << 4 | right >> 24);
		put_be(out + 4, right, 3);
	} else {
		put_be(out, left, bits / 8);
		put_be(out + bits / 8, right, bits / 8);
	}
}

void
mmdb_tree_write(const MmdbTree *t, MmdbRef ref, const guint32 *numbers,
    guint32 n, guint bits, guint8 *out)
{
	if (ref & MMDB_REF_LEAF) {
		guint32 record = record_of(ref, numbers, n);
		write_node(out, bits, record, record);
		return;
	}
	for (guint32 i = 0; i < t->n_nodes; i++)
		if (numbers[i] != NO_NODE)
			write_node(out + (gsize)numbers[i] * (bits / 4), bits,
			    record_of(t->nodes[i].child[0], numbers, n),
			    record_of(t->nodes[i].child[1], numbers, n));
}
