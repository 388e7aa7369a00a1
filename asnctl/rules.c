/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.c: "asnctl allow", "block" and "rules": the admin's word. */

#include <string.h>
#include <sysexits.h>

#include "asnctl.h"
#include "bus.h"
#include "export.h"
#include "json-variant.h"
#include "json.h"
#include "options.h"
#include "output.h"
#include "rules-date.h"
#include "rules-text.h"
#include "style.h"

typedef struct {
	AsnctlBus bus;
	char *until, *note;
	char **what; /* of rules: those to remove */
	gboolean json;
	gint64 end; /* what until says; 0: for ever */
} Arguments;

static int
refuse(const char *why)
{
	g_printerr("%s: %s\n", g_get_prgname(), why);
	return EX_USAGE;
}

/* Takes error over. */
static int
refuse_error(GError *error)
{
	int code = refuse(error->message);

	g_error_free(error);
	return code;
}

static void
clear(Arguments *args)
{
	g_free(args->until);
	g_free(args->note);
	g_strfreev(args->what);
}

static int
parse(const GOptionEntry *entries, const char *arguments, const char *summary,
    const char *description, int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(arguments);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, description);
	g_option_context_add_main_entries(context, entries, NULL);
	if (g_option_context_parse(context, &argc, &argv, &error))
		return argc > 1 ? refuse("no arguments expected; --remove "
					 "takes a rule back")
				: EX_OK;
	return options_refuse(error, argv);
}

/* --- allow and block ------------------------------------------------------ */

static int
check_subjects(char **what)
{
	GError *error = NULL;
	AsnSubject subject;

	for (; *what != NULL; what++)
		if (!asn_subject_parse(*what, &subject, &error) ||
		    !asn_rule_check_subject(&subject, &error))
			return refuse_error(error);
	return EX_OK;
}

static int
check_rule(Arguments *args)
{
	const AsnUntilRules how = {.now = g_get_real_time() / G_USEC_PER_SEC,
	    .relative = TRUE,
	    .future = TRUE};
	GError *error = NULL;

	if (args->what == NULL || args->what[0] == NULL)
		return refuse("name an address, a network or an AS");
	if (args->until != NULL &&
	    !asn_until_parse(args->until, &how, &args->end, &error))
		return refuse_error(error);
	if (args->note != NULL && !asn_rule_check_note(args->note, &error))
		return refuse_error(error);
	return check_subjects(args->what);
}

/* The milter gives clients of loopback no header.  A rule is /8 or narrower:
 * its first address tells. */
static void
warn_of_loopback(const AsnSubject *subject)
{
	char what[ASN_SUBJECT_STRLEN];

	if (subject->kind != ASN_SUBJECT_AS &&
	    asn_addr_is_loopback(&subject->net.addr))
		g_printerr("%s: warning: mail from %s, this host itself, gets "
			   "no header: the rule has no effect on it\n",
		    g_get_prgname(), asn_subject_format(subject, what));
}

static void
say_words(GString *out, const char *action, const char *what, gint64 until)
{
	char end[ASN_UNTIL_SIZE];

	g_string_append_printf(out, "mail from %s is %s", what,
	    strcmp(action, "block") == 0 ? "blocked" : "allowed");
	if (until != 0)
		g_string_append_printf(out, " until %s%s",
		    until % 86400 == 0 ? "the end of " : "",
		    asn_until_format(until, end));
	g_string_append(
	    out, until % 86400 == 0 && until != 0 ? " UTC\n" : "\n");
}

/* One line, one object; with the keys that the rule has in "rules". */
static void
say_json(GString *out, const char *action, const char *what, gint64 until)
{
	g_string_append_c(out, '{');
	asn_json_member_string(out, "action", action);
	asn_json_member_string(out, "what", what);
	if (until != 0) {
		g_autofree char *date = asn_export_date(until);

		asn_json_member_string(out, "until", date);
	}
	g_string_append(out, "}\n");
}

