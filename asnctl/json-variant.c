/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json-variant.c: GVariant to JSON. */

#include <math.h>

#include "export.h"
#include "json-variant.h"
#include "json.h"

#define DEEPEST 64

static void put(GString *out, GVariant *v, guint depth);

static void
put_double(GString *out, double d)
{
	char buf[G_ASCII_DTOSTR_BUF_SIZE];

	g_string_append(out, isfinite(d)
				 ? g_ascii_formatd(buf, sizeof buf, "%.12g", d)
				 : "null");
}

static void
put_signed(GString *out, gint64 n)
{
	g_string_append_printf(out, "%" G_GINT64_FORMAT, n);
}

/* asnd sends times, and nothing else, as 64 signed bits. */
static void
put_time(GString *out, gint64 when)
{
	g_autofree char *date = asn_export_date(when);

	asn_json_string(out, date, -1);
}

static void
put_unsigned(GString *out, guint64 n)
{
	g_string_append_printf(out, "%" G_GUINT64_FORMAT, n);
}

static void
put_items(GString *out, GVariant *v, guint depth)
{
	gsize n = g_variant_n_children(v);

	g_string_append_c(out, '[');
	for (gsize i = 0; i < n; i++) {
		g_autoptr(GVariant) item = g_variant_get_child_value(v, i);

		if (i > 0)
			g_string_append(out, ", ");
		put(out, item, depth + 1);
	}
	g_string_append_c(out, ']');
}

/* The key of an entry: text as it is, all else as JSON in a string. */
static void
put_key(GString *out, GVariant *key)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (g_variant_is_of_type(key, G_VARIANT_TYPE_STRING)) {
		asn_json_member(out, g_variant_get_string(key, NULL));
		return;
	}
	put(text, key, 0);
	asn_json_member(out, text->str);
}

static void
put_dictionary(GString *out, GVariant *v, guint depth)
{
	gsize n = g_variant_n_children(v);

	g_string_append_c(out, '{');
	for (gsize i = 0; i < n; i++) {
		g_autoptr(GVariant) entry = g_variant_get_child_value(v, i);
		g_autoptr(GVariant) key = g_variant_get_child_value(entry, 0);
		g_autoptr(GVariant) value = g_variant_get_child_value(entry, 1);

		put_key(out, key);
		put(out, value, depth + 1);
	}
	g_string_append_c(out, '}');
}

static void
put_array(GString *out, GVariant *v, guint depth)
{
	gsize n;
	const char *bytes;

	if (g_variant_is_of_type(v, G_VARIANT_TYPE_DICTIONARY)) {
		put_dictionary(out, v, depth);
	} else if (g_variant_is_of_type(v, G_VARIANT_TYPE_BYTESTRING)) {
		bytes = g_variant_get_fixed_array(v, &n, 1);
		/* The end of a C string is no part of it. */
		n -= n > 0 && bytes[n - 1] == '\0';
		asn_json_string(out, n > 0 ? bytes : "", (gssize)n);
	} else {
		put_items(out, v, depth);
	}
}

static void
put_inside(GString *out, GVariant *v, guint depth)
{
	g_autoptr(GVariant) inside = g_variant_get_variant(v);

	put(out, inside, depth + 1);
}

static void
put_basic(GString *out, GVariant *v)
{
	switch (g_variant_classify(v)) {
	case G_VARIANT_CLASS_BOOLEAN:
		g_string_append(
		    out, g_variant_get_boolean(v) ? "true" : "false");
		break;
	case G_VARIANT_CLASS_BYTE:
		put_unsigned(out, g_variant_get_byte(v));
		break;
	case G_VARIANT_CLASS_INT16:
		put_signed(out, g_variant_get_int16(v));
		break;
	case G_VARIANT_CLASS_UINT16:
		put_unsigned(out, g_variant_get_uint16(v));
		break;
	case G_VARIANT_CLASS_INT32:
		put_signed(out, g_variant_get_int32(v));
		break;
	case G_VARIANT_CLASS_UINT32:
		put_unsigned(out, g_variant_get_uint32(v));
		break;
	case G_VARIANT_CLASS_INT64:
		put_time(out, g_variant_get_int64(v));
		break;
	case G_VARIANT_CLASS_UINT64:
		put_unsigned(out, g_variant_get_uint64(v));
		break;
	case G_VARIANT_CLASS_DOUBLE:
		put_double(out, g_variant_get_double(v));
		break;
	case G_VARIANT_CLASS_STRING:
	case G_VARIANT_CLASS_OBJECT_PATH:
	case G_VARIANT_CLASS_SIGNATURE:
		asn_json_string(out, g_variant_get_string(v, NULL), -1);
		break;
	default: /* a descriptor */
		g_string_append(out, "null");
		break;
	}
}

static void
put(GString *out, GVariant *v, guint depth)
{
	GVariantClass kind = g_variant_classify(v);

	if (depth > DEEPEST)
		g_string_append(out, "null");
	else if (kind == G_VARIANT_CLASS_VARIANT)
		put_inside(out, v, depth);
	else if (kind == G_VARIANT_CLASS_ARRAY)
		put_array(out, v, depth);
	else if (g_variant_is_container(v))
		put_items(out, v, depth);
	else
		put_basic(out, v);
}

void
json_variant(GString *out, GVariant *value)
{
	put(out, value, 0);
}
