/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-block.c: block.h; the identity of a mail without a seal. */

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

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block/digest", test_digest);
	return g_test_run();
}
