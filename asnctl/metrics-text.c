/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics-text.c: OpenMetrics text. */

#include <math.h>
#include <stdarg.h>

#include "metrics-text.h"

void
metric_family(GString *out, const Metric *m)
{
	g_string_append_printf(
	    out, "# HELP %s %s\n# TYPE %s gauge\n", m->name, m->help, m->name);
	if (m->unit != NULL)
		g_string_append_printf(out, "# UNIT %s %s\n", m->name, m->unit);
}

/* OpenMetrics "Label value": UTF-8 with \\, \" and \n escaped. */
static void
put_label_value(GString *out, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	for (const char *p = valid; *p != '\0'; p++) {
		if (*p == '\\' || *p == '"')
			g_string_append_c(out, '\\');
		if (*p == '\n')
			g_string_append(out, "\\n");
		else
			g_string_append_c(out, *p);
	}
}

static void
put_labels(GString *out, va_list ap)
{
	const char *label, *before = "{";

	while ((label = va_arg(ap, const char *)) != NULL) {
		g_string_append_printf(out, "%s%s=\"", before, label);
		put_label_value(out, va_arg(ap, const char *));
		g_string_append_c(out, '"');
		before = ",";
	}
	if (*before == ',')
		g_string_append_c(out, '}');
}

void
metric_sample(GString *out, const Metric *m, double value, ...)
{
	char buf[G_ASCII_DTOSTR_BUF_SIZE];
	va_list ap;

	g_string_append(out, m->name);
	va_start(ap, value);
	put_labels(out, ap);
	va_end(ap);
	g_string_append_printf(out, " %s\n",
	    isfinite(value) ? g_ascii_formatd(buf, sizeof buf, "%.15g", value)
			    : "NaN");
}

void
metric_end(GString *out)
{
	g_string_append(out, "# EOF\n");
}
