/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-block.c: block.h; the identity of a mail without a seal, and what stands
 * beside a seal. */

#include <math.h>
#include <string.h>

#include "block.h"

/* The digests are kept in the evidence: they must stay what they are. */
static void
test_digest(void)
{
	static const guint8 want[16] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01,
	    0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23};
	g_autoptr(GError) error = NULL;
	AsnConfig *config = asn_config_parse("", 0, "test", &error);
	char *const hosts[] = {NULL};
	AsndBlock block;

	g_assert_no_error(error);
	/* FIPS 180-2, B.1 */
	asnd_block_parse("abc", 3, NULL, config, hosts, &block);
	g_assert_cmpmem(block.digest, sizeof block.digest, want, sizeof want);
	g_assert_false(block.sealed);
	asn_config_free(config);
}

/* --- the verdict beside a seal ---------------------------------------------
 */

#define KEY "0 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define SPAM(yes, level)                                                       \
	"X-ASN-Spam: " yes ", score=0.973 threshold=0.900 level=" level        \
	" spam=41.3 ham=0.8\r\n"
#define SEAL "X-ASN-Seal: %s\r\n"

/* %s is the seal of a flagged mail. */
static void
test_verdict(void)
{
	static const struct {
		const char *format;
		AsnSpamLevel level;
		double score; /* -1: none */
	} cases[] = {
	    {SPAM("Yes", "prefix") SEAL, ASN_SPAM_PREFIX, 0.973},
	    {SPAM("Yes", "block") "X: between\n" SEAL SPAM("Yes", "AS"),
		ASN_SPAM_BLOCK, 0.973},
	    /* The nearest; a copy that a relay of ours left stands above. */
	    {SPAM("Yes", "AS") SPAM("Yes", "block") SEAL, ASN_SPAM_BLOCK,
		0.973},
	    /* What a sender wrote stands below. */
	    {SEAL SPAM("Yes", "AS"), ASN_SPAM_UNKNOWN, -1},
	    {SPAM("No", "AS") SEAL, ASN_SPAM_UNKNOWN, -1},
	    {SPAM("Yes", "country") SEAL, ASN_SPAM_UNKNOWN, -1},
	    {"X-ASN-Spam: Yes, rule=block:AS64496\n" SEAL, ASN_SPAM_RULE, -1},
	};
	AsnSealKeys *keys = asn_seal_keys_parse(KEY, strlen(KEY), "k", NULL);
	AsnSealer *sealer = asn_sealer_new(keys);
	AsnConfig *config = asn_config_parse("", 0, "test", NULL);
	AsnSeal seal = {.time = 1, .queue_id = "4XyZ", .flagged = TRUE};
	char value[ASN_TRACE_MAX];

	g_assert_true(asn_addr_parse("192.0.2.7", 9, &seal.addr));
	g_assert_cmpuint(
	    asn_seal_write(sealer, &seal, value, sizeof value), >, 0);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(GStrv) parts = g_strsplit(cases[i].format, "%s", 2);
		g_autofree char *text =
		    g_strconcat(parts[0], value, parts[1], "\r\n", NULL);
		AsndBlock block;

		asnd_block_parse(
		    text, strlen(text), sealer, config, NULL, &block);
		g_assert_true(block.sealed && block.flagged);
		g_assert_cmpint(block.level, ==, cases[i].level);
		if (cases[i].score < 0)
			g_assert_true(isnan(block.score));
		else
			g_assert_cmpfloat(block.score, ==, cases[i].score);
	}
	asn_config_free(config);
	asn_sealer_free(sealer);
	asn_seal_keys_free(keys);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block/digest", test_digest);
	g_test_add_func("/block/verdict", test_verdict);
	return g_test_run();
}
