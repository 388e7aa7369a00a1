/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-rules-hostile.c: rules.h: files that are no sound rules.mmdb */

#include <gio/gio.h>
#include <string.h>

#include "mmdb-write.h"
#include "rules.h"

/* A file as the real writer makes it, but with this record at 192.0.2.0/24. */
typedef struct {
	const char *name;
	const char *action, *what;
	guint64 until;
	guint copies;
	const char *wrong; /* NULL: good */
} Forged;

static GBytes *
forge(const Forged *f)
{
	const AsnMmdbWriterOptions options = {.database_type = ASN_RULES_TYPE,
	    .description = "t",
	    .build_epoch = 1};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&options);
	AsnNetwork net;
	GBytes *bytes;
	guint32 at;

	g_assert_true(asn_network_parse("192.0.2.0/24", 12, &net));
	asn_mmdb_put_map(w, 3);
	asn_mmdb_put_string(w, "action", 6);
	asn_mmdb_put_string(w, f->action, strlen(f->action));
	asn_mmdb_put_string(w, "what", 4);
	asn_mmdb_put_string(w, f->what, strlen(f->what));
	asn_mmdb_put_string(w, "until", 5);
	asn_mmdb_put_uint64(w, f->until);
	at = asn_mmdb_writer_tell(w);
	asn_mmdb_put_array(w, f->copies);
	for (guint i = 0; i < f->copies; i++)
		asn_mmdb_put_pointer(w, 0);
	g_assert_true(asn_mmdb_writer_add(w, &net, at, NULL));
	bytes = asn_mmdb_writer_finish(w, NULL);
	asn_mmdb_writer_free(w);
	return bytes;
}

static void
test_forged(void)
{
	static const Forged cases[] = {
	    {"good", "block", "192.0.2.0/24", 0, 1, NULL},
	    {"wider", "allow", "192.0.0.0/16", 5, 1, NULL},
	    {"action", "burn", "192.0.2.0/24", 0, 1, "no sound rule"},
	    {"header injection", "block", "192.0.2.0/24\r\nX: y", 0, 1,
		"no sound rule"},
	    {"too long", "block",
		"192.0.2.0/24                                             ", 0,
		1, "no sound rule"},
	    {"until", "block", "192.0.2.0/24", G_MAXUINT64, 1, "no sound rule"},
	    {"elsewhere", "block", "198.51.100.0/24", 0, 1,
		"rule for something else"},
	    {"narrower", "block", "192.0.2.0/25", 0, 1,
		"rule for something else"},
	    {"too wide", "block", "192.0.0.0/7", 0, 1,
		"rule for something else"},
	    {"an AS", "block", "AS64496", 0, 1, "rule for something else"},
	    {"none", "block", "192.0.2.0/24", 0, 0, "no list of rules"},
	    {"twice", "block", "192.0.2.0/24", 5, 2,
		"rule that can never hold"},
	    {"many", "block", "192.0.2.0/24", 5, 256, "no list of rules"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GBytes) bytes = forge(&cases[i]);
		g_autoptr(GError) error = NULL;
		gsize len;
		const guint8 *data = g_bytes_get_data(bytes, &len);
		AsnRules *r =
		    asn_rules_open_memory(data, len, "/x/rules.mmdb", &error);

		g_test_message("%s", cases[i].name);
		g_assert_cmpint(r != NULL, ==, cases[i].wrong == NULL);
		asn_rules_close(r);
		if (cases[i].wrong == NULL)
			continue;
		g_assert_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_BROKEN);
		if (strstr(error->message, cases[i].wrong) == NULL ||
		    !g_str_has_prefix(error->message,
			"/x/rules.mmdb: record at 192.0.2.0/24: "))
			g_error("%s", error->message);
	}
}

static void
test_damaged(void)
{
	static const Forged good = {
	    "good", "block", "192.0.2.0/24", 0, 1, NULL};
	g_autoptr(GBytes) bytes = forge(&good);
	AsnRules *rules;
	g_autofree guint8 *copy = NULL;
	gsize len;
	const guint8 *data = g_bytes_get_data(bytes, &len);

	copy = g_memdup2(data, len);
	for (gsize i = 0; i < len; i++) {
		copy[i] ^= 1;
		rules = asn_rules_open_memory(copy, len, "t", NULL);
		g_assert_null(rules);
		copy[i] ^= 1;
		rules = asn_rules_open_memory(copy, i, "t", NULL);
		g_assert_null(rules);
	}
}

/* Sound, but no rules. */
static void
test_other_type(void)
{
	const AsnMmdbWriterOptions options = {.database_type = "asnd-Recent",
	    .description = "t",
	    .build_epoch = 1};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&options);
	g_autoptr(GBytes) bytes = asn_mmdb_writer_finish(w, NULL);
	g_autoptr(GError) error = NULL;
	gsize len;
	const guint8 *data = g_bytes_get_data(bytes, &len);

	g_assert_null(asn_rules_open_memory(data, len, "t", &error));
	g_assert_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_KIND);
	asn_mmdb_writer_free(w);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rules-hostile/forged", test_forged);
	g_test_add_func("/rules-hostile/damaged", test_damaged);
	g_test_add_func("/rules-hostile/other-type", test_other_type);
	return g_test_run();
}
