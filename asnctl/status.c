/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.c: "asnctl status": healthy, or what is wrong and what to do. */

#include <sysexits.h>

#include "asnctl.h"
#include "output.h"
#include "status.h"

void
/* NOLINTNEXTLINE(readability-non-const-parameter): it is kept and freed */
status_problem(Status *s, StatusHealth health, char *text, const char *cure)
{
	StatusProblem p = {health, text, g_strdup(cure)};

	g_array_append_val(s->problems, p);
}

static void
clear_problem(gpointer data)
{
	StatusProblem *p = data;

	g_free(p->text);
	g_free(p->cure);
}

static int
worst_first(gconstpointer a, gconstpointer b)
{
	return (int)((const StatusProblem *)b)->health -
	       (int)((const StatusProblem *)a)->health;
}

static void
clear(Status *s)
{
	for (guint i = 0; i < STATUS_UNITS; i++) {
		g_free(s->units[i].load);
		g_free(s->units[i].active);
		g_free(s->units[i].sub);
	}
	g_clear_pointer(&s->asnd, g_variant_unref);
	g_free(s->unreachable);
	g_array_unref(s->problems);
	asn_config_free(s->config);
}

/* systemd first: what it says of a unit explains what follows. */
static void
look(Status *s)
{
	status_look_at_units(s);
	status_ask_asnd(s);
	status_judge_asnd(s);
	status_look_at_watches(s);
	status_look_at_files(s);
	status_look_at_milter(s);
	status_look_at_postfix(s);
	g_array_sort(s->problems, worst_first);
}

static int
run(const AsnctlBus *bus, const char *config, gboolean json)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GString) out = g_string_new(NULL);
	StatusHealth health = STATUS_HEALTHY;
	Status s = {.bus = *bus, .now = g_get_real_time() / G_USEC_PER_SEC};
	int code;

	s.config = asn_config_load(config, &error);
	if (s.config == NULL) {
		g_printerr("%s: %s\n", g_get_prgname(), error->message);
		return EX_CONFIG;
	}
	s.problems = g_array_new(FALSE, FALSE, sizeof(StatusProblem));
	g_array_set_clear_func(s.problems, clear_problem);
	look(&s);
	if (s.problems->len > 0)
		health = g_array_index(s.problems, StatusProblem, 0).health;
	if (json)
		status_print_json(out, &s, health);
	else
		status_print(out, &s);
	code = output_to_stdout(out->str, out->len);
	clear(&s);
	return code != EX_OK ? code : (int)health;
}

int
asnctl_status(int argc, char **argv)
{
	AsnctlBus bus = {.session = FALSE}, *b = &bus;
	g_autofree char *config = NULL;
	gboolean json = FALSE;
	const GOptionEntry entries[] = {
	    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config,
		"Config file (" ASN_CONFIG_DEFAULT ")", "FILE"},
	    {"json", 0, 0, G_OPTION_ARG_NONE, &json, "Print one JSON object",
		NULL},
	    ASNCTL_BUS_OPTION(b),
	    {NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(
	    context, "Healthy, or what is wrong and what to do.");
	g_option_context_set_description(context,
	    "Exits 0 when healthy, 1 with warnings, 2 when mail is not judged "
	    "or\nnothing is learned.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) ||
	    argc > 1) {
		g_printerr("%s: %s; \"asnctl status --help\" tells more\n",
		    g_get_prgname(),
		    error ? error->message : "no arguments expected");
		return EX_USAGE;
	}
	return run(&bus, config, json);
}
