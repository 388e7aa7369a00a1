/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-space.c: what of the address space is allocated, to whom, and what of
 * it is flagged. */

#include <string.h>

#include "cells.h"
#include "report.h"

void
report_number(GByteArray *out, guint64 n)
{
	do {
		const guint8 b = (n & 0x7f) | (n > 0x7f ? 0x80 : 0);

		g_byte_array_append(out, &b, 1);
		n >>= 7;
	} while (n > 0);
}

/* --- runs of units ----------------------------------------------------------
 */

typedef struct {
	GByteArray *out;
	guint64 first, next; /* the open one; first == next: none */
	guint64 told;        /* where the last one told ended */
} Runs;

static void
end_run(Runs *r)
{
	if (r->first == r->next)
		return;
	report_number(r->out, r->first - r->told);
	report_number(r->out, r->next - r->first);
	r->told = r->first = r->next;
}

static void
add_run(Runs *r, guint64 first, guint64 last)
{
	if (first > r->next || r->first == r->next) {
		end_run(r);
		r->first = first;
	}
	r->next = MAX(r->next, last + 1);
}

/* --- one map ----------------------------------------------------------------
 */

typedef struct {
	AsnOrigin origin;
	AsnPos n;
} Share;

typedef struct {
	ReportSpace *space;
	guint unit, bucket; /* bits of an address below them */
	Runs allocated, flagged;
	guint64 tally_unit; /* where flagged addresses are being counted */
	AsnPos tally;
	guint64 bucket_at, bucket_told;
	GArray *shares; /* Share, of bucket_at */
} Map;

typedef struct {
	Report *report;
	Map map[2];
} Reading;

static void
end_tally(Map *m)
{
	if (m->tally > (AsnPos)1 << (m->unit - 1))
		add_run(&m->flagged, m->tally_unit, m->tally_unit);
	m->tally = 0;
}

static void
tally(Map *m, guint64 unit, AsnPos n)
{
	if (m->tally_unit != unit)
		end_tally(m);
	m->tally_unit = unit;
	m->tally += n;
}

static void
add_flagged(Map *m, AsnPos first, AsnPos last)
{
	const guint64 a = (guint64)(first >> m->unit),
		      b = (guint64)(last >> m->unit);
	const AsnPos rest = ((AsnPos)1 << m->unit) - 1;

	if (a == b) {
		tally(m, a, last - first + 1);
		return;
	}
	tally(m, a, rest - (first & rest) + 1);
	end_tally(m);
	if (b - a > 1)
		add_run(&m->flagged, a + 1, b - 1);
	tally(m, b, (last & rest) + 1);
}

/* --- main holders -----------------------------------------------------------
 */

static void
end_bucket(Report *report, Map *m)
{
	const Share *best = NULL;
	AsnPos sum = 0;
	guint8 percent;

	for (guint i = 0; i < m->shares->len; i++) {
		const Share *s = &g_array_index(m->shares, Share, i);

		sum += s->n;
		if (best == NULL || s->n > best->n)
			best = s;
	}
	if (best == NULL)
		return;
	percent = (guint8)((double)best->n / (double)sum * 100);
	report_number(m->space->main_holders, m->bucket_at - m->bucket_told);
	report_number(
	    m->space->main_holders, report_holder(report, &best->origin));
	g_byte_array_append(m->space->main_holders, &percent, 1);
	m->bucket_told = m->bucket_at;
	g_array_set_size(m->shares, 0);
}

static gboolean
same_holder(const AsnOrigin *a, const AsnOrigin *b)
{
	return a->asn == b->asn && strcmp(a->country, b->country) == 0;
}

static void
add_share(
    Report *report, Map *m, guint64 bucket, const AsnOrigin *origin, AsnPos n)
{
	Share new = {*origin, n};

	if (bucket != m->bucket_at)
		end_bucket(report, m);
	m->bucket_at = bucket;
	for (guint i = 0; i < m->shares->len; i++) {
		Share *s = &g_array_index(m->shares, Share, i);

		if (same_holder(&s->origin, origin)) {
			s->n += n;
			return;
		}
	}
	g_array_append_val(m->shares, new);
}

static void
add_allocated(
    Report *report, Map *m, AsnPos first, AsnPos last, const AsnOrigin *origin)
{
	const AsnPos rest = ((AsnPos)1 << m->bucket) - 1;

	add_run(&m->allocated, (guint64)(first >> m->unit),
	    (guint64)(last >> m->unit));
	while (first <= last) {
		AsnPos end = MIN(last, first | rest);

		add_share(report, m, (guint64)(first >> m->bucket), origin,
		    end - first + 1);
		first = end + 1;
	}
}

/* Both ends are places on the map. */
static void
take(Reading *r, Map *m, const AsnCell *cell, AsnPos first, AsnPos last)
{
	m->space->addresses += (double)(last - first + 1);
	add_allocated(r->report, m, first, last, &cell->origin);
	if (!cell->flagged)
		return;
	m->space->flagged_addresses += (double)(last - first + 1);
	add_flagged(m, first, last);
}

/* Of IPv6 in pieces that lie in one /12. */
static void
take_cell(const AsnCell *cell, gpointer data)
{
	const AsnPos rest = ((AsnPos)1 << 116) - 1;
	Reading *r = data;
	Map *m = &r->map[cell->range.family == 6];
	AsnPos first = cell->range.first, at;

	if (cell->origin.prefix.addr.family == 0)
		return;
	for (;;) {
		const AsnPos last = MIN(cell->range.last, first | rest);

		if (report_place_on_map(m->space, first, &at))
			take(r, m, cell, at, at + (last - first));
		if (last == cell->range.last)
			break;
		first = last + 1;
	}
}

/* --- both maps --------------------------------------------------------------
 */

static void
begin(Map *m, ReportSpace *space, guint8 family)
{
	space->family = family;
	space->allocated = g_byte_array_new();
	space->flagged = g_byte_array_new();
	space->main_holders = g_byte_array_new();
	*m = (Map){.space = space,
	    .unit = family == 6 ? 128 - 32 : 32 - 24,
	    .bucket = family == 6 ? 128 - 24 : 32 - 16,
	    .allocated.out = space->allocated,
	    .flagged.out = space->flagged};
	m->shares = g_array_new(FALSE, FALSE, sizeof(Share));
}

static void
finish(Report *report, Map *m)
{
	end_bucket(report, m);
	end_tally(m);
	end_run(&m->allocated);
	end_run(&m->flagged);
	g_array_unref(m->shares);
}

void
report_read_space(Report *report, const ReportSource *source)
{
	static AsnNetwork loopback_net = {
	    .addr = {.family = 4, .b = {[12] = 127}}, .len = 8};
	const AsnNetworkList loopback = {&loopback_net, 1};
	const AsnNetworkList *const exempt[] = {&loopback,
	    &source->config->local_networks, &source->config->trusted_relays,
	    NULL};
	const AsnCellsQuestion question = {.networks = source->networks,
	    .reputation = source->reputation,
	    .thresholds = &report->thresholds,
	    .now = (double)report->now,
	    .rules = source->rules,
	    .exempt = exempt};
	const AsnMmdb *db = asn_networks_mmdb(source->networks);
	Reading r = {.report = report};

	report->networks_time = (gint64)asn_mmdb_meta(db)->build_epoch;
	begin(&r.map[0], &report->space[0], 4);
	begin(&r.map[1], &report->space[1], 6);
	report->networks =
	    report_choose_slots(&report->space[1], source->networks);
	asn_cells_foreach(&question, take_cell, &r);
	finish(report, &r.map[0]);
	finish(report, &r.map[1]);
}
