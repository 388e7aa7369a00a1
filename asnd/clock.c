/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.c: whether the wall clock is to be believed. */

#include "clock.h"

#define DAY ((gint64)86400)
#define OFF (7 * DAY)          /* a machine may be switched off that long */
#define WAIT (7 * DAY)         /* until another time is the right one */
#define OFF_WAITING (30 * DAY) /* and how long it may be off meanwhile */
#define WRITTEN 1735689600     /* 2025-01-01: no such program before */

void
asnd_clock_init(AsndClock *c, gint64 known, gint64 began, gint64 mono)
{
	*c = (AsndClock){
	    .right = {known - mono, OFF},
	    .doubted = {began - mono, OFF_WAITING},
	    .began = began,
	    .known = known != 0,
	};
}

gboolean
asnd_clock_is_impossible(gint64 wall)
{
	return wall < WRITTEN;
}

gint64
asnd_clock_ahead(const AsndClock *c, gint64 wall, gint64 mono)
{
	return c->known ? wall - mono - c->right.base : 0;
}

static gboolean
goes_on(const AsndClockLine *line, gint64 wall, gint64 mono)
{
	gint64 ahead = wall - mono - line->base;

	return ahead >= -DAY && ahead <= line->most;
}

static AsndClockState
doubt(AsndClock *c, gint64 wall, gint64 mono)
{
	gboolean same = c->began != 0 && goes_on(&c->doubted, wall, mono);

	if (!same)
		c->began = wall;
	if (!same || c->doubted.most != DAY)
		c->doubted = (AsndClockLine){wall - mono, DAY};
	if (!same)
		return ASND_CLOCK_DOUBT_BEGINS;
	if (wall - c->began < WAIT || asnd_clock_is_impossible(wall))
		return ASND_CLOCK_DOUBT;
	return ASND_CLOCK_RIGHT;
}

AsndClockState
asnd_clock_look(AsndClock *c, gint64 wall, gint64 mono)
{
	AsndClockState state = ASND_CLOCK_RIGHT;

	/* At the first start of all there is nothing to forget. */
	if (asnd_clock_is_impossible(wall) ||
	    (c->known && !goes_on(&c->right, wall, mono)))
		state = doubt(c, wall, mono);
	if (state == ASND_CLOCK_RIGHT)
		*c = (AsndClock){.right = {wall - mono, DAY}, .known = TRUE};
	return state;
}

gint64
asnd_clock_now(const AsndClock *c, gint64 wall, gint64 mono)
{
	if (c->known && asnd_clock_ahead(c, wall, mono) < -DAY)
		return c->right.base + mono;
	return wall;
}
