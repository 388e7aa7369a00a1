/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make-db.c: small databases for the milter's tests.
 *
 *   make-db DIR networks [HOLDER [COUNTRY]]
 *                                   networks.mmdb: documentation networks
 *   make-db DIR base ID BAD-NET...   reputation.mmdb, generation ID
 *   make-db DIR random N            reputation.mmdb with N /32s, 1 to 223.x
 *   make-db DIR recent ID NET...    recent.mmdb for base ID: NET turned bad
 *   make-db DIR votes FILE          reputation.mmdb of lines "ADDRESS CLASS",
 *                                   spam or ham, with DIR/networks.mmdb
 *   make-db DIR rules FILE          rules.mmdb of lines as in rules.d, the
 *                                   first of several for the same first
 *
 * Put in place as asnd does it; test-db.h says what is in them.  Weights are of
 * now.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aside.h"
#include "rules-text.h"
#include "test-db.h"

static void
check(gboolean ok, GError *error)
{
	if (ok)
		return;
	fprintf(stderr, "make-db: %s\n", error ? error->message : "failed");
	exit(1);
}

static void
put(const char *dir, const char *name, GBytes *bytes)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	GError *error = NULL;
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);

	check(fd >= 0, NULL);
	check(asn_aside_write(fd, name, data, len, 0644, &error), error);
	close(fd);
	g_bytes_unref(bytes);
}

static AsnNetworks *
open_networks(const char *dir)
{
	g_autofree char *path = g_build_filename(dir, ASN_NETWORKS_FILE, NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	GError *error = NULL;
	AsnNetworks *db;

	check(fd >= 0, NULL);
	db = asn_networks_open(fd, path, &error);
	check(db != NULL, error);
	close(fd);
	return db;
}

static GBytes *
of_votes(const char *dir, const char *path)
{
	AsnReputationBuild build = {.base_id = 1, .weights_time = time(NULL)};
	AsnModel *model = asn_model_new(&asn_model_defaults);
	AsnNetworks *db = open_networks(dir);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	GError *error = NULL;
	GBytes *bytes;

	check(g_file_get_contents(path, &text, NULL, &error), error);
	lines = g_strsplit(g_strchomp(text), "\n", -1);
	for (guint i = 0; lines[i] != NULL; i++) {
		const char *space = strchr(lines[i], ' ');
		AsnOriginKey key;
		AsnAddr addr;

		check(space != NULL && asn_addr_parse(lines[i],
					   (gsize)(space - lines[i]), &addr),
		    NULL);
		key = asn_networks_key(db, &addr);
		asn_model_learn(model, &key, (double)build.weights_time,
		    strcmp(space, " spam") == 0, 1, i % 5 + 1);
	}
	bytes = asn_reputation_build_base(model, &build, &error);
	check(bytes != NULL, error);
	asn_networks_close(db);
	asn_model_free(model);
	return bytes;
}

static void
bad_rule(guint line, const char *why, gpointer data)
{
	fprintf(stderr, "make-db: %u: %s\n", line, why);
	exit(1);
}

/* Also of rules that do not hold any more, as an old file has them. */
static GBytes *
of_rules(const char *path)
{
	g_autoptr(GArray) entries = asn_rule_entries_new();
	g_autofree AsnRule *rules = NULL;
	g_autofree char *text = NULL;
	GError *error = NULL;
	GBytes *bytes;
	gsize len;

	check(g_file_get_contents(path, &text, &len, &error), error);
	asn_rules_parse(text, len, entries, bad_rule, NULL);
	rules = g_new(AsnRule, entries->len + 1);
	for (guint i = 0; i < entries->len; i++)
		rules[i] = g_array_index(entries, AsnRuleEntry, i).rule;
	bytes = asn_rules_build(rules, entries->len, 1, &error);
	check(bytes != NULL, error);
	return bytes;
}

int
main(int argc, char **argv)
{
	gboolean recent = argc > 2 && strcmp(argv[2], "recent") == 0;

	if (argc > 2 && strcmp(argv[2], "networks") == 0) {
		put(argv[1], ASN_NETWORKS_FILE,
		    test_db_networks_of(argc > 3 ? argv[3] : "Example Networks",
			argc > 4 ? argv[4] : NULL));
		return 0;
	}
	if (argc == 4 && strcmp(argv[2], "votes") == 0) {
		put(argv[1], ASN_REPUTATION_FILE, of_votes(argv[1], argv[3]));
		return 0;
	}
	if (argc == 4 && strcmp(argv[2], "rules") == 0) {
		put(argv[1], ASN_RULES_FILE, of_rules(argv[3]));
		return 0;
	}
	if (argc == 4 && strcmp(argv[2], "random") == 0) {
		put(argv[1], ASN_REPUTATION_FILE,
		    test_db_random((guint)atoi(argv[3]), time(NULL)));
		return 0;
	}
	if (argc < 4) {
		fputs("usage: make-db DIR networks|base|votes|rules|random|"
		      "recent "
		      "...\n",
		    stderr);
		return 64;
	}
	put(argv[1], recent ? ASN_RECENT_FILE : ASN_REPUTATION_FILE,
	    test_db_reputation(recent, g_ascii_strtoull(argv[3], NULL, 10),
		(const char *const *)argv + 4, time(NULL)));
	return 0;
}
