/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnd in one line, for whoever looks at it at night.  What is wrong comes
 * first, with what to do.
 */
#pragma once

#include <glib.h>

typedef struct {
	/* NULL: fine */
	const char *store_trouble;   /* the evidence cannot be used */
	const char *publish_trouble; /* the databases cannot be written */
	guint64 votes;               /* since the start */
	gint64 published;            /* when last, 0: not yet */
	gboolean networks, keys;     /* are there */
	gboolean connected;          /* asnd-mailwatch is */
	gboolean idle;               /* and everything was read */
	gboolean first_run;          /* what is there is yet to be learnt */
} AsndStatus;

/* The caller frees it. */
char *asnd_status_text(const AsndStatus *status);
