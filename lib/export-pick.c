/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export-pick.c: the networks of an export. */

#include <math.h>
#include <string.h>

#include "cells.h"
#include "export.h"

/* Neighbouring cells that need not be told apart. */
typedef struct {
	AsnRange range;
	AsnOrigin origin;
	double score;
	AsnRule rule;
	gboolean in;
} Span;

typedef struct {
	const AsnExportPick *pick;
	GArray *run;  /* Span: cells of one AS without a gap */
	gboolean any; /* one of them is in */
	guint group;
	GArray *out; /* AsnExportEntry */
} Picking;

static gboolean
is_in(const AsnExportPick *p, const AsnCell *cell)
{
	if (p->asns == NULL)
		return cell->flagged;
	return !cell->exempt && cell->origin.asn != 0 &&
	       g_hash_table_contains(
		   p->asns, GUINT_TO_POINTER(cell->origin.asn));
}

static gboolean
is_same_rule(const AsnRule *a, const AsnRule *b)
{
	return a->action == b->action &&
	       (a->action == 0 || asn_subject_equal(&a->what, &b->what));
}

static gboolean
is_alike(AsnExportDetail detail, const Span *a, const Span *b)
{
	if (a->in != b->in)
		return FALSE;
	if (!a->in)
		return TRUE;
	if ((detail & ASN_EXPORT_BY_COUNTRY) &&
	    strcmp(a->origin.country, b->origin.country) != 0)
		return FALSE;
	if ((detail & ASN_EXPORT_BY_PREFIX) &&
	    !asn_network_equal(&a->origin.prefix, &b->origin.prefix))
		return FALSE;
	if ((detail & ASN_EXPORT_BY_RULE) && !is_same_rule(&a->rule, &b->rule))
		return FALSE;
	return !(detail & ASN_EXPORT_BY_SCORE) || isnan(a->score) ||
	       llrint(a->score * 1000) == llrint(b->score * 1000);
}

/* --- a run --------------------------------------------------------------- */

static const Span *
span(const Picking *p, guint i)
{
	return &g_array_index(p->run, Span, i);
}

static void
put(Picking *p, const AsnNetwork *net, gboolean in, const Span *s)
{
	AsnExportEntry e = {.net = *net,
	    .group = p->group,
	    .in = in,
	    .origin = s->origin,
	    .score = s->score,
	    .rule = s->rule};

	g_array_append_val(p->out, e);
}

static void
put_apart(Picking *p)
{
	g_autoptr(GArray) nets = g_array_new(FALSE, FALSE, sizeof(AsnNetwork));

	for (guint i = 0; i < p->run->len; i++) {
		if (!span(p, i)->in)
			continue;
		g_array_set_size(nets, 0);
		asn_range_networks(&span(p, i)->range, nets);
		for (guint k = 0; k < nets->len; k++) {
			put(p, &g_array_index(nets, AsnNetwork, k), TRUE,
			    span(p, i));
			p->group++;
		}
	}
}

/* What of ranges, from *next on, touches root; *next moves behind it. */
static guint
touching(const GArray *ranges, const AsnNetwork *root, guint *next)
{
	const AsnRange whole = asn_range_of(root);
	guint n = 0;

	while (*next < ranges->len &&
	       g_array_index(ranges, AsnRange, *next).last < whole.first)
		++*next;
	while (*next + n < ranges->len &&
	       g_array_index(ranges, AsnRange, *next + n).first <= whole.last)
		n++;
	return n;
}

/* An exception stands in a network of the AS, never in one of another. */
static void
put_nested(Picking *p)
{
	g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(AsnRange));
	g_autoptr(GArray) roots = g_array_new(FALSE, FALSE, sizeof(AsnNetwork));
	g_autoptr(GArray) nets = g_array_new(FALSE, FALSE, sizeof(AsnNested));
	AsnRange whole = span(p, 0)->range;
	const Span *first = NULL;
	guint next = 0;

	for (guint i = 0; i < p->run->len; i++) {
		const Span *s = span(p, i);

		whole.last = s->range.last;
		if (!s->in)
			continue;
		first = first ? first : s;
		g_array_append_val(ranges, s->range);
	}
	g_assert(first != NULL); /* p->any */
	asn_range_networks(&whole, roots);
	for (guint i = 0; i < roots->len; i++) {
		const AsnNetwork *root = &g_array_index(roots, AsnNetwork, i);
		const guint n = touching(ranges, root, &next);

		g_array_set_size(nets, 0);
		asn_cover_nested(
		    root, &g_array_index(ranges, AsnRange, next), n, nets);
		for (guint k = 0; k < nets->len; k++) {
			AsnNested *e = &g_array_index(nets, AsnNested, k);
			put(p, &e->net, e->in, first);
		}
		p->group++;
	}
}

static void
end_run(Picking *p)
{
	if (p->any && p->pick->nested && p->pick->detail == 0)
		put_nested(p);
	else if (p->any)
		put_apart(p);
	g_array_set_size(p->run, 0);
	p->any = FALSE;
}

/* Where nobody knows the AS, a network is what was announced, and what lies
 * between all networks is one. */
static gboolean
goes_on(const Span *before, const AsnCell *cell)
{
	if (before->origin.asn != cell->origin.asn ||
	    before->range.family != cell->range.family ||
	    before->range.last + 1 != cell->range.first)
		return FALSE;
	return cell->origin.asn != 0 ||
	       asn_network_equal(&before->origin.prefix, &cell->origin.prefix);
}

static void
take_cell(const AsnCell *cell, gpointer data)
{
	Picking *p = data;
	Span s = {.range = cell->range,
	    .origin = cell->origin,
	    .score = p->pick->asns ? (double)NAN : cell->score,
	    .rule = cell->rule,
	    .in = is_in(p->pick, cell)};
	Span *last = NULL;

	if (p->run->len > 0)
		last = &g_array_index(p->run, Span, p->run->len - 1);
	if (last != NULL && !goes_on(last, cell)) {
		end_run(p);
		last = NULL;
	}
	p->any |= s.in;
	if (last != NULL && is_alike(p->pick->detail, last, &s))
		last->range.last = s.range.last;
	else
		g_array_append_val(p->run, s);
}

GArray *
asn_export_pick(const AsnExportPick *pick)
{
	static AsnNetwork loopback_net = {
	    .addr = {.family = 4, .b = {[12] = 127}}, .len = 8};
	const AsnNetworkList loopback = {&loopback_net, 1};
	const AsnNetworkList *const exempt[] = {&loopback,
	    &pick->config->local_networks, &pick->config->trusted_relays, NULL};
	const AsnCellsQuestion question = {.networks = pick->networks,
	    .reputation = pick->reputation,
	    .rules = pick->rules,
	    .thresholds = &pick->thresholds,
	    .now = pick->now,
	    .exempt = exempt};
	g_autoptr(GArray) run = g_array_new(FALSE, FALSE, sizeof(Span));
	Picking p = {.pick = pick, .run = run};

	p.out = g_array_new(FALSE, FALSE, sizeof(AsnExportEntry));
	asn_cells_foreach(&question, take_cell, &p);
	if (run->len > 0)
		end_run(&p);
	return p.out;
}
