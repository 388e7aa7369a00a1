/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-map.c: the data of the page's maps, small enough for a telephone. */

#include <string.h>

#include "json.h"
#include "report.h"

/* JSON leaves more to a string than HTML leaves to a script: "</script>" ends
 * it and "<!--" changes how it is read, wherever they stand. */
void
report_script_string(GString *out, const char *text)
{
	g_autoptr(GString) json = g_string_new(NULL);

	asn_json_string(json, text, -1);
	for (char *p = json->str; *p != '\0'; p = g_utf8_next_char(p)) {
		const gunichar c = g_utf8_get_char(p);

		if (c == '<' || c == '>' || c == '&' || c == 0x2028 ||
		    c == 0x2029)
			g_string_append_printf(out, "\\u%04x", c);
		else
			g_string_append_unichar(out, c);
	}
}

static void
member_bytes(GString *out, const char *key, const GByteArray *bytes)
{
	g_autofree char *text = g_base64_encode(bytes->data, bytes->len);

	asn_json_member_string(out, key, text);
}

/* The number of a block within the map; FALSE: it is not on it. */
static gboolean
block_number(const ReportSpace *s, const AsnNetwork *block, guint64 *out)
{
	AsnPos at;

	if (block->addr.family != s->family ||
	    !report_place_on_map(s, asn_pos(&block->addr), &at))
		return FALSE;
	*out = (guint64)(at >> (s->family == 6 ? 80 : 8));
	return TRUE;
}

/* For each block five numbers: its distance from the one before, holder, ten
 * times spam and ham, twice the score in thousandths and 1 when flagged. */
static GByteArray *
pack_blocks(const Report *r, const ReportSpace *s)
{
	GByteArray *packed = g_byte_array_new();
	guint64 at, before = 0;

	for (guint i = 0; i < r->blocks->len; i++) {
		const ReportPlace *p =
		    &g_array_index(r->blocks, ReportPlace, i);

		if (!block_number(s, &p->net, &at))
			continue;
		report_number(packed, at - before);
		report_number(packed, p->holder);
		report_number(packed, (guint64)(p->spam * 10 + 0.5));
		report_number(packed, (guint64)(p->ham * 10 + 0.5));
		report_number(packed,
		    (guint64)(p->score * 1000 + 0.5) * 2 + !!p->flagged);
		before = at;
	}
	return packed;
}

static void
add_space(GString *out, const Report *r, const ReportSpace *s)
{
	g_autoptr(GByteArray) blocks = pack_blocks(r, s);

	g_string_append_c(out, '{');
	asn_json_member_uint(out, "family", s->family);
	asn_json_member(out, "slots");
	for (guint i = 0; i < REPORT_SLOTS; i++)
		g_string_append_printf(
		    out, "%c%u", i > 0 ? ',' : '[', s->slots[i]);
	g_string_append_c(out, ']');
	member_bytes(out, "allocated", s->allocated);
	member_bytes(out, "flagged", s->flagged);
	member_bytes(out, "mainHolders", s->main_holders);
	member_bytes(out, "blocks", blocks);
	g_string_append_c(out, '}');
}

void
report_map(const Report *r, GString *out)
{
	g_string_append(out, "{\"spaces\":[");
	add_space(out, r, &r->space[0]);
	g_string_append_c(out, ',');
	add_space(out, r, &r->space[1]);
	g_string_append(out, "],\"holders\":[");
	for (guint i = 0; i < r->holders->len; i++) {
		const ReportHolder *h = report_holder_at(r, i);
		g_autofree char *name = report_holder_name(h);

		g_string_append_printf(
		    out, "%s[%u,", i > 0 ? ",\n" : "", h->asn);
		report_script_string(out, h->country);
		g_string_append_c(out, ',');
		report_script_string(out, name);
		g_string_append_c(out, ']');
	}
	g_string_append(out, "]}");
}
