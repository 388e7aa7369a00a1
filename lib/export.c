/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export.c: a question for an export, checked and answered. */

#include <math.h>
#include <string.h>

#include "escape.h"
#include "export.h"
#include "placeholders.h"

#define RULE_BYTES 256
#define TITLE_ASNS 8

G_DEFINE_QUARK(asn_export_error, asn_export_error)

static const AsnExportFormat formats[] = {
    {"postfix-cidr", 0, TRUE, FALSE, asn_export_postfix},
    {"rbldnsd", 0, TRUE, FALSE, asn_export_rbldnsd},
    {"json", ASN_EXPORT_BY_COUNTRY | ASN_EXPORT_BY_SCORE | ASN_EXPORT_BY_RULE,
	FALSE, FALSE, asn_export_json},
    {"csv", ASN_EXPORT_BY_COUNTRY | ASN_EXPORT_BY_SCORE | ASN_EXPORT_BY_RULE,
	FALSE, FALSE, asn_export_csv},
    {"nftables", 0, FALSE, FALSE, asn_export_nftables},
    {"mmdb", ASN_EXPORT_BY_COUNTRY | ASN_EXPORT_BY_SCORE, FALSE, TRUE,
	asn_export_mmdb},
};

static gboolean G_GNUC_PRINTF(2, 3)
    refuse(GError **error, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(
	    error, ASN_EXPORT_ERROR, ASN_EXPORT_ERROR_ASK, text);
	return FALSE;
}

/* --- the question ----------------------------------------------------------
 */

/* Postfix takes a line as it stands: nothing in it may end it. */
static gboolean
check_rule(const char *rule, GError **error)
{
	gboolean good = TRUE;

	for (const char *p = rule; *p != '\0'; p++)
		good &= *p >= 0x20 && *p <= 0x7e;
	if (!good || strlen(rule) > RULE_BYTES || rule[0] == '\0' ||
	    rule[0] == ' ')
		return refuse(error,
		    "rule must be one line of 1 to %d bytes of printable "
		    "ASCII, the first of them no space",
		    RULE_BYTES);
	if (!asn_placeholders_known(rule))
		return refuse(error,
		    "rule: in braces there may be {asn}, {prefix}, {country} "
		    "and {score}");
	return TRUE;
}

static gboolean
names_ases(const AsnExportAsk *ask)
{
	return ask->ases != NULL && ask->ases[0] != NULL;
}

static gboolean
check_score(double score, GError **error)
{
	if (score >= 0.5 && score <= 1)
		return TRUE;
	return refuse(error, "min-score: a number from 0.5 to 1 is needed");
}

gboolean
asn_export_parse_score(const char *text, double *score, GError **error)
{
	char shown[ASN_ESCAPE_SIZE], *end;

	*score = g_ascii_strtod(text, &end);
	if (end != text && *end == '\0' && check_score(*score, NULL))
		return TRUE;
	return refuse(error,
	    "min-score \"%s\": a number from 0.5 to 1 is needed",
	    asn_escape_str(shown, text));
}

static gboolean
check_ases(const AsnExportAsk *ask, GError **error)
{
	char shown[ASN_ESCAPE_SIZE];
	guint32 asn;

	if (!names_ases(ask))
		return TRUE;
	if (!isnan(ask->min_score))
		return refuse(error,
		    "min-score and AS numbers exclude each other: given ASs "
		    "are written whatever their score");
	for (const char *const *w = ask->ases; *w != NULL; w++)
		if (!asn_number_parse(*w, strlen(*w), &asn))
			return refuse(error,
			    "\"%s\" is no AS number such as AS64496",
			    asn_escape_str(shown, *w));
	return TRUE;
}

const AsnExportFormat *
asn_export_check(const AsnExportAsk *ask, GError **error)
{
	const AsnExportFormat *found = NULL;
	char shown[ASN_ESCAPE_SIZE];

	for (gsize i = 0; i < G_N_ELEMENTS(formats); i++)
		if (strcmp(ask->format, formats[i].name) == 0)
			found = &formats[i];
	if (found == NULL) {
		refuse(error, "no format \"%s\": there are %s",
		    asn_escape_str(shown, ask->format), ASN_EXPORT_FORMATS);
		return NULL;
	}
	if (ask->rule != NULL && found->write != asn_export_postfix) {
		refuse(error, "rule is for postfix-cidr alone");
		return NULL;
	}
	if ((ask->rule != NULL && !check_rule(ask->rule, error)) ||
	    (!isnan(ask->min_score) && !check_score(ask->min_score, error)) ||
	    !check_ases(ask, error))
		return NULL;
	return found;
}

