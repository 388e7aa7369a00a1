/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema.c: the tables of the evidence file, and migrating older ones. */

#include "schema.h"
#include "store.h"

/* folders.place, mails.place, came_from and seen are AsndPlace bits,
 * votes.class is AsndVote, level is AsnSpamLevel. entries: the names under
 * which a mail is there now. votes: the journal; kind 1 learns, kind 2 takes
 * `ref` back.  seals: each sealed mail of each user that was ever read, and
 * was counted; seen: their number. */
static const char tables[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"
    "CREATE TABLE users(id INTEGER PRIMARY KEY,"
    " path BLOB UNIQUE NOT NULL, last_spam INTEGER NOT NULL DEFAULT 0,"
    " last_seen INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX users_spam ON users(last_spam);"
    "CREATE TABLE folders(id INTEGER PRIMARY KEY,"
    " user INTEGER NOT NULL, name BLOB NOT NULL,"
    " place INTEGER NOT NULL DEFAULT 0, UNIQUE(user, name));"
    "CREATE TABLE mails(id INTEGER PRIMARY KEY,"
    " user INTEGER NOT NULL, dev INTEGER NOT NULL, ino INTEGER NOT NULL,"
    " mtime INTEGER NOT NULL, base INTEGER NOT NULL, folder INTEGER NOT NULL,"
    " place INTEGER NOT NULL, came_from INTEGER NOT NULL,"
    " seen INTEGER NOT NULL, flags INTEGER NOT NULL,"
    " arrived INTEGER NOT NULL, state INTEGER NOT NULL,"
    " pending INTEGER NOT NULL, gone INTEGER NOT NULL,"
    " time INTEGER NOT NULL, due INTEGER NOT NULL,"
    " sealed INTEGER NOT NULL, flagged INTEGER NOT NULL,"
    " early INTEGER NOT NULL, lost INTEGER NOT NULL DEFAULT 0,"
    " lost_base INTEGER NOT NULL DEFAULT 0,"
    " anew INTEGER NOT NULL DEFAULT 0, digest BLOB, addr BLOB,"
    " level INTEGER NOT NULL DEFAULT 0);"
    "CREATE UNIQUE INDEX mails_inode ON mails(user, ino, dev);"
    "CREATE INDEX mails_digest ON mails(user, digest)"
    " WHERE digest IS NOT NULL;"
    "CREATE INDEX mails_wanted ON mails(id) WHERE state = 0;"
    "CREATE INDEX mails_pending ON mails(user, id) WHERE pending = 1;"
    "CREATE INDEX mails_due ON mails(user, due) WHERE due > 0;"
    "CREATE INDEX mails_gone ON mails(gone) WHERE gone > 0;"
    "CREATE TABLE entries(folder INTEGER NOT NULL,"
    " cur INTEGER NOT NULL, name BLOB NOT NULL, mail INTEGER NOT NULL,"
    " PRIMARY KEY(folder, cur, name)) WITHOUT ROWID;"
    "CREATE INDEX entries_mail ON entries(mail);"
    "CREATE TABLE votes(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " kind INTEGER NOT NULL, ref INTEGER, user INTEGER NOT NULL,"
    " digest BLOB NOT NULL, class INTEGER NOT NULL, addr BLOB, asn INTEGER,"
    " country BLOB, prefix BLOB, mail_time INTEGER, vote_time INTEGER NOT NULL,"
    " day INTEGER, cap BLOB, weight INTEGER NOT NULL, sealed INTEGER,"
    " flagged INTEGER, level INTEGER NOT NULL DEFAULT 0, week INTEGER);"
    "CREATE INDEX votes_mail ON votes(user, digest, id);"
    "CREATE INDEX votes_cap ON votes(user, day, class, cap) WHERE kind = 1;"
    "CREATE INDEX votes_time ON votes(vote_time);";

static const char quality_tables[] =
    "CREATE TABLE seals(user INTEGER NOT NULL, digest BLOB NOT NULL,"
    " week INTEGER NOT NULL, level INTEGER NOT NULL,"
    " flagged INTEGER NOT NULL, PRIMARY KEY(user, digest)) WITHOUT ROWID;"
    "CREATE TABLE seen(week INTEGER NOT NULL, level INTEGER NOT NULL,"
    " flagged INTEGER NOT NULL, n INTEGER NOT NULL,"
    " PRIMARY KEY(week, level, flagged)) WITHOUT ROWID;";

/* Mails that users junked, on their way to an abuse desk. state: 0 waits, 1
 * reported (asked: when), 2 never. */
static const char report_tables[] =
    "CREATE TABLE reports(id INTEGER PRIMARY KEY, digest BLOB NOT NULL,"
    " user INTEGER NOT NULL, state INTEGER NOT NULL, due INTEGER NOT NULL,"
    " asked INTEGER NOT NULL DEFAULT 0, UNIQUE(digest, user));"
    "CREATE INDEX reports_due ON reports(due, id) WHERE state = 0;"
    "CREATE INDEX reports_asked ON reports(asked) WHERE state = 1;"
    "CREATE INDEX reports_user ON reports(user, asked) WHERE state = 1;";

/* By what votes are searched for and forgotten; whose a Maildir is. */
static const char command_tables[] =
    "CREATE TABLE owners(user INTEGER PRIMARY KEY, uid INTEGER NOT NULL);"
    "CREATE INDEX owners_uid ON owners(uid);"
    "CREATE INDEX votes_addr ON votes(addr, id) WHERE kind = 1;"
    "CREATE INDEX votes_asn ON votes(asn, id) WHERE kind = 1;"
    "CREATE INDEX votes_digest ON votes(digest, id) WHERE kind = 1;";

static const char level_columns[] =
    "ALTER TABLE mails ADD COLUMN level INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE votes ADD COLUMN level INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE votes ADD COLUMN week INTEGER;";

/* What a file of version 1 knows of sealed mails: those that are there, and
 * of what is gone the votes.  Level 0: nobody wrote it down.  The week as
 * asnd_quality_week has it. */
static const char count_sealed[] =
    "INSERT OR IGNORE INTO seals SELECT user, digest,"
    " (max(time, 0) / 86400 + 3) / 7, 0, flagged FROM mails"
    " WHERE sealed = 1 AND digest IS NOT NULL;"
    "INSERT OR IGNORE INTO seals SELECT user, digest,"
    " (max(mail_time, 0) / 86400 + 3) / 7, 0, flagged FROM votes"
    " WHERE sealed = 1 AND kind = 1;"
    "UPDATE votes SET week = (SELECT week FROM seals s"
    " WHERE s.user = votes.user AND s.digest = votes.digest)"
    " WHERE sealed = 1 AND kind = 1;"
    "INSERT INTO seen SELECT week, level, flagged, count(*) FROM seals"
    " GROUP BY week, level, flagged;";

static gboolean
run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static gint64
version_of(sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	gint64 v = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL) ==
		SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		v = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return v;
}

static gboolean
apply(sqlite3 *db, gint64 version)
{
	g_autofree char *set =
	    g_strdup_printf("PRAGMA user_version=%d", ASND_SCHEMA_VERSION);

	if (version == 0 && !run(db, tables))
		return FALSE;
	if (version == 1 && !run(db, level_columns))
		return FALSE;
	return run(db, quality_tables) && run(db, report_tables) &&
	       run(db, command_tables) &&
	       (version == 0 || run(db, count_sealed)) && run(db, set);
}

gboolean
asnd_schema_apply(sqlite3 *db, const char *path, GError **error)
{
	gint64 v = version_of(db);

	if (v == ASND_SCHEMA_VERSION)
		return TRUE;
	if (v > ASND_SCHEMA_VERSION) {
		g_set_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_NEWER,
		    "%s: schema version %" G_GINT64_FORMAT
		    " is from a newer asnd; this one knows %d",
		    path, v, ASND_SCHEMA_VERSION);
		return FALSE;
	}
	if (v >= 0 && run(db, "BEGIN IMMEDIATE") && apply(db, v) &&
	    run(db, "COMMIT"))
		return TRUE;
	g_set_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_OPEN, "%s: %s",
	    path, sqlite3_errmsg(db));
	return FALSE;
}
