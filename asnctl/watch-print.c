/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch-print.c: a vote or a verdict as one line. */

#include <string.h>

#include "json-variant.h"
#include "json.h"
#include "watch.h"

/* A stream has no widest cell: what most of them need. */
enum { TIME, KIND, SCORE, DETAIL, ADDRESS, AS, COUNTRY, PREFIX, HOLDER, N };
static const guint widths[N] = {
    [TIME] = 8,
    [KIND] = 10,
    [SCORE] = 5,
    [DETAIL] = 8,
    [ADDRESS] = 15,
    [AS] = 10,
    [COUNTRY] = 2,
    [PREFIX] = 18,
};
static const char *const titles[N] = {
    "TIME", "WHAT", "SCORE", "BY", "ADDRESS", "AS", "", "NETWORK", "HOLDER"};

typedef struct {
	char *text[N]; /* NULL: unknown */
	StylePaint paint;
} Line;

static void
put_cells(GString *out, const Style *style, const Line *line)
{
	for (guint i = 0; i < N; i++) {
		const char *text = line->text[i] ? line->text[i] : "";
		guint width = (guint)g_utf8_strlen(text, -1);

		style_paint_foreign(out, style,
		    i == KIND || i == TIME ? line->paint : STYLE_PLAIN, text);
		if (i == HOLDER)
			break;
		if (!style->terminal) {
			g_string_append_c(out, '\t');
			continue;
		}
		for (; width < widths[i]; width++)
			g_string_append_c(out, ' ');
		g_string_append(out, "  ");
	}
	g_string_append_c(out, '\n');
}

void
watch_head(GString *out, const Style *style)
{
	Line line = {.paint = STYLE_DIM};

	for (guint i = 0; i < N; i++)
		line.text[i] = g_strdup(titles[i]);
	put_cells(out, style, &line);
	for (guint i = 0; i < N; i++)
		g_free(line.text[i]);
}

/* Of the day where a person reads along, else in full. */
static char *
time_text(const Style *style, gint64 when)
{
	g_autoptr(GDateTime) t = style->terminal
				     ? g_date_time_new_from_unix_local(when)
				     : g_date_time_new_from_unix_utc(when);

	return t == NULL
		   ? NULL
		   : g_date_time_format(t,
			 style->terminal ? "%H:%M:%S" : "%Y-%m-%dT%H:%M:%SZ");
}

static char *
string_of(GVariant *dict, const char *key)
{
	char *text = NULL;

	g_variant_lookup(dict, key, "s", &text);
	return text;
}

static void
fill_vote(Line *line, GVariant *dict)
{
	gint32 weight = 1;

	line->text[KIND] = string_of(dict, "class");
	line->paint = g_strcmp0(line->text[KIND], "spam") == 0  ? STYLE_BAD
		      : g_strcmp0(line->text[KIND], "ham") == 0 ? STYLE_GOOD
								: STYLE_WARN;
	if (g_variant_lookup(dict, "weight", "i", &weight) &&
	    g_strcmp0(line->text[KIND], "taken-back") != 0)
		line->text[DETAIL] = g_strdup_printf("weight %d", weight);
}

static void
fill_verdict(Line *line, GVariant *dict)
{
	gboolean flagged = FALSE;

	g_variant_lookup(dict, "flagged", "b", &flagged);
	line->text[KIND] = g_strdup(flagged ? "flagged" : "passed");
	line->paint = flagged ? STYLE_WARN : STYLE_DIM;
	line->text[DETAIL] = string_of(dict, "level");
}

static void
fill(Line *line, const Style *style, GVariant *dict)
{
	guint32 asn;
	double score;
	gint64 when;

	if (g_variant_lookup(dict, "time", "x", &when))
		line->text[TIME] = time_text(style, when);
	if (g_variant_lookup(dict, "score", "d", &score))
		line->text[SCORE] = g_strdup_printf("%.3f", score);
	if (g_variant_lookup(dict, "asn", "u", &asn))
		line->text[AS] = g_strdup_printf("AS%u", asn);
	line->text[ADDRESS] = string_of(dict, "address");
	line->text[COUNTRY] = string_of(dict, "country");
	line->text[PREFIX] = string_of(dict, "prefix");
	line->text[HOLDER] = string_of(dict, "holder");
}

void
watch_line(GString *out, const Style *style, gboolean vote, GVariant *dict)
{
	Line line = {.paint = STYLE_PLAIN};

	fill(&line, style, dict);
	if (vote)
		fill_vote(&line, dict);
	else
		fill_verdict(&line, dict);
	put_cells(out, style, &line);
	for (guint i = 0; i < N; i++)
		g_free(line.text[i]);
}

void
watch_json(GString *out, gboolean vote, GVariant *dict)
{
	g_autoptr(GString) members = g_string_new(NULL);

	json_variant(members, dict);
	g_string_append_c(out, '{');
	asn_json_member_string(out, "event", vote ? "vote" : "verdict");
	if (members->len > 2)
		g_string_append_printf(out, ", %s", members->str + 1);
	else
		g_string_append_c(out, '}');
	g_string_append_c(out, '\n');
}
