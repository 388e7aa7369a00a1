/* SPDX-License-Identifier: GPL-2.0-or-later */
/* history.c: "asnctl history": the votes behind a score. */

#include <string.h>
#include <sysexits.h>

#include "asnctl.h"
#include "bus.h"
#include "history.h"
#include "json-variant.h"
#include "options.h"
#include "output.h"
#include "subject.h"

typedef struct {
	AsnctlBus bus;
	gboolean json;
	int limit;
	char **what;
} Arguments;

/* ISO 8601 in UTC, "-" where it is unknown. */
static void
cell_time(StyleTable *table, GVariantDict *vote, const char *key)
{
	g_autoptr(GDateTime) t = NULL;
	g_autofree char *text = NULL;
	gint64 when;

	if (g_variant_dict_lookup(vote, key, "x", &when))
		t = g_date_time_new_from_unix_utc(when);
	if (t != NULL)
		text = g_date_time_format(t, "%Y-%m-%dT%H:%M:%SZ");
	style_table_cell(table, STYLE_PLAIN, text ? text : "-");
}

static void
cell_text(StyleTable *table, GVariantDict *vote, const char *key)
{
	const char *text = "-";

	g_variant_dict_lookup(vote, key, "&s", &text);
	style_table_cell(table, STYLE_PLAIN, text);
}

static gboolean
is(GVariantDict *vote, const char *key)
{
	gboolean v = FALSE;

	return g_variant_dict_lookup(vote, key, "b", &v) && v;
}

/* What the vote does now, in a word. */
static const char *
counts(GVariantDict *vote)
{
	guint32 weight = 0;

	g_variant_dict_lookup(vote, "weight", "u", &weight);
	if (!is(vote, "stands"))
		return "taken-back";
	return weight > 0 ? "stands" : "beyond-cap";
}

static void
add_vote(StyleTable *table, GVariant *value)
{
	GVariantDict vote;
	const char *class = "";
	guint32 asn = 0;

	g_variant_dict_init(&vote, value);
	g_variant_dict_lookup(&vote, "class", "&s", &class);
	g_variant_dict_lookup(&vote, "asn", "u", &asn);
	cell_time(table, &vote, "time");
	style_table_cell(table,
	    !is(&vote, "stands")         ? STYLE_DIM
	    : strcmp(class, "spam") == 0 ? STYLE_BAD
					 : STYLE_GOOD,
	    class);
	style_table_cell(table, STYLE_PLAIN, counts(&vote));
	cell_text(table, &vote, "address");
	if (asn != 0)
		style_table_cellf(table, STYLE_PLAIN, "AS%u", asn);
	else
		style_table_cell(table, STYLE_PLAIN, "-");
	cell_text(table, &vote, "prefix");
	cell_time(table, &vote, "mail_time");
	style_table_cell(
	    table, STYLE_PLAIN, is(&vote, "sealed") ? "sealed" : "unsealed");
	style_table_cell(
	    table, STYLE_PLAIN, is(&vote, "flagged") ? "flagged" : "-");
	cell_text(table, &vote, "user");
	g_variant_dict_clear(&vote);
}

void
history_print(GString *out, const Style *style, GVariant *votes)
{
	StyleTable *table = style_table_new(style, "llllllllll");
	GVariantIter iter;
	GVariant *vote;

	style_table_head(table, "vote", "class", "counts", "address", "AS",
	    "prefix", "mail", "seal", "flag", "user");
	g_variant_iter_init(&iter, votes);
	while ((vote = g_variant_iter_next_value(&iter)) != NULL) {
		add_vote(table, vote);
		g_variant_unref(vote);
	}
	style_table_end(table, out);
}

static int
run(const Arguments *args)
{
	const Style style = style_of_stdout();
	g_autoptr(GVariant) reply = NULL, votes = NULL;
	g_autoptr(GString) out = g_string_new(NULL);
	int code = asnctl_bus_call(&args->bus, "History",
	    g_variant_new("(su)", args->what[0], (guint32)args->limit), NULL,
	    &reply);
	gsize n;

	if (code != EX_OK)
		return code;
	votes = g_variant_get_child_value(reply, 0);
	n = g_variant_n_children(votes);
	if (args->json) {
		json_variant(out, votes);
		g_string_append_c(out, '\n');
	} else if (n > 0) {
		history_print(out, &style, votes);
	}
	if (n == 0)
		g_printerr("%s: no votes on mail from %s are known\n",
		    g_get_prgname(), args->what[0]);
	code = output_to_stdout(out->str, out->len);
	return code == EX_OK && n == 0 ? EX_UNAVAILABLE : code;
}

static gboolean
check_arguments(const Arguments *args)
{
	g_autoptr(GError) error = NULL;
	AsnSubject subject;

	if (args->what == NULL || g_strv_length(args->what) != 1) {
		g_printerr(
		    "%s: name one address, network or AS\n", g_get_prgname());
		return FALSE;
	}
	if (args->limit < 1 || args->limit > 2000) {
		g_printerr("%s: --limit is 1 to 2000 votes\n", g_get_prgname());
		return FALSE;
	}
	if (asn_subject_parse(args->what[0], &subject, &error))
		return TRUE;
	g_printerr("%s: %s\n", g_get_prgname(), error->message);
	return FALSE;
}

static const char summary[] =
    "Lists the votes on mail from an address, or from all of a network or an "
    "AS,\nnewest first: when, class, whether it counts, address, AS, prefix, "
    "time of the\nmail, seal, flag and user; in columns on a terminal, else "
    "separated by tabs.";
static const char description[] =
    "Exits 0; 69 when no vote is known, 75 when asnd cannot be reached, 77 "
    "without\nthe rights: only root and members of the group asnd may.";

int
asnctl_history(int argc, char **argv)
{
	Arguments args = {.limit = 50};
	const GOptionEntry entries[] = {
	    {"limit", 0, 0, G_OPTION_ARG_INT, &args.limit,
		"At most so many, up to 2000 (50)", "N"},
	    {"json", 0, 0, G_OPTION_ARG_NONE, &args.json,
		"Print one JSON array of objects", NULL},
	    ASNCTL_BUS_OPTION(&args.bus),
	    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &args.what,
		NULL, NULL},
	    {NULL},
	};
	g_autoptr(GOptionContext) context =
	    g_option_context_new("ADDRESS|NETWORK|ASn");
	g_autoptr(GError) error = NULL;
	int code = EX_USAGE;

	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, description);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		code = options_refuse(error, argv);
	else if (check_arguments(&args))
		code = run(&args);
	g_strfreev(args.what);
	return code;
}
