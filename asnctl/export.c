/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export.c: "asnctl export": what is flagged, for other programs. */

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "asnctl.h"
#include "databases.h"
#include "escape.h"
#include "export.h"
#include "output.h"
#include "placeholders.h"

#define DEFAULT_RULE "PREPEND X-Spam-ASN: AS{asn}"
#define RULE_BYTES 256
#define TITLE_ASNS 8

static const ExportFormat formats[] = {
    {"postfix-cidr", 0, TRUE, FALSE, export_postfix},
    {"rbldnsd", 0, TRUE, FALSE, export_rbldnsd},
    {"json", EXPORT_BY_COUNTRY | EXPORT_BY_SCORE, FALSE, FALSE, export_json},
    {"csv", EXPORT_BY_COUNTRY | EXPORT_BY_SCORE, FALSE, FALSE, export_csv},
    {"nftables", 0, FALSE, FALSE, export_nftables},
    {"mmdb", EXPORT_BY_COUNTRY | EXPORT_BY_SCORE, FALSE, TRUE, export_mmdb},
};

typedef struct {
	char *dir, *config, *output, *format, *rule, *min_score;
	char **what;
	/* from them */
	const ExportFormat *chosen;
	GHashTable *asns; /* NULL: what is flagged */
	double score;     /* of min_score */
} Arguments;

static int G_GNUC_PRINTF(2, 3) complain(int code, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_printerr("asnctl export: %s\n", text);
	return code;
}

/* --- the command line ------------------------------------------------------
 */

static int
check_format(Arguments *args)
{
	static const char all[] =
	    "postfix-cidr, rbldnsd, json, csv, nftables or mmdb";
	char shown[ASN_ESCAPE_SIZE];

	if (args->format == NULL)
		return complain(EX_USAGE, "--format is missing: %s", all);
	for (gsize i = 0; i < G_N_ELEMENTS(formats); i++)
		if (strcmp(args->format, formats[i].name) == 0)
			args->chosen = &formats[i];
	if (args->chosen == NULL)
		return complain(EX_USAGE, "no format \"%s\": there are %s",
		    asn_escape_str(shown, args->format), all);
	if (args->chosen->binary && args->output == NULL &&
	    isatty(STDOUT_FILENO))
		return complain(EX_USAGE,
		    "%s is nothing for a terminal: use -o FILE", args->format);
	return EX_OK;
}

/* Postfix takes a line as it stands: nothing in it may end it. */
static int
check_rule(const Arguments *args)
{
	const char *rule = args->rule;
	gboolean good = TRUE;

	if (rule == NULL)
		return EX_OK;
	if (args->chosen->write != export_postfix)
		return complain(EX_USAGE, "--rule is for postfix-cidr alone");
	for (const char *p = rule; *p != '\0'; p++)
		good &= *p >= 0x20 && *p <= 0x7e;
	if (!good || strlen(rule) > RULE_BYTES || rule[0] == '\0' ||
	    rule[0] == ' ')
		return complain(EX_USAGE,
		    "--rule must be one line of 1 to %d bytes of printable "
		    "ASCII, the first of them no space",
		    RULE_BYTES);
	if (!asn_placeholders_known(rule))
		return complain(EX_USAGE,
		    "--rule: in braces there may be {asn}, {prefix}, {country} "
		    "and {score}");
	return EX_OK;
}

static int
check_score(Arguments *args)
{
	char shown[ASN_ESCAPE_SIZE], *end;

	if (args->min_score == NULL)
		return EX_OK;
	if (args->what != NULL)
		return complain(EX_USAGE,
		    "--min-score and AS numbers exclude each other: given ASs "
		    "are written whatever their score");
	args->score = g_ascii_strtod(args->min_score, &end);
	if (end == args->min_score || *end != '\0' ||
	    !(args->score >= 0.5 && args->score <= 1))
		return complain(EX_USAGE,
		    "--min-score \"%s\": a number from 0.5 to 1 is needed",
		    asn_escape_str(shown, args->min_score));
	return EX_OK;
}

