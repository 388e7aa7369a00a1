/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-page.c: puts a report's page together.
 *
 * report/page.html has "@@NAME@@" where a part goes.  Nothing is fetched: the
 * policy in the page allows exactly the one style and the one script in it, by
 * their hashes (W3C Content Security Policy Level 3, 2.3.1), and nothing else.
 */

#include <string.h>

#include <gio/gio.h>

#include "report-parts.h"
#include "report-resources.h"

static GBytes *
resource(const char *name)
{
	g_autofree char *path = g_strconcat("/org/asnd1/report/", name, NULL);

	return g_resource_lookup_data(
	    report_get_resource(), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
}

/* What is in these files, one after the other; free it. */
static char *
joined(const char *const *names)
{
	GString *out = g_string_new(NULL);

	for (; *names != NULL; names++) {
		g_autoptr(GBytes) bytes = resource(*names);
		gsize len;
		const char *text = g_bytes_get_data(bytes, &len);

		g_string_append_len(out, text, (gssize)len);
	}
	return g_string_free(out, FALSE);
}

static const char *const style_files[] = {"page.css", NULL};
static const char *const script_files[] = {
    "hilbert.js", "space.js", "paint.js", "map.js", "page.js", NULL};

static void
add_joined(const char *const *names, GString *out)
{
	g_autofree char *text = joined(names);

	g_string_append(out, text);
}

static void
add_hash(const char *const *names, GString *out)
{
	g_autofree char *text = joined(names), *base64 = NULL;
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize len = sizeof digest;

	g_checksum_update(sum, (const guchar *)text, -1);
	g_checksum_get_digest(sum, digest, &len);
	base64 = g_base64_encode(digest, len);
	g_string_append_printf(out, "'sha256-%s'", base64);
}

static void
add_style(const Report *report, GString *out)
{
	add_joined(style_files, out);
}

static void
add_style_hash(const Report *report, GString *out)
{
	add_hash(style_files, out);
}

static void
add_script(const Report *report, GString *out)
{
	add_joined(script_files, out);
}

static void
add_script_hash(const Report *report, GString *out)
{
	add_hash(script_files, out);
}

static const struct {
	const char *name;
	void (*add)(const Report *report, GString *out);
} parts[] = {
    {"DATE", report_part_date},
    {"FIGURES", report_part_figures},
    {"MAP", report_map},
    {"MISSING", report_part_missing},
    {"RULES", report_part_rules},
    {"SCRIPT", add_script},
    {"SCRIPT-HASH", add_script_hash},
    {"STATE", report_part_state},
    {"STYLE", add_style},
    {"STYLE-HASH", add_style_hash},
    {"VIEW4", report_part_ipv4},
    {"VIEW6", report_part_ipv6},
    {"WEEKS", report_part_weeks},
    {"WORST", report_part_worst},
};

static void
add_part(const Report *report, const char *name, GString *out)
{
	for (gsize i = 0; i < G_N_ELEMENTS(parts); i++)
		if (strcmp(parts[i].name, name) == 0)
			parts[i].add(report, out);
}

void
report_page(const Report *report, GString *out)
{
	static const char *const page[] = {"page.html", NULL};
	g_autofree char *template = joined(page);
	g_auto(GStrv) pieces = g_strsplit(template, "@@", -1);

	for (guint i = 0; pieces[i] != NULL; i++) {
		if (i % 2 == 0)
			g_string_append(out, pieces[i]);
		else
			add_part(report, pieces[i], out);
	}
}
