/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-export.c: Export: what is flagged, or given ASs, for other programs. */

#include <math.h>
#include <string.h>
#include <sysexits.h>

#include "bus-lists.h"
#include "bus-methods.h"
#include "escape.h"
#include "export.h"
#include "open-databases.h"

/* Bounds the memory of an answer before its length is known: the hundred
 * largest have some 200,000 networks. */
#define MAX_ASES 100

typedef struct {
	char *format, *rule;
	char **ases;
	double min_score; /* NAN: none */
} Ask;

static void
free_ask(gpointer data)
{
	Ask *ask = data;

	g_free(ask->format);
	g_free(ask->rule);
	g_strfreev(ask->ases);
	g_free(ask);
}

static AsnExportAsk
question(const Ask *ask)
{
	return (AsnExportAsk){.format = ask->format,
	    .rule = ask->rule,
	    .min_score = ask->min_score,
	    .ases = (const char *const *)ask->ases};
}

/* --- in the thread ---------------------------------------------------------
 */

static GVariant *
bytes(GString *text)
{
	GVariant *array = g_variant_new_from_data(G_VARIANT_TYPE_BYTESTRING,
	    text->str, text->len, TRUE, g_free, text->str);

	g_string_free(text, FALSE);
	return g_variant_new_tuple(&array, 1);
}

static GVariant *
answer(const Ask *ask, const AsnConfig *config, const AsnNetworks *networks,
    const AsnReputation *reputation, const AsnRules *rules, double now,
    AsndBusError *code, char **why)
{
	const AsnExportAsk what = question(ask);
	g_autoptr(GError) error = NULL;
	GString *out = g_string_new(NULL);

	if (asn_export_write(
		&what, config, networks, reputation, rules, now, out, &error))
		return bytes(out);
	g_string_free(out, TRUE);
	*code =
	    g_error_matches(error, ASN_EXPORT_ERROR, ASN_EXPORT_ERROR_UNKNOWN)
		? ASND_BUS_NOT_FOUND
		: ASND_BUS_FAILED;
	*why = g_strdup(error->message);
	return NULL;
}

static GVariant *
make(gpointer data, const AsnConfig *config, double now, AsndBusError *code,
    char **why)
{
	const Ask *ask = data;
	const char *dir = config->database_dir;
	AsnNetworks *networks = NULL;
	AsnReputation *reputation = NULL;
	AsnRules *rules = NULL;
	GVariant *out = NULL;
	int opened;

	*code = ASND_BUS_FAILED;
	opened = asn_open_networks(dir, &networks, why, NULL);
	if (opened == EX_OK && ask->ases[0] == NULL)
		opened = asn_open_reputation(dir, &reputation, why, NULL);
	if (opened == EX_OK)
		opened = asn_open_rules(dir, &rules, why);
	if (opened == EX_OK)
		out = answer(
		    ask, config, networks, reputation, rules, now, code, why);
	asn_networks_close(networks);
	asn_reputation_close(reputation);
	asn_rules_close(rules);
	return out;
}

/* --- the question ----------------------------------------------------------
 */

/* FALSE, and *why: there is none such. */
static gboolean
take_option(Ask *ask, const char *key, GVariant *value, char **why)
{
	char shown[ASN_ESCAPE_SIZE];

	if (strcmp(key, "rule") == 0 &&
	    g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)) {
		g_free(ask->rule);
		ask->rule = g_variant_dup_string(value, NULL);
		return TRUE;
	}
	if (strcmp(key, "min-score") == 0 &&
	    g_variant_is_of_type(value, G_VARIANT_TYPE_DOUBLE)) {
		ask->min_score = g_variant_get_double(value);
		if (!isnan(ask->min_score))
			return TRUE;
	}
	*why = g_strdup_printf("no option \"%s\" of this type: there are rule "
			       "(s) and min-score (d)",
	    asn_escape_str(shown, key));
	return FALSE;
}

static gboolean
check(Ask *ask, GVariantIter *options, char **why)
{
	g_autoptr(GError) error = NULL;
	AsnExportAsk what;
	GVariant *value;
	char *key;

	while (g_variant_iter_next(options, "{sv}", &key, &value)) {
		gboolean good = take_option(ask, key, value, why);

		g_free(key);
		g_variant_unref(value);
		if (!good)
			return FALSE;
	}
	if (g_strv_length(ask->ases) > MAX_ASES) {
		*why = g_strdup_printf("more than %d ASs; "
				       "asnctl export takes any number",
		    MAX_ASES);
		return FALSE;
	}
	what = question(ask);
	if (asn_export_check(&what, &error) != NULL)
		return TRUE;
	*why = g_strdup(error->message);
	return FALSE;
}

void
asnd_bus_export(AsndBusCall *call)
{
	g_autoptr(GVariantIter) options = NULL;
	g_autofree char *why = NULL;
	Ask *ask = g_new0(Ask, 1);

	ask->min_score = (double)NAN;
	g_variant_get(
	    call->args, "(s^asa{sv})", &ask->format, &ask->ases, &options);
	if (check(ask, options, &why)) {
		asnd_list_start(call, make, ask, free_ask);
		return;
	}
	free_ask(ask);
	asnd_bus_fail(call, ASND_BUS_INVALID, "%s", why);
}
