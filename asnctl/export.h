/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnctl export: the networks that are flagged now, or of given ASs, for other
 * programs.  export.c is the verb, export-pick.c asks the databases,
 * export-text.c and export-data.c write the formats.
 *
 * One thread.  Entries point into the databases and live as long as they.
 */
#pragma once

#include "config.h"
#include "cover.h"
#include "networks.h"
#include "reputation.h"

/* In what entries differ beside their AS; the less, the fewer they are. */
typedef enum {
	EXPORT_BY_COUNTRY = 1,
	EXPORT_BY_PREFIX = 2,
	EXPORT_BY_SCORE = 4 /* to three digits */
} ExportDetail;

typedef struct {
	AsnNetwork net;
	guint group; /* entries of one group lie in its widest one, or are it */
	gboolean in; /* FALSE: an exception from the wider one around it */
	AsnOrigin origin; /* who holds it; what it is by, as `detail` asks */
	double score;     /* NAN: unknown */
} ExportEntry;

/* --- what to pick -----------------------------------------------------------
 */
typedef struct {
	const AsnConfig *config;
	const AsnNetworks *networks;
	const AsnReputation *reputation; /* not for given ASs */
	AsnThresholds thresholds;
	double now;
	GHashTable *asns; /* set of AS numbers; NULL: what is flagged */
	ExportDetail detail;
	gboolean nested; /* exceptions may be, where detail is 0 */
} ExportPick;

/* GArray of ExportEntry, in the order of asn_network_cmp.  The longest entry
 * that contains an address tells; without exceptions none lies in another.
 * Loopback, local-networks and trusted-relays are never in. */
GArray *export_pick(const ExportPick *pick);

/* --- what to write ----------------------------------------------------------
 */
typedef struct {
	const ExportPick *pick;
	GArray *entries;
	const char *rule; /* of postfix-cidr */
} Export;

typedef struct {
	const char *name;
	/* Where it depends on nothing; of postfix-cidr the rule tells. */
	ExportDetail detail;
	gboolean nested, binary;
	/* FALSE and error: such a list cannot be written in this format. */
	gboolean (*write)(const Export *e, GString *out, GError **error);
} ExportFormat;

gboolean export_postfix(const Export *e, GString *out, GError **error);
gboolean export_rbldnsd(const Export *e, GString *out, GError **error);
gboolean export_nftables(const Export *e, GString *out, GError **error);
gboolean export_json(const Export *e, GString *out, GError **error);
gboolean export_csv(const Export *e, GString *out, GError **error);
gboolean export_mmdb(const Export *e, GString *out, GError **error);

/* "flagged, score from 0.900 on", "AS64496, AS64497"; free it. */
char *export_title(const Export *e);
/* ISO 8601 in UTC; free it. */
char *export_date(gint64 epoch);
/* "AS64496 Example Networks" in printable ASCII.  Returns buf. */
#define EXPORT_HOLDER_SIZE 100
const char *export_holder(const AsnOrigin *origin, char *buf);
