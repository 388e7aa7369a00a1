/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-rules.c: any bytes as a file of rules, and as rules.mmdb.
 *
 * Covers: lib/rules.c lib/rules-text.c lib/rules-date.c lib/rules-build.c.
 * Longest input: 4096
 */

#include <stdlib.h>

#include "fuzz.h"
#include "rules-date.h"
#include "rules-text.h"

#define NOW 1795217323
#define ASKED 12 /* addresses made of the input, of each family */

static void
check_bad(guint line, const char *why, gpointer data)
{
	if (line == 0 || strchr(why, '\n') != NULL || !g_str_is_ascii(why))
		abort();
	++*(guint *)data;
}

static GArray *
parse(const char *text, gsize len)
{
	GArray *entries = asn_rule_entries_new();
	guint bad = 0;

	if (asn_rules_parse(text, len, entries, check_bad, &bad) != bad)
		abort();
	return entries;
}

static gboolean
ask(const AsnRules *rules, const AsnAddr *addr, guint32 asn, gint64 now)
{
	char text[ASN_RULE_STRLEN];
	AsnRule found;

	if (!asn_rules_find(rules, addr, asn, now, &found))
		return FALSE;
	if (asn_rule_format(&found, text)[0] == '\0' || strchr(text, '\n'))
		abort();
	return TRUE;
}

/* What was read can be published, and each subject then has a rule. */
static void
publish(const GArray *entries)
{
	g_autofree AsnRule *rules = g_new(AsnRule, entries->len + 1);
	g_autoptr(GBytes) bytes = NULL;
	const guint8 *data;
	AsnRules *db;
	gsize len;

	for (guint i = 0; i < entries->len; i++)
		rules[i] = g_array_index(entries, AsnRuleEntry, i).rule;
	bytes = asn_rules_build(rules, entries->len, NOW, NULL);
	if (bytes == NULL)
		abort();
	data = g_bytes_get_data(bytes, &len);
	db = asn_rules_open_memory(data, len, "fuzz", NULL);
	if (db == NULL)
		abort();
	for (guint i = 0; i < entries->len; i++) {
		const AsnSubject *what = &rules[i].what;

		if (asn_rule_holds(&rules[i], NOW) &&
		    !ask(db, &what->net.addr, what->asn, NOW))
			abort();
	}
	asn_rules_close(db);
}

static void
as_text(const char *text, gsize len)
{
	g_autoptr(GArray) entries = parse(text, len);
	g_autoptr(GArray) again = NULL;
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GString) twice = g_string_new(NULL);

	for (guint i = 0; i < entries->len; i++)
		asn_rule_write(out, &g_array_index(entries, AsnRuleEntry, i));
	again = parse(out->str, out->len);
	for (guint i = 0; i < again->len; i++)
		asn_rule_write(twice, &g_array_index(again, AsnRuleEntry, i));
	if (!g_string_equal(out, twice))
		abort();
	publish(entries);
}

static gboolean
count_leaf(const AsnNetwork *leaf, AsnMmdbValue value, gpointer data)
{
	g_assert_true(asn_network_is_canonical(leaf));
	return ++*(guint *)data < 300;
}

static void
ask_around(const AsnRules *rules, const AsnAddr *addr, guint8 byte)
{
	AsnNetwork net =
	    asn_network_of(addr, byte % (addr->family == 4 ? 33 : 129));
	AsnRule found;

	if (asn_rules_find_network(rules, &net, byte, NOW, &found))
		g_assert_true(asn_rule_holds(&found, NOW));
	if (asn_rules_find_as(rules, byte, NOW, &found))
		g_assert_cmpint(found.what.kind, ==, ASN_SUBJECT_AS);
}

/* Out of a file it is the same. */
static void
check_file(const guint8 *data, gsize size, gboolean good)
{
	int fd = fuzz_memfd(data, size);
	AsnRules *db = asn_rules_open(fd, "fuzz", NULL);

	g_assert_cmpint(db != NULL, ==, good);
	asn_rules_close(db);
	close(fd);
}

static void
as_database(const guint8 *data, gsize size)
{
	g_autofree guint8 *copy = fuzz_with_sum(data, size);
	AsnRules *db = asn_rules_open_memory(copy, size, "fuzz", NULL);
	AsnAddr a = {.family = 4}, b = {.family = 6};
	guint leaves = 0;

	if (size % 4 == 0)
		check_file(copy, size, db != NULL);
	if (db == NULL)
		return;
	asn_rules_is_empty(db);
	asn_rules_foreach_leaf(db, count_leaf, &leaves);
	for (gsize i = 0; i < MIN(size, ASKED); i++) {
		a.b[12 + i % 4] ^= data[i];
		b.b[i % 16] ^= data[i];
		ask(db, &a, data[i], NOW);
		ask(db, &b, data[i], G_MAXINT64);
		ask_around(db, &a, data[i]);
		ask_around(db, &b, data[i]);
	}
	asn_rules_close(db);
}

/* What a note, or a rule's name, may be. */
static void
as_word(const char *text)
{
	g_autoptr(GError) error = NULL;

	if (asn_rule_check_note(text, &error)) {
		g_assert_no_error(error);
		g_assert_true(g_utf8_validate(text, -1, NULL));
		g_assert_null(strpbrk(text, "\r\n"));
	} else {
		g_assert_nonnull(error);
	}
	asn_rule_action_parse(text, strlen(text));
}

static void
as_date(const char *text)
{
	const AsnUntilRules how = {.now = NOW, .relative = TRUE};
	char buf[ASN_UNTIL_SIZE];
	gint64 until, again;

	if (!asn_until_parse(text, &how, &until, NULL))
		return;
	if (!asn_until_parse(
		asn_until_format(until, buf), &how, &again, NULL) ||
	    again != until)
		abort();
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);

	/* one of them an input: building a database takes a while */
	if (memmem(data, size, "MaxMind.com", 11) != NULL)
		as_database(data, size);
	else
		as_text((const char *)data, size);
	as_date(text);
	as_word(text);
	return 0;
}
