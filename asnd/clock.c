/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.c: whether the wall clock is to be believed. */

#include "clock.h"

#define DAY 86400
#define OFF (7 * DAY) /* a machine may be switched off that long */

void
asnd_clock_init(AsndClock *c, gint64 known, gint64 mono)
{
	*c =
	    (AsndClock){.base = known - mono, .most = OFF, .known = known != 0};
}

gint64
asnd_clock_ahead(const AsndClock *c, gint64 wall, gint64 mono)
{
	return c->known ? wall - mono - c->base : 0;
}

static gboolean
goes_on(const AsndClock *c, gint64 wall, gint64 mono)
{
	gint64 ahead = asnd_clock_ahead(c, wall, mono);

	return c->known && ahead >= -DAY && ahead <= c->most;
}

AsndClockState
asnd_clock_look(AsndClock *c, gint64 wall, gint64 mono)
{
	gint64 base = wall - mono;

	if (!goes_on(c, wall, mono)) {
		if (!c->waits || ABS(base - c->new_base) > DAY) {
			c->waits = TRUE;
			c->new_base = base;
			c->since = mono;
			return ASND_CLOCK_DOUBT_BEGINS;
		}
		if (mono - c->since < DAY)
			return ASND_CLOCK_DOUBT;
	}
	*c = (AsndClock){.base = base, .most = DAY, .known = TRUE};
	return ASND_CLOCK_RIGHT;
}

gint64
asnd_clock_now(const AsndClock *c, gint64 wall, gint64 mono)
{
	if (c->known && asnd_clock_ahead(c, wall, mono) < -DAY)
		return c->base + mono;
	return wall;
}
