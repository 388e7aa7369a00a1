/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-log.c: warnings with a budget. */

#include <stdarg.h>

#include "mailwatch-log.h"

#define WARNINGS_PER_MINUTE 20

void
mw_warn(const char *format, ...)
{
	static gint64 minute = -1;
	static guint said, left_out;
	gint64 now = g_get_monotonic_time() / ((gint64)60 * G_USEC_PER_SEC);
	g_autofree char *text = NULL;
	va_list args;

	if (now != minute) {
		minute = now;
		said = 0;
	}
	if (said++ >= WARNINGS_PER_MINUTE) {
		left_out++;
		return;
	}
	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	if (left_out != 0)
		g_warning("%s (%u earlier warnings left out)", text, left_out);
	else
		g_warning("%s", text);
	left_out = 0;
}