static int
check_asns(Arguments *args)
{
	char shown[ASN_ESCAPE_SIZE];
	guint32 asn;

	if (args->what == NULL)
		return EX_OK;
	args->asns = g_hash_table_new(NULL, NULL);
	for (char **w = args->what; *w != NULL; w++) {
		if (!asn_number_parse(*w, strlen(*w), &asn))
			return complain(EX_USAGE,
			    "\"%s\" is no AS number such as AS64496",
			    asn_escape_str(shown, *w));
		g_hash_table_add(args->asns, GUINT_TO_POINTER(asn));
	}
	return EX_OK;
}

static int
check_arguments(Arguments *args)
{
	int code;

	if ((code = check_format(args)) == EX_OK &&
	    (code = check_rule(args)) == EX_OK &&
	    (code = check_score(args)) == EX_OK)
		code = check_asns(args);
	return code;
}

/* --- writing ---------------------------------------------------------------
 */

static int
compare_asns(gconstpointer a, gconstpointer b)
{
	const guint x = GPOINTER_TO_UINT(a), y = GPOINTER_TO_UINT(b);

	return x < y ? -1 : x > y;
}

static char *
title_of_asns(GHashTable *asns)
{
	g_autoptr(GList) keys = g_hash_table_get_keys(asns);
	GString *title = g_string_new(NULL);
	guint n = 0;

	keys = g_list_sort(keys, compare_asns);
	for (GList *k = keys; k != NULL && n < TITLE_ASNS; k = k->next)
		g_string_append_printf(title, "%sAS%u", n++ > 0 ? ", " : "",
		    GPOINTER_TO_UINT(k->data));
	n = g_hash_table_size(asns) - n;
	if (n > 0)
		g_string_append_printf(title, " and %u more", n);
	return g_string_free(title, FALSE);
}

char *
export_title(const Export *e)
{
	const ExportPick *p = e->pick;
	const AsnOriginKey nowhere = {.addr = {.family = 6, .b = {0x01}}};
	char score[G_ASCII_DTOSTR_BUF_SIZE];
	AsnPrediction any;

	if (p->asns != NULL)
		return title_of_asns(p->asns);
	asn_reputation_predict(
	    p->reputation, &nowhere, p->now, &p->thresholds, &any);
	g_ascii_formatd(score, sizeof score, "%.3f", p->thresholds.threshold);
	return g_strdup_printf("flagged, score from %s on%s", score,
	    any.warm ? "" : " (warming up: nothing is flagged yet)");
}

/* 69 when a given AS has nothing: most likely its number is wrong. */
static int
check_found(const Arguments *args, const GArray *entries)
{
	g_autoptr(GHashTable) found = g_hash_table_new(NULL, NULL);

	for (guint i = 0; args->asns != NULL && i < entries->len; i++)
		g_hash_table_add(found,
		    GUINT_TO_POINTER(
			g_array_index(entries, ExportEntry, i).origin.asn));
	for (char **w = args->what; w != NULL && *w != NULL; w++) {
		guint32 asn = 0;

		asn_number_parse(*w, strlen(*w), &asn);
		if (!g_hash_table_contains(found, GUINT_TO_POINTER(asn)))
			return complain(EX_UNAVAILABLE,
			    "AS%u: no known network belongs to it; nothing was "
			    "written",
			    asn);
	}
	return EX_OK;
}

static ExportDetail
detail_of_rule(const char *rule)
{
	return (strstr(rule, "{country}") ? EXPORT_BY_COUNTRY : 0) |
	       (strstr(rule, "{prefix}") ? EXPORT_BY_PREFIX : 0) |
	       (strstr(rule, "{score}") ? EXPORT_BY_SCORE : 0);
}

