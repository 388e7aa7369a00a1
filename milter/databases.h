/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps a MltSnapshots up to date with the files in the database directory.
 *
 * A thread of its own watches the directory (inotify, IN_MOVED_TO: asnd
 * renames whole files into place), checks what is new and swaps it in.  The
 * directory may not exist yet, or go and come back.  A broken file is refused
 * with one warning and the old one stays.
 */
#pragma once

#include "snapshot.h"

typedef struct _MltDatabases MltDatabases;

/* Loads what is there and starts watching; snapshots must outlive it. */
MltDatabases *mlt_databases_start(
    MltSnapshots *snapshots, const char *dir, GError **error);
/* Look at every file again, soon; callable from any thread. */
void mlt_databases_reload(MltDatabases *db);
/* Stops the thread and closes everything: no reader may be left. */
void mlt_databases_stop(MltDatabases *db);

/* Opens each file once and says how it went, a line each on stdout; FALSE:
 * one is broken (a missing one is not). */
gboolean mlt_databases_test(const char *dir);
