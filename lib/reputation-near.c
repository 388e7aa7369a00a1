/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reputation-near.c: bits that tell where records may be. */

#include "reputation-near.h"

/* IPv4: its /20, in the first half.  IPv6: its /32, mixed into the second half,
 * since there are more of them than bits. */
static guint32
near_bit(guint8 family, guint32 first)
{
	if (family == 4)
		return first >> (32 - REP_NEAR_BITS);
	return (first * 0x9E3779B1u >> (32 - REP_NEAR_BITS)) |
	       1u << REP_NEAR_BITS;
}

static guint32
first_bits(const AsnAddr *addr)
{
	guint32 v;

	memcpy(&v, addr->b + (addr->family == 4 ? 12 : 0), sizeof v);
	return GUINT32_FROM_BE(v);
}

void
rep_near_mark(RepNear *near, const AsnNetwork *leaf)
{
	guint len = leaf->addr.family == 4 ? REP_NEAR_BITS : 32;
	guint32 at = first_bits(&leaf->addr), n = 1;
	guint32 step = leaf->addr.family == 4 ? 1u << (32 - len) : 1;

	if (leaf->len < REP_WIDE_LEN && leaf->addr.family == 6) {
		memset(near->bits, 0xff, sizeof near->bits);
		return;
	}
	if (leaf->len < len)
		n = 1u << (len - leaf->len);
	for (; n > 0; n--, at += step) {
		guint32 bit = near_bit(leaf->addr.family, at);

		near->bits[bit / 64] |= (guint64)1 << bit % 64;
	}
}

gboolean
rep_near_has(const RepNear *near, const AsnAddr *addr)
{
	guint32 bit = near_bit(addr->family, first_bits(addr));

	return (near->bits[bit / 64] >> bit % 64 & 1) != 0;
}
