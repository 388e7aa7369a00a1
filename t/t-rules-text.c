/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-rules-text.c: rules-text.h, rules-date.h */

#include <gio/gio.h>
#include <string.h>

#include "rules-date.h"
#include "rules-text.h"

#define NOW G_GINT64_CONSTANT(1795217323) /* 2026-11-20T23:28:43Z */

static void
note_bad(guint line, const char *why, gpointer data)
{
	g_string_append_printf(data, "%u: %s\n", line, why);
}

/* Rules as they are written, and what was wrong. */
static char *
parse(const char *text, gsize len, char **wrong)
{
	g_autoptr(GArray) entries = asn_rule_entries_new();
	GString *out = g_string_new(NULL), *bad = g_string_new(NULL);
	guint n = asn_rules_parse(text, len, entries, note_bad, bad), lines = 0;

	for (const char *p = bad->str; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	g_assert_cmpuint(n, ==, lines);
	for (guint i = 0; i < entries->len; i++)
		asn_rule_write(out, &g_array_index(entries, AsnRuleEntry, i));
	*wrong = g_string_free(bad, FALSE);
	return g_string_free(out, FALSE);
}

static void
test_lines(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	    {"allow 192.0.2.1\n", "allow 192.0.2.1\n"},
	    {"block\tAS64496", "block AS64496\n"},
	    {"  Block  as64496  # a note \r\n", "block AS64496 # a note\n"},
	    {"block 192.0.2.0/24 until 2026-12-31",
		"block 192.0.2.0/24 until 2026-12-31\n"},
	    {"allow 2001:DB8::/32 until 2026-12-31T18:00:00+01:00#x",
		"allow 2001:db8::/32 until 2026-12-31T17:00:00Z # x\n"},
	    {"allow 192.0.2.1 until 2000-01-01",
		"allow 192.0.2.1 until 2000-01-01\n"},
	    {"# nothing\n\n \t\n#\nblock AS1#\n", "block AS1\n"},
	    {"\xef\xbb\xbf"
	     "block AS1",
		"block AS1\n"},
	    {"block AS1 # caf\xc3\xa9\x01\xff # more",
		"block AS1 # caf\xc3\xa9 \xef\xbf\xbd # more\n"},
	    {"", ""},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *wrong = NULL, *again = NULL, *none = NULL;
		g_autofree char *out =
		    parse(cases[i].in, strlen(cases[i].in), &wrong);

		g_assert_cmpstr(wrong, ==, "");
		g_assert_cmpstr(out, ==, cases[i].out);
		again = parse(out, strlen(out), &none);
		g_assert_cmpstr(again, ==, out);
	}
}

static void
test_bad_lines(void)
{
	static const struct {
		const char *in, *wanted;
	} cases[] = {
	    {"deny AS1", "1: \"deny\" is neither allow nor block"},
	    {"block", "1: it names nobody"},
	    {"block 192.0.2.1/24", "the network is 192.0.2.0/24"},
	    {"block 0.0.0.0/0", "/8 is the widest"},
	    {"block AS0", "RFC 7607"},
	    {"block AS1 2026-12-31", "\"2026-12-31\" stands where \"until\""},
	    {"block AS1 until", "no date follows"},
	    {"block AS1 until tomorrow", "\"tomorrow\" is no date"},
	    {"block AS1 until +30d", "\"+30d\" is no date"},
	    {"block AS1 until 2026-02-30", "is no date"},
	    {"block AS1 until 2026-12-31 18:00",
		"\"18:00\" stands behind the date"},
	    {"block AS1 until 2026-12-31 # x\nblock\n# y\n burn it", "4: "},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *wrong = NULL;
		g_autofree char *out =
		    parse(cases[i].in, strlen(cases[i].in), &wrong);

		if (strstr(wrong, cases[i].wanted) == NULL)
			g_error("%s: %s", cases[i].in, wrong);
		/* The rest holds: only the last case has any. */
		g_assert_cmpint(*out != '\0', ==, i == G_N_ELEMENTS(cases) - 1);
	}
}

