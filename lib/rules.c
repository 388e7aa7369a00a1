/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.c: opening, checking and asking rules.mmdb. */

#include <gio/gio.h>
#include <string.h>

#include "cover.h"
#include "mmdb-format.h"
#include "rules-private.h"

#define MIN_V4 8
#define MIN_V6 16

struct _AsnRules {
	AsnMmdb *db;
	MmdbSection data;
	gboolean networks;   /* is there a rule for one? */
	GHashTable *records; /* of ASs: number to offset + 1; NULL: none */
};

/* --- a rule --------------------------------------------------------------- */

const char *
asn_rule_action_name(AsnRuleAction action)
{
	return action == ASN_RULE_BLOCK ? "block" : "allow";
}

AsnRuleAction
asn_rule_action_parse(const char *text, gsize len)
{
	if (len != 5)
		return 0;
	if (g_ascii_strncasecmp(text, "allow", 5) == 0)
		return ASN_RULE_ALLOW;
	return g_ascii_strncasecmp(text, "block", 5) == 0 ? ASN_RULE_BLOCK : 0;
}

const char *
asn_rule_format(const AsnRule *rule, char *buf)
{
	char what[ASN_SUBJECT_STRLEN];

	g_snprintf(buf, ASN_RULE_STRLEN, "%s:%s",
	    asn_rule_action_name(rule->action),
	    asn_subject_format(&rule->what, what));
	return buf;
}

/* What the IPv4 network inside of a 6to4 one is. */
static gboolean
refuse_6to4(const AsnSubject *what, GError **error)
{
	char text[ASN_SUBJECT_STRLEN], inside[ASN_NETWORK_STRLEN];
	AsnNetwork net = {.addr = {.family = 4}};

	memcpy(net.addr.b + 12, what->net.addr.b + 2, 4);
	net.len = (guint8)CLAMP((int)what->net.len - 16, MIN_V4, 32);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
	    "%s is 6to4 (RFC 3056); a rule for %s holds there too",
	    asn_subject_format(what, text), asn_network_format(&net, inside));
	return FALSE;
}

gboolean
asn_rule_check_subject(const AsnSubject *what, GError **error)
{
	const guint8 *b = what->net.addr.b;
	gboolean is_v4 = what->net.addr.family == 4;
	char text[ASN_SUBJECT_STRLEN];

	if (what->kind == ASN_SUBJECT_AS)
		return TRUE;
	if (what->net.len < (is_v4 ? MIN_V4 : MIN_V6)) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
		    "%s is too wide for a rule; /%d is the widest",
		    asn_subject_format(what, text), is_v4 ? MIN_V4 : MIN_V6);
		return FALSE;
	}
	if (!is_v4 && b[0] == 0x20 && b[1] == 0x02)
		return refuse_6to4(what, error);
	if (!is_v4 && (b[0] == 0x01 || (b[0] == 0 && b[1] == 0))) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
		    "%s is reserved (RFC 4291), no mail comes from there",
		    asn_subject_format(what, text));
		return FALSE;
	}
	return TRUE;
}

/* --- records -------------------------------------------------------------- */

static gboolean
get(AsnMmdbValue map, const char *key, AsnMmdbType type, AsnMmdbField *out)
{
	return asn_mmdb_map_get(map, key, strlen(key), out) &&
	       out->type == type;
}

/* One map.  The text is parsed each time, so that nothing but a subject can
 * get into a header. */
static gboolean
read_rule(AsnMmdbValue map, AsnRule *out)
{
	char text[ASN_SUBJECT_STRLEN] = "";
	AsnMmdbField f;
	guint64 until;

	if (!get(map, "action", ASN_MMDB_STRING, &f))
		return FALSE;
	out->action = asn_rule_action_parse((const char *)f.payload, f.size);
	if (out->action == 0 || !get(map, "what", ASN_MMDB_STRING, &f) ||
	    f.size >= sizeof text)
		return FALSE;
	memcpy(text, f.payload, f.size);
	if (!asn_subject_parse(text, &out->what, NULL) ||
	    !get(map, "until", ASN_MMDB_UINT64, &f) ||
	    !asn_mmdb_field_uint(&f, &until) ||
	    until > (guint64)ASN_RULE_UNTIL_MAX)
		return FALSE;
	out->until = (gint64)until;
	return TRUE;
}

