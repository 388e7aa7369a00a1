/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store.c: the evidence file and its transactions. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "aside.h"
#include "schema.h"
#include "store-private.h"

/* Kept beside the database, so that a rebuilt one does not take the day of
 * its rebuilding for the installation. */
#define INSTALL_FILE "install-time"
#define READ_CHUNK 65536
#define OPEN_TRIES 5
#define OPEN_USEC 50000

G_DEFINE_QUARK(asnd - store - error, asnd_store_error)

/* --- statements ------------------------------------------------------------
 */

static void
note_failure(AsndStore *store, int rc)
{
	if (store->failed != SQLITE_OK)
		return;
	store->failed = rc;
	g_free(store->reason);
	store->reason = g_strdup(sqlite3_errmsg(store->db));
}

static void
finalize(gpointer stmt)
{
	sqlite3_finalize(stmt);
}

sqlite3_stmt *
asnd_store_prepare(AsndStore *store, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v3(
	    store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);

	if (rc != SQLITE_OK) {
		note_failure(store, rc);
		return NULL;
	}
	g_ptr_array_add(store->stmts, stmt);
	return stmt;
}

gboolean
asnd_store_next(AsndStore *store, sqlite3_stmt *stmt)
{
	int rc;

	if (stmt == NULL || store->failed != SQLITE_OK)
		return FALSE;
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		note_failure(store, rc);
	return rc == SQLITE_ROW;
}

gboolean
asnd_store_step(AsndStore *store, sqlite3_stmt *stmt, const char *format, ...)
{
	va_list ap;

	if (stmt == NULL || store->failed != SQLITE_OK)
		return FALSE;
	sqlite3_reset(stmt);
	va_start(ap, format);
	for (int i = 1; *format != '\0'; format++, i++) {
		if (*format == 'i') {
			sqlite3_bind_int64(stmt, i, va_arg(ap, gint64));
		} else if (*format == 'd') {
			sqlite3_bind_int(stmt, i, va_arg(ap, int));
		} else if (*format == 'b') {
			const void *data = va_arg(ap, const void *);
			gsize len = va_arg(ap, gsize);

			/* A NULL pointer would bind NULL, not empty bytes. */
			sqlite3_bind_blob64(
			    stmt, i, data ? data : "", len, SQLITE_TRANSIENT);
		} else {
			sqlite3_bind_null(stmt, i);
		}
	}
	va_end(ap);
	return asnd_store_next(store, stmt);
}

void
asnd_store_done(sqlite3_stmt *stmt)
{
	if (stmt != NULL)
		sqlite3_reset(stmt);
}

gint64
asnd_store_last_id(AsndStore *store)
{
	return sqlite3_last_insert_rowid(store->db);
}

guint
asnd_store_changed(AsndStore *store)
{
	return (guint)sqlite3_changes(store->db);
}

/* --- transactions ----------------------------------------------------------
 */

void
asnd_store_begin(AsndStore *store)
{
	if (store->open || store->failed != SQLITE_OK)
		return;
	asnd_store_run(store, store->begin, "");
	store->open = store->failed == SQLITE_OK;
}