/* The rest of a file holds, whatever stands in one line of it. */
static void
test_passed_over(void)
{
	GString *text = g_string_new("block AS1\n");
	g_autofree char *out = NULL, *wrong = NULL;

	g_string_append_len(text, "block\0AS2\n", 10);
	for (guint i = 0; i < ASN_RULE_LINE_MAX; i++)
		g_string_append(text, " x");
	g_string_append(text, "\nblock AS3 #");
	for (guint i = 0; i < 3000; i++)
		g_string_append(text, "\xc3\xa9");
	g_string_append(text, "\nallow AS4");
	out = parse(text->str, text->len, &wrong);
	g_assert_true(g_str_has_prefix(out, "block AS1\nblock AS3 # "));
	g_assert_true(g_str_has_suffix(out, "\nallow AS4\n"));
	g_assert_cmpuint(strlen(out), <, 260);
	g_assert_nonnull(strstr(wrong, "2: it is no text"));
	g_assert_nonnull(strstr(wrong, "3: it is no text, or far too long"));
	g_string_free(text, TRUE);
}

static void
test_dates(void)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} cases[] = {
	    {"2026-12-31", "2026-12-31"},
	    {"2026-11-20", "2026-11-20"},
	    {"2028-02-29", "2028-02-29"},
	    {"2026-12-31T18:00:00Z", "2026-12-31T18:00:00Z"},
	    {"2026-12-31T18:00:00", "2026-12-31T18:00:00Z"},
	    {"2027-01-01T00:00:00Z", "2026-12-31"},
	    {"9999-12-31", "9999-12-31"},
	    {"+1h", "2026-11-21T00:28:43Z"},
	    {"+30d", "2026-12-20T23:28:43Z"},
	    {"2026-11-19", NULL},
	    {"2026-11-20T23:28:43Z", NULL},
	    {"1969-12-31", NULL},
	    {"2027-02-29", NULL},
	    {"2026-13-01", NULL},
	    {"26-12-31", NULL},
	    {"2026-12-31Tx", NULL},
	    {"2026-W50-1", NULL},
	    {"31.12.2026", NULL},
	    {"+0d", NULL},
	    {"+d", NULL},
	    {"+-1d", NULL},
	    {"+9999999d", NULL},
	    {"+999999d", "4764-10-16T23:28:43Z"},
	    {"30d", NULL},
	    {"", NULL},
	    {"\xff", NULL},
	};
	const AsnUntilRules how = {
	    .now = NOW, .relative = TRUE, .future = TRUE};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		char text[ASN_UNTIL_SIZE];
		gint64 until = 0, again = 0;
		gboolean ok =
		    asn_until_parse(cases[i].in, &how, &until, &error);

		g_test_message("%s", cases[i].in);
		g_assert_cmpint(ok, ==, cases[i].out != NULL);
		g_assert_cmpint(ok, ==, error == NULL);
		if (!ok)
			continue;
		g_assert_cmpstr(
		    asn_until_format(until, text), ==, cases[i].out);
		g_assert_true(asn_until_parse(text, &how, &again, NULL));
		g_assert_cmpint(again, ==, until);
	}
}

static void
test_notes(void)
{
	g_autofree char *full = g_strnfill(ASN_RULE_NOTE_MAX, 'x');
	g_autofree char *more = g_strnfill(ASN_RULE_NOTE_MAX + 1, 'x');
	const char *good[] = {"", "a note # of sorts", "caf\xc3\xa9", full};
	const char *bad[] = {more, "two\nlines", "bell\a", "\xff", "\xc2\x85",
	    "\xe2\x80\xa8", "a\tb"};

	for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autofree char *line = g_strdup_printf(
		    "allow AS1%s%s\n", *good[i] != '\0' ? " # " : "", good[i]);
		g_autofree char *wrong = NULL;
		g_autofree char *out = parse(line, strlen(line), &wrong);

		g_assert_true(asn_rule_check_note(good[i], NULL));
		g_assert_cmpstr(out, ==, line); /* not a byte is lost */
	}
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		g_assert_false(asn_rule_check_note(bad[i], &error));
		g_assert_nonnull(error);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rules-text/lines", test_lines);
	g_test_add_func("/rules-text/bad-lines", test_bad_lines);
	g_test_add_func("/rules-text/passed-over", test_passed_over);
	g_test_add_func("/rules-text/dates", test_dates);
	g_test_add_func("/rules-text/notes", test_notes);
	return g_test_run();
}
