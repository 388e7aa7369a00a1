/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of the evidence file, and how an older file becomes one of now.
 */
#pragma once

#include <glib.h>
#include <sqlite3.h>

/* Version 1: 0.1.0.  Version 2: the level that decided (mails, votes), and
 * what quality.h counts (seals, seen, votes.week). */
#define ASND_SCHEMA_VERSION 2

/* Makes the tables in a new file, or migrates one of an older asnd, in one
 * transaction: killed in between, the file is as it was.  path: for messages.
 * FALSE: ASND_STORE_ERROR_NEWER (of a newer asnd), or _OPEN. */
gboolean asnd_schema_apply(sqlite3 *db, const char *path, GError **error);