void
asnd_store_rollback(AsndStore *store)
{
	/* Full disk and the like may have rolled back already. */
	if (!sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	store->open = FALSE;
	store->failed = SQLITE_OK;
	store->changes = (guint64)sqlite3_total_changes64(store->db);
}

gboolean
asnd_store_commit(AsndStore *store)
{
	if (store->open && store->failed == SQLITE_OK) {
		asnd_store_run(store, store->commit, "");
		if (store->failed == SQLITE_OK) {
			guint64 all =
			    (guint64)sqlite3_total_changes64(store->db);

			store->written += all - store->changes;
			store->changes = all;
			store->open = FALSE;
		}
	}
	return store->failed == SQLITE_OK;
}

guint64
asnd_store_written(const AsndStore *store)
{
	return store->written;
}

const char *
asnd_store_failed(const AsndStore *store, gboolean *fatal)
{
	int rc = store->failed & 0xff;

	if (fatal != NULL)
		*fatal = rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB;
	return store->failed == SQLITE_OK ? NULL : store->reason;
}

/* --- numbers by name -------------------------------------------------------
 */

gint64
asnd_store_meta(AsndStore *store, const char *key, gint64 fallback)
{
	gint64 value = fallback;

	if (asnd_store_step(store, store->get, "b", key, strlen(key)))
		value = sqlite3_column_int64(store->get, 0);
	asnd_store_done(store->get);
	return value;
}

void
asnd_store_set_meta(AsndStore *store, const char *key, gint64 value)
{
	asnd_store_begin(store);
	asnd_store_run(store, store->set, "bi", key, strlen(key), value);
}

/* --- opening ---------------------------------------------------------------
 */

/* First column of the first row as text, or NULL. */
static char *
ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	char *out = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		out = g_strdup((const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return out;
}

/* From end to end, as far as it is there. */
static gboolean
can_be_read(const char *path, const char *tail)
{
	g_autofree char *file = g_strconcat(path, tail, NULL);
	g_autofree char *buf = g_malloc(READ_CHUNK);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT;
	do
		n = read(fd, buf, READ_CHUNK);
	while (n > 0 || (n < 0 && errno == EINTR));
	close(fd);
	return n == 0;
}

/* A disk that does not answer, and memory that is not there, make nothing
 * corrupt. */
static int
why_failed(const AsndStore *store, int rc)
{
	rc &= 0xff;
	if (rc != SQLITE_CORRUPT && rc != SQLITE_NOTADB)
		return rc;
	return can_be_read(store->path, "") && can_be_read(store->path, "-wal")
		   ? SQLITE_CORRUPT
		   : SQLITE_IOERR;
}

/* TRUE: sound and open.  FALSE with *failed SQLITE_CORRUPT: to be set aside;
 * with another: an error that another file would meet too. */
static gboolean
try_open(AsndStore *store, int *failed, GError **error)
{
	g_autofree char *check = NULL;
	int rc = sqlite3_open_v2(store->path, &store->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	    NULL);

	if (rc == SQLITE_OK) {
		sqlite3_extended_result_codes(store->db, 1);
		sqlite3_busy_timeout(store->db, 2000);
		asnd_store_ask_for_time(store);
		/* FULL: a power cut takes no commit back.  A vote that was
		 * answered, or whose mail moved on, is told by nobody again.
		 * 2 MiB of cache: with 32, a scan of 300,000 mails, votes and
		 * the check take the same CPU, from the page cache. */
		rc = sqlite3_exec(store->db,
		    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
		    "PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY",
		    NULL, NULL, NULL);
	}
	if (rc == SQLITE_OK) {
		check = ask(store->db, "PRAGMA integrity_check(1)");
		if (g_strcmp0(check, "ok") == 0)
			return TRUE;
		rc = check ? SQLITE_CORRUPT : sqlite3_errcode(store->db);
	}
	*failed = why_failed(store, rc);
	g_set_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_OPEN, "%s: %s%s",
	    store->path, check != NULL ? check : sqlite3_errmsg(store->db),
	    *failed == SQLITE_IOERR ? "; check the disk: what it cannot read"
				      " now stays as it is, and the next start"
				      " tries again"
				    : "");
	sqlite3_close(store->db);
	store->db = NULL;
	return FALSE;
}

/* SQLite may speak of a page that could not be read as of a bad one.  And root
 * who looks at the evidence with sqlite3 makes files beside it that are asnd's
 * only a moment later. */
static gboolean
try_open_again(AsndStore *store, int *failed, GError **error)
{
	g_autoptr(GError) why = NULL;
	gboolean ok = try_open(store, failed, &why);

	for (int i = 1; i < OPEN_TRIES && !ok; i++) {
		if (*failed != SQLITE_CANTOPEN && *failed != SQLITE_IOERR &&
		    (*failed != SQLITE_CORRUPT || i > 1))
			break;
		g_clear_error(&why);
		g_usleep(OPEN_USEC);
		ok = try_open(store, failed, &why);
	}
	if (!ok)
		g_propagate_error(error, g_steal_pointer(&why));
	return ok;
}

static gboolean
set_aside(AsndStore *store, gint64 now, GError **error)
{
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(now);
	g_autofree char *stamp = g_date_time_format(when, "%Y%m%dT%H%M%SZ");
	/* Killed in between: no WAL is left for a file that it is not of. */
	static const char *const tails[] = {"-shm", "-wal", ""};

	store->set_aside = g_strdup_printf("%s.corrupt-%s", store->path, stamp);
	for (gsize i = 0; i < G_N_ELEMENTS(tails); i++) {
		g_autofree char *from =
		    g_strconcat(store->path, tails[i], NULL);
		g_autofree char *to =
		    g_strconcat(store->set_aside, tails[i], NULL);

		if (g_rename(from, to) != 0 && errno != ENOENT) {
			g_set_error(error, ASND_STORE_ERROR,
			    ASND_STORE_ERROR_OPEN,
			    "cannot move the corrupt %s aside: %s", from,
			    g_strerror(errno));
			return FALSE;
		}
	}
	return TRUE;
}

static gboolean
init_schema(AsndStore *store, GError **error)
{
	if (!asnd_schema_apply(store->db, store->path, error))
		return FALSE;
	store->begin = asnd_store_prepare(store, "BEGIN IMMEDIATE");
	store->commit = asnd_store_prepare(store, "COMMIT");
	store->get =
	    asnd_store_prepare(store, "SELECT value FROM meta WHERE key = ?");
	store->set = asnd_store_prepare(
	    store, "INSERT OR REPLACE INTO meta VALUES(?, ?)");
	return TRUE;
}

static gboolean
commit_first(AsndStore *store, GError **error)
{
	if (asnd_store_commit(store))
		return TRUE;
	g_set_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_OPEN, "%s: %s",
	    store->path, store->reason);
	return FALSE;
}

