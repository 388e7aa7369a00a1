/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top.c: "asnctl top": the worst and the best neighbourhoods. */

#include <string.h>
#include <sysexits.h>

#include "asnctl.h"
#include "bus.h"
#include "escape.h"
#include "json-variant.h"
#include "options.h"
#include "output.h"
#include "style.h"

#define LIMIT_MAX 1000

static const char *const levels[] = {"as", "prefix", "block", "address", NULL};
static const char *const orders[] = {"spam", "score", "ham", NULL};

/* --- the table -------------------------------------------------------------
 */

static const char *
text_of(GVariant *row, const char *key)
{
	const char *text = "";

	g_variant_lookup(row, key, "&s", &text);
	return text;
}

static void
put_number(StyleTable *t, GVariant *row, const char *key, const char *format)
{
	char buf[G_ASCII_DTOSTR_BUF_SIZE];
	double v = 0;

	g_variant_lookup(row, key, "d", &v);
	style_table_cell(
	    t, STYLE_PLAIN, g_ascii_formatd(buf, sizeof buf, format, v));
}

static void
put_row(StyleTable *t, GVariant *row, gboolean with_as)
{
	gboolean flagged = FALSE;
	guint32 asn = 0;

	g_variant_lookup(row, "flagged", "b", &flagged);
	g_variant_lookup(row, "asn", "u", &asn);
	style_table_cell(
	    t, flagged ? STYLE_BAD : STYLE_PLAIN, text_of(row, "what"));
	put_number(t, row, "score", "%.3f");
	put_number(t, row, "spam", "%.1f");
	put_number(t, row, "ham", "%.1f");
	style_table_cell(
	    t, flagged ? STYLE_BAD : STYLE_PLAIN, flagged ? "flagged" : "-");
	if (with_as && asn != 0)
		style_table_cellf(t, STYLE_PLAIN, "AS%u", asn);
	else if (with_as)
		style_table_cell(t, STYLE_PLAIN, "-");
	style_table_cell(t, STYLE_PLAIN,
	    text_of(row, "country")[0] ? text_of(row, "country") : "-");
	style_table_cell(t, STYLE_PLAIN,
	    text_of(row, "holder")[0] ? text_of(row, "holder") : "-");
}

static void
put_table(GString *out, GVariant *rows, gboolean with_as)
{
	Style style = style_of_stdout();
	StyleTable *t =
	    style_table_new(&style, with_as ? "lrrrllll" : "lrrrlll");
	GVariantIter iter;
	GVariant *row;

	if (with_as)
		style_table_head(t, "from", "score", "spam", "ham", "flag",
		    "AS", "country", "holder");
	else
		style_table_head(t, "from", "score", "spam", "ham", "flag",
		    "country", "holder");
	g_variant_iter_init(&iter, rows);
	while ((row = g_variant_iter_next_value(&iter)) != NULL) {
		put_row(t, row, with_as);
		g_variant_unref(row);
	}
	style_table_end(t, out);
}

/* --- the verb --------------------------------------------------------------
 */

static int
run(const AsnctlBus *bus, const char *level, const char *by, guint limit,
    gboolean json)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GVariant) reply = NULL, rows = NULL;
	int code = asnctl_bus_call(
	    bus, "Top", g_variant_new("(ssu)", level, by, limit), NULL, &reply);

	if (code != EX_OK)
		return code;
	rows = g_variant_get_child_value(reply, 0);
	if (json) {
		json_variant(out, rows);
		g_string_append_c(out, '\n');
	} else if (g_variant_n_children(rows) > 0) {
		put_table(out, rows, strcmp(level, "as") != 0);
	} else {
		g_printerr("asnctl top: nothing has been learnt yet\n");
	}
	return output_to_stdout(out->str, out->len);
}

static gboolean
check(const char *const *names, const char *given, const char *what)
{
	char shown[ASN_ESCAPE_SIZE];

	if (g_strv_contains(names, given))
		return TRUE;
	g_printerr("asnctl top: \"%s\" is no %s\n",
	    asn_escape_str(shown, given), what);
	return FALSE;
}

static int
check_and_run(
    const AsnctlBus *bus, char **args, const char *by, int limit, gboolean json)
{
	const char *level = args != NULL && args[0] != NULL ? args[0] : "as";

	if (args != NULL && args[0] != NULL && args[1] != NULL) {
		g_printerr("asnctl top: one of as, prefix, block and address "
			   "at a time\n");
		return EX_USAGE;
	}
	if (!check(levels, level,
		"neighbourhood; it can be as, prefix, block or address") ||
	    !check(orders, by, "order; it can be spam, score or ham"))
		return EX_USAGE;
	if (limit < 1 || limit > LIMIT_MAX) {
		g_printerr("asnctl top: --limit %d: 1 to %d can be asked for\n",
		    limit, LIMIT_MAX);
		return EX_USAGE;
	}
	return run(bus, level, by, (guint)limit, json);
}

int
asnctl_top(int argc, char **argv)
{
	g_autofree char *by = NULL;
	g_auto(GStrv) args = NULL;
	AsnctlBus bus = {0};
	gboolean json = FALSE;
	int limit = 20;
	const GOptionEntry entries[] = {
	    {"by", 0, 0, G_OPTION_ARG_STRING, &by,
		"What comes first: spam (most of it), score, ham", "ORDER"},
	    {"limit", 0, 0, G_OPTION_ARG_INT, &limit, "So many (20)", "N"},
	    {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one JSON array",
		NULL},
	    ASNCTL_BUS_OPTION(&bus),
	    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &args, NULL,
		NULL},
	    {NULL},
	};
	g_autoptr(GOptionContext) context =
	    g_option_context_new("[as|prefix|block|address]");
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context,
	    "Lists where most spam, or most wanted mail, comes from: by AS, "
	    "routed prefix,\nblock (/24, IPv6 /48) or address.");
	g_option_context_set_description(
	    context, "ORDER is spam, ham or score.\n");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return options_refuse(error, argv);
	return check_and_run(&bus, args, by ? by : "spam", limit, json);
}
