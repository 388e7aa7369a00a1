/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much a caller may ask: a token bucket for each, and so many calls at
 * once, of each and of all.  Callers that are at rest are forgotten.
 * Any thread; the clock is the caller's.
 */
#pragma once

#include <glib.h>

typedef struct {
	double burst, rate; /* calls at once; calls a second after that */
	guint pending, pending_all; /* calls not yet answered; 0: any number */
} AsndBusRates;

typedef struct _AsndBusLimit AsndBusLimit;

AsndBusLimit *asnd_bus_limit_new(const AsndBusRates *rates); /* copied */
AsndBusLimit *asnd_bus_limit_ref(AsndBusLimit *limit);
void asnd_bus_limit_unref(AsndBusLimit *limit);
/* TRUE: the call may go on, and asnd_bus_limit_end follows when it is over.
 * now: monotonic, microseconds. */
gboolean asnd_bus_limit_begin(
    AsndBusLimit *limit, const char *caller, gint64 now);
/* What was begun cost more than one call: fewer from now on, for as long as a
 * burst takes to come back. */
void asnd_bus_limit_charge(
    AsndBusLimit *limit, const char *caller, double calls);
void asnd_bus_limit_end(AsndBusLimit *limit, const char *caller);
/* TRUE: what this caller is answered next may stand in line for the bus; FALSE:
 * so much does already that it is left without an answer.  A bus that is busy
 * with those who flood it takes answers late. */
gboolean asnd_bus_limit_queue(
    AsndBusLimit *limit, const char *caller, gint64 now);
/* One of them has left for the bus. */
void asnd_bus_limit_sent(AsndBusLimit *limit, const char *caller);
/* Calls refused so far; callers remembered. */
guint64 asnd_bus_limit_refused(AsndBusLimit *limit);
guint asnd_bus_limit_callers(AsndBusLimit *limit);
