/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-asnd.c: what asnd answered: votes, and its mail week by week. */

#include <math.h>

#include "report.h"

#define WEEK ((gint64)7 * 24 * 60 * 60)

void
report_read_status(Report *report, GVariant *status)
{
	g_autoptr(GVariant) answer = g_variant_get_child_value(status, 0);
	guint64 spam = 0, ham = 0;
	guint32 reporters = 0;

	g_variant_lookup(answer, "spam_votes", "t", &spam);
	g_variant_lookup(answer, "ham_votes", "t", &ham);
	g_variant_lookup(answer, "reporters", "u", &reporters);
	g_variant_lookup(answer, "last_vote", "x", &report->last_vote);
	report->votes = spam + ham;
	report->reporters = reporters;
	report->have_asnd = TRUE;
}

char *
report_reporters(const Report *report)
{
	if (report->reporters == 1)
		return g_strdup("from one person who reports junk");
	return g_strdup_printf("from %" G_GUINT64_FORMAT
			       " people who report junk",
	    report->reporters);
}

/* --- weeks ------------------------------------------------------------------
 */

static void
name_week(ReportWeek *week)
{
	g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(week->start);
	g_autofree char *day = date ? g_date_time_format(date, "%F") : NULL;

	g_strlcpy(week->day, day ? day : "", sizeof week->day);
}

/* The week that starts there.  Weeks come in order; those between in which
 * nothing was seen are added. */
static ReportWeek *
week_at(Report *report, gint64 start)
{
	GArray *weeks = report->weeks;
	ReportWeek new = {.precision = NAN, .recall = NAN};
	gint64 next = start;

	if (weeks->len > 0)
		next = g_array_index(weeks, ReportWeek, weeks->len - 1).start;
	if (weeks->len > 0 && next == start)
		return &g_array_index(weeks, ReportWeek, weeks->len - 1);
	if (weeks->len > 0)
		next += WEEK;
	for (new.start = next; new.start <= start && weeks->len < REPORT_WEEKS;
	     new.start += WEEK) {
		name_week(&new);
		g_array_append_val(weeks, new);
	}
	return &g_array_index(weeks, ReportWeek, weeks->len - 1);
}

static void
add_row(Report *report, GVariant *row)
{
	const gint64 year_9999 = G_GINT64_CONSTANT(253370764800);
	guint64 flagged = 0, rescued = 0, missed = 0;
	ReportWeek *week;
	gint64 start;

	if (!g_variant_lookup(row, "start", "x", &start) || start < 0 ||
	    start > year_9999)
		return;
	g_variant_lookup(row, "flagged", "t", &flagged);
	g_variant_lookup(row, "rescued", "t", &rescued);
	g_variant_lookup(row, "missed", "t", &missed);
	week = week_at(report, start);
	week->flagged += flagged;
	week->rescued += rescued;
	week->missed += missed;
}

static void
judge(ReportWeek *w)
{
	const double flagged = (double)w->flagged;
	const double caught = flagged - (double)MIN(w->rescued, w->flagged);

	if (flagged > 0)
		w->precision = caught / flagged;
	if (caught + (double)w->missed > 0)
		w->recall = caught / (caught + (double)w->missed);
}

/* Ours come a week and level each. */
void
report_read_quality(Report *report, GVariant *quality)
{
	g_autoptr(GVariant) rows = g_variant_get_child_value(quality, 0);

	for (gsize i = 0; i < g_variant_n_children(rows); i++) {
		g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);

		add_row(report, row);
	}
	for (guint i = 0; i < report->weeks->len; i++)
		judge(&g_array_index(report->weeks, ReportWeek, i));
}

ReportWeek
report_all_weeks(const Report *report)
{
	ReportWeek all = {.precision = NAN, .recall = NAN};

	for (guint i = 0; i < report->weeks->len; i++) {
		const ReportWeek *w =
		    &g_array_index(report->weeks, ReportWeek, i);

		all.flagged += w->flagged;
		all.rescued += w->rescued;
		all.missed += w->missed;
	}
	judge(&all);
	return all;
}
