/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.c: JSON out. */

#include "json.h"

/* What a terminal could obey, or show in another order (bidi), or take for a
 * line end: it may well be printed on one. */
static gboolean
shown_as_number(gunichar c)
{
	return !g_unichar_isprint(c) || c == 0x2028 || c == 0x2029;
}

static void
put_number(GString *out, gunichar c)
{
	if (c >= 0x10000) { /* a surrogate pair, RFC 8259 section 7 */
		g_string_append_printf(
		    out, "\\u%04x", 0xd7c0 + (guint)(c >> 10));
		c = 0xdc00 + (c & 0x3ff);
	}
	g_string_append_printf(out, "\\u%04x", (guint)c);
}

void
asn_json_string(GString *out, const char *text, gssize len)
{
	g_autofree char *valid = g_utf8_make_valid(text, len);

	g_string_append_c(out, '"');
	for (char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (c == '"' || c == '\\')
			g_string_append_printf(out, "\\%c", (char)c);
		else if (shown_as_number(c))
			put_number(out, c);
		else
			g_string_append_unichar(out, c);
	}
	g_string_append_c(out, '"');
}

void
asn_json_member(GString *out, const char *key)
{
	const char *last = out->len > 0 ? &out->str[out->len - 1] : "{";

	if (*last != '{' && *last != '[')
		g_string_append(out, ", ");
	asn_json_string(out, key, -1);
	g_string_append(out, ": ");
}

void
asn_json_member_string(GString *out, const char *key, const char *value)
{
	asn_json_member(out, key);
	asn_json_string(out, value, -1);
}

void
asn_json_member_uint(GString *out, const char *key, guint64 value)
{
	asn_json_member(out, key);
	g_string_append_printf(out, "%" G_GUINT64_FORMAT, value);
}
