/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot.c: two slots with reader counts. */

#include "snapshot.h"

void
mlt_snapshots_init(MltSnapshots *s)
{
	*s = (MltSnapshots){0};
}

/* GLib's atomics are sequentially consistent, which this needs: the reader
 * announces itself and then looks again, the writer changes `current` and
 * then looks for readers; one of them sees the other. */
const MltSnapshot *
mlt_snapshot_borrow(MltSnapshots *s, int *ticket)
{
	for (;;) {
		int i = g_atomic_int_get(&s->current);

		g_atomic_int_inc(&s->readers[i]);
		if (g_atomic_int_get(&s->current) == i) {
			*ticket = i;
			return &s->slot[i];
		}
		g_atomic_int_add(&s->readers[i], -1);
	}
}

void
mlt_snapshot_return(MltSnapshots *s, int ticket)
{
	g_atomic_int_add(&s->readers[ticket], -1);
}

static void
wait_for_readers(MltSnapshots *s, int i)
{
	while (g_atomic_int_get(&s->readers[i]) != 0)
		g_usleep(20);
}

void
mlt_snapshot_swap(MltSnapshots *s, const MltSnapshot *next)
{
	int old = g_atomic_int_get(&s->current);

	/* Nobody reads the spare slot: the last swap waited for that, and who
	 * comes late sees that it is not current. */
	s->slot[1 - old] = *next;
	g_atomic_int_set(&s->current, 1 - old);
	wait_for_readers(s, old);
}
