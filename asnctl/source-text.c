/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source-text.c: sources of one network or range a line: iptoasn.com's TSV, and
 * "network TAB asn TAB name TAB country". */

#include <string.h>

#include "escape.h"
#include "source.h"

#define MAX_FIELDS 5
#define TELL_EVERY 8192 /* lines */

typedef struct {
	const char *text;
	gsize len;
} Field;

typedef enum {
	KIND_UNKNOWN,
	KIND_RANGES,  /* first, last, asn, country, name */
	KIND_NETWORKS /* network, asn, name, country */
} Kind;

typedef struct {
	ImportSet *set;
	Kind kind;
	Field f[MAX_FIELDS];
	guint n;
	const char *wrong; /* with the line, if it is */
} Text;

/* --- addresses and numbers -------------------------------------------------
 */

static gboolean
parse_uint32(const Field *f, guint32 *out)
{
	guint64 v = 0;

	if (f->len == 0 || f->len > 10)
		return FALSE;
	for (gsize i = 0; i < f->len; i++) {
		if (!g_ascii_isdigit(f->text[i]))
			return FALSE;
		v = v * 10 + (guint64)(f->text[i] - '0');
	}
	*out = (guint32)v;
	return v <= G_MAXUINT32;
}

/* An address, or IPv4 as a decimal number ("ip2asn-v4-u32.tsv"). */
static gboolean
parse_addr(const Field *f, AsnAddr *out)
{
	guint32 v;

	if (asn_addr_parse(f->text, f->len, out))
		return TRUE;
	if (!parse_uint32(f, &v))
		return FALSE;
	memset(out, 0, sizeof *out);
	out->family = 4;
	v = GUINT32_TO_BE(v);
	memcpy(out->b + 12, &v, 4);
	return TRUE;
}

static gboolean
is(const Field *f, const char *text)
{
	return f->len == strlen(text) && memcmp(f->text, text, f->len) == 0;
}

/* Empty, "-" and 0 are unknown. */
static gboolean
parse_asn(const Field *f, guint32 *out)
{
	*out = 0;
	return f->len == 0 || is(f, "-") || is(f, "0") || is(f, "AS0") ||
	       asn_number_parse(f->text, f->len, out);
}

static gboolean
parse_country(const Field *f, char *out)
{
	memset(out, 0, 2);
	if (f->len == 0 || is(f, "-") || is(f, "None") || is(f, "Unknown"))
		return TRUE;
	if (f->len != 2 || !g_ascii_isalpha(f->text[0]) ||
	    !g_ascii_isalpha(f->text[1]))
		return FALSE;
	out[0] = g_ascii_toupper(f->text[0]);
	out[1] = g_ascii_toupper(f->text[1]);
	return TRUE;
}

static guint32
parse_name(ImportSet *set, const Field *f)
{
	return is(f, "-") ? 0 : import_set_string(set, f->text, f->len);
}

/* Splits a range into the fewest networks. */
gboolean
source_add_range(
    ImportSet *set, const AsnAddr *first, const AsnAddr *last, guint32 origin)
{
	guint bits = first->family == 4 ? 32 : 128;
	unsigned __int128 from = 0, to = 0;

	for (guint i = 0; i < 16; i++) {
		from = from << 8 | first->b[i];
		to = to << 8 | last->b[i];
	}
	if (first->family != last->family || from > to)
		return FALSE;
	for (;;) {
		AsnNetwork net = {.addr.family = first->family};
		unsigned __int128 block = 1;
		guint len = bits;

		while (len > 0 && (from & block) == 0 &&
		       to - from >= block * 2 - 1) {
			block *= 2;
			len--;
			if (block == 0) /* all of IPv6 */
				break;
		}
		for (guint i = 0; i < 16; i++)
			net.addr.b[15 - i] = (guint8)(from >> (8 * i));
		net.len = (guint8)len;
		import_set_add(set, &net, origin);
		if (to - from == block - 1)
			return TRUE;
		from += block;
	}
}

/* --- lines ------------------------------------------------------------------
 */

static void
split(Text *t, const char *line, gsize len)
{
	const char *end = line + len;

	t->n = 0;
	while (t->n < MAX_FIELDS) {
		const char *tab = memchr(line, '\t', (gsize)(end - line));

		if (tab == NULL || t->n == MAX_FIELDS - 1)
			tab = end;
		t->f[t->n++] = (Field){line, (gsize)(tab - line)};
		if (tab == end)
			break;
		line = tab + 1;
	}
	for (guint i = t->n; i < MAX_FIELDS; i++)
		t->f[i] = (Field){"", 0};
}

