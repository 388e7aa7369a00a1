/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon-daily.c: the clock, and what is forgotten once a day. */

#include <time.h>

#include "daemon-private.h"
#include "future.h"

#define CLOCK "clock"             /* what it said when it was right */
#define CLOCK_DOUBT "clock_doubt" /* since when another one is; 0: none */
#define SAVE 3600

gint64
asnd_daemon_wall(const AsndDaemon *d)
{
	return g_get_real_time() / G_USEC_PER_SEC + d->clock_offset;
}

/* Sleep counts, or a laptop that wakes would have a clock that jumped. */
gint64
asnd_daemon_since_boot(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

void
asnd_daemon_start_clock(AsndDaemon *d)
{
	d->clock_saved = asnd_store_meta(d->store, CLOCK, 0);
	/* Evidence of before asnd knew of clocks tells the time, too. */
	if (d->clock_saved == 0)
		d->clock_saved = asnd_future_latest(d->store);
	asnd_clock_init(&d->clock, d->clock_saved,
	    asnd_store_meta(d->store, CLOCK_DOUBT, 0),
	    asnd_daemon_since_boot());
}

static void
doubt(AsndDaemon *d, gint64 wall, gint64 ahead)
{
	asnd_store_set_meta(d->store, CLOCK_DOUBT, d->clock.began);
	if (asnd_clock_is_impossible(wall))
		g_warning("the clock is wrong, asnd is newer than what it says:"
			  " nothing is forgotten before it is set right");
	else
		g_warning("the clock is %" G_GINT64_FORMAT
			  " days %s what was seen of it before: nothing is"
			  " forgotten before it has been so for a week, or is"
			  " as before",
		    ABS(ahead) / ASND_DAY, ahead > 0 ? "ahead of" : "behind");
}

/* What was dated by a clock that was ahead happened just now, as far as
 * anybody knows. */
static void
doubt_no_more(AsndDaemon *d, gint64 now)
{
	guint n;

	asnd_store_set_meta(d->store, CLOCK_DOUBT, 0);
	n = asnd_future_bring_back(d->store, now);
	if (n == 0)
		return;
	g_message("%u votes and mails were dated in the future: now they are"
		  " of today",
	    n);
	asnd_journal_replay(d->journal);
	asnd_publisher_mark(d->publisher, TRUE);
}

static gboolean
look_at_clock(AsndDaemon *d)
{
	gint64 wall = asnd_daemon_wall(d), mono = asnd_daemon_since_boot();
	gint64 ahead = asnd_clock_ahead(&d->clock, wall, mono);

	switch (asnd_clock_look(&d->clock, wall, mono)) {
	case ASND_CLOCK_DOUBT_BEGINS:
		doubt(d, wall, ahead);
		return FALSE;
	case ASND_CLOCK_DOUBT:
		return FALSE;
	case ASND_CLOCK_RIGHT:
		break;
	}
	if (asnd_store_meta(d->store, CLOCK_DOUBT, 0) != 0)
		doubt_no_more(d, wall);
	if (ABS(wall - d->clock_saved) >= SAVE) {
		asnd_store_set_meta(d->store, CLOCK, wall);
		d->clock_saved = wall;
	}
	return TRUE;
}

void
asnd_daemon_daily(AsndDaemon *d)
{
	gint64 now;

	d->clock_is_right = look_at_clock(d);
	now = asnd_daemon_now(d);
	if (!d->clock_is_right || now / ASND_DAY == d->last_day)
		return;
	d->last_day = now / ASND_DAY;
	if (asnd_journal_prune(d->journal, now))
		asnd_publisher_mark(d->publisher, TRUE);
	asnd_reports_purge(d->reports, now);
	asnd_watch_server_seen(d->server, now);
}
