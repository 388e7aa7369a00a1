/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status-print.c: how it is, for a person and for a program. */

#include "export.h"
#include "json-variant.h"
#include "json.h"
#include "rules.h"
#include "status.h"
#include "style.h"

static const char *const health_names[] = {"healthy", "warning", "broken"};

/* --- for a person ----------------------------------------------------------
 */

static void
put_health(GString *out, const Style *style, const Status *s)
{
	style_paint(out, style, STYLE_GOOD,
	    status_is(s, "warming_up")
		? "asnd is healthy, and warming up: it flags nothing yet"
		: "asnd is healthy");
	g_string_append_c(out, '\n');
}

static void
put_problem(
    GString *out, const Style *style, const StatusProblem *p, gboolean first)
{
	gboolean broken = p->health == STATUS_BROKEN;

	style_paint(out, style, broken ? STYLE_BAD : STYLE_WARN,
	    !first   ? broken ? "broken: " : "warning: "
	    : broken ? "asnd is broken: "
		     : "asnd works, with a warning: ");
	style_paint_foreign(out, style, STYLE_PLAIN, p->text);
	g_string_append(out, "\n    ");
	style_paint_foreign(out, style, STYLE_BOLD, p->cure);
	g_string_append_c(out, '\n');
}

static void
put_learning(StyleTable *t, const Status *s)
{
	g_autofree char *vote =
	    status_ago(s->now, status_number(s, "last_vote"));
	g_autofree char *mail =
	    status_ago(s->now, status_number(s, "last_mail"));

	style_table_cell(t, STYLE_DIM, "votes");
	style_table_cellf(t, STYLE_PLAIN,
	    "%" G_GINT64_FORMAT " spam, %" G_GINT64_FORMAT
	    " ham, %" G_GINT64_FORMAT " taken back; the last one %s",
	    status_number(s, "spam_votes"), status_number(s, "ham_votes"),
	    status_number(s, "taken_back"), vote);
	style_table_cell(t, STYLE_DIM, "reporters");
	style_table_cellf(t, STYLE_PLAIN, "%" G_GINT64_FORMAT " in 60 days",
	    status_number(s, "reporters"));
	style_table_cell(t, STYLE_DIM, "mail");
	style_table_cellf(t, STYLE_PLAIN,
	    "%" G_GINT64_FORMAT " known; the last one %s%s",
	    status_number(s, "mails_known"), mail,
	    status_is(s, "first_run")  ? "; learning from what was there"
	    : status_is(s, "all_read") ? ""
				       : "; reading");
	style_table_cell(t, STYLE_DIM, "flagging");
	if (status_is(s, "warming_up"))
		style_table_cellf(t, STYLE_PLAIN,
		    "not before there is %" G_GINT64_FORMAT
		    " ham; now %" G_GINT64_FORMAT,
		    status_number(s, "min_ham"), status_number(s, "ham"));
	else
		style_table_cell(t, STYLE_PLAIN, "on");
}

static void
put_asnd(StyleTable *t, const Status *s)
{
	g_autofree char *since = status_ago(s->now, status_number(s, "since"));
	const char *version = "?";

	g_variant_lookup(s->asnd, "version", "&s", &version);
	style_table_cell(t, STYLE_DIM, "asnd");
	style_table_cellf(
	    t, STYLE_PLAIN, "version %s, started %s", version, since);
	put_learning(t, s);
	style_table_cell(t, STYLE_DIM, "watching");
	style_table_cellf(t, STYLE_PLAIN,
	    "%" G_GINT64_FORMAT " inotify watches, %" G_GINT64_FORMAT
	    " folders polled, %" G_GINT64_FORMAT " overflows, %" G_GINT64_FORMAT
	    " files refused",
	    status_number(s, "watches"), status_number(s, "polled"),
	    status_number(s, "overflows"), status_number(s, "refused"));
}

