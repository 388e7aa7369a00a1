/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-chart.c: the charts of a report's page, as SVG. */

#include <math.h>

#include "report.h"

/* In units of the picture. */
#define WIDTH 440
#define HEIGHT 210
#define LEFT 40
#define RIGHT 8
#define TOP 10
#define BOTTOM 24
#define FLOOR (HEIGHT - BOTTOM)
#define TALL (FLOOR - TOP)
#define LABELS 6 /* at most, below */

typedef struct {
	const Report *report;
	GString *out;
	double step; /* width of a week */
	double max;  /* value at the top */
} Chart;

static const ReportWeek *
week(const Chart *c, guint i)
{
	return &g_array_index(c->report->weeks, ReportWeek, i);
}

/* "3 Nov"; free it. */
static char *
short_date(gint64 epoch)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(epoch);

	return g_strdup_printf("%d %.3s", g_date_time_get_day_of_month(date),
	    months + (gsize)3 * (gsize)(g_date_time_get_month(date) - 1));
}

static double
y_of(const Chart *c, double value)
{
	return FLOOR - value / c->max * TALL;
}

static void
line_at(Chart *c, double value, const char *label)
{
	const double y = y_of(c, value);

	report_html(c->out,
	    "<line class=\"rule\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" "
	    "y2=\"%.1f\"/><text class=\"tick\" x=\"%d\" y=\"%.1f\" "
	    "text-anchor=\"end\">%s</text>",
	    LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, label);
}

static void
label_weeks(Chart *c)
{
	const guint n = c->report->weeks->len;
	const guint every = (n + LABELS - 1) / LABELS;

	for (guint i = 0; i < n; i += every) {
		g_autofree char *date = short_date(week(c, i)->start);

		report_html(c->out,
		    "<text class=\"tick\" x=\"%.1f\" y=\"%d\" "
		    "text-anchor=\"middle\">%s</text>",
		    LEFT + (i + 0.5) * c->step, HEIGHT - 6, date);
	}
}

static void
begin(Chart *c, const char *label)
{
	report_html(c->out,
	    "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">", WIDTH,
	    HEIGHT, label);
}

static void
end(Chart *c)
{
	label_weeks(c);
	g_string_append(c->out, "</svg>");
}

/* 1, 2 or 5 times a power of ten, so that three lines or so fit below max. */
static double
spacing(double max)
{
	const double ten = pow(10, floor(log10(MAX(max, 3) / 3)));
	const double rest = max / 3 / ten;

	return MAX(1, ten * (rest >= 5 ? 5 : rest >= 2 ? 2 : 1));
}

/* --- mails: a stack of three each week ---------------------------------------
 */

static double
kept(const ReportWeek *w)
{
	return (double)(w->flagged - MIN(w->rescued, w->flagged));
}

static void
bar(Chart *c, guint i, const char *class, double *from, double n)
{
	const double top = y_of(c, *from + n), floor = y_of(c, *from);

	*from += n;
	if (n <= 0)
		return;
	report_html(c->out,
	    "<rect class=\"%s\" x=\"%.1f\" width=\"%.1f\" y=\"%.1f\" "
	    "height=\"%.1f\"/>",
	    class, LEFT + (i + 0.15) * c->step, c->step * 0.7, top,
	    MAX(floor - top - 0.8, 0.6));
}

static void
stack(Chart *c, guint i)
{
	const ReportWeek *w = week(c, i);
	const double rescued = (double)MIN(w->rescued, w->flagged);
	double from = 0;

	report_html(c->out,
	    "<g><title>Week of %s: %.0f flagged and left there, %.0f missed, "
	    "%.0f flagged and taken back</title>",
	    w->day, kept(w), (double)w->missed, rescued);
	bar(c, i, "kept", &from, kept(w));
	bar(c, i, "missed", &from, (double)w->missed);
	bar(c, i, "rescued", &from, rescued);
	g_string_append(c->out, "</g>");
}

void
report_chart_mails(const Report *report, GString *out)
{
	const guint n = report->weeks->len;
	Chart c = {report, out, (double)(WIDTH - LEFT - RIGHT) / n, 3};
	double space;

	for (guint i = 0; i < n; i++)
		c.max = MAX(c.max,
		    (double)week(&c, i)->flagged + (double)week(&c, i)->missed);
	space = spacing(c.max);
	begin(&c, "Mails a week: flagged and left there, missed, and flagged "
		  "but taken back. The table below has the numbers.");
	for (guint i = 0; i * space <= c.max; i++) {
		g_autofree char *label = report_thousands(i * space);
		line_at(&c, i * space, label);
	}
	for (guint i = 0; i < n; i++)
		stack(&c, i);
	end(&c);
}

/* --- shares: two lines -------------------------------------------------------
 */

/* Weeks without a value are a gap in the line. */
static void
curve(Chart *c, const char *class, const double *values)
{
	gboolean down = FALSE;

	report_html(c->out, "<path class=\"%s\" d=\"", class);
	for (guint i = 0; i < c->report->weeks->len; i++) {
		if (!isnan(values[i]))
			g_string_append_printf(c->out, "%c%.1f %.1f",
			    down ? 'L' : 'M', LEFT + (i + 0.5) * c->step,
			    y_of(c, values[i]));
		down = !isnan(values[i]);
	}
	g_string_append(c->out, "\"/>");
}

static void
dots(Chart *c, const char *class, const char *what, const double *values)
{
	for (guint i = 0; i < c->report->weeks->len; i++) {
		const double x = LEFT + (i + 0.5) * c->step;

		if (isnan(values[i]))
			continue;
		report_html(c->out,
		    "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\">"
		    "<title>Week of %s: %s %.1f %%</title></circle>",
		    class, x, y_of(c, values[i]), week(c, i)->day, what,
		    values[i] * 100);
	}
}

void
report_chart_shares(const Report *report, GString *out)
{
	const guint n = report->weeks->len;
	g_autofree double *precision = g_new(double, n);
	g_autofree double *recall = g_new(double, n);
	Chart c = {report, out, (double)(WIDTH - LEFT - RIGHT) / n, 1};

	for (guint i = 0; i < n; i++) {
		precision[i] = week(&c, i)->precision;
		recall[i] = week(&c, i)->recall;
	}
	begin(&c, "Precision and recall a week, in per cent. The table below "
		  "has the numbers.");
	line_at(&c, 0, "0 %");
	line_at(&c, 0.5, "50 %");
	line_at(&c, 1, "100 %");
	curve(&c, "recall", recall);
	curve(&c, "precision", precision);
	dots(&c, "recall", "recall", recall);
	dots(&c, "precision", "precision", precision);
	end(&c);
}
