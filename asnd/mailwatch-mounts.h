/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is mounted where Maildirs may be: inotify does not tell of it.  A file
 * system that is mounted on a home hides the directory that is watched; one
 * that was unmounted and comes back would be seen by nobody.  One thread.
 */
#pragma once

#include "mailwatch-tree.h"

typedef struct {
	int fd;           /* of mountinfo (proc(5)), for POLLPRI; -1: none */
	GHashTable *seen; /* mountinfo's words on each point; NULL: none yet */
	gint64 at;        /* when to look; G_MAXINT64: nothing happened */
	gint64 next;      /* not before that */
} MwMounts;

void mw_mounts_init(MwMounts *mounts);
void mw_mounts_clear(MwMounts *mounts);
/* A tree is new: what is mounted now is what it will see. */
void mw_mounts_start(MwMounts *mounts);
/* Something was mounted or unmounted, anywhere. */
void mw_mounts_happened(MwMounts *mounts);
/* Looks if it is time.  TRUE: there is something to scan, SYNC after it. */
gboolean mw_mounts_turn(MwMounts *mounts, MwTree *tree, gint64 now);
