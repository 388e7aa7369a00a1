/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-tables.c: the worst neighbourhoods, and the maps as tables. */

#include "report-parts.h"

/* --- the worst --------------------------------------------------------------
 */

static void
holder_cell(GString *out, const Report *r, const ReportPlace *p)
{
	const ReportHolder *h = report_holder_at(r, p->holder);
	g_autofree char *name = report_holder_name(h);
	char net[ASN_NETWORK_STRLEN];

	g_string_append(out, "<tr><th scope=\"row\">");
	if (p->net.addr.family != 0) {
		asn_network_format(&p->net, net);
		report_html(out,
		    "<button class=\"net go\" data-go=\"%s\" "
		    "title=\"Show it on the map\">%s</button><br>",
		    net, net);
	}
	report_html(out, "<bdi>%s</bdi> <small>",
	    name[0] != '\0' ? name : "unknown holder");
	if (h->asn != 0)
		report_html(out, "AS%u ", h->asn);
	if (h->country[0] != '\0')
		report_html(out, "<span class=\"cc\" data-cc=\"%s\">%s</span>",
		    h->country, h->country);
	g_string_append(out, "</small></th>");
}

static void
worst_row(GString *out, const Report *r, const ReportPlace *p, double most)
{
	holder_cell(out, r, p);
	report_html(out, "<td><b>%.3f</b>", p->score);
	if (p->flagged)
		g_string_append(out, "<span class=\"flag\">flagged</span>");
	report_html(out,
	    "</td><td>%.1f<svg class=\"amount\" "
	    "viewBox=\"0 0 60 4\" preserveAspectRatio=\"none\" "
	    "aria-hidden=\"true\"><rect class=\"spam\" width=\"%.1f\" "
	    "height=\"4\"/></svg></td><td>%.1f<svg class=\"amount\" "
	    "viewBox=\"0 0 60 4\" preserveAspectRatio=\"none\" "
	    "aria-hidden=\"true\"><rect class=\"ham\" width=\"%.1f\" "
	    "height=\"4\"/></svg></td></tr>\n",
	    p->spam, p->spam / most * 60, p->ham, MIN(p->ham / most, 1) * 60);
}

static void
worst_table(GString *out, const Report *r, const char *title, const char *note,
    const GArray *places)
{
	g_autoptr(GPtrArray) worst = report_worst(places, REPORT_WORST);

	report_html(out, "<section><h3>%s</h3><p>%s</p>", title, note);
	if (worst->len == 0) {
		g_string_append(
		    out, "<p class=\"empty\">None so far.</p></section>");
		return;
	}
	report_html(out,
	    "<table class=\"worst\"><caption>%s, the most junk first</caption>"
	    "<thead><tr><th scope=\"col\">Who</th><th scope=\"col\">Score</th>"
	    "<th scope=\"col\">Junk</th><th scope=\"col\">Wanted</th></tr>"
	    "</thead><tbody>\n",
	    title);
	for (guint i = 0; i < worst->len; i++)
		worst_row(out, r, worst->pdata[i],
		    ((ReportPlace *)worst->pdata[0])->spam);
	g_string_append(out, "</tbody></table></section>\n");
}

void
report_part_worst(const Report *r, GString *out)
{
	worst_table(
	    out, r, "Providers", "All networks of one AS together.", r->ases);
	worst_table(
	    out, r, "Networks", "As announced on the Internet.", r->prefixes);
	worst_table(out, r, "Blocks",
	    "256 neighbouring addresses, or an IPv6 /48.", r->blocks);
}

/* --- the admin's rules ------------------------------------------------------
 */

static void
rule_row(GString *out, const ReportRule *r)
{
	g_autofree char *until =
	    r->rule.until > 0 ? report_date(r->rule.until, FALSE) : NULL;
	char what[ASN_SUBJECT_STRLEN];

	report_html(out,
	    "<tr><th scope=\"row\">%s%s</th><td>%s</td><td>%s</td></tr>\n",
	    r->inside ? "inside " : "", asn_subject_format(&r->rule.what, what),
	    r->rule.action == ASN_RULE_BLOCK ? "flagged always"
					     : "never flagged",
	    until       ? until
	    : r->inside ? "–"
			: "for good");
}

void
report_part_rules(const Report *r, GString *out)
{
	if (r->rules->len == 0)
		return;
	g_string_append(out,
	    "<section aria-labelledby=\"h-rules\"><h2 id=\"h-rules\">The "
	    "admin’s word</h2><p>These rules beat the score. Narrower networks "
	    "beat wider ones, any network beats an AS.</p>\n"
	    "<table class=\"rules\"><caption>Rules in "
	    "force</caption><thead><tr>"
	    "<th scope=\"col\">Of</th><th scope=\"col\">Mail is</th><th "
	    "scope=\"col\">Until</th></tr></thead><tbody>\n");
	for (guint i = 0; i < r->rules->len; i++)
		rule_row(out, &g_array_index(r->rules, ReportRule, i));
	g_string_append(out, "</tbody></table></section>\n");
}

/* --- the maps as tables
 * -------------------------------------------------------
 */

typedef struct {
	AsnNetwork net;
	guint spam, ham, flagged;
} Region;

static void
region_row(GString *out, const Region *g)
{
	char net[ASN_NETWORK_STRLEN];

	report_html(out,
	    "<tr><th scope=\"row\">%s</th><td>%u</td><td>%u</td><td>%u</td>"
	    "</tr>\n",
	    asn_network_format(&g->net, net), g->spam, g->ham, g->flagged);
}

/* The blocks are in order, so each region is told when it is over. */
static void
regions(const Report *r, const ReportSpace *s, GString *out)
{
	Region g = {.net.addr.family = 0};

	for (guint i = 0; i < r->blocks->len; i++) {
		const ReportPlace *p =
		    &g_array_index(r->blocks, ReportPlace, i);
		const AsnNetwork net =
		    asn_network_of(&p->net.addr, s->family == 6 ? 16 : 8);

		if (p->net.addr.family != s->family)
			continue;
		if (!asn_network_equal(&net, &g.net)) {
			if (g.net.addr.family != 0)
				region_row(out, &g);
			g = (Region){.net = net};
		}
		g.spam += p->score >= 0.5;
		g.ham += p->score < 0.5;
		g.flagged += p->flagged;
	}
	if (g.net.addr.family != 0)
		region_row(out, &g);
}

static void
region_table(const Report *r, const ReportSpace *s, GString *out)
{
	report_html(out,
	    "<details class=\"view\"><summary>This map as a table</summary>\n"
	    "<table><caption>Where blocks with evidence are</caption><thead>"
	    "<tr><th scope=\"col\">Network</th><th scope=\"col\">Rather junk"
	    "</th><th scope=\"col\">Rather wanted</th><th scope=\"col\">Flagged"
	    "</th></tr></thead><tbody>\n");
	regions(r, s, out);
	g_string_append(out, "</tbody></table></details>\n");
}

void
report_part_ipv4(const Report *r, GString *out)
{
	region_table(r, &r->space[0], out);
}

void
report_part_ipv6(const Report *r, GString *out)
{
	region_table(r, &r->space[1], out);
}
