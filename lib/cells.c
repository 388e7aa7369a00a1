/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cells.c: the address space in cells of one answer each. */

#include <stdlib.h>
#include <string.h>

#include "cells.h"

/* Where cells begin. */
typedef struct {
	guint8 family;
	GArray *starts; /* AsnPos */
} Bounds;

static const struct {
	guint8 first[2], last[2]; /* of an IPv6 address */
} left_out[] = {
    {{0x00, 0x00}, {0x00, 0x00}}, /* ::/16 */
    {{0x01, 0x00}, {0x01, 0xff}}, /* 100::/8 */
    {{0x20, 0x02}, {0x20, 0x02}}, /* 2002::/16 */
};

static AsnRange
left_out_range(gsize i)
{
	AsnNetwork first = {.addr = {.family = 6}, .len = 16}, last = first;
	AsnRange r;

	memcpy(first.addr.b, left_out[i].first, 2);
	memcpy(last.addr.b, left_out[i].last, 2);
	r = asn_range_of(&first);
	r.last = asn_range_of(&last).last;
	return r;
}

static gboolean
is_left_out(guint8 family, AsnPos pos)
{
	for (gsize i = 0; family == 6 && i < G_N_ELEMENTS(left_out); i++) {
		AsnRange r = left_out_range(i);
		if (pos >= r.first && pos <= r.last)
			return TRUE;
	}
	return FALSE;
}

/* Leaves come in order: what starts where the one before ended is there. */
static void
add_start(Bounds *b, AsnPos pos)
{
	if (b->starts->len == 0 ||
	    g_array_index(b->starts, AsnPos, b->starts->len - 1) != pos)
		g_array_append_val(b->starts, pos);
}

static void
add_range(Bounds *b, const AsnRange *r)
{
	if (r->family != b->family)
		return;
	add_start(b, r->first);
	if (r->last != asn_pos_max(b->family))
		add_start(b, r->last + 1);
}

static gboolean
add_leaf(const AsnNetwork *leaf, AsnMmdbValue value, gpointer data)
{
	AsnRange r = asn_range_of(leaf);

	add_range(data, &r);
	return TRUE;
}

/* The configuration may have host bits set. */
static void
add_exempt(Bounds *b, const AsnNetwork *net)
{
	const AsnNetwork canonical = asn_network_of(&net->addr, net->len);
	const AsnRange r = asn_range_of(&canonical);

	add_range(b, &r);
}

static int
compare(const void *a, const void *b)
{
	const AsnPos *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
collect(const AsnCellsQuestion *q, Bounds *b)
{
	const AsnPos zero = 0;

	g_array_append_val(b->starts, zero);
	asn_mmdb_foreach(asn_networks_mmdb(q->networks), add_leaf, b);
	if (q->reputation != NULL)
		asn_reputation_foreach_leaf(q->reputation, add_leaf, b);
	if (q->rules != NULL)
		asn_rules_foreach_leaf(q->rules, add_leaf, b);
	for (gsize i = 0; b->family == 6 && i < G_N_ELEMENTS(left_out); i++) {
		AsnRange r = left_out_range(i);
		add_range(b, &r);
	}
	for (gsize i = 0; q->exempt != NULL && q->exempt[i] != NULL; i++)
		for (gsize k = 0; k < q->exempt[i]->n; k++)
			add_exempt(b, &q->exempt[i]->nets[k]);
	qsort(b->starts->data, b->starts->len, sizeof(AsnPos), compare);
}

static gboolean
is_exempt(const AsnCellsQuestion *q, const AsnAddr *addr)
{
	for (gsize i = 0; q->exempt != NULL && q->exempt[i] != NULL; i++)
		if (asn_network_list_contains(q->exempt[i], addr))
			return TRUE;
	return FALSE;
}

static void
judge(const AsnCellsQuestion *q, const AsnAddr *addr, AsnCell *cell)
{
	const AsnOriginKey key = asn_origin_key(addr, &cell->origin);
	const AsnChainLevel *all;
	AsnPrediction p;

	asn_reputation_predict(q->reputation, &key, q->now, q->thresholds, &p);
	all = &p.level[ASN_LEVEL_ALL];
	cell->score = p.score;
	cell->flagged = p.flag && !cell->exempt && all->s + all->h > 0;
}

/* The admin's word. */
static void
obey(const AsnCellsQuestion *q, const AsnAddr *addr, AsnCell *cell)
{
	if (asn_rules_find(
		q->rules, addr, cell->origin.asn, (gint64)q->now, &cell->rule))
		cell->flagged =
		    cell->rule.action == ASN_RULE_BLOCK && !cell->exempt;
	else
		cell->rule.action = 0;
}

static void
tell(const AsnCellsQuestion *q, AsnCell *cell, AsnCellFunc fn, gpointer data)
{
	const guint8 family = cell->range.family;
	const AsnAddr addr = asn_pos_addr(cell->range.first, family);

	if (is_left_out(family, cell->range.first))
		return;
	asn_networks_lookup(q->networks, &addr, &cell->origin);
	cell->exempt = is_exempt(q, &addr);
	if (q->reputation != NULL)
		judge(q, &addr, cell);
	if (q->rules != NULL)
		obey(q, &addr, cell);
	fn(cell, data);
}

void
asn_cells_foreach(
    const AsnCellsQuestion *question, AsnCellFunc fn, gpointer data)
{
	static const guint8 families[] = {4, 6};

	for (gsize f = 0; f < G_N_ELEMENTS(families); f++) {
		g_autoptr(GArray) starts =
		    g_array_new(FALSE, FALSE, sizeof(AsnPos));
		Bounds b = {families[f], starts};

		collect(question, &b);
		for (guint i = 0; i < starts->len; i++) {
			const AsnPos *at = &g_array_index(starts, AsnPos, i);
			AsnCell cell = {
			    .range = {at[0], asn_pos_max(b.family), b.family}};

			if (i + 1 < starts->len) {
				if (at[1] == at[0])
					continue;
				cell.range.last = at[1] - 1;
			}
			tell(question, &cell, fn, data);
		}
	}
}
