/* SPDX-License-Identifier: GPL-2.0-or-later */
/* date.c: RFC 5322 dates to seconds since the epoch. */

#include <string.h>

#include "date.h"
#include "span.h"

#define YEAR_10000 G_GINT64_CONSTANT(253402300800)

/* min..max digits, then none. */
static gboolean
take_number(AsnSpan *c, guint min, guint max, int *out)
{
	guint n = 0;
	int v = 0;

	for (; c->p < c->end && g_ascii_isdigit(*c->p) && n < max; n++)
		v = v * 10 + (*c->p++ - '0');
	*out = v;
	return n >= min && (c->p == c->end || !g_ascii_isdigit(*c->p));
}

static gboolean
take_char(AsnSpan *c, char wanted)
{
	if (c->p == c->end || *c->p != wanted)
		return FALSE;
	c->p++;
	return TRUE;
}

static gboolean
take_month(AsnSpan *c, int *out)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++) {
		if (c->end - c->p >= 3 &&
		    g_ascii_strncasecmp(c->p, names + (gsize)i * 3, 3) == 0) {
			c->p += 3;
			*out = i + 1;
			return TRUE;
		}
	}
	return FALSE;
}

static gboolean
take_zone(AsnSpan *c, int *minutes)
{
	static const char *const zero[] = {"GMT", "UTC", "UT", "Z"};
	int sign, hhmm;

	if (c->p < c->end && (*c->p == '+' || *c->p == '-')) {
		sign = *c->p++ == '-' ? -1 : 1;
		if (!take_number(c, 4, 4, &hhmm) || hhmm % 100 > 59)
			return FALSE;
		*minutes = sign * (hhmm / 100 * 60 + hhmm % 100);
		return TRUE;
	}
	*minutes = 0;
	for (gsize i = 0; i < G_N_ELEMENTS(zero); i++) {
		gsize n = strlen(zero[i]);
		if ((gsize)(c->end - c->p) >= n &&
		    g_ascii_strncasecmp(c->p, zero[i], n) == 0)
			return TRUE;
	}
	return FALSE;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar: years that begin
 * in March put the leap day last. */
static gint64
days(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year;
	int m = (month + 9) % 12;

	return (gint64)y * 365 + y / 4 - y / 100 + y / 400 +
	       (m * 306 + 5) / 10 + day - 1 - 719468;
}

static gboolean
take_date(AsnSpan *c, gint64 *out)
{
	static const guint8 len[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int day, month, year, leap;

	if (!take_number(c, 1, 2, &day))
		return FALSE;
	asn_span_skip_space(c);
	if (!take_month(c, &month))
		return FALSE;
	asn_span_skip_space(c);
	if (!take_number(c, 4, 4, &year) || year < 1970)
		return FALSE;
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (day < 1 || day > len[month - 1] + (month == 2 ? leap : 0))
		return FALSE;
	*out = days(year, month, day) * 86400;
	return TRUE;
}

static gboolean
take_time(AsnSpan *c, gint64 *out)
{
	int h, m, s = 0;

	if (!take_number(c, 1, 2, &h) || !take_char(c, ':') ||
	    !take_number(c, 2, 2, &m))
		return FALSE;
	if (take_char(c, ':') && !take_number(c, 2, 2, &s))
		return FALSE;
	if (h > 23 || m > 59 || s > 60)
		return FALSE;
	*out = h * 3600 + m * 60 + s;
	return TRUE;
}

gboolean
asn_date_parse(const char *text, gsize len, gint64 *out)
{
	AsnSpan c = {text, text + len};
	gint64 date, time;
	int zone;

	asn_span_skip_space(&c);
	if (c.p < c.end && g_ascii_isalpha(*c.p)) {
		const char *comma = memchr(c.p, ',', MIN(12, c.end - c.p));
		if (comma == NULL)
			return FALSE;
		c.p = comma + 1;
		asn_span_skip_space(&c);
	}
	if (!take_date(&c, &date))
		return FALSE;
	asn_span_skip_space(&c);
	if (!take_time(&c, &time))
		return FALSE;
	asn_span_skip_space(&c);
	if (!take_zone(&c, &zone))
		return FALSE;
	/* A zone may reach over either end: RFC 5322 has them up to 99:59. */
	time += date - (gint64)zone * 60;
	if (time < 0 || time >= YEAR_10000)
		return FALSE;
	*out = time;
	return TRUE;
}