static void
put_file(
    StyleTable *t, const Status *s, const char *name, const StatusFile *file)
{
	g_autofree char *ago = status_ago(s->now, file->built);

	style_table_cell(t, STYLE_DIM, name);
	if (file->built != 0)
		style_table_cellf(
		    t, STYLE_PLAIN, "%s, built %s", file->state, ago);
	else
		style_table_cell(t, STYLE_PLAIN, file->state);
}

static void
put_units(StyleTable *t, const Status *s)
{
	for (guint i = 0; i < STATUS_UNITS; i++) {
		const StatusUnit *u = &s->units[i];

		style_table_cell(t, STYLE_DIM, u->name);
		style_table_cellf(t, STYLE_PLAIN, "%s (%s)",
		    u->active ? u->active : "unknown", u->sub ? u->sub : "?");
	}
}

void
status_print(GString *out, const Status *s)
{
	Style style = style_of_stdout();
	StyleTable *t = style_table_new(&style, "ll");

	if (s->problems->len == 0)
		put_health(out, &style, s);
	for (guint i = 0; i < s->problems->len; i++)
		put_problem(out, &style,
		    &g_array_index(s->problems, StatusProblem, i), i == 0);
	g_string_append_c(out, '\n');
	if (s->asnd != NULL)
		put_asnd(t, s);
	put_file(t, s, "networks.mmdb", &s->networks);
	put_file(t, s, "reputation.mmdb", &s->reputation);
	style_table_cell(t, STYLE_DIM, "rules");
	style_table_cellf(t, STYLE_PLAIN, "%" G_GINT64_FORMAT " in use; %s %s",
	    status_number(s, "rules"), ASN_RULES_FILE, s->rules.state);
	style_table_cell(t, STYLE_DIM, "milter");
	style_table_cell(t, STYLE_PLAIN, s->milter);
	style_table_cell(t, STYLE_DIM, "Postfix");
	style_table_cell(t, STYLE_PLAIN, s->postfix);
	if (s->systemd)
		put_units(t, s);
	style_table_end(t, out);
}

/* --- for a program ---------------------------------------------------------
 */

static void
json_problems(GString *out, const Status *s)
{
	asn_json_member(out, "problems");
	g_string_append_c(out, '[');
	for (guint i = 0; i < s->problems->len; i++) {
		const StatusProblem *p =
		    &g_array_index(s->problems, StatusProblem, i);

		g_string_append(out, i > 0 ? ", {" : "{");
		asn_json_member_string(out, "health", health_names[p->health]);
		asn_json_member_string(out, "problem", p->text);
		asn_json_member_string(out, "cure", p->cure);
		g_string_append_c(out, '}');
	}
	g_string_append_c(out, ']');
}

static void
json_file(GString *out, const char *key, const StatusFile *file)
{
	asn_json_member(out, key);
	g_string_append_c(out, '{');
	asn_json_member_string(out, "state", file->state);
	if (file->built != 0) {
		g_autofree char *built = asn_export_date((gint64)file->built);

		asn_json_member_string(out, "built", built);
	}
	g_string_append_c(out, '}');
}

static void
json_units(GString *out, const Status *s)
{
	asn_json_member(out, "units");
	g_string_append_c(out, '{');
	for (guint i = 0; i < STATUS_UNITS; i++)
		if (s->units[i].active != NULL)
			asn_json_member_string(
			    out, s->units[i].name, s->units[i].active);
	g_string_append_c(out, '}');
}

void
status_print_json(GString *out, const Status *s, StatusHealth health)
{
	g_string_append_c(out, '{');
	asn_json_member_string(out, "health", health_names[health]);
	json_problems(out, s);
	if (s->asnd != NULL) {
		asn_json_member(out, "asnd");
		json_variant(out, s->asnd);
	}
	json_file(out, "networks", &s->networks);
	json_file(out, "reputation", &s->reputation);
	json_file(out, "rules", &s->rules);
	asn_json_member_string(out, "milter", s->milter);
	asn_json_member_string(out, "postfix", s->postfix);
	if (s->watch_limit != 0)
		asn_json_member_uint(out, "watch_limit", s->watch_limit);
	if (s->systemd)
		json_units(out, s);
	g_string_append(out, "}\n");
}
