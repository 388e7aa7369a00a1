/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lookup.c: "asnctl lookup": asks the databases about addresses and ASs. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "asnctl.h"
#include "escape.h"
#include "lookup.h"
#include "mail-fd.h"
#include "open-databases.h"

/* --- databases ------------------------------------------------------------ */

static int
note(Lookup *l, int code, char *problem)
{
	if (problem != NULL)
		g_ptr_array_add(l->problems, problem);
	return code;
}

static int
open_networks(Lookup *l, const char *dir)
{
	char *problem = NULL;
	int code =
	    asn_open_networks(dir, &l->networks, &problem, &l->no_networks);

	return note(l, code, problem);
}

static int
open_reputation(Lookup *l, const char *dir)
{
	char *problem = NULL;
	int code = asn_open_reputation(
	    dir, &l->reputation, &problem, &l->no_reputation);

	return note(l, code, problem);
}

/* --- asking --------------------------------------------------------------- */

char *
lookup_date(gint64 epoch)
{
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(epoch);

	return t ? g_date_time_format(t, "%Y-%m-%dT%H:%M:%SZ")
		 : g_strdup("unknown");
}

static void
predict(const Lookup *l, LookupAnswer *a)
{
	if (l->reputation == NULL)
		return;
	asn_reputation_predict(
	    l->reputation, &a->key, l->now, &l->config->thresholds, &a->p);
	a->scored = TRUE;
}

static void
ask_address(const Lookup *l, const AsnAddr *addr, LookupAnswer *a)
{
	if (l->networks != NULL)
		a->found = asn_networks_lookup(l->networks, addr, &a->origin);
	a->key = asn_origin_key(addr, &a->origin);
	predict(l, a);
}

static LookupCountry *
country_of(GArray *countries, AsnMmdbValue record)
{
	LookupCountry new = {.v4_addresses = 0};
	AsnMmdbField f;

	if (asn_mmdb_map_get(record, "country", 7, &f) &&
	    f.type == ASN_MMDB_STRING && f.size == 2)
		memcpy(new.country, f.payload, 2);
	for (guint i = 0; i < countries->len; i++) {
		LookupCountry *c = &g_array_index(countries, LookupCountry, i);
		if (strcmp(c->country, new.country) == 0)
			return c;
	}
	g_array_append_val(countries, new);
	return &g_array_index(countries, LookupCountry, countries->len - 1);
}

static gboolean
scan_leaf(const AsnNetwork *leaf, AsnMmdbValue record, gpointer data)
{
	LookupAnswer *a = data;
	LookupCountry *c;
	AsnMmdbField f;
	guint64 asn;

	if (!asn_mmdb_map_get(record, "autonomous_system_number", 24, &f) ||
	    !asn_mmdb_field_uint(&f, &asn) || asn != a->key.asn)
		return TRUE;
	a->found = TRUE;
	if (a->origin.org == NULL &&
	    asn_mmdb_map_get(
		record, "autonomous_system_organization", 30, &f) &&
	    f.type == ASN_MMDB_STRING) {
		a->origin.org = (const char *)f.payload;
		a->origin.org_len = f.size;
	}
	c = country_of(a->countries, record);
	if (leaf->addr.family == 4)
		c->v4_addresses += G_GUINT64_CONSTANT(1) << (32 - leaf->len);
	else
		c->v6_networks++;
	return TRUE;
}

static int
largest_first(gconstpointer a, gconstpointer b)
{
	const LookupCountry *x = a, *y = b;

	if (x->v4_addresses != y->v4_addresses)
		return x->v4_addresses > y->v4_addresses ? -1 : 1;
	if (x->v6_networks != y->v6_networks)
		return x->v6_networks > y->v6_networks ? -1 : 1;
	return strcmp(x->country, y->country);
}

/* A new address there: 100::/64 (RFC 6666) never has a reputation of its own,
 * and the country is the one where most of the AS is. */
static void
ask_as(const Lookup *l, guint32 asn, LookupAnswer *a)
{
	a->is_as = TRUE;
	a->key.asn = a->origin.asn = asn;
	a->key.addr = (AsnAddr){.family = 6, .b = {0x01}};
	a->countries = g_array_new(FALSE, TRUE, sizeof(LookupCountry));
	if (l->networks != NULL)
		asn_mmdb_foreach(asn_networks_mmdb(l->networks), scan_leaf, a);
	g_array_sort(a->countries, largest_first);
	if (a->countries->len > 0)
		memcpy(a->key.country,
		    g_array_index(a->countries, LookupCountry, 0).country, 3);
	predict(l, a);
}

static gboolean
ask(const Lookup *l, const char *what, LookupAnswer *a)
{
	gsize len = strlen(what);
	AsnAddr addr;
	guint32 asn;

	memset(a, 0, sizeof *a);
	if (asn_addr_parse(what, len, &addr))
		ask_address(l, &addr, a);
	else if (asn_number_parse(what, len, &asn))
		ask_as(l, asn, a);
	else
		return FALSE;
	return TRUE;
}

