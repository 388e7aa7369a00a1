/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-parts.c: numbers and tables of a report's page. */

#include <math.h>

#include "report-parts.h"

void
report_html(GString *out, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_markup_vprintf_escaped(format, args);
	va_end(args);
	g_string_append(out, text);
}

void
report_part_date(const Report *r, GString *out)
{
	g_autofree char *date = report_date(r->now, TRUE);

	report_html(out, "%s", date);
}

void
report_part_state(const Report *r, GString *out)
{
	if (r->reputation_time == 0)
		report_html(out,
		    "Nothing was learned yet: that begins with the first mail "
		    "that somebody moves to Junk.");
	else if (!r->warm)
		report_html(out,
		    "Still warming up: scores are there, but nothing is "
		    "flagged "
		    "before users kept %.0f mails; so far it is %.0f.",
		    r->thresholds.min_ham, floor(r->raw_ham));
	else
		report_html(out,
		    "A mail is flagged when its neighbourhood scores %.3f or "
		    "more.",
		    r->thresholds.threshold);
}

/* --- figures ----------------------------------------------------------------
 */

static void
figure(GString *out, const char *value, const char *name, const char *note)
{
	report_html(out,
	    "<div><dt>%s</dt><dd><b>%s</b><span>%s</span></dd></div>\n", name,
	    value, note);
}

static void
percent_figure(GString *out, double share, const char *name, const char *note)
{
	g_autofree char *value = isnan(share)
				     ? g_strdup("–")
				     : g_strdup_printf("%.1f %%", share * 100);

	figure(out, value, name, note);
}

static void
mail_figures(const Report *r, GString *out)
{
	const ReportWeek all = report_all_weeks(r);
	g_autofree char *flagged = report_thousands((double)all.flagged);
	g_autofree char *weeks =
	    g_strdup_printf("mail%s in %u week%s", all.flagged == 1 ? "" : "s",
		r->weeks->len, r->weeks->len == 1 ? "" : "s");

	figure(out, flagged, "Flagged", weeks);
	percent_figure(out, all.precision, "Precision",
	    "of what was flagged, nobody took back");
	percent_figure(
	    out, all.recall, "Recall", "of the junk was flagged in time");
}

static void
vote_figure(const Report *r, GString *out)
{
	g_autofree char *votes = report_thousands((double)r->votes);
	g_autofree char *from = g_strdup_printf(
	    "from %" G_GUINT64_FORMAT " people who report junk", r->reporters);

	figure(out, votes, "Votes", from);
}

void
report_part_figures(const Report *r, GString *out)
{
	const guint spam = report_count_blocks(r, 0, TRUE);
	const guint ham = report_count_blocks(r, 0, FALSE);
	g_autofree char *blocks = report_thousands(spam + ham);
	g_autofree char *which = g_strdup_printf(
	    "/24s and /48s: %u rather junk, %u rather wanted", spam, ham);
	const ReportSpace *v4 = &r->space[0];

	if (r->weeks->len > 0)
		mail_figures(r, out);
	if (r->have_asnd)
		vote_figure(r, out);
	figure(out, blocks, "Learned blocks", which);
	percent_figure(out,
	    v4->addresses > 0 ? v4->flagged_addresses / v4->addresses
			      : (double)NAN,
	    "Flagged space", "of all IPv4 addresses in use anywhere");
}

/* --- weeks ------------------------------------------------------------------
 */

static void
share_cell(GString *out, double share)
{
	if (isnan(share))
		g_string_append(out, "<td>–</td>");
	else
		report_html(out, "<td>%.1f&#160;%%</td>", share * 100);
}

static void
weeks_table(const Report *r, GString *out)
{
	g_string_append(out,
	    "<details><summary>The weeks as a table</summary>\n<table>\n"
	    "<caption>Mails a week, newest first</caption>\n"
	    "<thead><tr><th scope=\"col\">Week of</th><th scope=\"col\">Flagged"
	    "</th><th scope=\"col\">Taken back</th><th scope=\"col\">Missed"
	    "</th><th scope=\"col\">Precision</th><th scope=\"col\">Recall</th>"
	    "</tr></thead>\n<tbody>\n");
	for (guint i = r->weeks->len; i-- > 0;) {
		const ReportWeek *w = &g_array_index(r->weeks, ReportWeek, i);

		report_html(out,
		    "<tr><th scope=\"row\">%s</th><td>%" G_GUINT64_FORMAT
		    "</td><td>%" G_GUINT64_FORMAT "</td><td>%" G_GUINT64_FORMAT
		    "</td>",
		    w->day, w->flagged, w->rescued, w->missed);
		share_cell(out, w->precision);
		share_cell(out, w->recall);
		g_string_append(out, "</tr>\n");
	}
	g_string_append(out, "</tbody></table></details>\n");
}

void
report_part_weeks(const Report *r, GString *out)
{
	if (r->weeks->len == 0) {
		g_string_append(
		    out, "<p class=\"empty\">No weeks to show.</p>");
		return;
	}
	g_string_append(out,
	    "<div class=\"charts\">\n<figure><figcaption>Mails a week"
	    "</figcaption>");
	report_chart_mails(r, out);
	g_string_append(out,
	    "<ul class=\"legend\"><li><i class=\"kept\"></i>flagged, and left "
	    "there</li><li><i class=\"missed\"></i>missed: a user moved it to "
	    "Junk</li><li><i class=\"rescued\"></i>flagged, but taken back</li>"
	    "</ul></figure>\n<figure><figcaption>Precision and recall a week"
	    "</figcaption>");
	report_chart_shares(r, out);
	g_string_append(out,
	    "<ul class=\"legend\"><li><i class=\"precision\"></i>precision: "
	    "flags that nobody took back</li><li><i class=\"recall\"></i>"
	    "recall: junk that was flagged</li></ul></figure>\n</div>\n");
	weeks_table(r, out);
}

/* --- what is missing --------------------------------------------------------
 */

void
report_part_missing(const Report *r, GString *out)
{
	if (r->missing->len == 0)
		return;
	g_string_append(out, "<aside class=\"missing\" role=\"note\">");
	for (guint i = 0; i < r->missing->len; i++)
		report_html(
		    out, "<p>%s</p>", (const char *)r->missing->pdata[i]);
	g_string_append(out, "</aside>");
}
