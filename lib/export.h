/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The networks that are flagged now, or of given ASs, for other programs
 * (asnctl(1), "export").  export.c takes a question and answers it,
 * export-pick.c asks the databases, export-text.c and export-data.c write the
 * formats.
 *
 * Runs for seconds where many networks are known; any thread with its own
 * handles, no I/O, no clock.  Entries point into the databases and live as long
 * as they.
 */
#pragma once

#include "config.h"
#include "cover.h"
#include "networks.h"
#include "reputation.h"
#include "rules.h"

/* In what entries differ beside their AS; the less, the fewer they are. */
typedef enum {
	ASN_EXPORT_BY_COUNTRY = 1,
	ASN_EXPORT_BY_PREFIX = 2,
	ASN_EXPORT_BY_SCORE = 4, /* to three digits */
	ASN_EXPORT_BY_RULE = 8
} AsnExportDetail;

typedef struct {
	AsnNetwork net;
	guint group; /* entries of one group lie in its widest one, or are it */
	gboolean in; /* FALSE: an exception from the wider one around it */
	AsnOrigin origin; /* who holds it; what it is by, as `detail` asks */
	double score;     /* NAN: unknown */
	AsnRule rule;     /* action 0: not in by one */
} AsnExportEntry;

/* --- what to pick -----------------------------------------------------------
 */
typedef struct {
	const AsnConfig *config;
	const AsnNetworks *networks;
	const AsnReputation *reputation; /* not for given ASs */
	const AsnRules *rules;           /* the same; NULL: none */
	AsnThresholds thresholds;
	double now;
	GHashTable *asns; /* set of AS numbers; NULL: what is flagged */
	AsnExportDetail detail;
	gboolean nested; /* exceptions may be, where detail is 0 */
} AsnExportPick;

/* GArray of AsnExportEntry, in the order of asn_network_cmp.  The longest entry
 * that contains an address tells; without exceptions none lies in another.
 * Loopback, local-networks and trusted-relays are never in. */
GArray *asn_export_pick(const AsnExportPick *pick);

/* --- what to write ----------------------------------------------------------
 */
typedef struct {
	const AsnExportPick *pick;
	GArray *entries;
	const char *rule; /* of postfix-cidr */
} AsnExport;

typedef struct {
	const char *name;
	/* Where it depends on nothing; of postfix-cidr the rule tells. */
	AsnExportDetail detail;
	gboolean nested, binary;
	/* FALSE and error: such a list cannot be written in this format. */
	gboolean (*write)(const AsnExport *e, GString *out, GError **error);
} AsnExportFormat;

gboolean asn_export_postfix(const AsnExport *e, GString *out, GError **error);
gboolean asn_export_rbldnsd(const AsnExport *e, GString *out, GError **error);
gboolean asn_export_nftables(const AsnExport *e, GString *out, GError **error);
gboolean asn_export_json(const AsnExport *e, GString *out, GError **error);
gboolean asn_export_csv(const AsnExport *e, GString *out, GError **error);
gboolean asn_export_mmdb(const AsnExport *e, GString *out, GError **error);

/* "flagged, score from 0.900 on", "AS64496, AS64497"; free it. */
char *asn_export_title(const AsnExport *e);
/* ISO 8601 in UTC; free it. */
char *asn_export_date(gint64 epoch);
/* "AS64496 Example Networks" in printable ASCII.  Returns buf. */
#define ASN_EXPORT_HOLDER_SIZE 100
const char *asn_export_holder(const AsnOrigin *origin, char *buf);

/* --- a whole export ---------------------------------------------------------
 */

typedef enum {
	ASN_EXPORT_ERROR_ASK,    /* the question is wrong */
	ASN_EXPORT_ERROR_UNKNOWN /* a given AS has no known network */
} AsnExportError;
#define ASN_EXPORT_ERROR (asn_export_error_quark())
GQuark asn_export_error_quark(void);

/* As somebody asks.  The texts are the caller's and only read. */
typedef struct {
	const char *format;
	const char *rule;        /* of postfix-cidr; NULL: ASN_EXPORT_RULE */
	double min_score;        /* NAN: the config's threshold */
	const char *const *ases; /* "AS64496" ...; NULL or empty: what is
				    flagged */
} AsnExportAsk;
#define ASN_EXPORT_RULE "PREPEND X-Spam-ASN: AS{asn}"
#define ASN_EXPORT_FORMATS "postfix-cidr, rbldnsd, json, csv, nftables or mmdb"

/* The format of a sound question, NULL: an error of ASN_EXPORT_ERROR_ASK.
 * Every byte of the question may be hostile. */
const AsnExportFormat *asn_export_check(
    const AsnExportAsk *ask, GError **error);
/* The score in a text: 0.5 to 1.  FALSE, and an error as above: none. */
gboolean asn_export_parse_score(
    const char *text, double *score, GError **error);
/* Appends the export.  FALSE: an error of ASN_EXPORT_ERROR, or another one
 * where the format cannot say it; out is undefined.
 * reputation: not needed where the question names ASs.  rules: NULL where there
 * are none. */
gboolean asn_export_write(const AsnExportAsk *ask, const AsnConfig *config,
    const AsnNetworks *networks, const AsnReputation *reputation,
    const AsnRules *rules, double now, GString *out, GError **error);
