/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.c: "asnctl report": what was learned, for people who rather look. */

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "asnctl.h"
#include "bus.h"
#include "escape.h"
#include "open-databases.h"
#include "output.h"
#include "report.h"

typedef struct {
	char *dir, *config, *html;
	gboolean json;
	AsnctlBus bus;
} Arguments;

static int G_GNUC_PRINTF(2, 3) complain(int code, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_printerr("asnctl report: %s\n", text);
	return code;
}

static int
write_report(const Arguments *args, const Report *report)
{
	const Style style = style_of_stdout();
	g_autoptr(GString) out = g_string_new(NULL);

	if (args->html != NULL)
		report_page(report, out);
	else if (args->json)
		report_json(report, out);
	else
		report_text(report, &style, out);
	if (args->html != NULL && strcmp(args->html, "-") != 0)
		return output_to_file(args->html, out->str, out->len);
	return output_to_stdout(out->str, out->len);
}

/* --- asnd -------------------------------------------------------------------
 */

static void
leave_out(Report *report, const char *what)
{
	g_ptr_array_add(report->missing, g_strdup(what));
}

static void
ask_asnd(const Arguments *args, Report *report)
{
	g_autoptr(GVariant) status = NULL, quality = NULL;
	g_autofree char *why = NULL, *why_quality = NULL;

	if (asnctl_bus_try(
		&args->bus, "GetStatus", NULL, NULL, &status, &why) != EX_OK) {
		complain(0, "%s", why);
		leave_out(report,
		    "asnd could not be asked: mails week by week, precision, "
		    "recall and votes are left out.");
		return;
	}
	report_read_status(report, status);
	if (asnctl_bus_try(&args->bus, "Quality",
		g_variant_new("(u)", REPORT_WEEKS), NULL, &quality,
		&why_quality) == EX_OK) {
		report_read_quality(report, quality);
		return;
	}
	complain(0, "%s", why_quality);
	leave_out(report,
	    "asnd told nothing of its verdicts: mails week by week, precision "
	    "and recall are left out.");
}

/* --- the databases ----------------------------------------------------------
 */

static int
make_and_write(const Arguments *args, ReportSource *source, const char *dir)
{
	g_autofree char *problem = NULL;
	AsnRules *rules = NULL;
	Report *report;
	int code;

	asn_open_rules(dir, &rules, &problem);
	source->rules = rules;
	report = report_new(source, g_get_real_time() / G_USEC_PER_SEC);
	if (problem != NULL) {
		complain(0, "%s", problem);
		leave_out(report,
		    "The admin's rules could not be read and are left out.");
	}
	ask_asnd(args, report);
	code = write_report(args, report);
	report_free(report);
	asn_rules_close(rules);
	return code;
}

/* Before the first vote there is no reputation.mmdb, and the report says so. */
static int
open_and_make(const Arguments *args, const AsnConfig *config)
{
	const char *dir = args->dir ? args->dir : config->database_dir;
	g_autofree char *problem = NULL, *rep_problem = NULL;
	AsnNetworks *networks = NULL;
	AsnReputation *reputation = NULL;
	const char *why = NULL;
	int code;

	code = asn_open_networks(dir, &networks, &problem, NULL);
	if (code != EX_OK)
		return complain(code, "%s", problem);
	code = asn_open_reputation(dir, &reputation, &rep_problem, &why);
	if (code != EX_OK)
		complain(code, "%s", rep_problem);
	if (reputation != NULL || g_strcmp0(why, "missing") == 0) {
		ReportSource source = {config, networks, reputation, NULL};

		code = make_and_write(args, &source, dir);
	}
	asn_networks_close(networks);
	asn_reputation_close(reputation);
	return code;
}

static int
run(Arguments *args)
{
	g_autoptr(GError) error = NULL;
	AsnConfig *config;
	int code;

	if (args->html != NULL && args->json)
		return complain(EX_USAGE,
		    "--html and --json exclude each other: run it twice");
	if (args->html != NULL && args->html[0] == '\0')
		return complain(
		    EX_USAGE, "--html needs the name of a file, or -");
	config = asn_config_load(args->config, &error);
	if (config == NULL)
		return complain(EX_CONFIG, "%s", error->message);
	code = open_and_make(args, config);
	asn_config_free(config);
	return code;
}

static const char summary[] =
    "Tells what was learned and how well it works: flagged mail week by week,\n"
    "the worst neighbourhoods, and a map of the address space.  Without "
    "--html\n"
    "some lines of it; nothing in it names a user or a single address.";
static const char description[] =
    "Exits 0, also without asnd: then it says what is left out; 66 when\n"
    "networks.mmdb is missing, 65 when a database is broken, 73 or 74 when "
    "the\n"
    "output cannot be written: then a FILE stays as it was.";

static int
parse_and_run(Arguments *args, int argc, char **argv)
{
	const GOptionEntry entries[] = {
	    {"html", 0, 0, G_OPTION_ARG_FILENAME, &args->html,
		"Write a page for a browser there (-: standard output)",
		"FILE"},
	    {"json", 0, 0, G_OPTION_ARG_NONE, &args->json,
		"Print it for programs", NULL},
	    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &args->config,
		"Config file, for database-dir and thresholds", "FILE"},
	    {"db", 0, 0, G_OPTION_ARG_FILENAME, &args->dir,
		"Read the databases there", "DIR"},
	    ASNCTL_BUS_OPTION(&args->bus),
	    {NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	char shown[ASN_ESCAPE_SIZE];

	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, description);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		return complain(EX_USAGE, "%s", error->message);
	if (argc > 1)
		return complain(EX_USAGE,
		    "\"%s\": there is nothing to name; the report is of all "
		    "that was learned",
		    asn_escape_str(shown, argv[1]));
	return run(args);
}

int
asnctl_report(int argc, char **argv)
{
	Arguments args = {.dir = NULL};
	int code = parse_and_run(&args, argc, argv);

	g_free(args.dir);
	g_free(args.config);
	g_free(args.html);
	return code;
}
