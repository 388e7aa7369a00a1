/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-config.c: any bytes as asnd.conf.
 *
 * Covers: lib/config.c lib/config-values.c lib/placeholders.c.
 * Longest input: 1024
 */

#include <math.h>

#include "config.h"
#include "fuzz.h"
#include "placeholders.h"

static AsnConfig *defaults;

/* No line of it can become two header lines. */
static void
check_flag_header(const char *line)
{
	const AsnOrigin origin = {.asn = G_MAXUINT32,
	    .country = "ZZ",
	    .prefix = {{.b = {[0 ... 15] = 0xff}, .family = 6}, 128}};
	const AsnPlaceholders values[] = {
	    {&origin, 1}, {&(AsnOrigin){0}, (double)NAN}};
	const char *colon = strchr(line, ':');
	char out[512];

	g_assert_nonnull(colon);
	g_assert_cmpint(colon - line, >, 0);
	for (const char *p = line; *p != '\0'; p++)
		g_assert_true(*p >= 0x20 && *p < 0x7f);
	g_assert_true(asn_placeholders_known(colon + 1));
	for (gsize i = 0; i < G_N_ELEMENTS(values); i++) {
		gsize n = asn_placeholders_expand(
		    colon + 1, &values[i], out, sizeof out);

		g_assert_cmpuint(n, <, sizeof out);
		if (n > 0)
			g_assert_null(strpbrk(out, "{}\r\n"));
	}
}

static void
check_taken(const AsnConfig *c)
{
	const char *const all[] = {"[paths] state-dir", "[milter] socket",
	    "[score] half-life", "[mail] maildirs", NULL};
	g_autofree char *same = asn_config_differ(c, c, all);

	g_assert_null(same);
	g_free(asn_config_differ(c, defaults, all));
	g_assert_true(c->database_dir[0] == '/' && c->state_dir[0] == '/');
	g_assert_null(asn_config_check_socket(c->socket));
	g_assert_true(
	    c->thresholds.threshold >= 0.5 && c->thresholds.threshold <= 1);
	g_assert_true(c->half_life >= 86400 && isfinite(c->half_life));
	g_assert_true(c->rescan_interval >= 1 && c->rescan_interval <= 86400);
	for (gsize i = 0; i < c->local_networks.n; i++)
		g_assert_cmpuint(c->local_networks.nets[i].len, <=, 128);
	for (char **line = c->flag_headers; *line != NULL; line++)
		check_flag_header(*line);
	for (char **p = c->maildirs; *p != NULL; p++)
		g_assert_true(**p == '/' && strstr(*p, "/../") == NULL);
	for (char **p = c->junk_folders; *p != NULL; p++)
		g_assert_null(strchr(*p, '/'));
	if (c->report.format != ASN_REPORT_OFF)
		g_assert_true(strchr(c->report.to, '@') != NULL &&
			      strpbrk(c->report.to, " \r\n<>,") == NULL);
}

/* As it comes from a file. */
static void
check_file(const guint8 *data, gsize size, gboolean good)
{
	int fd = fuzz_memfd(data, size);
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autoptr(GError) error = NULL;
	AsnConfig *c = asn_config_load(path, &error);

	g_assert_cmpint(c != NULL, ==, good);
	g_assert_cmpint(c != NULL, ==, error == NULL);
	asn_config_free(c);
	close(fd);
	g_assert_null(asn_config_load(path, NULL));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	AsnConfig *c = asn_config_parse((const char *)data, size, "f", &error);

	if (defaults == NULL)
		defaults = asn_config_parse("", 0, "defaults", NULL);
	g_assert_true((c == NULL) == (error != NULL));
	if (error != NULL) {
		g_assert_true(g_str_has_prefix(error->message, "f:"));
		g_assert_null(strchr(error->message, '\n'));
		g_assert_true(g_utf8_validate(error->message, -1, NULL));
	} else {
		check_taken(c);
	}
	if (size % 16 == 0)
		check_file(data, size, c != NULL);
	asn_config_free(c);
	return 0;
}
