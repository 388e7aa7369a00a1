/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-headers.c: any bytes as a header block. */

#include <stdlib.h>

#include "headers.h"

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
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
		asn_header_is(&h, "X-ASN-Seal");
	}
	if (sum > size)
		abort();
	if (asn_received_client(block, size, own, &trusted, &r) &&
	    (r.client.family == 0 || r.authenticated))
		abort();
	asn_received_client(block, size, NULL, &trusted, &r);
	return 0;
}