/* --- the verb ------------------------------------------------------------- */

static gboolean
check_questions(char **what)
{
	char shown[ASN_ESCAPE_SIZE];
	AsnAddr addr;
	guint32 asn;

	if (what == NULL || what[0] == NULL) {
		g_printerr("asnctl lookup: name an address or an AS number; "
			   "\"asnctl lookup --help\" tells more\n");
		return FALSE;
	}
	for (; *what != NULL; what++) {
		if (asn_addr_parse(*what, strlen(*what), &addr) ||
		    asn_number_parse(*what, strlen(*what), &asn) ||
		    mail_fd_is_mail(*what))
			continue;
		g_printerr("asnctl lookup: \"%s\" is neither an IP address, "
			   "nor an AS number such as AS64496, nor a file\n",
		    asn_escape_str(shown, *what));
		return FALSE;
	}
	return TRUE;
}

/* asnd says where it came from, the databases how that scores now; in JSON asnd
 * says all of it. */
static int
answer_mail(Lookup *l, const char *file, gboolean json)
{
	LookupAnswer a = {.is_as = FALSE};
	AsnAddr from;
	int code;

	fflush(stdout);
	code = lookup_mail(&l->bus, file, json, &from);
	if (json || from.family == 0)
		return code;
	ask_address(l, &from, &a);
	lookup_print(l, &a);
	return code;
}

static int
answer_all(Lookup *l, const char *dir, char **what, gboolean json)
{
	int networks = open_networks(l, dir);
	int reputation = open_reputation(l, dir);
	int mails = EX_OK, code;

	for (; *what != NULL; what++) {
		LookupAnswer a;

		if (mail_fd_is_mail(*what)) {
			code = answer_mail(l, *what, json);
			mails = mails == EX_OK ? code : mails;
			continue;
		}
		if (!ask(l, *what, &a))
			continue; /* check_questions let none through */
		(json ? lookup_print_json : lookup_print)(l, &a);
		g_clear_pointer(&a.countries, g_array_unref);
	}
	for (guint i = 0; i < l->problems->len; i++)
		g_printerr(
		    "asnctl lookup: %s\n", (const char *)l->problems->pdata[i]);
	if (mails != EX_OK)
		return mails;
	/* A broken file says more than a missing one. */
	return networks == EX_DATAERR || reputation == EX_OK ? networks
							     : reputation;
}

static int
run(const char *dir, const char *config_path, char **what, gboolean json,
    const AsnctlBus *bus)
{
	g_autoptr(GError) error = NULL;
	Lookup l = {.now = (double)g_get_real_time() / 1e6, .bus = *bus};
	int status;

	l.config = asn_config_load(config_path, &error);
	if (l.config == NULL) {
		g_printerr("asnctl lookup: %s\n", error->message);
		return EX_CONFIG;
	}
	l.colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	l.problems = g_ptr_array_new_with_free_func(g_free);
	status = answer_all(&l, dir ? dir : l.config->database_dir, what, json);
	asn_networks_close(l.networks);
	asn_reputation_close(l.reputation);
	g_ptr_array_unref(l.problems);
	asn_config_free(l.config);
	return status;
}

int
asnctl_lookup(int argc, char **argv)
{
	g_autofree char *dir = NULL, *config = NULL;
	g_auto(GStrv) what = NULL;
	gboolean json = FALSE;
	AsnctlBus bus = {.session = FALSE};
	const GOptionEntry entries[] = {
	    {"db", 0, 0, G_OPTION_ARG_FILENAME, &dir,
		"Read the databases there (of the config)", "DIR"},
	    {"config", 0, 0, G_OPTION_ARG_FILENAME, &config,
		"Config file (" ASN_CONFIG_DEFAULT ")", "FILE"},
	    {"json", 0, 0, G_OPTION_ARG_NONE, &json,
		"Print one JSON object for each", NULL},
	    ASNCTL_BUS_OPTION(&bus),
	    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &what, NULL,
		NULL},
	    {NULL},
	};
	g_autoptr(GOptionContext) context =
	    g_option_context_new("ADDRESS|ASn|FILE|-...");
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context,
	    "Tells who owns an address, and why mail from there scores as it "
	    "does.\nOf a mail it also tells what its seal proves, the verdict "
	    "then, and the votes\non it: that asnd is asked.");
	g_option_context_set_description(context,
	    "Exits 0; 66 when a database is missing, 65 when one is broken: "
	    "then the rest is\ntold.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		g_printerr("asnctl lookup: %s\n", error->message);
		return EX_USAGE;
	}
	if (!check_questions(what))
		return EX_USAGE;
	return run(dir, config, what, json, &bus);
}
