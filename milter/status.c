/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status.c: STATUS= of asn-milter. */

#include "status.h"

static void
add_time(GString *out, const char *what, gint64 when, const char *format)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(when);
	g_autofree char *text =
	    time != NULL ? g_date_time_format(time, format) : NULL;

	g_string_append_printf(
	    out, "; %s of %s", what, text ? text : "an impossible date");
}

char *
mlt_status(MltFilter *filter)
{
	GString *out = g_string_new(NULL);
	gint64 networks = -1, reputation = -1;
	MltRules *rules = mlt_filter_rules(filter);
	int ticket;
	const MltSnapshot *s = mlt_snapshot_borrow(&filter->snapshots, &ticket);

	if (s->networks != NULL)
		networks = (gint64)asn_mmdb_meta(asn_networks_mmdb(s->networks))
			       ->build_epoch;
	if (s->reputation != NULL)
		reputation = asn_reputation_weights_time(s->reputation);
	mlt_snapshot_return(&filter->snapshots, ticket);
	g_string_printf(out,
	    "%" G_GUINT64_FORMAT " mails judged, %" G_GUINT64_FORMAT " flagged",
	    (guint64)filter->judged, (guint64)filter->flagged);
	if (networks >= 0)
		add_time(out, "networks", networks, "%F");
	else
		g_string_append(out, "; no networks.mmdb: run 'asnctl import'");
	if (reputation >= 0)
		add_time(out, "reputation", reputation, "%F %T UTC");
	else
		g_string_append(
		    out, "; no reputation.mmdb, so no verdict: start asnd");
	if (rules->keys == NULL)
		g_string_append(
		    out, "; no seal key: run 'asnctl seal-key new'");
	mlt_rules_unref(rules);
	return g_string_free(out, FALSE);
}
