/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What store.c (opening, statements, transactions) and store-alive.c (signs of
 * life) share.
 */
#pragma once

#include "store.h"

struct _AsndStore {
	sqlite3 *db;
	GPtrArray *stmts;
	char *path, *set_aside;
	sqlite3_stmt *begin, *commit, *get, *set;
	gint64 install_time;
	gboolean open; /* a transaction is */
	int failed;    /* first error code since the last commit */
	char *reason;
	guint64 changes, written;  /* rows: seen so far, committed */
	gboolean starting;         /* asnd_store_started comes yet */
	gint64 pinged, ping_every; /* microseconds, monotonic; of long work */
};

/* Checking may take long: the service manager is asked for more time, as much
 * as the file is big, and more while SQLite makes progress, until
 * asnd_store_started.  db is open. */
void asnd_store_ask_for_time(AsndStore *store);
