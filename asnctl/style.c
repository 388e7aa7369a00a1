/* SPDX-License-Identifier: GPL-2.0-or-later */
/* style.c: colour and columns. */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "style.h"

static const char *const codes[STYLE_N] = {
    [STYLE_PLAIN] = "",
    [STYLE_BOLD] = "\033[1m",
    [STYLE_DIM] = "\033[2m",
    [STYLE_GOOD] = "\033[32m",
    [STYLE_WARN] = "\033[33m",
    [STYLE_BAD] = "\033[1;31m",
};

Style
style_of_stdout(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	gboolean terminal = isatty(STDOUT_FILENO) == 1;

	/* no-color.org: set and not empty */
	return (Style){.terminal = terminal,
	    .colour = terminal && (no == NULL || *no == '\0') && term != NULL &&
		      strcmp(term, "dumb") != 0};
}

void
style_paint(GString *out, const Style *s, StylePaint paint, const char *text)
{
	gboolean coloured = s->colour && paint != STYLE_PLAIN && *text != '\0';

	if (coloured)
		g_string_append(out, codes[paint]);
	g_string_append(out, text);
	if (coloured)
		g_string_append(out, "\033[0m");
}

/* Valid UTF-8 without control and format characters or line ends. */
static char *
clean(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *out = g_string_sized_new(strlen(valid) + 1);

	for (char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (!g_unichar_isprint(c) || c == 0x2028 || c == 0x2029)
			c = ' ';
		g_string_append_unichar(out, c);
	}
	return g_string_free(out, FALSE);
}

void
style_paint_foreign(
    GString *out, const Style *s, StylePaint paint, const char *text)
{
	g_autofree char *safe = clean(text);

	style_paint(out, s, paint, safe);
}

/* --- tables ---------------------------------------------------------------
 */

typedef struct {
	char *text;
	StylePaint paint;
	guint width; /* cells of a terminal */
} Cell;

struct _StyleTable {
	Style style;
	guint n; /* columns */
	char *columns;
	guint *widths;
	GArray *cells;
};

static void
clear_cell(gpointer data)
{
	Cell *c = data;

	g_free(c->text);
}

StyleTable *
style_table_new(const Style *style, const char *columns)
{
	StyleTable *t = g_new0(StyleTable, 1);

	t->style = *style;
	t->n = (guint)strlen(columns);
	t->columns = g_strdup(columns);
	t->widths = g_new0(guint, t->n);
	t->cells = g_array_new(FALSE, FALSE, sizeof(Cell));
	g_array_set_clear_func(t->cells, clear_cell);
	return t;
}

static guint
width_of(char *text)
{
	guint n = 0;

	for (char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (!g_unichar_iszerowidth(c))
			n += g_unichar_iswide(c) ? 2 : 1;
	}
	return n;
}

void
style_table_cell(StyleTable *t, StylePaint paint, const char *text)
{
	Cell c = {.text = clean(text ? text : ""), .paint = paint};
	guint column = t->cells->len % t->n;

	c.width = width_of(c.text);
	t->widths[column] = MAX(t->widths[column], c.width);
	g_array_append_val(t->cells, c);
}

void
style_table_cellf(StyleTable *t, StylePaint paint, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	style_table_cell(t, paint, text);
}

void
style_table_head(StyleTable *t, ...)
{
	va_list ap;

	if (!t->style.terminal)
		return;
	va_start(ap, t);
	for (guint i = 0; i < t->n; i++)
		style_table_cell(t, STYLE_DIM, va_arg(ap, const char *));
	va_end(ap);
}

static void
pad(GString *out, guint n)
{
	while (n-- > 0)
		g_string_append_c(out, ' ');
}

static void
put_aligned(const StyleTable *t, GString *out, guint i, const Cell *c)
{
	guint column = i % t->n, room = t->widths[column] - c->width;

	if (t->columns[column] == 'r')
		pad(out, room);
	style_paint(out, &t->style, c->paint, c->text);
	if (t->columns[column] != 'r' && column + 1 < t->n)
		pad(out, room);
}

void
style_table_end(StyleTable *t, GString *out)
{
	for (guint i = 0; i < t->cells->len; i++) {
		const Cell *c = &g_array_index(t->cells, Cell, i);
		gboolean last = i % t->n == t->n - 1;

		if (t->style.terminal)
			put_aligned(t, out, i, c);
		else
			g_string_append(out, c->text);
		g_string_append(out, last                ? "\n"
				     : t->style.terminal ? "  "
							 : "\t");
	}
	g_array_unref(t->cells);
	g_free(t->columns);
	g_free(t->widths);
	g_free(t);
}
