/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-learned.c: the neighbourhoods about which something was learned. */

#include <stdlib.h>

#include "report.h"

#define MAX_BLOCKS 60000 /* what a telephone can load */
#define LEAST 0.05       /* weight; less is shown as 0.0 */

/* What an AS has in one country. */
typedef struct {
	ReportPlace place;
	guint leaves;
} Part;

typedef struct {
	Report *report;
	const ReportSource *source;
	GArray *parts;                  /* Part */
	GHashTable *seen[ASN_N_LEVELS]; /* AsnNetwork, or holder */
} Reading;

static gboolean
would_flag(const Report *report, const AsnPrediction *p, AsnLevel level)
{
	double evidence = 0;

	for (AsnLevel l = ASN_LEVEL_AS; l <= level; l++)
		if (p->level[l].present && p->level[l].backed)
			evidence = MAX(evidence, p->level[l].s);
	return p->warm &&
	       p->level[level].theta >= report->thresholds.threshold &&
	       evidence >= report->thresholds.evidence;
}

static ReportPlace
place(
    Reading *r, const AsnPrediction *p, AsnLevel level, const AsnOrigin *origin)
{
	return (ReportPlace){.holder = report_holder(r->report, origin),
	    .spam = p->level[level].s,
	    .ham = p->level[level].h,
	    .score = p->level[level].theta,
	    .flagged = would_flag(r->report, p, level)};
}

static gboolean
has_weight(const AsnPrediction *p, AsnLevel level)
{
	return p->level[level].present &&
	       p->level[level].s + p->level[level].h >= LEAST;
}

static void
add_network(Reading *r, AsnLevel level, const AsnNetwork *net,
    const AsnPrediction *p, const AsnOrigin *origin, GArray *out)
{
	const guint8 narrowest = net->addr.family == 6 ? 48 : 24;
	ReportPlace new;

	if (net->len > narrowest || !has_weight(p, level) ||
	    g_hash_table_contains(r->seen[level], net))
		return;
	g_hash_table_add(r->seen[level], g_memdup2(net, sizeof *net));
	new = place(r, p, level, origin);
	new.net = *net;
	g_array_append_val(out, new);
}

/* An AS has one score for each of its countries. */
static void
add_as(Reading *r, const AsnPrediction *p, const AsnOrigin *origin)
{
	Part new = {.leaves = 1};
	gpointer key, at;

	if (!has_weight(p, ASN_LEVEL_AS))
		return;
	new.place = place(r, p, ASN_LEVEL_AS, origin);
	key = GUINT_TO_POINTER(new.place.holder);
	if (g_hash_table_lookup_extended(
		r->seen[ASN_LEVEL_AS], key, NULL, &at)) {
		g_array_index(r->parts, Part, GPOINTER_TO_UINT(at)).leaves++;
		return;
	}
	g_hash_table_insert(
	    r->seen[ASN_LEVEL_AS], key, GUINT_TO_POINTER(r->parts->len));
	g_array_append_val(r->parts, new);
}

/* Of an AS the highest score is told, and the country with most evidence. */
static void
join_parts(Reading *r)
{
	g_autoptr(GHashTable) first = g_hash_table_new(NULL, NULL);
	g_autoptr(GArray) most = g_array_new(FALSE, FALSE, sizeof(guint));

	for (guint i = 0; i < r->parts->len; i++) {
		const Part *part = &g_array_index(r->parts, Part, i);
		const guint32 asn =
		    report_holder_at(r->report, part->place.holder)->asn;
		gpointer at;
		ReportPlace *as;
		guint *leaves;

		if (!g_hash_table_lookup_extended(
			first, GUINT_TO_POINTER(asn), NULL, &at)) {
			at = GUINT_TO_POINTER(most->len);
			g_hash_table_insert(first, GUINT_TO_POINTER(asn), at);
			g_array_append_val(r->report->ases, part->place);
			g_array_append_val(most, part->leaves);
			continue;
		}
		as = &g_array_index(
		    r->report->ases, ReportPlace, GPOINTER_TO_UINT(at));
		leaves = &g_array_index(most, guint, GPOINTER_TO_UINT(at));
		if (part->leaves > *leaves) {
			as->holder = part->place.holder;
			*leaves = part->leaves;
		}
		as->score = MAX(as->score, part->place.score);
		as->flagged |= part->place.flagged;
	}
}