/* The oldest of what the file beside the database and the database say. */
static gboolean
init_install_time(AsndStore *store, const char *dir, gint64 now, GError **error)
{
	g_autofree char *file = g_build_filename(dir, INSTALL_FILE, NULL);
	g_autofree char *text = NULL;
	gint64 kept = 0;
	int dir_fd;
	gboolean ok;

	if (g_file_get_contents(file, &text, NULL, NULL))
		kept = g_ascii_strtoll(text, NULL, 10);
	store->install_time = asnd_store_meta(store, "install_time", now);
	if (kept > 0 && kept <= store->install_time) {
		store->install_time = kept;
		asnd_store_set_meta(store, "install_time", kept);
		return commit_first(store, error);
	}
	asnd_store_set_meta(store, "install_time", store->install_time);
	g_free(text);
	text = g_strdup_printf("%" G_GINT64_FORMAT "\n", store->install_time);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok = dir_fd >= 0 && asn_aside_write(dir_fd, INSTALL_FILE, text,
				strlen(text), 0640, error);
	if (dir_fd < 0)
		g_set_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_OPEN,
		    "%s: %s", dir, g_strerror(errno));
	else
		close(dir_fd);
	return ok && commit_first(store, error);
}

AsndStore *
asnd_store_open(const char *dir, gint64 now, GError **error)
{
	AsndStore *store = g_new0(AsndStore, 1);
	g_autoptr(GError) why = NULL;
	int failed = SQLITE_OK;
	gboolean ok;

	store->path = g_build_filename(dir, ASND_STORE_FILE, NULL);
	store->stmts = g_ptr_array_new_with_free_func(finalize);
	ok = try_open_again(store, &failed, &why);
	if (!ok && failed == SQLITE_CORRUPT) {
		g_clear_error(&why);
		ok = set_aside(store, now, &why) &&
		     try_open(store, &failed, &why);
	}
	ok = ok && init_schema(store, &why) &&
	     init_install_time(store, dir, now, &why);
	if (ok)
		return store;
	g_propagate_error(error, g_steal_pointer(&why));
	asnd_store_close(store);
	return NULL;
}

void
asnd_store_close(AsndStore *store)
{
	if (store == NULL)
		return;
	if (store->db != NULL && !asnd_store_commit(store))
		asnd_store_rollback(store);
	g_ptr_array_unref(store->stmts);
	sqlite3_close(store->db);
	g_free(store->path);
	g_free(store->set_aside);
	g_free(store->reason);
	g_free(store);
}

gint64
asnd_store_install_time(const AsndStore *store)
{
	return store->install_time;
}

void
asnd_store_lower_install_time(AsndStore *store, gint64 time)
{
	if (time >= store->install_time)
		return;
	store->install_time = time;
	asnd_store_set_meta(store, "install_time", time);
}

const char *
asnd_store_was_rebuilt(const AsndStore *store)
{
	return store->set_aside;
}
