/* SPDX-License-Identifier: GPL-2.0-or-later */
/* progress.c: a progress bar on a terminal. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"

#define WIDTH 30

static volatile sig_atomic_t caught;

static void
note(int number)
{
	caught = number;
}

void
progress_catch_signals(void)
{
	struct sigaction act;

	memset(&act, 0, sizeof act);
	act.sa_handler = note;
	act.sa_flags = SA_RESTART;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

int
progress_signal(void)
{
	return caught;
}

void
progress_init(Progress *p, const char *what)
{
	p->what = what;
	p->terminal = isatty(STDERR_FILENO) == 1;
	p->percent = -1;
}

gboolean
progress_tell(gpointer progress, double done)
{
	static const char full[WIDTH + 1] = "##############################";
	Progress *p = progress;
	int percent = (int)(100 * CLAMP(done, 0, 1));

	if (caught)
		return FALSE;
	if (!p->terminal || percent == p->percent)
		return TRUE;
	p->percent = percent;
	fprintf(stderr, "\r%.40s [%-*.*s] %3d %%", p->what, WIDTH,
	    percent * WIDTH / 100, full, percent);
	fflush(stderr);
	return TRUE;
}

void
progress_clear(Progress *p)
{
	if (p->percent >= 0)
		fprintf(stderr, "\r\033[K");
	p->percent = -1;
}
