/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store-alive.c: is the evidence file in working order, and how long it takes.
 */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "notify.h"
#include "store-private.h"

#define SLOW_DISK 10000000 /* bytes a second */
#define PROGRESS 1000000   /* steps of SQLite between two signs of progress */
#define WORK_STEPS 10000   /* the same of long work: some hundred rows */

static int
on_progress(void *data)
{
	asn_notify_extend(0);
	return 0;
}

void
asnd_store_started(AsndStore *store)
{
	store->starting = FALSE;
	sqlite3_progress_handler(store->db, 0, NULL, NULL);
}

/* The check goes through the whole file, at the pace of the disk; what comes
 * after it is told by steps. */
void
asnd_store_ask_for_time(AsndStore *store)
{
	struct stat st;
	guint more = 0;

	if (stat(store->path, &st) == 0)
		more = (guint)MIN(st.st_size / SLOW_DISK, 86400);
	asn_notify_extend(more);
	store->starting = TRUE;
	sqlite3_progress_handler(store->db, PROGRESS, on_progress, NULL);
}

/* --- long work -------------------------------------------------------------
 */

static int
on_work(void *data)
{
	AsndStore *store = data;
	gint64 now = g_get_monotonic_time();

	if (now - store->pinged < store->ping_every)
		return 0;
	store->pinged = now;
	asn_notify_alive();
	return 0;
}

/* Twice as often as the main loop pings: that one did so a while ago. */
void
asnd_store_work_begins(AsndStore *store)
{
	guint ms = asn_notify_interval();

	if (store->starting || ms == 0)
		return;
	store->ping_every = ms * (gint64)1000 / 2;
	store->pinged = g_get_monotonic_time();
	sqlite3_progress_handler(store->db, WORK_STEPS, on_work, store);
}

void
asnd_store_work_ends(AsndStore *store)
{
	if (!store->starting)
		sqlite3_progress_handler(store->db, 0, NULL, NULL);
}

/* SQLite answers from its cache, so the file is read beside it, through the
 * descriptor that it has: closing another one would drop its locks. */
static const char *
read_file(AsndStore *store)
{
	static const char magic[] = "SQLite format 3";
	char head[sizeof magic];
	sqlite3_file *file = NULL;

	if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER,
		&file) != SQLITE_OK ||
	    file->pMethods->xRead(file, head, sizeof head, 0) != SQLITE_OK)
		return "reading the file fails";
	return memcmp(head, magic, sizeof magic) == 0 ? NULL
						      : "it is no database";
}

const char *
asnd_store_probe(AsndStore *store, gboolean *lost)
{
	const char *wrong = read_file(store);
	int moved = 0;
	struct stat st;

	sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	/* It says so too of what it could not look at. */
	*lost = FALSE;
	if (moved && stat(store->path, &st) != 0 && errno != ENOENT &&
	    errno != ENOTDIR)
		return strerrordesc_np(errno);
	*lost = moved != 0;
	if (moved)
		return "the file was moved or deleted";
	if (wrong != NULL || store->open || store->failed != SQLITE_OK)
		return wrong;
	/* Nobody holds it locked: then writing is possible, as far as there is
	 * room. */
	if (sqlite3_exec(store->db, "BEGIN IMMEDIATE; ROLLBACK", NULL, NULL,
		NULL) == SQLITE_OK)
		return NULL;
	if (!sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return sqlite3_errmsg(store->db);
}
