/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quality.c: "asnctl quality": what users thought of our flags. */

#include <math.h>
#include <string.h>
#include <sysexits.h>

#include "asnctl.h"
#include "bus.h"
#include "json-variant.h"
#include "output.h"
#include "quality.h"
#include "style.h"

#define ALL "all"
#define TOTAL "total"

/* --- sums ------------------------------------------------------------------
 */

static guint64
count_of(GVariant *row, const char *key)
{
	guint64 n = 0;

	g_variant_lookup(row, key, "t", &n);
	return n;
}

void
quality_add(QualitySum *sum, GVariant *row)
{
	sum->flagged += count_of(row, "flagged");
	sum->unflagged += count_of(row, "unflagged");
	sum->rescued += count_of(row, "rescued");
	sum->confirmed += count_of(row, "confirmed");
	sum->missed += count_of(row, "missed");
}

static double
caught(const QualitySum *sum)
{
	return (double)sum->flagged - (double)sum->rescued;
}

double
quality_precision(const QualitySum *sum)
{
	return sum->flagged > 0 ? caught(sum) / (double)sum->flagged
				: (double)NAN;
}

double
quality_recall(const QualitySum *sum)
{
	const double spam = caught(sum) + (double)sum->missed;

	return spam > 0 ? caught(sum) / spam : (double)NAN;
}

/* A line of what is shown: a week's level, all of a week, a level's total, or
 * all. */
typedef struct {
	char *week, *level;
	QualitySum sum;
} Line;

static void
line_clear(gpointer data)
{
	Line *line = data;

	g_free(line->week);
	g_free(line->level);
}

static GArray *
lines_new(void)
{
	GArray *lines = g_array_new(FALSE, TRUE, sizeof(Line));

	g_array_set_clear_func(lines, line_clear);
	return lines;
}

/* Adds row to the line of this week and level, made when there is none. */
static void
add_to(GArray *lines, const char *week, const char *level, GVariant *row)
{
	Line new = {NULL};

	for (guint i = 0; i < lines->len; i++) {
		Line *line = &g_array_index(lines, Line, i);

		if (strcmp(line->week, week) == 0 &&
		    strcmp(line->level, level) == 0) {
			quality_add(&line->sum, row);
			return;
		}
	}
	new.week = g_strdup(week);
	new.level = g_strdup(level);
	quality_add(&new.sum, row);
	g_array_append_val(lines, new);
}

typedef struct {
	GVariant *rows; /* aa{sv} */
	GArray *weeks, *levels, *total;
} Sums;

static void
sum_up(Sums *s)
{
	Line none = {g_strdup(TOTAL), g_strdup(ALL), {0}};
	GVariantIter iter;
	GVariant *row;

	s->weeks = lines_new();
	s->levels = lines_new();
	s->total = lines_new();
	g_array_append_val(s->total, none);
	g_variant_iter_init(&iter, s->rows);
	while ((row = g_variant_iter_next_value(&iter)) != NULL) {
		const char *week = "", *level = "";

		g_variant_lookup(row, "week", "&s", &week);
		g_variant_lookup(row, "level", "&s", &level);
		add_to(s->weeks, week, ALL, row);
		add_to(s->levels, TOTAL, level, row);
		add_to(s->total, TOTAL, ALL, row);
		g_variant_unref(row);
	}
}

/* --- the table -------------------------------------------------------------
 */

static void
put_part(StyleTable *t, StylePaint paint, double part)
{
	char buf[G_ASCII_DTOSTR_BUF_SIZE];

	if (isnan(part))
		style_table_cell(t, paint, "-");
	else
		style_table_cell(
		    t, paint, g_ascii_formatd(buf, sizeof buf, "%.4f", part));
}

static void
put_line(StyleTable *t, StylePaint paint, const char *week, const char *level,
    const QualitySum *sum)
{
	const guint64 n[] = {sum->flagged, sum->rescued, sum->confirmed,
	    sum->unflagged, sum->missed};

	style_table_cell(t, paint, week);
	style_table_cell(t, paint, level);
	for (gsize i = 0; i < G_N_ELEMENTS(n); i++)
		style_table_cellf(t, paint, "%" G_GUINT64_FORMAT, n[i]);
	put_part(t, paint, quality_precision(sum));
	put_part(t, paint, quality_recall(sum));
}

static void
put_lines(StyleTable *t, StylePaint paint, const GArray *lines)
{
	for (guint i = 0; i < lines->len; i++) {
		const Line *line = &g_array_index(lines, Line, i);

		put_line(t, paint, line->week, line->level, &line->sum);
	}
}

/* A week's levels, then the week. */
static void
put_weeks(StyleTable *t, const Sums *s)
{
	GVariantIter iter;
	GVariant *row;
	guint at = 0;

	g_variant_iter_init(&iter, s->rows);
	while ((row = g_variant_iter_next_value(&iter)) != NULL) {
		const char *week = "", *level = "";
		const Line *all = &g_array_index(s->weeks, Line, at);
		QualitySum sum = {0};

		g_variant_lookup(row, "week", "&s", &week);
		g_variant_lookup(row, "level", "&s", &level);
		quality_add(&sum, row);
		if (strcmp(week, all->week) != 0) {
			put_line(t, STYLE_BOLD, all->week, ALL, &all->sum);
			at++;
		}
		put_line(t, STYLE_PLAIN, week, level, &sum);
		g_variant_unref(row);
	}
	if (at < s->weeks->len) {
		const Line *all = &g_array_index(s->weeks, Line, at);

		put_line(t, STYLE_BOLD, all->week, ALL, &all->sum);
	}
}

