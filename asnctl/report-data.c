/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-data.c: a Report, the holders in it, and numbers as people read them.
 */

#include <string.h>

#include "report.h"

#define NAME_CHARS 80

Report *
report_new(const ReportSource *source, gint64 now)
{
	Report *r = g_new0(Report, 1);
	const AsnOrigin nobody = {0};

	r->now = now;
	r->thresholds = source->config->thresholds;
	r->holders = g_array_new(FALSE, FALSE, sizeof(ReportHolder));
	r->holder_index =
	    g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	r->blocks = g_array_new(FALSE, FALSE, sizeof(ReportPlace));
	r->prefixes = g_array_new(FALSE, FALSE, sizeof(ReportPlace));
	r->ases = g_array_new(FALSE, FALSE, sizeof(ReportPlace));
	r->weeks = g_array_new(FALSE, FALSE, sizeof(ReportWeek));
	r->rules = g_array_new(FALSE, FALSE, sizeof(ReportRule));
	r->missing = g_ptr_array_new_with_free_func(g_free);
	report_holder(r, &nobody);
	if (source->reputation != NULL)
		report_read_learned(r, source);
	report_read_space(r, source);
	report_read_rules(r, source);
	return r;
}

void
report_free(Report *r)
{
	for (guint i = 0; i < G_N_ELEMENTS(r->space); i++) {
		g_byte_array_unref(r->space[i].allocated);
		g_byte_array_unref(r->space[i].flagged);
		g_byte_array_unref(r->space[i].main_holders);
	}
	g_array_unref(r->holders);
	g_hash_table_unref(r->holder_index);
	g_array_unref(r->blocks);
	g_array_unref(r->prefixes);
	g_array_unref(r->ases);
	g_array_unref(r->weeks);
	g_array_unref(r->rules);
	g_ptr_array_unref(r->missing);
	g_free(r);
}

guint
report_holder(Report *r, const AsnOrigin *origin)
{
	const gint64 key = (gint64)origin->asn << 16 |
			   (gint64)(guint8)origin->country[0] << 8 |
			   (guint8)origin->country[1];
	const ReportHolder new = {.asn = origin->asn,
	    .country = {origin->country[0], origin->country[1]},
	    .org = origin->org,
	    .org_len = origin->org_len};
	gpointer at;

	if (g_hash_table_lookup_extended(r->holder_index, &key, NULL, &at))
		return GPOINTER_TO_UINT(at);
	g_hash_table_insert(r->holder_index, g_memdup2(&key, sizeof key),
	    GUINT_TO_POINTER(r->holders->len));
	g_array_append_val(r->holders, new);
	return r->holders->len - 1;
}

const ReportHolder *
report_holder_at(const Report *r, guint index)
{
	return &g_array_index(r->holders, ReportHolder, index);
}

/* Nothing that ends a line or turns the text around. */
static gboolean
is_plain(gunichar c)
{
	const GUnicodeType type = g_unichar_type(c);

	return c == ' ' ||
	       (g_unichar_isgraph(c) && type != G_UNICODE_LINE_SEPARATOR &&
		   type != G_UNICODE_PARAGRAPH_SEPARATOR);
}

char *
report_holder_name(const ReportHolder *holder)
{
	g_autofree char *valid = NULL;
	GString *name = g_string_new(NULL);
	guint n = 0;

	if (holder->org != NULL)
		valid = g_utf8_make_valid(holder->org, (gssize)holder->org_len);
	for (char *p = valid; p != NULL && *p != '\0' && n < NAME_CHARS;
	     p = g_utf8_next_char(p), n++) {
		const gunichar c = g_utf8_get_char(p);

		g_string_append_unichar(name, is_plain(c) ? c : 0xfffd);
	}
	return g_string_free(name, FALSE);
}

char *
report_thousands(double n)
{
	g_autofree char *digits = g_strdup_printf("%.0f", n);
	const gsize len = strlen(digits);
	GString *out = g_string_new(NULL);

	for (gsize i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			g_string_append_c(out, ',');
		g_string_append_c(out, digits[i]);
	}
	return g_string_free(out, FALSE);
}

char *
report_date(gint64 epoch, gboolean with_time)
{
	static const char *const months[] = {"January", "February", "March",
	    "April", "May", "June", "July", "August", "September", "October",
	    "November", "December"};
	g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(epoch);
	g_autofree char *time = NULL;

	if (date == NULL)
		return g_strdup("an unknown day");
	time = g_date_time_format(date, ", %H:%M UTC");
	return g_strdup_printf("%d %s %d%s", g_date_time_get_day_of_month(date),
	    months[g_date_time_get_month(date) - 1], g_date_time_get_year(date),
	    with_time ? time : "");
}
