/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The databases in use, swapped whole under running mail threads.
 *
 * Any number of threads borrow, one thread swaps.  Borrowing takes no lock
 * and never waits: two slots, a reader count each; a reader that meets a swap
 * just tries again.  The swapping thread waits until nobody reads the old
 * snapshot, which is microseconds: mail threads hold one for a lookup, never
 * across I/O.  Handles inside belong to who swaps.
 */
#pragma once

#include "networks.h"
#include "reputation.h"
#include "rules.h"

typedef struct {
	const AsnNetworks *networks;     /* NULL: none yet */
	const AsnReputation *reputation; /* NULL: none yet */
	const AsnRules *rules;           /* NULL: none */
} MltSnapshot;

typedef struct {
	MltSnapshot slot[2];
	gint readers[2];
	gint current;
} MltSnapshots;

void mlt_snapshots_init(MltSnapshots *s);
/* *ticket goes back with mlt_snapshot_return, from the same thread, soon. */
const MltSnapshot *mlt_snapshot_borrow(MltSnapshots *s, int *ticket);
void mlt_snapshot_return(MltSnapshots *s, int ticket);
/* After return nobody holds the previous snapshot: its handles that are not
 * in `next` may be closed. */
void mlt_snapshot_swap(MltSnapshots *s, const MltSnapshot *next);
