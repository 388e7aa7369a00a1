/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-headers.c: any bytes as a header block.
 *
 * Covers: lib/headers.c lib/block.c.
 * Longest input: 2048
 */

#include <stdlib.h>
#include <string.h>

#include "block.h"

#define KEY "0 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

static void
check_numbers(const AsnTraceSpam *s)
{
	if (s->level == ASN_SPAM_UNKNOWN || s->level >= ASN_SPAM_LEVELS ||
	    s->score < 0 || s->score > 1 || s->spam < 0 || s->ham < 0)
		abort();
}

/* What asnd makes of the whole block. */
static void
check_block(const char *block, gsize size)
{
	static char own[] = "mx";
	static char *const hosts[] = {own, NULL};
	AsnConfig *config = asn_config_parse("", 0, "fuzz", NULL);
	AsnSealKeys *keys = asn_seal_keys_parse(KEY, strlen(KEY), "k", NULL);
	AsnSealer *sealer = asn_sealer_new(keys);
	AsndBlock out;

	asnd_block_parse(block, size, sealer, config, hosts, &out);
	if (out.level >= ASN_SPAM_LEVELS ||
	    (!out.sealed && out.level != ASN_SPAM_UNKNOWN) || out.score > 1)
		abort();
	asn_sealer_free(sealer);
	asn_seal_keys_free(keys);
	asn_config_free(config);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	AsnTraceSpam spam;
	static const char *const own[] = {"mx", NULL};
	AsnNetwork relay;
	AsnNetworkList trusted = {&relay, 1};
	const char *block = (const char *)data;
	AsnHeaderIter it;
	AsnReceived r;
	AsnHeader h;
	gsize sum = 0;

	if (!asn_network_parse("203.0.113.0/24", 14, &relay))
		abort();
	asn_header_iter_init(&it, block, size);
	while (asn_header_iter_next(&it, &h)) {
		if (h.name_len == 0 || h.name < block ||
		    h.value + h.value_len > block + size)
			abort();
		sum += h.name_len + h.value_len + 1;
		if (asn_trace_parse_spam(h.value, h.value_len, &spam))
			check_numbers(&spam);
	}
	if (sum > size)
		abort();
	if (asn_received_client(block, size, own, &trusted, &r) &&
	    (r.client.family == 0 || r.authenticated))
		abort();
	asn_received_client(block, size, NULL, &trusted, &r);
	check_block(block, size);
	return 0;
}
