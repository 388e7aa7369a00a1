/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lookup.c: "asnctl lookup": asks the databases about addresses and networks.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "asnctl.h"
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

static int
open_rules(Lookup *l, const char *dir)
{
	char *problem = NULL;
	int code = asn_open_rules(dir, &l->rules, &problem);

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
	asn_prediction_cut(&a->p, a->last, l->config->thresholds.threshold,
	    l->config->thresholds.evidence);
	a->scored = TRUE;
}

gboolean
lookup_is_flagged(const LookupAnswer *a)
{
	if (a->ruled)
		return a->rule.action == ASN_RULE_BLOCK;
	return a->scored && a->p.flag;
}

/* An address is a network of one.  A network may have several owners: then
 * nothing is said of them. */
static void
ask_network(const Lookup *l, LookupAnswer *a)
{
	const AsnNetwork *net = &a->what.net;

	if (l->networks != NULL)
		a->found =
		    asn_networks_lookup(l->networks, &net->addr, &a->origin);
	if (a->found && a->origin.prefix.len > net->len) {
		memset(&a->origin, 0, sizeof a->origin);
		a->found = FALSE;
	}
	a->key = asn_origin_key(&net->addr, &a->origin);
	a->last = asn_level_of_network(net, a->origin.prefix.addr.family != 0);
	predict(l, a);
	a->ruled = asn_rules_find_network(
	    l->rules, net, a->key.asn, (gint64)l->now, &a->rule);
}

static LookupCountry *
country_of(GArray *countries, AsnMmdbValue record)
{
	LookupCountry new = {.v4_addresses = 0};
	AsnMmdbField f;

	if (asn_mmdb_map_get(record, "country", 7, &f) &&
	    f.type == ASN_MMDB_STRING && f.size == 2 &&
	    asn_is_country(f.payload))
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
ask_as(const Lookup *l, LookupAnswer *a)
{
	const guint32 asn = a->what.asn;

	a->last = ASN_LEVEL_AS;
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
	a->ruled = asn_rules_find_as(l->rules, asn, (gint64)l->now, &a->rule);
}

static void
ask(const Lookup *l, const AsnSubject *what, LookupAnswer *a)
{
	*a = (LookupAnswer){.what = *what};
	if (what->kind == ASN_SUBJECT_AS)
		ask_as(l, a);
	else
		ask_network(l, a);
}

/* --- the verb ------------------------------------------------------------- */

/* Nobody calls a file so: what is wrong with it is all there is to say. */
static gboolean
is_plainly_no_file(const char *text)
{
	if (g_ascii_strncasecmp(text, "AS", 2) == 0 && g_ascii_isdigit(text[2]))
		return TRUE;
	return (g_ascii_isxdigit(text[0]) || text[0] == ':') &&
	       strpbrk(text, "0123456789:") != NULL &&
	       text[strspn(text, "0123456789abcdefABCDEF.:/")] == '\0';
}

static gboolean
check_questions(char **what)
{
	AsnSubject subject;

	if (what == NULL || what[0] == NULL) {
		g_printerr("%s: name an address, a network, an AS number or a "
			   "mail; --help tells more\n",
		    g_get_prgname());
		return FALSE;
	}
	for (; *what != NULL; what++) {
		g_autoptr(GError) error = NULL;

		if (mail_fd_is_mail(*what) ||
		    asn_subject_parse(*what, &subject, &error))
			continue;
		g_printerr("%s: %s%s\n", g_get_prgname(), error->message,
		    is_plainly_no_file(*what) ? ""
					      : ", and there is no such file");
		return FALSE;
	}
	return TRUE;
}

/* asnd says where it came from, the databases how that scores now; in JSON asnd
 * says all of it. */
static int
answer_mail(Lookup *l, const char *file, gboolean json)
{
	AsnSubject from_there = {.kind = ASN_SUBJECT_ADDRESS};
	LookupAnswer a;
	AsnAddr from;
	int code;

	fflush(stdout);
	code = lookup_mail(&l->bus, file, json, &from);
	if (json || from.family == 0)
		return code;
	from_there.net = asn_network_of(&from, from.family == 4 ? 32 : 128);
	ask(l, &from_there, &a);
	putchar('\n');
	lookup_print(l, &a);
	return code;
}

static int
answer_all(Lookup *l, const char *dir, char **what, gboolean json)
{
	int networks = open_networks(l, dir);
	int reputation = open_reputation(l, dir);
	int rules = open_rules(l, dir);
	int mails = EX_OK, code;

	for (; *what != NULL; what++) {
		AsnSubject subject;
		LookupAnswer a;

		if (mail_fd_is_mail(*what)) {
			code = answer_mail(l, *what, json);
			mails = mails == EX_OK ? code : mails;
			continue;
		}
		if (!asn_subject_parse(*what, &subject, NULL))
			continue; /* check_questions let none through */
		ask(l, &subject, &a);
		(json ? lookup_print_json : lookup_print)(l, &a);
		g_clear_pointer(&a.countries, g_array_unref);
	}
	for (guint i = 0; i < l->problems->len; i++)
		g_printerr("%s: %s\n", g_get_prgname(),
		    (const char *)l->problems->pdata[i]);
	if (mails != EX_OK)
		return mails;
	/* A broken file says more than a missing one. */
	if (networks == EX_DATAERR || reputation == EX_DATAERR)
		return EX_DATAERR;
	if (rules != EX_OK)
		return rules;
	return networks != EX_OK ? networks : reputation;
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
		g_printerr("%s: %s\n", g_get_prgname(), error->message);
		return EX_CONFIG;
	}
	l.colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	l.problems = g_ptr_array_new_with_free_func(g_free);
	status = answer_all(&l, dir ? dir : l.config->database_dir, what, json);
	asn_networks_close(l.networks);
	asn_reputation_close(l.reputation);
	asn_rules_close(l.rules);
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
	    g_option_context_new("ADDRESS|NETWORK|ASn|FILE|-...");
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context,
	    "Tells who owns an address, and why mail from there scores as it "
	    "does; of a\nnetwork or an AS it is the score of a new address "
	    "there.\nOf a mail it also tells what its seal proves, the verdict "
	    "then, and the votes\non it: that asnd is asked.");
	g_option_context_set_description(context,
	    "Exits 0; 66 when a database is missing, 65 when one is broken: "
	    "then the rest is\ntold.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		g_printerr("%s: %s\n", g_get_prgname(), error->message);
		return EX_USAGE;
	}
	if (!check_questions(what))
		return EX_USAGE;
	return run(dir, config, what, json, &bus);
}
