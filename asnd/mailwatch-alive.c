/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-alive.c: look at the watches, then ping. */

#include "mailwatch-alive.h"
#include "notify.h"

/* The kernel writes down all watches at once, some microseconds for each: of
 * all time a hundredth goes into that. */
#define REST 99

void
mw_alive_init(MwAlive *alive, gint64 now)
{
	*alive = (MwAlive){.every = (gint64)asn_notify_interval() * 1000};
	alive->next = now + alive->every;
}

gint64
mw_alive_wait(const MwAlive *alive, gint64 now)
{
	return alive->every == 0 ? G_MAXINT64 : MAX(0, alive->next - now);
}

/* TRUE: look again at everything. */
static gboolean
differ(MwAlive *alive)
{
	gboolean first = !alive->wrong;

	alive->wrong = TRUE;
	if (first)
		g_warning("the kernel does not have the watches that it "
			  "should: looking at everything again");
	else if (alive->healing)
		g_warning("and that did not help: the watchdog gets no ping "
			  "until it does");
	alive->healing = first;
	return first;
}

static void
agree(MwAlive *alive)
{
	if (alive->wrong)
		g_message("all watches are there again");
	alive->wrong = alive->healing = FALSE;
}

/* TRUE: look again at everything. */
static gboolean
compare(MwAlive *alive, MwTree *tree)
{
	gint64 start = g_get_monotonic_time(), end;
	gboolean same = mw_inotify_matches(&tree->inotify);

	end = g_get_monotonic_time();
	alive->check_at = end + (end - start) * REST;
	if (same)
		agree(alive);
	/* What went while it was looked at stands in a new event. */
	else if (mw_inotify_is_drained(&tree->inotify))
		return differ(alive);
	return FALSE;
}

gboolean
mw_alive_look(MwAlive *alive, MwTree *tree, gboolean scanning, gint64 now)
{
	gboolean anew = FALSE;

	if (alive->every == 0 || now < alive->next)
		return FALSE;
	alive->next = now + alive->every;
	if (tree == NULL)
		alive->wrong = alive->healing = FALSE;
	/* What the kernel dropped itself stands in unread events; a scan that
	 * heals goes forward, step by step. */
	else if (!scanning && mw_inotify_is_drained(&tree->inotify) &&
		 (alive->wrong || now >= alive->check_at))
		anew = compare(alive, tree);
	if (!alive->wrong || alive->healing)
		asn_notify_alive();
	return anew;
}
