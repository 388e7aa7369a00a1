/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon-daily.c: what is forgotten once a day. */

#include <time.h>

#include "daemon-private.h"

/* Sleep counts, or a laptop that wakes would have a clock that jumped. */
static gint64
seconds_since_boot(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

/* A clock that jumps, by a dead battery or a typing error, must not make votes
 * old that are not: what is forgotten does not come back with the right time.
 * A new time counts when it lasted for a day. */
static gboolean
clock_is_steady(AsndDaemon *d, gint64 now)
{
	gint64 mono = seconds_since_boot();
	gint64 jump = now - mono - d->clock_base;

	if (d->clock_base != 0 && ABS(jump) > ASND_DAY) {
		g_warning("the clock jumped by %" G_GINT64_FORMAT
			  " days: nothing is forgotten before it has been so"
			  " for a day",
		    jump / ASND_DAY);
		d->steady_after = mono + ASND_DAY;
		d->clock_base = 0;
	}
	if (d->clock_base == 0)
		d->clock_base = now - mono;
	return mono >= d->steady_after;
}

void
asnd_daemon_daily(AsndDaemon *d, gint64 now)
{
	if (!clock_is_steady(d, now) || now / ASND_DAY == d->last_day)
		return;
	d->last_day = now / ASND_DAY;
	if (asnd_journal_prune(d->journal, now))
		asnd_publisher_mark(d->publisher, TRUE);
	asnd_reports_purge(d->reports, now);
}
