/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mmdb-tree.c: the search tree of a MaxMind DB being written. */

#include <string.h>

#include "mmdb-format.h"
#include "mmdb-tree.h"

#define NO_NODE G_MAXUINT32

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

static guint32
bucket_of(const MmdbTree *t, MmdbTreeNode node)
{
	guint64 h = (guint64)node.child[0] << 32 | node.child[1];

	h *= 0x9E3779B97F4A7C15u;
	h ^= h >> 32;
	return (guint32)h & (t->n_buckets - 1);
}

/* The place of an equal node, or the free one where it belongs. */
static guint32 *
find(const MmdbTree *t, MmdbTreeNode node)
{
	guint32 i = bucket_of(t, node);

	while (t->buckets[i] != NO_NODE &&
	       memcmp(&t->nodes[t->buckets[i]], &node, sizeof node) != 0)
		i = (i + 1) & (t->n_buckets - 1);
	return &t->buckets[i];
}

static void
grow_buckets(MmdbTree *t)
{
	g_autofree guint32 *old = g_steal_pointer(&t->buckets);
	guint32 n_old = t->n_buckets;

	t->n_buckets = MAX(2048, n_old * 2);
	t->buckets = g_new(guint32, t->n_buckets);
	memset(t->buckets, 0xff, sizeof *t->buckets * t->n_buckets);
	for (guint32 i = 0; i < n_old; i++)
		if (old[i] != NO_NODE)
			*find(t, t->nodes[old[i]]) = old[i];
}

static MmdbRef
join(MmdbTree *t, MmdbRef left, MmdbRef right)
{
	MmdbTreeNode node = {{left, right}};
	guint32 *bucket;

	if (left == right && left & MMDB_REF_LEAF)
		return left;
	if (!t->share)
		return append(t, node);
	if (t->n_nodes >= t->n_buckets / 2)
		grow_buckets(t);
	bucket = find(t, node);
	if (*bucket == NO_NODE)
		*bucket = append(t, node);
	return *bucket;
}

/* Whether the first `depth` bits of the item are those of the branch. */
static inline gboolean
inside(const MmdbTreeItem *item, guint64 hi, guint64 lo, guint depth)
{
	if (depth <= 64)
		return depth == 0 || (item->hi ^ hi) >> (64 - depth) == 0;
	return item->hi == hi && (item->lo ^ lo) >> (128 - depth) == 0;
}

static MmdbRef
build(MmdbTree *t, guint depth, guint64 hi, guint64 lo, MmdbRef inherited)
{
	MmdbRef left, right;

	if (t->next == t->end || !inside(t->next, hi, lo, depth))
		return inherited;
	if (t->next->len == depth) {
		inherited = t->next++->ref;
		if (t->next == t->end || !inside(t->next, hi, lo, depth))
			return inherited;
	}
	left = build(t, depth + 1, hi, lo, inherited);
	if (depth < 64)
		hi |= G_GUINT64_CONSTANT(1) << (63 - depth);
	else
		lo |= G_GUINT64_CONSTANT(1) << (127 - depth);
	right = build(t, depth + 1, hi, lo, inherited);
	return join(t, left, right);
}

MmdbRef
mmdb_tree_build(MmdbTree *t, const MmdbTreeItem *items, gsize n)
{
	t->next = items;
	t->end = items + n;
	return build(t, 0, 0, 0, MMDB_REF_NONE);
}

MmdbRef
mmdb_tree_keep_apart(MmdbTree *t, MmdbRef ref)
{
	if (ref & MMDB_REF_LEAF)
		return ref;
	return append(t, t->nodes[ref]);
}

typedef struct {
	const MmdbTree *t;
	guint32 *number; /* of a node, by its index */
	MmdbTreeNode *out;
	guint32 n;
} Ordering;

static MmdbRef
visit(Ordering *o, MmdbRef ref)
{
	guint32 number;

	if (ref & MMDB_REF_LEAF)
		return ref;
	if (o->number[ref] != NO_NODE)
		return o->number[ref];
	number = o->n++;
	o->number[ref] = number;
	for (int i = 0; i < 2; i++)
		o->out[number].child[i] = visit(o, o->t->nodes[ref].child[i]);
	return number;
}

MmdbTreeNode *
mmdb_tree_order(const MmdbTree *t, MmdbRef ref, guint32 *n)
{
	g_autofree guint32 *number = g_new(guint32, t->n_nodes + 1);
	MmdbTreeNode *out = g_new(MmdbTreeNode, t->n_nodes + 1);
	Ordering o = {.t = t, .number = number, .out = out};

	memset(number, 0xff, sizeof *number * t->n_nodes);
	if (ref & MMDB_REF_LEAF) {
		/* A tree has at least one node. */
		out[0].child[0] = out[0].child[1] = ref;
		o.n = 1;
	} else {
		visit(&o, ref);
	}
	*n = o.n;
	return out;
}

static guint32
record_of(MmdbRef ref, guint32 n)
{
	if (!(ref & MMDB_REF_LEAF))
		return ref;
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

void
mmdb_tree_write(const MmdbTreeNode *nodes, guint32 n, guint bits, guint8 *out)
{
	for (guint32 i = 0; i < n; i++, out += bits / 4) {
		guint32 left = record_of(nodes[i].child[0], n);
		guint32 right = record_of(nodes[i].child[1], n);

		if (bits == 28) {
			put_be(out, left, 3);
			out[3] = (guint8)(left >> 24 << 4 | right >> 24);
			put_be(out + 4, right, 3);
		} else {
			put_be(out, left, bits / 8);
			put_be(out + bits / 8, right, bits / 8);
		}
	}
}
