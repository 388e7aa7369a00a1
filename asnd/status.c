/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.c: STATUS= of asnd. */

#include "status.h"

static void
add_published(GString *out, gint64 when)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(when);
	g_autofree char *text =
	    time != NULL ? g_date_time_format(time, "%F %T UTC") : NULL;

	if (when == 0)
		g_string_append(out, "; nothing published yet");
	else
		g_string_append_printf(
		    out, "; published %s", text ? text : "at no date");
}

static const char *
doing(const AsndStatus *s)
{
	if (!s->connected)
		return "; asnd-mailwatch is not connected";
	if (!s->idle)
		return "; reading mail";
	return s->first_run ? "; learning from what is there" : "; watching";
}

char *
asnd_status_text(const AsndStatus *s)
{
	GString *out = g_string_new(NULL);

	if (s->store_trouble != NULL)
		g_string_append_printf(out,
		    "the evidence cannot be used, votes wait: %s; ",
		    s->store_trouble);
	if (s->publish_trouble != NULL)
		g_string_append_printf(out,
		    "cannot publish, the old files stay in use: %s; ",
		    s->publish_trouble);
	g_string_append_printf(
	    out, "%" G_GUINT64_FORMAT " votes since the start", s->votes);
	add_published(out, s->published);
	g_string_append(out, doing(s));
	if (!s->networks)
		g_string_append(out, "; no networks.mmdb: run 'asnctl import'");
	if (!s->keys)
		g_string_append(
		    out, "; no seal key: run 'asnctl seal-key new'");
	return g_string_free(out, FALSE);
}
