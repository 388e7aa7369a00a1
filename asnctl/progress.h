/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A progress bar on a terminal, and the wish to stop (SIGINT, SIGTERM).
 * One bar at a time; main thread.
 */
#pragma once

#include <glib.h>

typedef struct {
	const char *what; /* before the bar */
	gboolean terminal;
	int percent; /* shown last; -1: nothing yet */
} Progress;

/* Notes SIGINT and SIGTERM from now on instead of dying of them. */
void progress_catch_signals(void);
/* The signal that came, or 0. */
int progress_signal(void);

void progress_init(Progress *p, const char *what);
/* done: 0..1.  FALSE: a signal asks us to stop. */
gboolean progress_tell(gpointer progress, double done);
/* Takes the bar off the terminal. */
void progress_clear(Progress *p);
