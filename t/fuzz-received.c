/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-received.c: any bytes as the value of a Received line.
 *
 * Covers: lib/received.c lib/date.c.
 * Longest input: 512
 */

#include <stdlib.h>

#include "headers.h"

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	const char *value = (const char *)data;
	AsnReceived r;

	if (!asn_received_parse(value, size, &r))
		return 0;
	if (r.by_len == 0 || r.by < value || r.by + r.by_len > value + size)
		abort();
	if (r.client.family != 0 && r.client.family != 4 &&
	    r.client.family != 6)
		abort();
	if (r.has_date && (r.date < -86400 || r.date > 253402387200))
		abort();
	return 0;
}
