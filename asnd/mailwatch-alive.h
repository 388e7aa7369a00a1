/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signs of life of asnd-mailwatch for the service manager's watchdog: its loop
 * holds its set of watches against what the kernel has (proc(5), fdinfo).
 * Where they differ, everything is looked at anew; where that does not help,
 * there is no ping.  One thread.
 */
#pragma once

#include "mailwatch-tree.h"

typedef struct {
	gint64 every;    /* microseconds between pings; 0: nobody asks */
	gint64 next;     /* monotonic; when the next is due */
	gint64 check_at; /* when looking may cost time again */
	gboolean wrong;  /* they differed when last looked at */
	gboolean healing;
} MwAlive;

void mw_alive_init(MwAlive *alive, gint64 now);
/* Microseconds until mw_alive_look is wanted, or G_MAXINT64. */
gint64 mw_alive_wait(const MwAlive *alive, gint64 now);
/* Looks if it is due, and pings if all is well.  tree NULL: not connected.
 * scanning: a scan is under way.  TRUE: scan everything anew (mw_scan_all). */
gboolean mw_alive_look(
    MwAlive *alive, MwTree *tree, gboolean scanning, gint64 now);
