/* SPDX-License-Identifier: GPL-2.0-or-later */
/* networks.c: "asnctl networks": all networks of an AS. */

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "asnctl.h"
#include "config.h"
#include "escape.h"
#include "holdings.h"
#include "json.h"
#include "open-databases.h"
#include "options.h"
#include "output.h"

typedef struct {
	char *dir, *config;
	char **what;
	gboolean exact, json;
} Arguments;

/* --- printing ------------------------------------------------------------- */

static const char *
known(const char *countries)
{
	return countries[0] != '\0' ? countries : "-";
}

/* Columns on a terminal, tabs in a pipe. */
static void
print(GString *out, const AsnHoldings *h, gboolean terminal)
{
	const gboolean bold = terminal && getenv("NO_COLOR") == NULL;
	char net[ASN_NETWORK_STRLEN], org[ASN_ESCAPE_SIZE];
	int width = 0;

	for (guint i = 0; terminal && i < h->networks->len; i++) {
		asn_network_format(
		    &g_array_index(h->networks, AsnHolding, i).net, net);
		width = MAX(width, (int)strlen(net));
	}
	asn_escape(org, h->org, h->org_len);
	for (guint i = 0; i < h->networks->len; i++) {
		const AsnHolding *n =
		    &g_array_index(h->networks, AsnHolding, i);

		asn_network_format(&n->net, net);
		if (terminal)
			g_string_append_printf(out,
			    "%s%-*s%s  AS%u  %-2s  %s\n", bold ? "\033[1m" : "",
			    width, net, bold ? "\033[0m" : "", h->asn,
			    known(n->countries), org);
		else
			g_string_append_printf(out, "%s\tAS%u\t%s\t%s\n", net,
			    h->asn, known(n->countries), org);
	}
}

static void
json_countries(GString *out, const char *countries)
{
	g_auto(GStrv) each = g_strsplit(countries, ",", -1);

	asn_json_member(out, "countries");
	g_string_append_c(out, '[');
	for (char **c = each; *c != NULL; c++) {
		if (c != each)
			g_string_append(out, ", ");
		asn_json_string(out, *c, -1);
	}
	g_string_append_c(out, ']');
}

/* One object, one line. */
static void
print_json(GString *out, const AsnHoldings *h)
{
	g_autoptr(GString) one = g_string_new("{");
	char net[ASN_NETWORK_STRLEN];

	asn_json_member_uint(one, "asn", h->asn);
	if (h->org != NULL) {
		asn_json_member(one, "holder");
		asn_json_string(one, h->org, (gssize)h->org_len);
	}
	asn_json_member(one, "networks");
	g_string_append_c(one, '[');
	for (guint i = 0; i < h->networks->len; i++) {
		const AsnHolding *n =
		    &g_array_index(h->networks, AsnHolding, i);

		g_string_append(one, i > 0 ? ", {" : "{");
		asn_json_member_string(
		    one, "network", asn_network_format(&n->net, net));
		json_countries(one, n->countries);
		g_string_append_c(one, '}');
	}
	g_string_append_printf(out, "%s]}\n", one->str);
}

/* --- asking --------------------------------------------------------------- */

static gboolean
check_arguments(const Arguments *args)
{
	g_autoptr(GError) error = NULL;
	guint32 asn;

	if (args->what == NULL) {
		g_printerr("asnctl networks: name an AS number or an address; "
			   "\"asnctl networks --help\" tells more\n");
		return FALSE;
	}
	for (char **w = args->what; *w != NULL; w++) {
		if (asn_holdings_parse(NULL, *w, &asn, &error))
			continue;
		g_printerr("asnctl networks: %s\n", error->message);
		return FALSE;
	}
	return TRUE;
}

/* Appends what is known of one argument; FALSE, and a line: nothing. */
static gboolean
answer(const Arguments *args, const AsnNetworks *db, const char *what,
    GHashTable *done, GString *out)
{
	AsnHoldings h;
	gboolean found;
	guint32 asn;

	if (!asn_holdings_parse(db, what, &asn, NULL))
		return FALSE; /* never: they were checked */
	if (asn == 0) {
		g_printerr("asnctl networks: %s: in no known AS\n", what);
		return FALSE;
	}
	if (!g_hash_table_add(done, GUINT_TO_POINTER(asn)))
		return TRUE;
	asn_holdings_read(db, asn, args->exact, &h);
	found = h.networks->len > 0;
	if (!found)
		g_printerr("asnctl networks: AS%u: no known network belongs to "
			   "it\n",
		    asn);
	if (args->json)
		print_json(out, &h);
	else
		print(out, &h, isatty(STDOUT_FILENO));
	asn_holdings_clear(&h);
	return found;
}

static int
answer_all(const Arguments *args, const AsnNetworks *db)
{
	g_autoptr(GHashTable) done = g_hash_table_new(NULL, NULL);
	g_autoptr(GString) out = g_string_new(NULL);
	int code = EX_OK, written;

	for (char **w = args->what; *w != NULL; w++)
		if (!answer(args, db, *w, done, out))
			code = EX_UNAVAILABLE;
	written = output_to_stdout(out->str, out->len);
	return written != EX_OK ? written : code;
}

static int
run(const Arguments *args)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *problem = NULL;
	AsnConfig *config;
	AsnNetworks *db;
	int code;

	if (!check_arguments(args))
		return EX_USAGE;
	config = asn_config_load(args->config, &error);
	if (config == NULL) {
		g_printerr("asnctl networks: %s\n", error->message);
		return EX_CONFIG;
	}
	code = asn_open_networks(
	    args->dir ? args->dir : config->database_dir, &db, &problem, NULL);
	if (code == EX_OK)
		code = answer_all(args, db);
	else
		g_printerr("asnctl networks: %s\n", problem);
	asn_networks_close(db);
	asn_config_free(config);
	return code;
}

static const char summary[] =
    "Lists all networks of an AS, or of the AS that an address is in: the\n"
    "fewest that hold all its addresses and none of another AS.  On a terminal "
    "in\ncolumns, else separated by tabs: network, AS, countries, holder.";
static const char description[] =
    "Exits 0; 69 when an AS has no known network, or an address is in no AS;\n"
    "66 when the database is missing, 65 when it is broken.";

int
asnctl_networks(int argc, char **argv)
{
	Arguments args = {.dir = NULL};
	const GOptionEntry entries[] = {
	    {"config", 0, 0, G_OPTION_ARG_FILENAME, &args.config,
		"Config file, for database-dir", "FILE"},
	    {"db", 0, 0, G_OPTION_ARG_FILENAME, &args.dir,
		"Read networks.mmdb there", "DIR"},
	    {"exact", 0, 0, G_OPTION_ARG_NONE, &args.exact,
		"The networks as they are announced", NULL},
	    {"json", 0, 0, G_OPTION_ARG_NONE, &args.json,
		"Print one JSON object an AS", NULL},
	    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &args.what,
		NULL, NULL},
	    {NULL},
	};
	g_autoptr(GOptionContext) context =
	    g_option_context_new("ASn|ADDRESS...");
	g_autoptr(GError) error = NULL;
	int code;

	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, description);
	g_option_context_add_main_entries(context, entries, NULL);
	if (g_option_context_parse(context, &argc, &argv, &error))
		code = run(&args);
	else
		code = options_refuse(error, argv);
	g_free(args.config);
	g_free(args.dir);
	g_strfreev(args.what);
	return code;
}