static void
put_table(GString *out, const Sums *s)
{
	Style style = style_of_stdout();
	StyleTable *t = style_table_new(&style, "llrrrrrrr");

	style_table_head(t, "week", "level", "flagged", "rescued", "confirmed",
	    "not flagged", "missed", "precision", "recall");
	put_weeks(t, s);
	put_lines(t, STYLE_PLAIN, s->levels);
	put_lines(t, STYLE_BOLD, s->total);
	style_table_end(t, out);
	if (style.terminal)
		style_paint(out, &style, STYLE_DIM,
		    "\nprecision: of the flagged, the part that nobody rescued "
		    "from Junk; recall: of\nthat and the missed, the part that "
		    "was flagged.  What this assumes: asnctl(1).\n");
}

/* --- JSON ------------------------------------------------------------------
 */

static void
put_number(GVariantBuilder *b, const char *key, guint64 n)
{
	g_variant_builder_add(b, "{sv}", key, g_variant_new_uint64(n));
}

static GVariant *
line_variant(const Line *line)
{
	const QualitySum *sum = &line->sum;
	const double precision = quality_precision(sum);
	const double recall = quality_recall(sum);
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	if (strcmp(line->week, TOTAL) != 0)
		g_variant_builder_add(
		    &b, "{sv}", "week", g_variant_new_string(line->week));
	if (strcmp(line->level, ALL) != 0)
		g_variant_builder_add(
		    &b, "{sv}", "level", g_variant_new_string(line->level));
	put_number(&b, "flagged", sum->flagged);
	put_number(&b, "unflagged", sum->unflagged);
	put_number(&b, "rescued", sum->rescued);
	put_number(&b, "confirmed", sum->confirmed);
	put_number(&b, "missed", sum->missed);
	if (!isnan(precision))
		g_variant_builder_add(
		    &b, "{sv}", "precision", g_variant_new_double(precision));
	if (!isnan(recall))
		g_variant_builder_add(
		    &b, "{sv}", "recall", g_variant_new_double(recall));
	return g_variant_builder_end(&b);
}

static GVariant *
lines_variant(const GArray *lines)
{
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE("aa{sv}"));
	for (guint i = 0; i < lines->len; i++)
		g_variant_builder_add_value(
		    &b, line_variant(&g_array_index(lines, Line, i)));
	return g_variant_builder_end(&b);
}

static void
put_json(GString *out, const Sums *s)
{
	g_autoptr(GVariant) all = NULL;
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&b, "{sv}", "rows", s->rows);
	g_variant_builder_add(&b, "{sv}", "weeks", lines_variant(s->weeks));
	g_variant_builder_add(&b, "{sv}", "levels", lines_variant(s->levels));
	g_variant_builder_add(&b, "{sv}", "total",
	    line_variant(&g_array_index(s->total, Line, 0)));
	all = g_variant_ref_sink(g_variant_builder_end(&b));
	json_variant(out, all);
	g_string_append_c(out, '\n');
}

/* --- the verb --------------------------------------------------------------
 */

static int
run(const AsnctlBus *bus, guint weeks, gboolean json)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GVariant) reply = NULL;
	Sums s = {NULL};
	int code = asnctl_bus_call(
	    bus, "Quality", g_variant_new("(u)", weeks), NULL, &reply);

	if (code != EX_OK)
		return code;
	s.rows = g_variant_get_child_value(reply, 0);
	sum_up(&s);
	if (json)
		put_json(out, &s);
	else if (s.weeks->len > 0)
		put_table(out, &s);
	else
		g_printerr("asnctl quality: no mail with a seal was seen in "
			   "the last %u weeks\n",
		    weeks);
	code = output_to_stdout(out->str, out->len);
	g_array_unref(s.weeks);
	g_array_unref(s.levels);
	g_array_unref(s.total);
	g_variant_unref(s.rows);
	return code;
}

int
asnctl_quality(int argc, char **argv)
{
	AsnctlBus bus = {0};
	gboolean json = FALSE;
	int weeks = 8;
	const GOptionEntry entries[] = {
	    {"weeks", 0, 0, G_OPTION_ARG_INT, &weeks,
		"So many ISO weeks up to this one (8)", "N"},
	    {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one JSON object",
		NULL},
	    ASNCTL_BUS_OPTION(&bus),
	    {NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context,
	    "Tells what users thought of our flags, by week and by the level "
	    "that decided.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		g_printerr("asnctl quality: %s\n", error->message);
		return EX_USAGE;
	}
	if (argc > 1) {
		g_printerr("asnctl quality: it takes no arguments; "
			   "\"asnctl quality --help\" tells more\n");
		return EX_USAGE;
	}
	if (weeks < 1 || weeks > 1000) {
		g_printerr("asnctl quality: --weeks %d: 1 to 1000 can be "
			   "asked for\n",
		    weeks);
		return EX_USAGE;
	}
	return run(&bus, (guint)weeks, json);
}