/* The first of a record that holds now. */
static gboolean
read_record(const AsnRules *rules, AsnMmdbValue v, gint64 now, AsnRule *out)
{
	AsnMmdbField array;

	asn_mmdb_field(v, &array);
	if (array.type != ASN_MMDB_ARRAY)
		return FALSE;
	v.offset = array.next;
	for (guint32 i = 0; i < MIN(array.size, RULES_CHAIN_MAX); i++) {
		if (!read_rule(v, out))
			return FALSE;
		if (asn_rule_holds(out, now))
			return TRUE;
		v.offset = (guint32)mmdb_skip(&rules->data, v.offset);
	}
	return FALSE;
}

/* --- asking --------------------------------------------------------------- */

/* 100::/8 is where ASs stand. */
static gboolean
find_network(
    const AsnRules *rules, const AsnAddr *addr, gint64 now, AsnRule *out)
{
	AsnMmdbValue v;

	if (!rules->networks || (addr->family == 6 && addr->b[0] == 0x01))
		return FALSE;
	return asn_mmdb_find(rules->db, addr, &v) &&
	       read_record(rules, v, now, out);
}

/* From the table: a walk through 128 bits would cost more than all the rest. */
gboolean
asn_rules_find_as(const AsnRules *rules, guint32 asn, gint64 now, AsnRule *out)
{
	AsnMmdbValue v;

	if (rules == NULL || rules->records == NULL)
		return FALSE;
	v.db = rules->db;
	v.offset = GPOINTER_TO_UINT(
	    g_hash_table_lookup(rules->records, GUINT_TO_POINTER(asn)));
	if (v.offset == 0)
		return FALSE;
	v.offset--;
	return read_record(rules, v, now, out);
}

gboolean
asn_rules_find(const AsnRules *rules, const AsnAddr *addr, guint32 asn,
    gint64 now, AsnRule *out)
{
	return rules != NULL && (find_network(rules, addr, now, out) ||
				    asn_rules_find_as(rules, asn, now, out));
}

#define PROBES 64 /* narrower networks that are passed over */

/* Asks of one address after the other, each behind a network that is narrower
 * and so hides what is around. */
gboolean
asn_rules_find_network(const AsnRules *rules, const AsnNetwork *net,
    guint32 asn, gint64 now, AsnRule *out)
{
	const AsnRange whole = asn_range_of(net);
	AsnPos at = whole.first;

	for (guint i = 0; rules != NULL && i < PROBES; i++) {
		AsnAddr addr = asn_pos_addr(at, whole.family);
		AsnRange inner;

		if (!find_network(rules, &addr, now, out))
			break;
		/* An IPv4 network's rule for a 6to4 one is around it. */
		if (out->what.net.addr.family != net->addr.family ||
		    out->what.net.len <= net->len)
			return TRUE;
		inner = asn_range_of(&out->what.net);
		if (inner.last >= whole.last)
			break;
		at = inner.last + 1;
	}
	return asn_rules_find_as(rules, asn, now, out);
}

gboolean
asn_rules_is_empty(const AsnRules *rules)
{
	return rules == NULL || (!rules->networks && rules->records == NULL);
}

void
asn_rules_foreach_leaf(const AsnRules *rules, AsnMmdbFunc fn, gpointer data)
{
	asn_mmdb_foreach(rules->db, fn, data);
}

/* --- checking ------------------------------------------------------------- */

typedef struct {
	AsnRules *rules;
	AsnNetwork at;
	const char *why;
} Check;

static gboolean
is_inside(const AsnNetwork *leaf, const AsnSubject *what)
{
	AsnNetwork place = rules_place(what);

	return leaf->len >= place.len &&
	       asn_network_contains(&place, &leaf->addr);
}

