/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-watch-protocol.c: any packet, as either end may get it.
 *
 * Covers: lib/watch-protocol.c.
 * Longest input: 512
 */

#include <glib.h>
#include <string.h>

#include "watch-protocol.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Touches every byte that a parsed packet promises. */
static guint
sum(const void *data, gsize len)
{
	const unsigned char *p = data;
	guint total = 0;

	for (gsize i = 0; i < len; i++)
		total += p[i];
	return total;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	/* exactly as long as the packet, so that a byte too far is seen */
	g_autofree char *copy = g_malloc(size + 1);
	AsnWatchHeader header;
	AsnWatchPacket p;
	volatile guint total;

	memcpy(copy, data, size);
	if (size >= sizeof header && data[size - 1] % 2 == 0) {
		/* half of the inputs get past the length check */
		memcpy(&header, copy, sizeof header);
		header.size = (guint32)size;
		memcpy(copy, &header, sizeof header);
	}
	if (!asn_watch_parse(copy, size, &p))
		return 0;
	total = sum(p.fixed, (gsize)(p.name - (const char *)p.fixed));
	total = sum(p.name, p.name_len);
	(void)total;
	g_assert_true(p.name + p.name_len == copy + size);
	g_assert_true(p.name_len < 4096);
	g_assert_null(memchr(p.name, 0, p.name_len));
	if (p.type != ASN_WATCH_MAILDIR)
		g_assert_null(memchr(p.name, '/', p.name_len));
	return 0;
}
