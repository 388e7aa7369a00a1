/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-seal.c: any bytes as a seal, a key file and a holder's name.
 *
 * Covers: lib/seal.c lib/trace.c.
 * Longest input: 512
 */

#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define KEY "0 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

static void
check_org(const char *text, gsize size)
{
	char buf[ASN_TRACE_MAX];
	AsnNetwork net;

	if (!asn_network_parse("192.0.2.0/24", 12, &net) ||
	    asn_trace_format_asn(buf, sizeof buf, 1, &net, "DE", text, size) ==
		0)
		abort();
	for (const char *p = buf; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e || *p == '\\')
			abort();
}

/* What verifies must read back as what is written. */
static void
check_seal(AsnSealer *sealer, const char *text, gsize size)
{
	char buf[ASN_TRACE_MAX];
	AsnSeal seal, again;
	gsize n;

	if (!asn_seal_verify(sealer, text, size, &seal))
		return;
	n = asn_seal_write(sealer, &seal, buf, sizeof buf);
	if (n == 0 || !asn_seal_verify(sealer, buf, n, &again) ||
	    memcmp(seal.id, again.id, sizeof seal.id) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	const char *text = (const char *)data;
	AsnSealKeys *keys = asn_seal_keys_parse(KEY, strlen(KEY), "k", NULL);
	AsnSealer *sealer = asn_sealer_new(keys);

	check_seal(sealer, text, size);
	check_org(text, size);
	asn_sealer_free(sealer);
	asn_seal_keys_free(keys);
	asn_seal_keys_free(asn_seal_keys_parse(text, size, "k", NULL));
	return 0;
}
