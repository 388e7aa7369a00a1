/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-quality.c: the method Quality. */

#include "bus-methods.h"
#include "daemon-private.h"

#define WEEKS_MAX 1000

static void
put(GVariantBuilder *b, const char *key, gint64 n)
{
	g_variant_builder_add(
	    b, "{sv}", key, g_variant_new_uint64((guint64)MAX(n, 0)));
}

/* "2026-W47", of its Thursday (ISO 8601). */
static void
put_week(GVariantBuilder *b, gint64 week)
{
	gint64 start = asnd_quality_week_start(week);
	g_autoptr(GDateTime) day =
	    g_date_time_new_from_unix_utc(start + 3 * ASND_DAY);
	g_autofree char *name = day ? g_date_time_format(day, "%G-W%V") : NULL;

	g_variant_builder_add(
	    b, "{sv}", "week", g_variant_new_string(name ? name : "unknown"));
	g_variant_builder_add(
	    b, "{sv}", "start", g_variant_new_int64(MAX(start, 0)));
}

static void
put_row(GVariantBuilder *rows, const AsndQualityRow *row)
{
	gint64 caught = row->flagged - row->rescued;
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	put_week(&b, row->week);
	g_variant_builder_add(&b, "{sv}", "level",
	    g_variant_new_string(asn_spam_level_name(row->level)));
	put(&b, "flagged", row->flagged);
	put(&b, "unflagged", row->unflagged);
	put(&b, "rescued", row->rescued);
	put(&b, "confirmed", row->confirmed);
	put(&b, "missed", row->missed);
	if (row->flagged > 0)
		g_variant_builder_add(&b, "{sv}", "precision",
		    g_variant_new_double(
			(double)caught / (double)row->flagged));
	if (caught + row->missed > 0)
		g_variant_builder_add(&b, "{sv}", "recall",
		    g_variant_new_double(
			(double)caught / (double)(caught + row->missed)));
	g_variant_builder_add_value(rows, g_variant_builder_end(&b));
}

void
asnd_bus_quality(AsndBusCall *call)
{
	AsndDaemon *d = call->daemon;
	g_autoptr(GArray) found = NULL;
	GVariantBuilder rows;
	guint32 weeks;

	g_variant_get(call->args, "(u)", &weeks);
	if (weeks == 0 || weeks > WEEKS_MAX) {
		asnd_bus_fail(call, ASND_BUS_INVALID,
		    "%u weeks: 1 to %d can be asked for", weeks, WEEKS_MAX);
		return;
	}
	found = asnd_quality_rows(
	    asnd_journal_quality(d->journal), weeks, asnd_daemon_now(d));
	g_variant_builder_init(&rows, G_VARIANT_TYPE("aa{sv}"));
	for (guint i = 0; i < found->len; i++)
		put_row(&rows, &g_array_index(found, AsndQualityRow, i));
	asnd_bus_return(call, g_variant_new("(aa{sv})", &rows));
}