/* What holds from now on, and a warning where that is nothing. */
static void
say_set(
    GString *out, const Arguments *args, const char *action, const char *text)
{
	char what[ASN_SUBJECT_STRLEN];
	AsnSubject subject;

	if (!asn_subject_parse(text, &subject, NULL))
		return; /* check_subjects let none through */
	asn_subject_format(&subject, what);
	(args->json ? say_json : say_words)(out, action, what, args->end);
	warn_of_loopback(&subject);
}

static int
set_all(const Arguments *args, const char *action)
{
	g_autoptr(GString) out = g_string_new(NULL);
	int code = EX_OK, written;

	for (char **w = args->what; *w != NULL && code == EX_OK; w++) {
		code = asnctl_bus_call(&args->bus, "SetRule",
		    g_variant_new("(ssxs)", action, *w, args->end,
			args->note ? args->note : ""),
		    NULL, NULL);
		if (code == EX_OK)
			say_set(out, args, action, *w);
	}
	written = output_to_stdout(out->str, out->len);
	return code != EX_OK ? code : written;
}

static const char set_description[] =
    "DATE is the last day of the rule (2026-12-31, to its end in UTC), a time\n"
    "(2026-12-31T18:00:00Z) or from now on (+30d, +12h).  A rule for the same "
    "is\nreplaced; \"asnctl rules --remove\" takes one back.\n\n"
    "Exits 0; 64 for what cannot be a rule, 75 when asnd cannot be reached, "
    "77\n"
    "without the rights: only root and members of the group asnd may.";

static int
set_rules(const char *action, const char *summary, int argc, char **argv)
{
	Arguments args = {.end = 0};
	const GOptionEntry entries[] = {
	    {"until", 0, 0, G_OPTION_ARG_STRING, &args.until,
		"The last day of the rule, or a time (for ever)", "DATE"},
	    {"note", 0, 0, G_OPTION_ARG_STRING, &args.note,
		"A line that \"asnctl rules\" shows with it", "TEXT"},
	    {"json", 0, 0, G_OPTION_ARG_NONE, &args.json,
		"Print one JSON object a rule", NULL},
	    ASNCTL_BUS_OPTION(&args.bus),
	    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &args.what,
		NULL, NULL},
	    {NULL},
	};
	int code = parse(entries, "ADDRESS|NETWORK|ASn...", summary,
	    set_description, argc, argv);

	if (code == EX_OK)
		code = check_rule(&args);
	if (code == EX_OK)
		code = set_all(&args, action);
	clear(&args);
	return code;
}

int
asnctl_allow(int argc, char **argv)
{
	return set_rules("allow",
	    "Lets mail from there pass as not flagged, whatever its score.",
	    argc, argv);
}

int
asnctl_block(int argc, char **argv)
{
	return set_rules("block",
	    "Flags all mail from there, whatever its score.", argc, argv);
}

/* --- rules ---------------------------------------------------------------- */

static int
remove_all(const Arguments *args)
{
	g_autoptr(GString) out = g_string_new(NULL);
	int code = EX_OK, written;

	for (char **w = args->what; *w != NULL && code == EX_OK; w++) {
		code = asnctl_bus_call(&args->bus, "RemoveRule",
		    g_variant_new("(s)", *w), NULL, NULL);
		if (code == EX_OK)
			g_string_append_printf(
			    out, "the rule for %s is removed\n", *w);
	}
	written = output_to_stdout(out->str, out->len);
	return code != EX_OK ? code : written;
}

static const char *
text_of(GVariantDict *rule, const char *key)
{
	const char *text = "";

	g_variant_dict_lookup(rule, key, "&s", &text);
	return text;
}

static gboolean
is(GVariantDict *rule, const char *key)
{
	gboolean yes = FALSE;

	g_variant_dict_lookup(rule, key, "b", &yes);
	return yes;
}

/* What it does now; an ended one does nothing. */
static void
add_state(StyleTable *table, GVariantDict *rule)
{
	const char *action = text_of(rule, "action");

	if (is(rule, "ended"))
		style_table_cell(table, STYLE_DIM, "ended");
	else if (is(rule, "hidden"))
		style_table_cell(table, STYLE_DIM, "hidden");
	else
		style_table_cell(table, STYLE_PLAIN, "in force");
	style_table_cell(table,
	    !is(rule, "in_force")          ? STYLE_DIM
	    : strcmp(action, "block") == 0 ? STYLE_BAD
					   : STYLE_GOOD,
	    action);
}