static gboolean
take_leaf(const AsnNetwork *leaf, AsnMmdbValue value, gpointer data)
{
	Reading *r = data;
	const guint8 block_len = leaf->addr.family == 6 ? 48 : 24;
	AsnOriginKey key;
	AsnNetwork block;
	AsnOrigin origin;
	AsnPrediction p;

	if (leaf->addr.family == 6 && leaf->addr.b[0] == 0x01)
		return TRUE; /* 100::/8 holds something else */
	asn_networks_lookup(r->source->networks, &leaf->addr, &origin);
	key = asn_origin_key(&leaf->addr, &origin);
	asn_reputation_predict(r->source->reputation, &key,
	    (double)r->report->now, &r->report->thresholds, &p);
	add_as(r, &p, &origin);
	add_network(
	    r, ASN_LEVEL_PREFIX, &key.prefix, &p, &origin, r->report->prefixes);
	if (leaf->len < block_len)
		return TRUE;
	block = asn_addr_block(&leaf->addr);
	add_network(r, ASN_LEVEL_BLOCK, &block, &p, &origin, r->report->blocks);
	return TRUE;
}

/* --- order ------------------------------------------------------------------
 */

static int
by_weight(gconstpointer a, gconstpointer b)
{
	const ReportPlace *x = a, *y = b;
	const double v = x->spam + x->ham, w = y->spam + y->ham;

	return v > w ? -1 : v < w;
}

static int
by_network(gconstpointer a, gconstpointer b)
{
	const ReportPlace *x = a, *y = b;

	return asn_network_cmp(&x->net, &y->net);
}

static void
keep_the_heaviest(Report *report)
{
	GArray *blocks = report->blocks;

	if (blocks->len > MAX_BLOCKS) {
		g_ptr_array_add(report->missing,
		    g_strdup_printf("Of %u blocks with evidence only the %d "
				    "with the most are here.",
			blocks->len, MAX_BLOCKS));
		g_array_sort(blocks, by_weight);
		g_array_set_size(blocks, MAX_BLOCKS);
	}
	g_array_sort(blocks, by_network);
}

static int
by_spam(gconstpointer a, gconstpointer b)
{
	const ReportPlace *x = *(const ReportPlace *const *)a;
	const ReportPlace *y = *(const ReportPlace *const *)b;

	if (x->spam != y->spam)
		return x->spam > y->spam ? -1 : 1;
	if (x->holder != y->holder)
		return x->holder > y->holder ? 1 : -1;
	return asn_network_cmp(&x->net, &y->net);
}

GPtrArray *
report_worst(const GArray *places, guint n)
{
	GPtrArray *worst = g_ptr_array_new();

	for (guint i = 0; i < places->len; i++) {
		ReportPlace *p = &g_array_index(places, ReportPlace, i);

		if (p->score >= 0.5 && p->spam >= LEAST)
			g_ptr_array_add(worst, p);
	}
	g_ptr_array_sort(worst, by_spam);
	if (worst->len > n)
		g_ptr_array_set_size(worst, (int)n);
	return worst;
}

guint
report_count_blocks(const Report *report, guint8 family, gboolean spam)
{
	guint n = 0;

	for (guint i = 0; i < report->blocks->len; i++) {
		const ReportPlace *p =
		    &g_array_index(report->blocks, ReportPlace, i);

		n += (family == 0 || p->net.addr.family == family) &&
		     (p->score >= 0.5) == spam;
	}
	return n;
}

/* --- all of it --------------------------------------------------------------
 */

void
report_read_learned(Report *report, const ReportSource *source)
{
	const AsnOriginKey nowhere = {.addr = {.family = 6, .b = {0x01}}};
	g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(Part));
	Reading r = {.report = report, .source = source, .parts = parts};
	AsnPrediction any;

	asn_reputation_predict(source->reputation, &nowhere,
	    (double)report->now, &report->thresholds, &any);
	report->warm = any.warm;
	report->raw_ham = any.raw_ham;
	report->reputation_time =
	    asn_reputation_weights_time(source->reputation);
	r.seen[ASN_LEVEL_AS] = g_hash_table_new(NULL, NULL);
	for (AsnLevel l = ASN_LEVEL_PREFIX; l <= ASN_LEVEL_BLOCK; l++)
		r.seen[l] = g_hash_table_new_full((GHashFunc)asn_network_hash,
		    (GEqualFunc)asn_network_equal, g_free, NULL);
	asn_reputation_foreach_leaf(source->reputation, take_leaf, &r);
	for (AsnLevel l = ASN_LEVEL_AS; l <= ASN_LEVEL_BLOCK; l++)
		g_hash_table_unref(r.seen[l]);
	join_parts(&r);
	keep_the_heaviest(report);
}
