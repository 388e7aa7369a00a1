/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-show.c: answers as JSON, and as columns. */

#include <math.h>
#include <string.h>

#include "json-variant.h"
#include "style.h"

static void
test_json(void)
{
	static const struct {
		const char *variant, *json;
	} cases[] = {
	    {"@a{sv} {}", "{}"},
	    {"{'a': <1>, 'b': <'x\"\\n'>, 'c': <true>}",
		"{\"a\": 1, \"b\": \"x\\\"\\u000a\", \"c\": true}"},
	    {"[{'a': <uint64 18446744073709551615>}, {'b': <int64 "
	     "-9223372036854775808>}, {'c': <int64 1795227417>}]",
		"[{\"a\": 18446744073709551615}, {\"b\": \"unknown\"}, "
		"{\"c\": \"2026-11-21T02:16:57Z\"}]"},
	    {"(byte 255, int16 -1, uint16 65535, uint32 7)",
		"[255, -1, 65535, 7]"},
	    {"0.1", "0.1"},
	    {"(0.1, 1e300, 3.0)", "[0.1, 1e+300, 3]"},
	    {"@as []", "[]"},
	    {"b'text'", "\"text\""},
	    {"<<<5>>>", "5"},
	    {"{1: 'one'}", "{\"1\": \"one\"}"},
	    {"@mi nothing", "[]"},
	    {"objectpath '/a'", "\"/a\""},
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GVariant) v =
		    g_variant_parse(NULL, cases[i].variant, NULL, NULL, NULL);
		g_autoptr(GString) out = g_string_new(NULL);

		g_test_message("%s", cases[i].variant);
		g_assert_nonnull(v);
		json_variant(out, v);
		g_assert_cmpstr(out->str, ==, cases[i].json);
	}
}

static void
test_not_json(void)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GVariant) v = g_variant_ref_sink(g_variant_new(
	    "(dddh)", (double)NAN, (double)INFINITY, (double)-INFINITY, 3));

	json_variant(out, v);
	g_assert_cmpstr(out->str, ==, "[null, null, null, null]");
}

/* A variant in a variant in a variant ...: D-Bus allows 64 of them. */
static void
test_deep(void)
{
	GVariant *v = g_variant_new_string("deep");
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GVariant) sunk = NULL;

	for (guint i = 0; i < 100; i++)
		v = g_variant_new_variant(v);
	sunk = g_variant_ref_sink(v);
	json_variant(out, sunk);
	g_assert_cmpstr(out->str, ==, "null");
}

static char *
table(gboolean terminal, gboolean colour)
{
	Style style = {.terminal = terminal, .colour = colour};
	StyleTable *t = style_table_new(&style, "lrl");
	GString *out = g_string_new(NULL);

	style_table_head(t, "NAME", "N", "NOTE");
	style_table_cell(t, STYLE_BAD, "spam");
	style_table_cellf(t, STYLE_PLAIN, "%d", 12345);
	style_table_cell(t, STYLE_PLAIN, NULL);
	style_table_cell(t, STYLE_PLAIN, "日本");
	style_table_cell(t, STYLE_PLAIN, "7");
	style_table_cell(t, STYLE_PLAIN, "a\tb\033[31m\n\xff");
	style_table_end(t, out);
	return g_string_free(out, FALSE);
}

static void
test_table(void)
{
	g_autofree char *piped = table(FALSE, FALSE);
	g_autofree char *plain = table(TRUE, FALSE);
	g_autofree char *colour = table(TRUE, TRUE);

	/* Nothing in a cell makes another column, line or colour. */
	g_assert_cmpstr(piped, ==,
	    "spam\t12345\t\n"
	    "日本\t7\ta b [31m \357\277\275\n");
	g_assert_cmpstr(plain, ==,
	    "NAME      N  NOTE\n"
	    "spam  12345  \n"
	    "日本      7  a b [31m \357\277\275\n");
	g_assert_nonnull(strstr(colour, "\033[1;31mspam\033[0m"));
	g_assert_nonnull(strstr(colour, "\033[2mNAME\033[0m"));
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/show/json", test_json);
	g_test_add_func("/show/not-json", test_not_json);
	g_test_add_func("/show/deep", test_deep);
	g_test_add_func("/show/table", test_table);
	return g_test_run();
}