static Kind
kind_of_line(const Text *t)
{
	AsnNetwork net;
	AsnAddr a;

	if (t->n == 5 && parse_addr(&t->f[0], &a) && parse_addr(&t->f[1], &a))
		return KIND_RANGES;
	if (t->n >= 2 && t->n <= 4 &&
	    asn_network_parse(t->f[0].text, t->f[0].len, &net))
		return KIND_NETWORKS;
	return KIND_UNKNOWN;
}

static const char *
take_range(Text *t)
{
	char country[2];
	AsnAddr first, last;
	guint32 asn, origin;

	if (t->n != 5)
		return "not five fields with tabs between them";
	if (!parse_addr(&t->f[0], &first) || !parse_addr(&t->f[1], &last))
		return "not an address at the start or end of the range";
	if (!parse_asn(&t->f[2], &asn))
		return "not an AS number in the third field";
	if (!parse_country(&t->f[3], country))
		return "not a country code in the fourth field";
	/* "Not routed" says nothing about the range. */
	origin = import_set_origin(
	    t->set, asn, country, parse_name(t->set, &t->f[4]));
	if (first.family != last.family || memcmp(first.b, last.b, 16) > 0)
		return "the range ends before it starts";
	if (origin != 0)
		source_add_range(t->set, &first, &last, origin);
	return NULL;
}

static const char *
take_network(Text *t)
{
	char country[2];
	AsnNetwork net;
	guint32 asn, origin;

	if (t->n != 4)
		return "not four fields (network, AS number, name, country) "
		       "with tabs between them";
	if (!asn_network_parse(t->f[0].text, t->f[0].len, &net))
		return "not a network in the first field";
	if (!asn_network_is_canonical(&net))
		return "the network has host bits set";
	if (!parse_asn(&t->f[1], &asn))
		return "not an AS number in the second field";
	if (!parse_country(&t->f[3], country))
		return "not a country code in the fourth field";
	origin = import_set_origin(
	    t->set, asn, country, parse_name(t->set, &t->f[2]));
	if (origin == 0)
		return "neither an AS number nor a country";
	import_set_add(t->set, &net, origin);
	return NULL;
}

static const char *
take_line(Text *t, const char *line, gsize len)
{
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len == 0 || line[0] == '#')
		return NULL;
	if (memchr(line, '\0', len) != NULL)
		return "a NUL byte";
	split(t, line, len);
	if (t->kind == KIND_UNKNOWN)
		t->kind = kind_of_line(t);
	if (t->kind == KIND_RANGES)
		return take_range(t);
	if (t->kind == KIND_NETWORKS)
		return take_network(t);
	return "not a format that asnctl knows (location.db, .mmdb, iptoasn "
	       "TSV, or network TAB asn TAB name TAB country)";
}

static gboolean
fail_line(const char *name, guint64 number, const char *why, const char *line,
    gsize len, GError **error)
{
	char shown[ASN_ESCAPE_SIZE];

	g_set_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN,
	    "%s: line %" G_GUINT64_FORMAT ": %s: \"%s\"", name, number, why,
	    asn_escape(shown, line, len));
	return FALSE;
}

gboolean
source_read_text(const guint8 *data, gsize len, const char *name,
    ImportSet *set, const SourceProgress *progress, SourceInfo *info,
    GError **error)
{
	const char *p = (const char *)data, *end = p + len;
	Text t = {.set = set};
	guint64 number = 0;

	while (p < end) {
		const char *stop = memchr(p, '\n', (gsize)(end - p));
		gboolean cut = stop == NULL;
		const char *why;

		if (cut)
			stop = end;
		number++;
		why = take_line(&t, p, (gsize)(stop - p));
		if (cut && (why == NULL || t.kind != KIND_UNKNOWN))
			why = "the last line has no end: the file is cut short";
		if (why != NULL)
			return fail_line(
			    name, number, why, p, (gsize)(stop - p), error);
		p = stop < end ? stop + 1 : end;
		if (number % TELL_EVERY == 0 &&
		    !source_tell(
			progress, 1 - (double)(end - p) / (double)len, error))
			return FALSE;
	}
	if (t.kind == KIND_UNKNOWN)
		return fail_line(name, MAX(number, 1),
		    "no network in the whole file", "", 0, error);
	info->format = t.kind == KIND_RANGES ? "iptoasn" : "networks";
	return TRUE;
}