/* One after the other; last: how long the one before held. */
static const char *
check_rule(const AsnNetwork *leaf, AsnMmdbValue v, gint64 *last)
{
	AsnRule rule;

	if (!read_rule(v, &rule))
		return "no sound rule";
	if (!asn_rule_check_subject(&rule.what, NULL) ||
	    !is_inside(leaf, &rule.what))
		return "rule for something else";
	if (*last == 0 || (rule.until != 0 && rule.until <= *last))
		return "rule that can never hold";
	*last = rule.until;
	return NULL;
}

static const char *
check_record(const AsnRules *rules, const AsnNetwork *leaf, AsnMmdbValue v)
{
	const char *why = NULL;
	AsnMmdbField array;
	gint64 last = -1;

	asn_mmdb_field(v, &array);
	if (array.type != ASN_MMDB_ARRAY || array.size == 0 ||
	    array.size > RULES_CHAIN_MAX)
		return "no list of rules";
	v.offset = array.next;
	for (guint32 i = 0; i < array.size && why == NULL; i++) {
		why = check_rule(leaf, v, &last);
		v.offset = (guint32)mmdb_skip(&rules->data, v.offset);
	}
	return why;
}

static void
note_as(AsnRules *rules, const AsnNetwork *leaf, AsnMmdbValue v)
{
	guint32 asn;

	memcpy(&asn, leaf->addr.b + 12, sizeof asn);
	if (rules->records == NULL)
		rules->records = g_hash_table_new(NULL, NULL);
	g_hash_table_insert(rules->records,
	    GUINT_TO_POINTER(GUINT32_FROM_BE(asn)),
	    GUINT_TO_POINTER(v.offset + 1));
}

static gboolean
check_leaf(const AsnNetwork *leaf, AsnMmdbValue v, gpointer data)
{
	static const guint8 special[8] = {0x01};
	Check *c = data;

	if (leaf->addr.family == 6 &&
	    memcmp(leaf->addr.b, special, sizeof special) == 0)
		note_as(c->rules, leaf, v);
	else
		c->rules->networks = TRUE;
	c->at = *leaf;
	c->why = check_record(c->rules, leaf, v);
	return c->why == NULL;
}

static gboolean
check_all(AsnRules *rules, const char *name, GError **error)
{
	Check c = {.rules = rules};
	char text[ASN_NETWORK_STRLEN];

	if (strcmp(asn_mmdb_meta(rules->db)->database_type, ASN_RULES_TYPE) !=
	    0) {
		g_set_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_KIND,
		    "%s: not a database of type %s; asnd writes it anew", name,
		    ASN_RULES_TYPE);
		return FALSE;
	}
	if (asn_mmdb_foreach(rules->db, check_leaf, &c))
		return TRUE;
	g_set_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_BROKEN,
	    "%s: record at %s: %s", name, asn_network_format(&c.at, text),
	    c.why);
	return FALSE;
}

/* Takes db over. */
static AsnRules *
open_checked(AsnMmdb *db, const char *name, GError **error)
{
	AsnRules *rules;

	if (db == NULL)
		return NULL;
	rules = g_new0(AsnRules, 1);
	rules->db = db;
	rules->data.base = asn_mmdb_data(db, &rules->data.len);
	if (check_all(rules, name, error))
		return rules;
	asn_rules_close(rules);
	return NULL;
}

AsnRules *
asn_rules_open(int fd, const char *name, GError **error)
{
	return open_checked(
	    asn_mmdb_open(fd, name, ASN_MMDB_CHECK_SUM, error), name, error);
}

AsnRules *
asn_rules_open_memory(
    const guint8 *data, gsize len, const char *name, GError **error)
{
	return open_checked(
	    asn_mmdb_open_memory(data, len, name, ASN_MMDB_CHECK_SUM, error),
	    name, error);
}

void
asn_rules_close(AsnRules *rules)
{
	if (rules == NULL)
		return;
	if (rules->records != NULL)
		g_hash_table_unref(rules->records);
	asn_mmdb_close(rules->db);
	g_free(rules);
}
