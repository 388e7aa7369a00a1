/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export.c: "asnctl export": what is flagged, for other programs. */

#include <math.h>
#include <sysexits.h>
#include <unistd.h>

#include "asnctl.h"
#include "export.h"
#include "open-databases.h"
#include "options.h"
#include "output.h"

typedef struct {
	char *dir, *config, *output, *format, *rule, *min_score;
	char **what;
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

static int
check_arguments(const Arguments *args, AsnExportAsk *ask)
{
	const AsnExportFormat *format;
	g_autoptr(GError) error = NULL;

	if (args->format == NULL)
		return complain(
		    EX_USAGE, "--format is missing: " ASN_EXPORT_FORMATS);
	*ask = (AsnExportAsk){.format = args->format,
	    .rule = args->rule,
	    .min_score = (double)NAN,
	    .ases = (const char *const *)args->what};
	if (args->min_score != NULL &&
	    !asn_export_parse_score(args->min_score, &ask->min_score, &error))
		return complain(EX_USAGE, "%s", error->message);
	format = asn_export_check(ask, &error);
	if (format == NULL)
		return complain(EX_USAGE, "%s", error->message);
	if (format->binary && args->output == NULL && isatty(STDOUT_FILENO))
		return complain(EX_USAGE,
		    "%s is nothing for a terminal: use -o FILE", args->format);
	return EX_OK;
}

static int
code_of(const GError *error)
{
	if (g_error_matches(error, ASN_EXPORT_ERROR, ASN_EXPORT_ERROR_ASK))
		return EX_USAGE;
	if (g_error_matches(error, ASN_EXPORT_ERROR, ASN_EXPORT_ERROR_UNKNOWN))
		return EX_UNAVAILABLE;
	return EX_SOFTWARE;
}

static int
open_and_write(const Arguments *args, const AsnExportAsk *ask,
    const AsnConfig *config, GString *out)
{
	const char *dir = args->dir ? args->dir : config->database_dir;
	g_autofree char *problem = NULL;
	g_autoptr(GError) error = NULL;
	AsnNetworks *networks = NULL;
	AsnReputation *reputation = NULL;
	AsnRules *rules = NULL;
	const gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	int code;

	code = asn_open_networks(dir, &networks, &problem, NULL);
	if (code == EX_OK && args->what == NULL)
		code = asn_open_reputation(dir, &reputation, &problem, NULL);
	if (code == EX_OK)
		code = asn_open_rules(dir, &rules, &problem);
	if (code != EX_OK)
		complain(code, "%s", problem);
	else if (!asn_export_write(ask, config, networks, reputation, rules,
		     (double)now, out, &error))
		code = complain(code_of(error), "%s", error->message);
	asn_networks_close(networks);
	asn_reputation_close(reputation);
	asn_rules_close(rules);
	return code;
}

static int
run(const Arguments *args)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	AsnConfig *config;
	AsnExportAsk ask;
	int code = check_arguments(args, &ask);

	if (code != EX_OK)
		return code;
	config = asn_config_load(args->config, &error);
	if (config == NULL)
		return complain(EX_CONFIG, "%s", error->message);
	code = open_and_write(args, &ask, config, out);
	asn_config_free(config);
	if (code != EX_OK)
		return code;
	return args->output ? output_to_file(args->output, out->str, out->len)
			    : output_to_stdout(out->str, out->len);
}

static const char summary[] =
    "Writes the networks that the milter flags now, blocked ones too and\n"
    "allowed ones not, or all networks of the given ASs, for another program.\n"
    "Loopback, local-networks and trusted-relays are left out.";
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
		"Write there, in one step, not to standard output", "FILE"},
	    {"rule", 0, 0, G_OPTION_ARG_STRING, &args->rule,
		"What Postfix shall do (" ASN_EXPORT_RULE ")", "TEXT"},
	    {"min-score", 0, 0, G_OPTION_ARG_STRING, &args->min_score,
		"Flag from this score on (the config's threshold)", "SCORE"},
	    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &args->config,
		"Config file, for database-dir and thresholds", "FILE"},
	    {"db", 0, 0, G_OPTION_ARG_FILENAME, &args->dir,
		"Read the databases there", "DIR"},
	    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &args->what,
		NULL, NULL},
	    {NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new("[ASn...]");
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, description);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return options_refuse(error, argv);
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
	return code;
}
