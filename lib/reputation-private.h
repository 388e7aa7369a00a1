/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What builder and reader of the reputation databases share: where in the
 * tree a neighbourhood stands (reputation.h "Layout").
 *
 * Plain values, any thread, nothing fails.
 */
#pragma once

#include <string.h>

#include "reputation.h"

typedef struct {
	double s, h, backed_until;
	double from; /* the weights are those of this time, if after
			weights_time */
} RepNode;

#define REP_COUNTRY 2
#define REP_AS 3
#define REP_WIDE 4
/* IPv6 prefixes shorter than this stand apart: they would reach over what
 * lies in 100::/8 and the IPv4 tree. */
#define REP_WIDE_LEN 16

/* What the last 48 bits of an address under 100::/64 say. */
static inline guint64
rep_special(guint kind, guint32 number)
{
	return (guint64)kind << 32 | number;
}
#define REP_ALL rep_special(0, 1)

static inline guint32
rep_country_number(const char country[3])
{
	return (guint32)(guint8)country[0] << 8 | (guint8)country[1];
}

static inline guint32
rep_wide_number(const AsnNetwork *net)
{
	return (guint32)net->len << 16 | (guint32)net->addr.b[0] << 8 |
	       net->addr.b[1];
}

static inline gboolean
rep_is_wide(const AsnNetwork *net)
{
	return net->addr.family == 6 && net->len < REP_WIDE_LEN;
}

/* The same place in the tree for an address or network that has one of its
 * own there; FALSE: 100::/8, where none has. */
static inline gboolean
rep_place(AsnAddr *addr)
{
	if (addr->family != 6)
		return TRUE;
	if (addr->b[0] == 0x01)
		return FALSE;
	if (addr->b[0] == 0x20 && addr->b[1] == 0x02)
		addr->b[0] = 0x01;
	else if (addr->b[0] == 0 && addr->b[1] == 0) {
		addr->b[0] = 0x01;
		addr->b[1] = 0x04;
	}
	return TRUE;
}
