/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many connections are served at once.
 *
 * Each takes a descriptor and, while it has something to say, a thread of
 * libmilter's.  libmilter spins when it has no descriptor for a connection
 * (accept(2) fails, poll(2) says at once that there is one) and forgets one for
 * which it gets no thread.  So those that are too many wait in the socket's
 * queue, unaccepted, and some descriptors stay free for new databases.
 */
#pragma once

#include <glib.h>

/* Before the first connection, from any thread.  As many descriptors as this
 * process may have, but no more than 4096 (the unit's TasksMax= is above). */
void mlt_descriptors_init(void);

/* A connection waited for a descriptor within the last second, and whoever
 * accepts lives.  Any thread. */
gboolean mlt_descriptors_full(void);
/* While that is so: fd is taken for the next connection, past those that wait,
 * so that the watchdog need not.  -1: none is offered any more.  Returns what
 * was offered before and not taken, -1: nothing.  Any thread; who takes it owns
 * it. */
int mlt_descriptors_offer(int fd);
