/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-json.c: a report for programs. */

#include <math.h>
#include <string.h>

#include "export.h"
#include "json.h"
#include "report.h"

static void
member_number(GString *out, const char *key, double value, const char *format)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];

	if (isnan(value))
		return;
	asn_json_member(out, key);
	g_string_append(out, g_ascii_formatd(text, sizeof text, format, value));
}

static void
member_bool(GString *out, const char *key, gboolean value)
{
	asn_json_member(out, key);
	g_string_append(out, value ? "true" : "false");
}

static void
member_date(GString *out, const char *key, gint64 epoch)
{
	g_autofree char *date = NULL;

	if (epoch == 0)
		return;
	date = asn_export_date(epoch);
	asn_json_member_string(out, key, date);
}

static void
next_of_list(GString *out)
{
	if (out->str[out->len - 1] != '[')
		g_string_append(out, ", ");
}

static void
add_place(GString *out, const Report *r, const ReportPlace *p)
{
	const ReportHolder *h = report_holder_at(r, p->holder);
	g_autofree char *name = report_holder_name(h);
	char net[ASN_NETWORK_STRLEN];

	next_of_list(out);
	g_string_append_c(out, '{');
	if (p->net.addr.family != 0)
		asn_json_member_string(
		    out, "network", asn_network_format(&p->net, net));
	if (h->asn != 0)
		asn_json_member_uint(out, "asn", h->asn);
	if (name[0] != '\0')
		asn_json_member_string(out, "holder", name);
	if (h->country[0] != '\0')
		asn_json_member_string(out, "country", h->country);
	member_number(out, "score", p->score, "%.3f");
	member_number(out, "spam", p->spam, "%.1f");
	member_number(out, "ham", p->ham, "%.1f");
	member_bool(out, "flagged", p->flagged);
	g_string_append_c(out, '}');
}

static void
add_worst(GString *out, const Report *r, const char *key, const GArray *places)
{
	g_autoptr(GPtrArray) worst = report_worst(places, REPORT_WORST);

	asn_json_member(out, key);
	g_string_append_c(out, '[');
	for (guint i = 0; i < worst->len; i++)
		add_place(out, r, worst->pdata[i]);
	g_string_append_c(out, ']');
}

static void
add_weeks(GString *out, const Report *r)
{
	asn_json_member(out, "weeks");
	g_string_append_c(out, '[');
	for (guint i = 0; i < r->weeks->len; i++) {
		const ReportWeek *w = &g_array_index(r->weeks, ReportWeek, i);

		next_of_list(out);
		g_string_append_c(out, '{');
		asn_json_member_string(out, "week", w->day);
		asn_json_member_uint(out, "flagged", w->flagged);
		asn_json_member_uint(out, "rescued", w->rescued);
		asn_json_member_uint(out, "missed", w->missed);
		member_number(out, "precision", w->precision, "%.4f");
		member_number(out, "recall", w->recall, "%.4f");
		g_string_append_c(out, '}');
	}
	g_string_append_c(out, ']');
}

static void
add_space(GString *out, const Report *r, guint i, const char *key)
{
	const ReportSpace *s = &r->space[i];
	const guint8 family = s->family;

	asn_json_member(out, key);
	g_string_append_c(out, '{');
	member_number(out, "allocated_addresses", s->addresses, "%.0f");
	member_number(out, "flagged_addresses", s->flagged_addresses, "%.0f");
	asn_json_member_uint(
	    out, "spam_blocks", report_count_blocks(r, family, TRUE));
	asn_json_member_uint(
	    out, "ham_blocks", report_count_blocks(r, family, FALSE));
	g_string_append_c(out, '}');
}

static void
add_rules(GString *out, const Report *r)
{
	char what[ASN_SUBJECT_STRLEN];

	asn_json_member(out, "rules");
	g_string_append_c(out, '[');
	for (guint i = 0; i < r->rules->len; i++) {
		const ReportRule *rule =
		    &g_array_index(r->rules, ReportRule, i);

		next_of_list(out);
		g_string_append_c(out, '{');
		asn_json_member_string(
		    out, "action", asn_rule_action_name(rule->rule.action));
		asn_json_member_string(out, rule->inside ? "inside" : "what",
		    asn_subject_format(&rule->rule.what, what));
		member_date(out, "until", rule->rule.until);
		g_string_append_c(out, '}');
	}
	g_string_append_c(out, ']');
}

static void
add_missing(GString *out, const Report *r)
{
	asn_json_member(out, "left_out");
	g_string_append_c(out, '[');
	for (guint i = 0; i < r->missing->len; i++) {
		next_of_list(out);
		asn_json_string(out, r->missing->pdata[i], -1);
	}
	g_string_append_c(out, ']');
}

void
report_json(const Report *r, GString *out)
{
	g_string_append_c(out, '{');
	member_date(out, "generated", r->now);
	member_date(out, "networks_of", r->networks_time);
	member_date(out, "reputation_of", r->reputation_time);
	asn_json_member_uint(out, "networks", r->networks);
	member_number(out, "threshold", r->thresholds.threshold, "%.3f");
	member_bool(out, "warming_up", !r->warm);
	if (r->have_asnd) {
		asn_json_member_uint(out, "votes", r->votes);
		asn_json_member_uint(out, "reporters", r->reporters);
		member_date(out, "last_vote", r->last_vote);
	}
	add_space(out, r, 0, "ipv4");
	add_space(out, r, 1, "ipv6");
	add_weeks(out, r);
	asn_json_member(out, "worst");
	g_string_append_c(out, '{');
	add_worst(out, r, "as", r->ases);
	add_worst(out, r, "prefix", r->prefixes);
	add_worst(out, r, "block", r->blocks);
	g_string_append_c(out, '}');
	add_rules(out, r);
	add_missing(out, r);
	g_string_append(out, "}\n");
}