/* --- the title -------------------------------------------------------------
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
asn_export_title(const AsnExport *e)
{
	const AsnExportPick *p = e->pick;
	const AsnOriginKey nowhere = {.addr = {.family = 6, .b = {0x01}}};
	char score[G_ASCII_DTOSTR_BUF_SIZE];
	AsnPrediction any;

	if (p->asns != NULL)
		return title_of_asns(p->asns);
	asn_reputation_predict(
	    p->reputation, &nowhere, p->now, &p->thresholds, &any);
	g_ascii_formatd(score, sizeof score, "%.3f", p->thresholds.threshold);
	if (p->rules != NULL && !asn_rules_is_empty(p->rules))
		return g_strdup_printf("flagged, by a rule or a score from %s "
				       "on%s",
		    score, any.warm ? "" : " (warming up: by rules alone)");
	return g_strdup_printf("flagged, score from %s on%s", score,
	    any.warm ? "" : " (warming up: nothing is flagged yet)");
}

/* --- the answer ------------------------------------------------------------
 */

static guint32
number(const char *as)
{
	guint32 asn = 0;

	asn_number_parse(as, strlen(as), &asn);
	return asn;
}

static GHashTable *
set_of_ases(const AsnExportAsk *ask)
{
	GHashTable *set;

	if (!names_ases(ask))
		return NULL;
	set = g_hash_table_new(NULL, NULL);
	for (const char *const *w = ask->ases; *w != NULL; w++)
		g_hash_table_add(set, GUINT_TO_POINTER(number(*w)));
	return set;
}

/* An AS that has nothing: most likely its number is wrong. */
static gboolean
check_found(const AsnExportAsk *ask, const GArray *entries, GError **error)
{
	g_autoptr(GHashTable) found = g_hash_table_new(NULL, NULL);

	if (!names_ases(ask))
		return TRUE;
	for (guint i = 0; i < entries->len; i++)
		g_hash_table_add(found,
		    GUINT_TO_POINTER(
			g_array_index(entries, AsnExportEntry, i).origin.asn));
	for (const char *const *w = ask->ases; *w != NULL; w++) {
		if (g_hash_table_contains(found, GUINT_TO_POINTER(number(*w))))
			continue;
		g_set_error(error, ASN_EXPORT_ERROR, ASN_EXPORT_ERROR_UNKNOWN,
		    "AS%u: no known network belongs to it; nothing was written",
		    number(*w));
		return FALSE;
	}
	return TRUE;
}

static AsnExportDetail
detail_of_rule(const char *rule)
{
	return (strstr(rule, "{country}") ? ASN_EXPORT_BY_COUNTRY : 0) |
	       (strstr(rule, "{prefix}") ? ASN_EXPORT_BY_PREFIX : 0) |
	       (strstr(rule, "{score}") ? ASN_EXPORT_BY_SCORE : 0);
}

gboolean
asn_export_write(const AsnExportAsk *ask, const AsnConfig *config,
    const AsnNetworks *networks, const AsnReputation *reputation,
    const AsnRules *rules, double now, GString *out, GError **error)
{
	const AsnExportFormat *format = asn_export_check(ask, error);
	g_autoptr(GHashTable) asns = NULL;
	g_autoptr(GArray) entries = NULL;
	AsnExportPick pick = {.config = config,
	    .networks = networks,
	    .reputation = reputation,
	    .rules = rules,
	    .thresholds = config->thresholds,
	    .now = now};
	AsnExport e = {
	    .pick = &pick, .rule = ask->rule ? ask->rule : ASN_EXPORT_RULE};

	if (format == NULL)
		return FALSE;
	pick.asns = asns = set_of_ases(ask);
	if (asns != NULL) {
		pick.reputation = NULL;
		pick.rules = NULL;
	}
	if (!isnan(ask->min_score))
		pick.thresholds.threshold = ask->min_score;
	pick.nested = format->nested;
	pick.detail = format->write == asn_export_postfix
			  ? detail_of_rule(e.rule)
			  : format->detail;
	e.entries = entries = asn_export_pick(&pick);
	return check_found(ask, entries, error) &&
	       format->write(&e, out, error);
}