static void
add_rule(StyleTable *table, GVariant *value)
{
	char end[ASN_UNTIL_SIZE];
	gint64 until = 0;
	guint32 line = 0;
	GVariantDict rule;
	const char *file;

	g_variant_dict_init(&rule, value);
	add_state(table, &rule);
	style_table_cell(table, STYLE_BOLD, text_of(&rule, "what"));
	g_variant_dict_lookup(&rule, "until", "x", &until);
	style_table_cell(table, STYLE_PLAIN,
	    until > 0 && until <= ASN_RULE_UNTIL_MAX
		? asn_until_format(until, end)
		: "-");
	file = text_of(&rule, "file");
	g_variant_dict_lookup(&rule, "line", "u", &line);
	if (*file != '\0')
		style_table_cellf(table, STYLE_DIM, "%s:%u", file, line);
	else
		style_table_cell(
		    table, STYLE_DIM, is(&rule, "withheld") ? "-" : "asnctl");
	style_table_cell(table, STYLE_PLAIN, text_of(&rule, "note"));
	g_variant_dict_clear(&rule);
}

static void
print_rules(GString *out, GVariant *rules)
{
	const Style style = style_of_stdout();
	StyleTable *table = style_table_new(&style, "llllll");
	GVariantIter iter;
	GVariant *rule;

	style_table_head(
	    table, "state", "action", "what", "until", "from", "note");
	g_variant_iter_init(&iter, rules);
	while ((rule = g_variant_iter_next_value(&iter)) != NULL) {
		add_rule(table, rule);
		g_variant_unref(rule);
	}
	style_table_end(table, out);
}

static int
list_rules(const Arguments *args)
{
	g_autoptr(GVariant) reply = NULL, rules = NULL;
	g_autoptr(GString) out = g_string_new(NULL);
	int code = asnctl_bus_call(&args->bus, "ListRules", NULL, NULL, &reply);

	if (code != EX_OK)
		return code;
	rules = g_variant_get_child_value(reply, 0);
	if (args->json) {
		json_variant(out, rules);
		g_string_append_c(out, '\n');
	} else if (g_variant_n_children(rules) > 0) {
		print_rules(out, rules);
	} else {
		g_printerr("%s: there are no rules\n", g_get_prgname());
	}
	return output_to_stdout(out->str, out->len);
}

static int
check_removal(const Arguments *args)
{
	GError *error = NULL;
	AsnSubject subject;

	if (args->json)
		return refuse("--json goes with the list, not with --remove");
	for (char **w = args->what; *w != NULL; w++)
		if (!asn_subject_parse(*w, &subject, &error))
			return refuse_error(error);
	return EX_OK;
}

int
asnctl_rules(int argc, char **argv)
{
	Arguments args = {.end = 0};
	const GOptionEntry entries[] = {
	    {"remove", 0, 0, G_OPTION_ARG_STRING_ARRAY, &args.what,
		"Take the rule for WHAT back; may be given more than once",
		"WHAT"},
	    {"json", 0, 0, G_OPTION_ARG_NONE, &args.json,
		"Print an array of objects", NULL},
	    ASNCTL_BUS_OPTION(&args.bus),
	    {NULL},
	};
	int code = parse(entries, NULL,
	    "Lists the rules that \"asnctl allow\" and \"asnctl block\" set, "
	    "and those of\nrules.d: state, action, what, until, where it "
	    "stands, note; in columns on\na terminal, else separated by tabs.",
	    "State: \"in force\"; \"ended\", which are kept for 30 days; or "
	    "\"hidden\" by another\nrule for the same.\n\n"
	    "Exits 0; 69 when there is no such rule to remove, 75 when asnd "
	    "cannot be\nreached, 77 without the rights to remove.",
	    argc, argv);

	if (code == EX_OK && args.what != NULL)
		code = check_removal(&args);
	if (code == EX_OK)
		code =
		    args.what != NULL ? remove_all(&args) : list_rules(&args);
	clear(&args);
	return code;
}
