/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-text.c: a report in some lines. */

#include <math.h>

#include "report.h"

typedef struct {
	const Report *report;
	const Style *style;
	GString *out;
} Text;

static void
heading(Text *t, const char *title)
{
	g_string_append_c(t->out, '\n');
	style_paint(t->out, t->style, STYLE_BOLD, title);
	g_string_append_c(t->out, '\n');
}

/* "97.9 %", "-".  Free it. */
static char *
percent(double share)
{
	return isnan(share) ? g_strdup("-")
			    : g_strdup_printf("%.1f %%", share * 100);
}

/* --- figures ----------------------------------------------------------------
 */

static void
state(const Report *r, StyleTable *table)
{
	style_table_cell(table, STYLE_DIM, "state");
	if (r->reputation_time == 0)
		style_table_cell(table, STYLE_WARN, "nothing was learned yet");
	else if (!r->warm)
		style_table_cellf(table, STYLE_WARN,
		    "warming up: %.0f of %.0f mails that users kept; nothing "
		    "is flagged yet",
		    floor(r->raw_ham), r->thresholds.min_ham);
	else
		style_table_cellf(table, STYLE_PLAIN,
		    "flagged from a score of %.3f on", r->thresholds.threshold);
}

static void
mail_and_votes(const Report *r, StyleTable *table)
{
	const ReportWeek all = report_all_weeks(r);
	g_autofree char *precision = percent(all.precision);
	g_autofree char *recall = percent(all.recall);

	if (r->weeks->len > 0) {
		style_table_cell(table, STYLE_DIM, "flagged");
		style_table_cellf(table, STYLE_PLAIN,
		    "%" G_GUINT64_FORMAT " mail%s in %u week%s; precision %s, "
		    "recall %s",
		    all.flagged, all.flagged == 1 ? "" : "s", r->weeks->len,
		    r->weeks->len == 1 ? "" : "s", precision, recall);
	}
	if (r->have_asnd) {
		g_autofree char *from = report_reporters(r);

		style_table_cell(table, STYLE_DIM, "votes");
		style_table_cellf(table, STYLE_PLAIN,
		    "%" G_GUINT64_FORMAT ", %s", r->votes, from);
	}
}

static void
figures(Text *t)
{
	const Report *r = t->report;
	const ReportSpace *v4 = &r->space[0];
	const double share = v4->addresses > 0
				 ? v4->flagged_addresses / v4->addresses
				 : (double)NAN;
	StyleTable *table = style_table_new(t->style, "ll");
	g_autofree char *space = percent(share);

	state(r, table);
	mail_and_votes(r, table);
	style_table_cell(table, STYLE_DIM, "learned");
	style_table_cellf(table, STYLE_PLAIN,
	    "blocks (/24, /48): %u rather junk, %u rather wanted",
	    report_count_blocks(r, 0, TRUE), report_count_blocks(r, 0, FALSE));
	style_table_cell(table, STYLE_DIM, "flagged space");
	style_table_cellf(table, STYLE_PLAIN,
	    "%s of all IPv4 addresses in use anywhere", space);
	if (r->rules->len > 0) {
		style_table_cell(table, STYLE_DIM, "rules");
		style_table_cellf(table, STYLE_PLAIN,
		    "%u of the admin; \"asnctl rules\" lists them",
		    r->rules->len);
	}
	style_table_end(table, t->out);
}

/* --- weeks ------------------------------------------------------------------
 */

static void
number_cell(StyleTable *table, guint64 n)
{
	style_table_cellf(table, STYLE_PLAIN, "%" G_GUINT64_FORMAT, n);
}

static void
weeks(Text *t)
{
	const Report *r = t->report;
	StyleTable *table;

	if (r->weeks->len == 0)
		return;
	heading(t, "Week by week");
	table = style_table_new(t->style, "lrrrrr");
	style_table_head(table, "week of", "flagged", "taken back", "missed",
	    "precision", "recall");
	for (guint i = 0; i < r->weeks->len; i++) {
		const ReportWeek *w = &g_array_index(r->weeks, ReportWeek, i);
		g_autofree char *precision = percent(w->precision);
		g_autofree char *recall = percent(w->recall);

		style_table_cell(table, STYLE_PLAIN, w->day);
		number_cell(table, w->flagged);
		number_cell(table, w->rescued);
		number_cell(table, w->missed);
		style_table_cell(table, STYLE_PLAIN, precision);
		style_table_cell(table, STYLE_PLAIN, recall);
	}
	style_table_end(table, t->out);
}

/* --- the worst --------------------------------------------------------------
 */

static void
place(Text *t, StyleTable *table, const ReportPlace *p)
{
	const ReportHolder *h = report_holder_at(t->report, p->holder);
	const gboolean is_as = p->net.addr.family == 0;
	g_autofree char *name = report_holder_name(h);
	g_autofree char *as =
	    h->asn != 0 ? g_strdup_printf("AS%u", h->asn) : NULL;
	char net[ASN_NETWORK_STRLEN];

	if (!is_as)
		style_table_cell(
		    table, STYLE_PLAIN, asn_network_format(&p->net, net));
	style_table_cell(table, STYLE_PLAIN, as);
	style_table_cellf(
	    table, p->flagged ? STYLE_BAD : STYLE_PLAIN, "%.3f", p->score);
	style_table_cell(table, STYLE_BAD, p->flagged ? "flagged" : NULL);
	style_table_cellf(table, STYLE_PLAIN, "%.1f", p->spam);
	style_table_cellf(table, STYLE_PLAIN, "%.1f", p->ham);
	style_table_cell(table, STYLE_PLAIN, h->country);
	style_table_cell(table, STYLE_PLAIN, name);
}

static void
worst(Text *t, const char *title, const GArray *places)
{
	g_autoptr(GPtrArray) list = report_worst(places, REPORT_WORST);
	const gboolean as = places == t->report->ases;
	StyleTable *table;

	if (list->len == 0)
		return;
	heading(t, title);
	table = style_table_new(t->style, as ? "lrlrrll" : "llrlrrll");
	if (as)
		style_table_head(
		    table, "AS", "score", "", "junk", "wanted", "", "holder");
	else
		style_table_head(table, "network", "AS", "score", "", "junk",
		    "wanted", "", "holder");
	for (guint i = 0; i < list->len; i++)
		place(t, table, list->pdata[i]);
	style_table_end(table, t->out);
}

void
report_text(const Report *r, const Style *style, GString *out)
{
	g_autofree char *date = report_date(r->now, TRUE);
	g_autofree char *title = g_strdup_printf("Mail reputation, %s", date);
	Text t = {r, style, out};

	style_paint(out, style, STYLE_BOLD, title);
	g_string_append(out, "\n");
	figures(&t);
	weeks(&t);
	worst(&t, "The worst providers", r->ases);
	worst(&t, "The worst networks", r->prefixes);
	worst(&t, "The worst blocks", r->blocks);
	if (r->missing->len > 0)
		heading(&t, "Left out");
	for (guint i = 0; i < r->missing->len; i++)
		g_string_append_printf(
		    out, "%s\n", (const char *)r->missing->pdata[i]);
}
