/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filter of asn-milter with databases whose names are hostile, and what
 * must hold of each header that it adds, for t/fuzz-filter.c and
 * t/fuzz-milter.c.
 */
#pragma once

#include <math.h>
#include <string.h>
#include <time.h>

#include "filter.h"
#include "fuzz.h"
#include "test-db.h"

/* In networks.mmdb; what comes of it is one line of printable ASCII. */
#define FIXTURE_HOLDER                                                         \
	"Evil\r\nX-ASN-Spam: No (\\\x1b[31m) =?utf-8?q?=0D=0A?= \xc3\x84"
#define FIXTURE_KEY "0 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define FIXTURE_CONFIG                                                         \
	"[milter]\n"                                                           \
	"trusted-relays = 203.0.113.0/28\n"                                    \
	"local-networks = 127.0.0.0/8;::1;10.0.0.0/8\n"                        \
	"flag-headers = X-Spam-Flag: YES;"                                     \
	"X-Spam-ASN: AS{asn} {prefix} {country} {score}\n"

static MltFilter fixture_filter = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline AsnNetworks *
fixture_networks(void)
{
	g_autoptr(GBytes) bytes = test_db_networks(FIXTURE_HOLDER);
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);
	int fd = fuzz_memfd(data, len);
	AsnNetworks *db = asn_networks_open(fd, "networks", NULL);

	g_assert_nonnull(db);
	close(fd);
	return db;
}

static inline AsnRules *
fixture_rules(void)
{
	static const char *const what[] = {
	    "198.51.100.128/25", "AS64499", "192.0.2.200"};
	AsnRule rules[3] = {
	    {ASN_RULE_ALLOW}, {ASN_RULE_BLOCK}, {ASN_RULE_BLOCK}};
	static GBytes *bytes; /* the database stands on it */
	AsnRules *db;
	gsize len;

	for (gsize i = 0; i < G_N_ELEMENTS(rules); i++)
		g_assert_true(asn_subject_parse(what[i], &rules[i].what, NULL));
	bytes = asn_rules_build(rules, G_N_ELEMENTS(rules), 1, NULL);
	db = asn_rules_open_memory(
	    g_bytes_get_data(bytes, &len), g_bytes_get_size(bytes), "r", NULL);
	g_assert_nonnull(db);
	return db;
}

/* What is logged of a mail stays in its line. */
static inline GLogWriterOutput
fixture_log(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer d)
{
	for (gsize i = 0; i < n; i++) {
		const char *text = fields[i].value;

		if (strcmp(fields[i].key, "MESSAGE") != 0)
			continue;
		for (; *text != '\0'; text++)
			g_assert_true(*text >= 0x20 && *text < 0x7f);
	}
	return G_LOG_WRITER_HANDLED;
}

static inline void
fixture_set_up(void)
{
	static const char *const bad[] = {"198.51.100.0/24", NULL};
	static GBytes *bytes;
	MltSnapshot snapshot = {
	    .networks = fixture_networks(), .rules = fixture_rules()};
	GError *error = NULL;
	AsnConfig *config = asn_config_parse(
	    FIXTURE_CONFIG, strlen(FIXTURE_CONFIG), "c", &error);

	g_assert_no_error(error);
	bytes = test_db_reputation(FALSE, 1, bad, time(NULL));
	snapshot.reputation =
	    asn_reputation_open_memory(bytes, NULL, "r", &error);
	g_assert_no_error(error);
	g_log_set_writer_func(fixture_log, NULL, NULL);
	g_assert_true(mlt_filter_register(&fixture_filter));
	mlt_filter_set_rules(&fixture_filter, config,
	    asn_seal_keys_parse(FIXTURE_KEY, strlen(FIXTURE_KEY), "k", NULL));
	mlt_snapshot_swap(&fixture_filter.snapshots, &snapshot);
}

/* A name that only we may give. */
static inline gboolean
fixture_is_ours(const char *name)
{
	return g_ascii_strcasecmp(name, ASN_HEADER_ASN) == 0 ||
	       g_ascii_strcasecmp(name, ASN_HEADER_SPAM) == 0 ||
	       g_ascii_strcasecmp(name, ASN_HEADER_SEAL) == 0;
}

/* A header that the filter adds: one of those it may, on one line, and true to
 * its own grammar. */
static inline void
fixture_check_added(const char *name, const char *value)
{
	gsize len = strlen(value);
	AsnTraceSpam spam;
	AsnSeal seal;

	g_assert_true(fixture_is_ours(name) ||
		      strcmp(name, "X-Spam-Flag") == 0 ||
		      strcmp(name, "X-Spam-ASN") == 0);
	g_assert_cmpuint(len, <, ASN_TRACE_MAX);
	for (const char *p = value; *p != '\0'; p++)
		g_assert_true(*p >= 0x20 && *p < 0x7f);
	if (strcmp(name, ASN_HEADER_SPAM) == 0)
		g_assert_true(asn_trace_parse_spam(value, len, &spam));
	if (strcmp(name, ASN_HEADER_SEAL) == 0)
		g_assert_true(asn_seal_verify(
		    fixture_filter.rules->policy.sealer, value, len, &seal));
}
