/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the verbs look: colour and columns on a terminal, tabs and nothing else
 * when piped.  Text from outside is shown without control characters.
 */
#pragma once

#include <glib.h>

typedef enum {
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_N
} StylePaint;

typedef struct {
	gboolean terminal; /* stdout is one */
	gboolean colour;   /* and NO_COLOR is not set, nor TERM dumb */
} Style;

Style style_of_stdout(void);
/* text in that colour, or as it is; text is not checked. */
void style_paint(
    GString *out, const Style *style, StylePaint paint, const char *text);
/* The same of text from outside: tabs, line ends and other control characters
 * become spaces. */
void style_paint_foreign(
    GString *out, const Style *style, StylePaint paint, const char *text);

/* A table.  columns: a letter each, 'l' or 'r' for where its text stands. */
typedef struct _StyleTable StyleTable;
StyleTable *style_table_new(const Style *style, const char *columns);
/* The first row, on a terminal only; as many as there are columns. */
void style_table_head(StyleTable *table, ...);
/* The next cell, copied; NULL: empty.  A row ends with its last one. */
void style_table_cell(StyleTable *table, StylePaint paint, const char *text);
void style_table_cellf(StyleTable *table, StylePaint paint, const char *format,
    ...) G_GNUC_PRINTF(3, 4);
/* Appends all of it to out, and frees it. */
void style_table_end(StyleTable *table, GString *out);
