/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json.c: JSON out. */

#include "json.h"

void
asn_json_string(GString *out, const char *text, gssize len)
{
	g_autofree char *valid = g_utf8_make_valid(text, len);

	g_string_append_c(out, '"');
	for (const char *p = valid; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			g_string_append_printf(out, "\\%c", *p);
		else if ((guchar)*p < 0x20 || *p == 0x7f)
			g_string_append_printf(out, "\\u%04x", (guchar)*p);
		else
			g_string_append_c(out, *p);
	}
	g_string_append_c(out, '"');
}

void
asn_json_member(GString *out, const char *key)
{
	char last = out->len > 0 ? out->str[out->len - 1] : '{';

	if (last != '{' && last != '[')
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
