/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-rules.c: the admin's rules, none of a single address. */

#include "report.h"

typedef struct {
	Report *report;
	const AsnRules *rules;
} Reading;

/* 100::3:AAAA:AAAA is AS AAAA:AAAA (rules.h). */
static gboolean
find(const Reading *r, const AsnNetwork *leaf, AsnRule *out)
{
	const guint8 *b = leaf->addr.b;
	const guint32 asn = (guint32)b[12] << 24 | (guint32)b[13] << 16 |
			    (guint32)b[14] << 8 | b[15];

	if (leaf->addr.family == 6 && b[0] == 0x01)
		return b[1] == 0 && b[11] == 3 &&
		       asn_rules_find_as(r->rules, asn, r->report->now, out);
	return asn_rules_find(r->rules, &leaf->addr, 0, r->report->now, out);
}

static int
compare(gconstpointer a, gconstpointer b)
{
	const ReportRule *x = a, *y = b;
	const int order = asn_subject_cmp(&x->rule.what, &y->rule.what);

	if (order != 0)
		return order;
	if (x->inside != y->inside)
		return x->inside - y->inside;
	return (int)x->rule.action - (int)y->rule.action;
}

static gboolean
take_leaf(const AsnNetwork *leaf, AsnMmdbValue value, gpointer data)
{
	const guint8 narrowest = leaf->addr.family == 6 ? 48 : 24;
	Reading *r = data;
	ReportRule new = {.inside = FALSE};
	AsnSubject *what = &new.rule.what;

	if (!find(r, leaf, &new.rule))
		return TRUE;
	if (what->kind != ASN_SUBJECT_AS && what->net.len > narrowest) {
		what->kind = ASN_SUBJECT_NETWORK;
		what->net = asn_network_of(&what->net.addr, narrowest);
		new.inside = TRUE;
		new.rule.until = 0;
	}
	g_array_append_val(r->report->rules, new);
	return TRUE;
}

/* The rule for all of a place: at an end of it there may be one of something
 * narrower, at both hardly. */
static gboolean
find_whole(const Reading *r, const ReportPlace *p, AsnRule *out)
{
	const guint32 asn = report_holder_at(r->report, p->holder)->asn;
	AsnRange range;

	if (p->net.addr.family == 0)
		return asn_rules_find_as(r->rules, asn, r->report->now, out);
	range = asn_range_of(&p->net);
	for (guint end = 0; end < 2; end++) {
		const AsnAddr addr =
		    asn_pos_addr(end ? range.last : range.first, range.family);

		if (asn_rules_find(r->rules, &addr, asn, r->report->now, out) &&
		    (out->what.kind == ASN_SUBJECT_AS ||
			out->what.net.len <= p->net.len))
			return TRUE;
	}
	return FALSE;
}

static void
obey(const Reading *r, GArray *places)
{
	AsnRule rule;

	for (guint i = 0; i < places->len; i++) {
		ReportPlace *p = &g_array_index(places, ReportPlace, i);

		if (find_whole(r, p, &rule))
			p->flagged = rule.action == ASN_RULE_BLOCK;
	}
}

/* A rule stands at each network in which it is not overruled. */
void
report_read_rules(Report *report, const ReportSource *source)
{
	Reading r = {report, source->rules};
	GArray *rules = report->rules;
	guint n = 0;

	if (source->rules == NULL)
		return;
	obey(&r, report->ases);
	obey(&r, report->prefixes);
	obey(&r, report->blocks);
	asn_rules_foreach_leaf(source->rules, take_leaf, &r);
	g_array_sort(rules, compare);
	for (guint i = 0; i < rules->len; i++) {
		ReportRule *to = &g_array_index(rules, ReportRule, n);
		ReportRule *from = &g_array_index(rules, ReportRule, i);

		if (n > 0 && compare(to - 1, from) == 0)
			continue;
		*to = *from;
		n++;
	}
	g_array_set_size(rules, n);
}
