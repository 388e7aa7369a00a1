/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules-date.c: until when a rule holds, to and from text. */

#include <gio/gio.h>
#include <string.h>

#include "escape.h"
#include "rules-date.h"

#define HOUR 3600
#define DAY 86400
#define DIGITS "0123456789"

static gboolean
refuse(GError **error, const char *text, const char *why)
{
	char shown[ASN_ESCAPE_SIZE];

	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "\"%s\" %s",
	    asn_escape_str(shown, text), why);
	return FALSE;
}

/* "dddd-dd-dd", each d a digit. */
static gboolean
looks_like(const char *text, gsize len, const char *form)
{
	if (len != strlen(form))
		return FALSE;
	for (gsize i = 0; i < len; i++)
		if (form[i] == 'd' ? !g_ascii_isdigit(text[i])
				   : text[i] != form[i])
			return FALSE;
	return TRUE;
}

/* GLib's parser, for what begins with a full date. */
static gboolean
parse_time(const char *text, gint64 *out)
{
	g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
	g_autoptr(GDateTime) time = NULL;

	if (strlen(text) > 40 || !looks_like(text, 10, "dddd-dd-dd"))
		return FALSE;
	time = g_date_time_new_from_iso8601(text, utc);
	if (time == NULL)
		return FALSE;
	*out = g_date_time_to_unix(time);
	return TRUE;
}

static gboolean
parse_day(const char *text, gint64 *out)
{
	g_autofree char *midnight = g_strconcat(text, "T00:00:00Z", NULL);

	if (!parse_time(midnight, out))
		return FALSE;
	*out += DAY;
	return TRUE;
}

/* "+30d", "+12h" */
static gboolean
parse_relative(const char *text, gint64 now, gint64 *out)
{
	gsize digits = strspn(text + 1, DIGITS);
	const char *unit = text + 1 + digits;
	gint64 n;

	if (digits == 0 || digits > 6 || strlen(unit) != 1 ||
	    strchr("dh", *unit) == NULL)
		return FALSE;
	n = g_ascii_strtoll(text + 1, NULL, 10);
	*out = now + n * (*unit == 'd' ? DAY : HOUR);
	return TRUE;
}

gboolean
asn_until_parse(
    const char *text, const AsnUntilRules *how, gint64 *out, GError **error)
{
	gboolean known;
	gint64 t;

	if (how->relative && text[0] == '+')
		known = parse_relative(text, how->now, &t);
	else if (looks_like(text, strlen(text), "dddd-dd-dd"))
		known = parse_day(text, &t);
	else
		known = parse_time(text, &t);
	if (!known)
		return refuse(error, text,
		    how->relative ? "is no date; 2026-12-31, "
				    "2026-12-31T18:00:00Z and +30d are"
				  : "is no date; 2026-12-31 and "
				    "2026-12-31T18:00:00Z are");
	if (t <= 0 || t > ASN_RULE_UNTIL_MAX)
		return refuse(
		    error, text, "is out of range; 1970 to 9999 is not");
	if (how->future && t <= how->now)
		return refuse(error, text,
		    text[0] == '+' ? "ends at once; +1h is the shortest"
				   : "is past; name a day to the end of which "
				     "(UTC) it shall hold");
	*out = t;
	return TRUE;
}

const char *
asn_until_format(gint64 until, char *buf)
{
	gboolean whole = until % DAY == 0;
	g_autoptr(GDateTime) t =
	    g_date_time_new_from_unix_utc(whole ? until - 1 : until);

	g_strlcpy(buf, "?", ASN_UNTIL_SIZE);
	if (t == NULL)
		return buf;
	g_snprintf(buf, ASN_UNTIL_SIZE, "%04d-%02d-%02d",
	    g_date_time_get_year(t), g_date_time_get_month(t),
	    g_date_time_get_day_of_month(t));
	if (!whole)
		g_snprintf(buf + 10, ASN_UNTIL_SIZE - 10, "T%02d:%02d:%02dZ",
		    g_date_time_get_hour(t), g_date_time_get_minute(t),
		    g_date_time_get_second(t));
	return buf;
}