static int
write_export(const Arguments *args, ExportPick *pick)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GArray) entries = NULL;
	g_autoptr(GError) error = NULL;
	Export e = {
	    .pick = pick, .rule = args->rule ? args->rule : DEFAULT_RULE};
	int code;

	pick->nested = args->chosen->nested;
	pick->detail = args->chosen->detail;
	if (args->chosen->write == export_postfix)
		pick->detail = detail_of_rule(e.rule);
	e.entries = entries = export_pick(pick);
	code = check_found(args, entries);
	if (code != EX_OK)
		return code;
	if (!args->chosen->write(&e, out, &error))
		return complain(EX_SOFTWARE, "%s", error->message);
	return args->output ? output_to_file(args->output, out->str, out->len)
			    : output_to_stdout(out->str, out->len);
}

/* --- the verb --------------------------------------------------------------
 */

static int
open_and_write(const Arguments *args, const AsnConfig *config)
{
	const char *dir = args->dir ? args->dir : config->database_dir;
	g_autofree char *problem = NULL;
	AsnNetworks *networks = NULL;
	AsnReputation *reputation = NULL;
	int code;

	code = databases_open_networks(dir, &networks, &problem, NULL);
	if (code == EX_OK && args->asns == NULL)
		code =
		    databases_open_reputation(dir, &reputation, &problem, NULL);
	if (code == EX_OK) {
		ExportPick pick = {.config = config,
		    .networks = networks,
		    .reputation = reputation,
		    .thresholds = config->thresholds,
		    .now = (double)(g_get_real_time() / G_USEC_PER_SEC),
		    .asns = args->asns};
		if (args->min_score != NULL)
			pick.thresholds.threshold = args->score;
		code = write_export(args, &pick);
	} else
		complain(code, "%s", problem);
	asn_networks_close(networks);
	asn_reputation_close(reputation);
	return code;
}

static int
run(Arguments *args)
{
	g_autoptr(GError) error = NULL;
	AsnConfig *config;
	int code = check_arguments(args);

	if (code != EX_OK)
		return code;
	config = asn_config_load(args->config, &error);
	if (config == NULL)
		return complain(EX_CONFIG, "%s", error->message);
	code = open_and_write(args, config);
	asn_config_free(config);
	return code;
}

static const char summary[] =
    "Writes the networks that the milter flags now, or all networks of the\n"
    "given ASs, for another program.  Loopback, local-networks and\n"
    "trusted-relays are left out.";
static const char description[] =
    "FORMAT is postfix-cidr, rbldnsd, json, csv, nftables or mmdb.\n\n"
    "Exits 0, also when nothing is flagged; 69 when a given AS has no known\n"
    "network, 66 when a database is missing, 65 when one is broken, 73 or 74\n"
    "when the output cannot be written: then a FILE stays as it was.";

static int
parse_and_run(Arguments *args, int argc, char **argv)
{
	const GOptionEntry entries[] = {
	    {"format", 'f', 0, G_OPTION_ARG_STRING, &args->format,
		"What to write", "FORMAT"},
	    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &args->output,
		"Write there, in one step, instead of to standard output",
		"FILE"},
	    {"rule", 0, 0, G_OPTION_ARG_STRING, &args->rule,
		"What Postfix shall do (" DEFAULT_RULE ")", "TEXT"},
	    {"min-score", 0, 0, G_OPTION_ARG_STRING, &args->min_score,
		"Flag from this score on, not from the config's threshold",
		"SCORE"},
	    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &args->config,
		"Config file, for database-dir and thresholds", "FILE"},
	    {"db", 0, 0, G_OPTION_ARG_FILENAME, &args->dir,
		"Read the databases there", "DIR"},
	    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &args->what,
		NULL, "[ASn...]"},
	    {NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, description);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return complain(EX_USAGE, "%s", error->message);
	return run(args);
}

int
asnctl_export(int argc, char **argv)
{
	Arguments args = {.dir = NULL};
	int code = parse_and_run(&args, argc, argv);

	g_free(args.dir);
	g_free(args.config);
	g_free(args.output);
	g_free(args.format);
	g_free(args.rule);
	g_free(args.min_score);
	g_strfreev(args.what);
	g_clear_pointer(&args.asns, g_hash_table_unref);
	return code;
}
