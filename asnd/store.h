/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The evidence file: one SQLite database, one writer, the main thread.
 *
 * Opening checks the whole file.  A corrupt one is set aside under a dated
 * name and a new one begun: the Maildirs still hold what matters, the scan
 * finds it again (asnd_store_was_rebuilt tells).  A statement that fails
 * marks the store; the caller asks asnd_store_failed once a turn instead of
 * at every call, rolls back and starts over from the Maildirs.
 */
#pragma once

#include <glib.h>
#include <sqlite3.h>

typedef enum {
	ASND_STORE_ERROR_OPEN,
	ASND_STORE_ERROR_NEWER /* written by a newer asnd */
} AsndStoreError;
#define ASND_STORE_ERROR (asnd_store_error_quark())
GQuark asnd_store_error_quark(void);

#define ASND_STORE_FILE "evidence.sqlite"

typedef struct _AsndStore AsndStore;

/* dir: config state_dir.  now: seconds; becomes the installation time of a
 * first start. */
AsndStore *asnd_store_open(const char *dir, gint64 now, GError **error);
/* The start is over: it asks the service manager for time no more. */
void asnd_store_started(AsndStore *store);
/* Reads the file on disk and takes its lock for a moment (a lock of others is
 * waited for 2 s at most).  NULL: fine, else what is wrong, valid until the
 * next call.  *lost: the file is no longer there under its name. */
const char *asnd_store_probe(AsndStore *store, gboolean *lost);
/* Between these the caller works on many rows, longer than the watchdog waits
 * perhaps: it is pinged as SQLite gets on with that, and not while SQLite waits
 * for the disk or a lock.  At the start they do nothing: asnd_store_started. */
void asnd_store_work_begins(AsndStore *store);
void asnd_store_work_ends(AsndStore *store);
void asnd_store_close(AsndStore *store); /* commits; NULL is fine */
gint64 asnd_store_install_time(const AsndStore *store);
/* The installation was not later than this: the clock was ahead then. */
void asnd_store_lower_install_time(AsndStore *store, gint64 time);
/* The path the corrupt file was moved to; NULL: it was sound or new. */
const char *asnd_store_was_rebuilt(const AsndStore *store);

/* Numbers kept by name; fallback where there is none. */
gint64 asnd_store_meta(AsndStore *store, const char *key, gint64 fallback);
void asnd_store_set_meta(AsndStore *store, const char *key, gint64 value);

/* A prepared statement that lives as long as the store.  NULL: failed. */
sqlite3_stmt *asnd_store_prepare(AsndStore *store, const char *sql);
/* Resets stmt, binds by format and steps once: 'i' gint64, 'd' int, 'b' (const
 * void *, gsize), 'n' NULL.  TRUE: a row is there; read it, then
 * asnd_store_done. */
gboolean asnd_store_step(
    AsndStore *store, sqlite3_stmt *stmt, const char *format, ...);
/* The next row of a statement begun by asnd_store_step. */
gboolean asnd_store_next(AsndStore *store, sqlite3_stmt *stmt);
void asnd_store_done(sqlite3_stmt *stmt);
/* For statements without rows. */
#define asnd_store_run(store, stmt, ...)                                       \
	((void)asnd_store_step((store), (stmt), __VA_ARGS__),                  \
	    asnd_store_done(stmt))
gint64 asnd_store_last_id(AsndStore *store);
/* Rows that the last statement changed. */
guint asnd_store_changed(AsndStore *store);

/* One transaction a turn: begin where none is open; commit ends it. */
void asnd_store_begin(AsndStore *store);
/* FALSE: nothing of this turn is on disk (it was rolled back). */
gboolean asnd_store_commit(AsndStore *store);
void asnd_store_rollback(AsndStore *store);
/* Rows that commits have written since the start; a commit of nothing, which
 * a full disk does not keep from succeeding, adds none. */
guint64 asnd_store_written(const AsndStore *store);
/* Did a statement fail since the last commit or rollback?  The reason, or
 * NULL.  *fatal: the file is damaged, only a restart helps. */
const char *asnd_store_failed(const AsndStore *store, gboolean *fatal);

/* A row's id as the key of a table (g_int64_hash); free it with g_free. */
static inline gint64 *
asnd_id_new(gint64 id)
{
	return g_memdup2(&id, sizeof id);
}
