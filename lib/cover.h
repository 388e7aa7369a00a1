/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ranges of addresses, and the fewest networks that say the same.
 *
 * Plain values, no clock, no I/O; one thread at a time for each array.  The
 * arrays are the caller's.  Work is linear in ranges times the bits of an
 * address.
 */
#pragma once

#include "addr.h"

/* The address as a number, 32 or 128 bits of it. */
__extension__ typedef unsigned __int128 AsnPos;

AsnPos asn_pos(const AsnAddr *addr);
AsnAddr asn_pos_addr(AsnPos pos, guint8 family);
AsnPos asn_pos_max(guint8 family);

typedef struct {
	AsnPos first, last;
	guint8 family; /* 4 or 6 */
} AsnRange;

AsnRange asn_range_of(const AsnNetwork *net);
/* Adds r to ranges (GArray of AsnRange).  In order: it must not start before
 * the last one; what touches or overlaps that one is merged with it. */
void asn_ranges_add(GArray *ranges, const AsnRange *r);

/* Appends to out (GArray of AsnNetwork) the fewest networks that cover r and
 * nothing else, in order.  Of ranges that do not touch these are the fewest for
 * all of them together, too. */
void asn_range_networks(const AsnRange *r, GArray *out);

/* Of nested networks the longest one that contains an address tells. */
typedef struct {
	AsnNetwork net;
	gboolean in; /* FALSE: an exception from what lies around it */
} AsnNested;

/* Appends to out (GArray of AsnNested) the fewest nested networks inside root
 * that cover what lies in root of the n ranges (in order, not touching), in
 * the order of asn_network_cmp.  Outside of root they say nothing. */
void asn_cover_nested(
    const AsnNetwork *root, const AsnRange *ranges, gsize n, GArray *out);
