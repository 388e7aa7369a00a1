/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-json.c: hostile text and values where they are shown: JSON, metrics,
 * terminal tables, log lines.
 *
 * The first byte chooses what the rest is: text, or a GVariant and its type.
 *
 * Covers: lib/json.c lib/escape.c asnctl/json-variant.c asnctl/metrics-text.c
 * asnctl/style.c.
 * Longest input: 512
 */

#include <math.h>

#include "escape.h"
#include "fuzz.h"
#include "json-variant.h"
#include "json.h"
#include "metrics-text.h"
#include "style.h"

/* --- a reader of JSON (RFC 8259), to hold ours to it ---------------------- */

static const char *json_value(const char *p, guint depth);

static const char *
json_string(const char *p)
{
	g_assert_cmpint(*p, ==, '"');
	for (p++; *p != '"'; p++) {
		g_assert_cmpint((guchar)*p, >=, 0x20);
		if (*p != '\\')
			continue;
		p++;
		if (*p == 'u')
			for (guint i = 0; i < 4; i++)
				g_assert_true(g_ascii_isxdigit(*++p));
		else
			g_assert_nonnull(memchr("\"\\/bfnrt", *p, 8));
	}
	return p + 1;
}

/* Of an array or an object. */
static const char *
json_items(const char *p, char close, guint depth)
{
	while (*++p != close) {
		if (close == '}') {
			p = json_string(p);
			g_assert_cmpint(*p++, ==, ':');
			g_assert_cmpint(*p++, ==, ' ');
		}
		p = json_value(p, depth + 1);
		if (*p == close)
			break;
		g_assert_cmpint(*p++, ==, ',');
		g_assert_cmpint(*p, ==, ' ');
	}
	return p + 1;
}

static const char *
json_value(const char *p, guint depth)
{
	static const char *const words[] = {"null", "true", "false"};

	g_assert_cmpuint(depth, <, 200);
	if (*p == '[')
		return json_items(p, ']', depth);
	if (*p == '{')
		return json_items(p, '}', depth);
	if (*p == '"')
		return json_string(p);
	for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
		if (g_str_has_prefix(p, words[i]))
			return p + strlen(words[i]);
	p += *p == '-';
	g_assert_true(g_ascii_isdigit(*p));
	g_assert_true(*p != '0' || !g_ascii_isdigit(p[1]));
	return p + strspn(p, "0123456789.e+-");
}

static void
check_json(const GString *out)
{
	g_assert_true(g_utf8_validate(out->str, (gssize)out->len, NULL));
	g_assert_true(*json_value(out->str, 0) == '\0');
}

/* --- what is shown -------------------------------------------------------- */

static void
show_variant(guint kind, const guint8 *data, gsize size)
{
	static const char *const types[] = {"a{sv}", "(a{sv})", "aa{sv}", "v",
	    "as", "ay", "(sayg)", "a{us}", "(ybnqiuxtd)", "a(xtd)", "av", "ms",
	    "a{tv}", "(soh)", "aay"};
	const GVariantType *type =
	    G_VARIANT_TYPE(types[kind % G_N_ELEMENTS(types)]);
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GBytes) bytes = g_bytes_new(data, size);
	g_autoptr(GVariant) value =
	    g_variant_ref_sink(g_variant_new_from_bytes(type, bytes, FALSE));

	json_variant(out, value);
	check_json(out);
}

static void
show_json(const char *text, gsize size)
{
	g_autoptr(GString) out = g_string_new("{");
	g_autofree char *copy = g_strndup(text, size);

	asn_json_member_string(out, copy, copy);
	asn_json_member_uint(out, "n", size);
	asn_json_member(out, "list");
	g_string_append_c(out, '[');
	asn_json_string(out, text, (gssize)size);
	g_string_append(out, "]}");
	check_json(out);
}

static guint
count(const char *text, char c)
{
	guint n = 0;

	for (; *text != '\0'; text++)
		n += *text == c;
	return n;
}

static void
show_metric(const char *text, double value)
{
	static const Metric metric = {"asnd_a_bytes", "bytes", "What it is."};
	g_autoptr(GString) out = g_string_new(NULL);
	const char *quote;

	metric_family(out, &metric);
	metric_sample(out, &metric, value, "holder", text, "x", "y", NULL);
	metric_sample(out, &metric, value, NULL);
	metric_end(out);
	g_assert_cmpuint(count(out->str, '\n'), ==, 6);
	g_assert_true(g_utf8_validate(out->str, -1, NULL));
	quote = strchr(out->str, '"') + 1;
	while (*quote != '"') /* escapes do not end it */
		quote += *quote == '\\' ? 2 : 1;
	g_assert_true(g_str_has_prefix(quote, "\",x=\"y\"} "));
}

/* As many rows and columns as there are cells, and no control but ours. */
static void
show_table(const char *text, gboolean terminal)
{
	Style style = {.terminal = terminal, .colour = terminal};
	g_autoptr(GString) out = g_string_new(NULL);
	StyleTable *table = style_table_new(&style, "lrl");

	style_table_head(table, "A", "B", "C");
	for (guint i = 0; i < 2; i++) {
		style_table_cell(table, STYLE_BAD, text);
		style_table_cellf(table, STYLE_PLAIN, "%s", text);
		style_table_cell(table, STYLE_GOOD, i ? text : NULL);
	}
	style_table_end(table, out);
	style_paint_foreign(out, &style, STYLE_WARN, text);
	g_assert_true(g_utf8_validate(out->str, -1, NULL));
	g_assert_cmpuint(count(out->str, '\n'), ==, terminal ? 3 : 2);
	g_assert_cmpuint(count(out->str, '\t'), ==, terminal ? 0 : 4);
	g_assert_null(strchr(out->str, '\r'));
	if (!terminal)
		g_assert_null(strchr(out->str, '\033'));
	else
		for (const char *p = out->str; (p = strchr(p, '\033'));)
			g_assert_cmpint(*++p, ==, '[');
}

static void
show_escaped(const char *text, gsize size)
{
	char buf[ASN_ESCAPE_SIZE];

	asn_escape(buf, text, size);
	for (const char *p = buf; *p != '\0'; p++)
		g_assert_true(*p >= 0x20 && *p < 0x7f);
	asn_escape_str(buf, NULL);
	g_assert_cmpstr(buf, ==, "");
}

static void
show_text(guint kind, FuzzInput *in)
{
	const char *text = (const char *)in->p;
	gsize len = fuzz_left(in);
	g_autofree char *string = g_strndup(text, len);
	Style style = style_of_stdout();
	guint64 bits;
	double value;

	show_json(len > 0 ? text : "", len);
	show_escaped(text, len);
	g_assert_false(style.colour && !style.terminal);
	show_table(string, kind & 1);
	bits = fuzz_number(in, 8);
	memcpy(&value, &bits, sizeof value);
	show_metric(string, value);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	FuzzInput in = {data, data + size};
	guint kind = fuzz_byte(&in);

	/* one of them an input: they have nothing in common */
	if (kind < 128)
		show_variant(kind, in.p, fuzz_left(&in));
	else
		show_text(kind, &in);
	return 0;
}
