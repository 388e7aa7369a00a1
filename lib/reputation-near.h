/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bit for the IPv4 /20s and IPv6 /32s in which a reputation database has a
 * record: asking it first spares most walks down the tree, which touch dozens
 * of places.
 *
 * Marked while a file is opened, by one thread; read by any.  Nothing fails.
 */
#pragma once

#include "reputation-private.h"

#define REP_NEAR_BITS 20

typedef struct {
	guint64 bits[2 * (1u << REP_NEAR_BITS) / 64]; /* 256 KiB */
} RepNear;

/* A record stands at this network. */
void rep_near_mark(RepNear *near, const AsnNetwork *leaf);
/* FALSE: no record contains addr. */
gboolean rep_near_has(const RepNear *near, const AsnAddr *addr);
