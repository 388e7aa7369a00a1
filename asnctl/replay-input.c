/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay-input.c: reads the TSV of a recorded stream. */

#include <math.h>
#include <string.h>

#include "replay.h"

#define MIN_FIELDS 6
#define SHOWN 100     /* bytes of outside text in a message */
#define TIME_MAX 1e12 /* seconds; far beyond any date */

G_DEFINE_QUARK(replay - error - quark, replay_error)

typedef struct {
	const char *data;
	gsize len;
} Field;

/* Splits at tabs; returns how many fields there are, at most n. */
static guint
split(const char *data, const char *end, Field *fields, guint n)
{
	guint found = 0;

	while (found < n) {
		const char *tab = memchr(data, '\t', (gsize)(end - data));
		const char *stop = tab ? tab : end;

		fields[found++] = (Field){data, (gsize)(stop - data)};
		if (tab == NULL)
			break;
		data = tab + 1;
	}
	return found;
}

static gboolean
field_is(const Field *f, const char *text)
{
	return f->len == strlen(text) && memcmp(f->data, text, f->len) == 0;
}

static gboolean
parse_time(const Field *f, double *out)
{
	char buf[64], *end;

	if (f->len == 0 || f->len >= sizeof buf)
		return FALSE;
	memcpy(buf, f->data, f->len);
	buf[f->len] = '\0';
	*out = g_ascii_strtod(buf, &end);
	return end == buf + f->len && isfinite(*out) && fabs(*out) <= TIME_MAX;
}

static gboolean
parse_country(const Field *f, char out[3])
{
	if (field_is(f, "-"))
		return TRUE;
	if (f->len != 2 || !g_ascii_isalnum(f->data[0]) ||
	    !g_ascii_isalnum(f->data[1]))
		return FALSE;
	memcpy(out, f->data, 2);
	return TRUE;
}

/* NULL, or what is wrong; *bad: which field. */
static const char *
parse_fields(const Field *f, ReplayRow *row, guint *bad)
{
	AsnOriginKey *key = &row->key;

	*bad = 0;
	if (!parse_time(&f[0], &row->t))
		return "time must be a number of seconds";
	*bad = 1;
	if (!asn_addr_parse(f[1].data, f[1].len, &key->addr))
		return "not an IP address";
	*bad = 2;
	if (!field_is(&f[2], "-") &&
	    (!asn_network_parse(f[2].data, f[2].len, &key->prefix) ||
		key->prefix.addr.family != key->addr.family))
		return "not '-' or a prefix of the address's family";
	*bad = 3;
	if (!field_is(&f[3], "0") &&
	    !asn_number_parse(f[3].data, f[3].len, &key->asn))
		return "not an AS number (0: unknown)";
	*bad = 4;
	if (!parse_country(&f[4], key->country))
		return "not '-' or a country code of two letters";
	*bad = 5;
	if (!field_is(&f[5], "0") && !field_is(&f[5], "1"))
		return "class must be 0 (ham) or 1 (spam)";
	row->spam = f[5].data[0] == '1';
	return NULL;
}

static gboolean
parse_line(const char *data, const char *end, const char *name, guint line,
    ReplayRow *row, GError **error)
{
	Field f[MIN_FIELDS];
	g_autofree char *cut = NULL, *shown = NULL;
	const char *why;
	guint bad;

	if (split(data, end, f, MIN_FIELDS) < MIN_FIELDS) {
		g_set_error(error, REPLAY_ERROR, 0,
		    "%s:%u: fewer than %d fields; a line is: time, address, "
		    "prefix, AS number, country, class, tab separated",
		    name, line, MIN_FIELDS);
		return FALSE;
	}
	why = parse_fields(f, row, &bad);
	if (why == NULL)
		return TRUE;
	cut = g_strndup(f[bad].data, MIN(f[bad].len, SHOWN));
	shown = g_strescape(cut, NULL);
	g_set_error(error, REPLAY_ERROR, 0, "%s:%u: field %u: \"%s\": %s", name,
	    line, bad + 1, shown, why);
	return FALSE;
}

GArray *
replay_parse(const char *text, gsize len, const char *name, GError **error)
{
	g_autoptr(GArray) rows = g_array_new(FALSE, TRUE, sizeof(ReplayRow));
	const char *data = text, *end = text + len;

	for (guint line = 1; data < end; line++) {
		const char *eol = memchr(data, '\n', (gsize)(end - data));
		const char *stop = eol ? eol : end;
		const char *next = eol ? eol + 1 : end;
		ReplayRow row = {0};

		if (stop > data && stop[-1] == '\r')
			stop--;
		if (*data != '#') {
			if (!parse_line(data, stop, name, line, &row, error))
				return NULL;
			g_array_append_val(rows, row);
		}
		data = next;
	}
	return g_steal_pointer(&rows);
}
