/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reputation.mmdb and recent.mmdb: what was learned, as the milter reads it.
 *
 * Two files of one format.  reputation.mmdb holds every node of the model as
 * of its build; recent.mmdb holds the nodes that changed since, whole, and
 * names the reputation.mmdb it belongs to.  Where both know a node, recent
 * wins; a node that went to zero stands in recent with zeros.  So a vote
 * publishes a few kilobytes instead of the whole evidence: with 100,000
 * networks a whole one takes more than a tenth of a second to build and to
 * check, a recent.mmdb of some hundred nodes a few milliseconds.  A recent.mmdb
 * that names another base is ignored: publishing a new base (which includes
 * all of the old recent) and then the new recent is consistent at every point.
 *
 * Layout of both.  A node is an array of doubles [s, h, backed_until], or
 * [s, h, backed_until, from] when its weights are those of a time `from` after
 * weights_time (a mail dated ahead).  s, h: spam and ham weight as of
 * weights_time.  backed_until: spam here counts as reported by two users
 * before that time (SCORE.md "reporters"); 0: never.  Times: seconds.
 * Tree: a record at every address /32 or /64, block /24 or /48, and routed
 * prefix that has evidence.  Record, a map:
 *   "address" node                the I node around this network
 *   "block"   node                N
 *   "prefixes" [len, node, ...]   every P node around it, shortest first
 * each only where such a node contains the network and exists.  Under
 * 100::/64 (RFC 6666 discard prefix, no mail comes from there) one node each,
 * but for the first:
 *   100::1/128           "all mail": map {"all" node, "raw" node (SCORE.md
 *                        `raw`), half_life, k, k_all (double), weights_time,
 *                        two_reporters_until, base (uint64; base: the
 *                        reputation.mmdb this belongs to, or its own id)}
 *   100::2:0:CCCC/128    country, CCCC its two ASCII bytes
 *   100::3:AAAA:AAAA/128 AS number, 32 bit
 *   100::4:LL:PPPP/128   IPv6 prefix shorter than /16: length, first 16 bits
 * two_reporters_until: before that time a flag needs two reporters; 0: one is
 * enough. 2002::/16 and ::/16, where a MaxMind DB keeps IPv4 and its alias,
 * stand at 102::/16 and 104::/16: all of 100::/8 is reserved (RFC 4291), and
 * what would come from there has no reputation.
 *
 * A handle is immutable; any thread may look up; lookups allocate nothing.
 */
#pragma once

#include "mmdb.h"
#include "model.h"
#include "networks.h"

#define ASN_REPUTATION_FILE "reputation.mmdb"
#define ASN_RECENT_FILE "recent.mmdb"
#define ASN_REPUTATION_TYPE "asnd-Reputation"
#define ASN_RECENT_TYPE "asnd-Recent"

/* What decides a flag beside the weights; from the config. */
typedef struct {
	double threshold, evidence, min_ham;
} AsnThresholds;

typedef struct _AsnReputation AsnReputation;

/* base_fd must be a reputation.mmdb; recent_fd may be -1.  A recent that names
 * another base is ignored (asn_reputation_has_recent tells). */
AsnReputation *asn_reputation_open(
    int base_fd, int recent_fd, const char *dir_name, GError **error);
/* The same over bytes that the caller keeps alive; recent NULL: none. */
AsnReputation *asn_reputation_open_memory(
    GBytes *base, GBytes *recent, const char *dir_name, GError **error);
/* The same base with another recent: shares the checked base (counted), so
 * taking up a new recent.mmdb costs no re-check of the base.  Either may be
 * closed first, in any thread.  NULL: error, and old stays as it was. */
AsnReputation *asn_reputation_with_recent(
    AsnReputation *old, int recent_fd, GError **error);
void asn_reputation_close(AsnReputation *rep);
gboolean asn_reputation_has_recent(const AsnReputation *rep);
guint64 asn_reputation_base_id(const AsnReputation *rep);
gint64 asn_reputation_weights_time(
    const AsnReputation *rep); /* newest of the two */
/* Does a flag at time t need two different reporters? */
gboolean asn_reputation_needs_two(const AsnReputation *rep, double t);

/* SCORE.md's six steps at time t: the same numbers as asn_model_predict of the
 * model the files were built from, to 1e-9, at any time that is not before
 * weights_time.  key as asn_networks_key gives it: a prefix without host bits
 * that contains the address. */
void asn_reputation_predict(const AsnReputation *rep, const AsnOriginKey *key,
    double t, const AsnThresholds *thresholds, AsnPrediction *out);

/* Every network at which an answer may change, of both files; those of one
 * file in address order.  Those below 100::/8 stand for something else. */
void asn_reputation_foreach_leaf(
    const AsnReputation *rep, AsnMmdbFunc fn, gpointer data);

/* The deciding level of a prediction (largest rise in log-odds among A, P, N,
 * I), or ASN_LEVEL_ALL when none of them is present. */
AsnLevel asn_prediction_decider(const AsnPrediction *p);
/* "all mail", "country", "AS", "prefix", "block", "address". */
const char *asn_level_name(AsnLevel level);

/* --- building, for asnd --------------------------------------------------- */
typedef struct {
	guint64 base_id; /* of the base being built, or that recent belongs to;
			    > 0 and never used before */
	gint64 weights_time;        /* decay everything to this time */
	gint64 two_reporters_until; /* see above; G_MAXINT64: always */
} AsnReputationBuild;
/* All nodes of the model. */
GBytes *asn_reputation_build_base(
    const AsnModel *model, const AsnReputationBuild *build, GError **error);
/* The nodes changed since asn_model_advance, and "all mail". */
GBytes *asn_reputation_build_recent(
    const AsnModel *model, const AsnReputationBuild *build, GError **error);
