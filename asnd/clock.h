/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the wall clock is to be believed.  What is forgotten because a clock
 * was ahead does not come back with the right time, and what is dated by one
 * that was behind is forgotten as soon as that is right.
 *
 * Believed is a clock that goes on from the time that was believed last: within
 * a day of it while the process runs, and from a day before to a week after it
 * at a start (how long the machine was off is not known).  Any other one once
 * it has been so for a week, over restarts, too; none that says a time before
 * this program was written.  Pure: both clocks are the caller's, in seconds:
 * wall, and one that counts from the boot on and never jumps.  No allocation;
 * one thread.
 */
#pragma once

#include <glib.h>

typedef struct {
	gint64 base; /* what the wall clock was at boot */
	gint64 most; /* how far ahead of that it may be */
} AsndClockLine;

typedef struct {
	AsndClockLine right, doubted;
	gint64 began;   /* the first wall clock of the doubted; 0: none is */
	gboolean known; /* one was believed */
} AsndClock;

typedef enum {
	ASND_CLOCK_RIGHT,
	ASND_CLOCK_DOUBT_BEGINS, /* of this time: say so, and keep it */
	ASND_CLOCK_DOUBT
} AsndClockState;

/* known: the wall clock that was believed last, 0: none ever was.  began: since
 * when, by itself, the clock was doubted when the process ended; 0: it was not.
 */
void asnd_clock_init(AsndClock *clock, gint64 known, gint64 began, gint64 mono);
/* Looks at the time, often: at least every hour. */
AsndClockState asnd_clock_look(AsndClock *clock, gint64 wall, gint64 mono);
/* The program was not written yet when it was what this clock says. */
gboolean asnd_clock_is_impossible(gint64 wall);
/* How far the wall clock is ahead of the believed one; 0: none is known. */
gint64 asnd_clock_ahead(const AsndClock *clock, gint64 wall, gint64 mono);
/* The time to go by: the wall clock, and while that is behind for no known
 * reason, the believed one.  Of a clock that is all zeros: wall. */
gint64 asnd_clock_now(const AsndClock *clock, gint64 wall, gint64 mono);
