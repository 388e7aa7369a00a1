/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The admin's word, which beats the score: rules that allow or block an
 * address, a network or an AS.
 *
 * rules.mmdb is what asnd makes of all of them for the milter: one IPv6 tree
 * with a record at every network that has a rule, and at 100::3:AAAA:AAAA/128
 * for AS number AAAA:AAAA (RFC 6666: no mail comes from there).  As in
 * reputation.h, 2002::/16 and ::/16 stand at 102::/16 and 104::/16.  Record: an
 * array of pointers to maps
 *   "action" string  "allow" or "block"
 *   "what"   string  as asn_subject_format writes it
 *   "until"  uint64  the rule holds before that time; 0: for ever
 * The first one that has not expired holds.  They go from narrow to wide, each
 * outlives those before it, so there is more than one only where the first
 * has an end.
 *
 * A handle is immutable; any thread may look up; lookups allocate nothing.
 */
#pragma once

#include "mmdb.h"
#include "subject.h"

#define ASN_RULES_FILE "rules.mmdb"
#define ASN_RULES_TYPE "asnd-Rules"

typedef enum { ASN_RULE_ALLOW = 1, ASN_RULE_BLOCK } AsnRuleAction;

typedef struct {
	AsnRuleAction action;
	AsnSubject what;
	gint64 until; /* it holds before that time; 0: for ever */
} AsnRule;

/* The end of the year 9999. */
#define ASN_RULE_UNTIL_MAX G_GINT64_CONSTANT(253402300800)

/* "allow", "block"; a constant. */
const char *asn_rule_action_name(AsnRuleAction action);
/* In any case; 0: neither. */
AsnRuleAction asn_rule_action_parse(const char *text, gsize len);
/* "block:192.0.2.0/24", for headers and logs.  buf: ASN_RULE_STRLEN bytes.
 * Returns buf. */
#define ASN_RULE_STRLEN (6 + ASN_SUBJECT_STRLEN)
const char *asn_rule_format(const AsnRule *rule, char *buf);
/* May there be a rule for it?  FALSE, G_IO_ERROR_INVALID_ARGUMENT: a network
 * wider than /8, of IPv6 /16 (no admin knows all who send from there, and a
 * slip of the pen must not switch the score off for the world); one of
 * 2002::/16 (6to4, RFC 3056), whose IPv4 network is to be named; one of ::/16
 * or 100::/8, which are reserved (RFC 4291). */
gboolean asn_rule_check_subject(const AsnSubject *what, GError **error);
static inline gboolean
asn_rule_holds(const AsnRule *rule, gint64 now)
{
	return rule->until == 0 || now < rule->until;
}

/* --- rules.mmdb ----------------------------------------------------------- */
typedef struct _AsnRules AsnRules;

/* Checks the whole file; name is for messages.  fd stays the caller's. */
AsnRules *asn_rules_open(int fd, const char *name, GError **error);
/* The same over bytes that the caller keeps alive. */
AsnRules *asn_rules_open_memory(
    const guint8 *data, gsize len, const char *name, GError **error);
void asn_rules_close(AsnRules *rules);
/* The rule for mail from addr, which belongs to AS asn (0: unknown), at time
 * now: the narrowest network's, else the AS's.  FALSE: none; rules may be
 * NULL. */
gboolean asn_rules_find(const AsnRules *rules, const AsnAddr *addr, guint32 asn,
    gint64 now, AsnRule *out);
/* Of the AS alone. */
gboolean asn_rules_find_as(
    const AsnRules *rules, guint32 asn, gint64 now, AsnRule *out);
/* The rule for a new address of net: narrower ones inside do not count.  Where
 * these cover all of its first part, what is around may not be found. */
gboolean asn_rules_find_network(const AsnRules *rules, const AsnNetwork *net,
    guint32 asn, gint64 now, AsnRule *out);
/* Every network at which an answer may change, in address order; those below
 * 100::/8 stand for something else. */
void asn_rules_foreach_leaf(
    const AsnRules *rules, AsnMmdbFunc fn, gpointer data);
gboolean asn_rules_is_empty(const AsnRules *rules);

/* Lays rules.mmdb out.  Of several rules for the same, the first in the array
 * holds while it lasts.  Those that do not hold at `now` are left out.  Every
 * subject as asn_rule_check_subject wants it.  NULL: cannot be represented. */
GBytes *asn_rules_build(
    const AsnRule *rules, gsize n, gint64 now, GError **error);
