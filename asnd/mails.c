/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mails.c: where every mail is and where it came from. */

#include <string.h>

#include "mails-private.h"

#define COLUMNS                                                                \
	"m.id, m.user, m.dev, m.ino, m.mtime, m.base, m.folder, m.place,"      \
	" m.came_from, m.seen, m.flags, m.arrived, m.state, m.pending,"        \
	" m.gone, m.time, m.due, m.sealed, m.flagged, m.early, m.lost,"        \
	" m.lost_base, m.anew, m.digest, m.addr, m.level"

static const char *const queries[N_QUERIES] = {
    [Q_BY_NAME] = "SELECT " COLUMNS " FROM entries e JOIN mails m"
		  " ON m.id = e.mail WHERE e.folder=? AND e.cur=? AND e.name=?",
    [Q_BY_INODE] =
	"SELECT " COLUMNS " FROM mails m WHERE user=? AND ino=? AND dev=?",
    [Q_BY_ID] = "SELECT " COLUMNS " FROM mails m WHERE id=?",
    [Q_INSERT] = "INSERT INTO mails(user, dev, ino, mtime, base, folder, place,"
		 " came_from, seen, flags, arrived, state, pending, gone, time,"
		 " due, sealed, flagged, early)"
		 " VALUES(?,?,?,?,?,?,?,0,?,?,?,?,1,0,0,0,0,0,?)",
    [Q_UPDATE] = "UPDATE OR REPLACE mails SET dev=?, base=?, folder=?, place=?,"
		 " came_from=?, seen=?, flags=?, arrived=?, state=?, pending=?,"
		 " gone=?, time=?, due=?, sealed=?, flagged=?, anew=?,"
		 " level=?, digest=?, addr=?"
		 " WHERE id=?",
    /* Another file has its inode number now: its seal may still be met. */
    [Q_DISPLACE] = "UPDATE mails SET ino = -id, dev = 0, due = 0, pending = 0,"
		   " state = 4, gone = CASE gone WHEN 0 THEN ? ELSE gone END"
		   " WHERE id=?",
    [Q_ENTRY_ADD] = "INSERT OR REPLACE INTO entries VALUES(?,?,?,?)",
    [Q_ENTRY_DEL] = "DELETE FROM entries WHERE folder=? AND cur=? AND name=?"
		    " RETURNING mail",
    [Q_ENTRY_OF] = "SELECT 1 FROM entries WHERE mail=? LIMIT 1",
    [Q_ENTRY_LIST] = "SELECT cur, name FROM entries WHERE folder=?",
    [Q_NAMES] = "SELECT folder, cur, name FROM entries WHERE mail=?",
    [Q_LOST] = "UPDATE mails SET lost=?, lost_base=? WHERE id=?",
    [Q_GONE] = "UPDATE mails SET gone=? WHERE id=?",
    [Q_SEEN_DIGEST] = "SELECT seen FROM mails WHERE user=? AND digest=?"
		      " AND id<>? LIMIT 16",
    [Q_WANTED] = "SELECT id FROM mails WHERE state=0 AND id>?"
		 " ORDER BY id LIMIT ?",
    [Q_PENDING] =
	"SELECT id FROM mails WHERE pending=1 AND user=? AND id>? AND state=1"
	" ORDER BY id LIMIT ?",
    [Q_DUE] = "SELECT m.id FROM users u CROSS JOIN mails m ON m.user=u.id"
	      " WHERE u.last_spam>=? AND m.due>0 AND m.due<=? AND m.gone=0"
	      " LIMIT ?",
    [Q_ALL_PENDING] = "SELECT id FROM mails WHERE pending=1 AND state=1"
		      " ORDER BY time, place<>2, id",
    [Q_WAITING] = "SELECT id, addr FROM mails WHERE pending=1"
		  " UNION SELECT id, addr FROM mails WHERE due<>0",
    [Q_SETTLE] = "UPDATE mails SET pending=0, due=0, anew=0 WHERE id=?",
    [Q_SETTLE_USER] =
	"UPDATE mails SET pending=0, due=0, anew=0 WHERE user=? AND state=1",
    [Q_SETTLE_DIGEST] = "UPDATE mails SET pending=0, due=0, anew=0"
			" WHERE user IN (SELECT id FROM users) AND digest=?",
    [Q_PURGE] = "DELETE FROM mails WHERE gone>0 AND gone<?",
    [Q_COUNT] = "SELECT count(*) FROM mails",
    [Q_USER] = "SELECT id FROM users WHERE path=?",
    [Q_USER_ADD] = "INSERT INTO users(path) VALUES(?)",
    [Q_USER_SEEN] = "UPDATE users SET last_seen=? WHERE id=? AND last_seen<?",
    [Q_AWAY] = "UPDATE mails SET due=-due WHERE user=? AND due>0",
    [Q_BACK] = "UPDATE mails SET due=-due WHERE due<0"
	       " AND id IN (SELECT mail FROM entries WHERE folder=?)",
    [Q_USERS_DUE] = "SELECT id FROM users u WHERE EXISTS"
		    " (SELECT 1 FROM mails WHERE user=u.id AND due>0) OR EXISTS"
		    " (SELECT 1 FROM mails WHERE user=u.id AND pending=1)",
    [Q_USER_PATH] = "SELECT path FROM users WHERE id=?",
    [Q_SET_OWNER] = "INSERT INTO owners VALUES(?,?) ON CONFLICT(user) DO UPDATE"
		    " SET uid=excluded.uid WHERE uid<>excluded.uid",
    [Q_USERS_OF] = "SELECT u.id FROM owners o JOIN users u ON u.id=o.user"
		   " WHERE o.uid=? AND u.last_seen>=?",
    [Q_USERS_WITH] = "SELECT id, path FROM users WHERE instr(path, ?)",
    [Q_NAMED_ONLY] = "SELECT id, path FROM users WHERE path>=CAST('user:' AS"
		     " BLOB) AND path<CAST('user;' AS BLOB)",
    [Q_SET_PATH] = "UPDATE users SET path=? WHERE id=?",
    [Q_FOLDER] = "SELECT id FROM folders WHERE user=? AND name=?",
    [Q_FOLDER_ADD] = "INSERT INTO folders(user, name) VALUES(?,?)",
    [Q_FOLDERS_OF] = "SELECT id FROM folders f WHERE user=? AND EXISTS"
		     " (SELECT 1 FROM entries WHERE folder=f.id)",
    [Q_KIND] = "SELECT place FROM folders WHERE id=?",
    [Q_SET_KIND] = "UPDATE folders SET place=? WHERE id=?",
    [Q_MAILS_KIND] =
	"UPDATE mails SET place=?1, seen=?1, came_from=0, pending=1, due=0,"
	" anew=1 WHERE folder=?2"
	" AND id IN (SELECT mail FROM entries WHERE folder=?2)",
    [Q_LAST_SPAM] = "SELECT last_spam FROM users WHERE id=?",
    [Q_SET_LAST_SPAM] =
	"UPDATE users SET last_spam=? WHERE id=? AND last_spam<?",
    [Q_NTH_REPORTER] = "SELECT last_spam FROM users WHERE last_spam>0"
		       " ORDER BY last_spam DESC LIMIT 1 OFFSET ?",
    [Q_OLD_USER] = "SELECT id FROM users WHERE last_seen<? LIMIT 1",
    [Q_OLD_ENTRIES] = "DELETE FROM entries WHERE folder IN"
		      " (SELECT id FROM folders WHERE user=?)",
    [Q_OLD_MAILS] = "DELETE FROM mails WHERE user=?",
    [Q_OLD_FOLDERS] = "DELETE FROM folders WHERE user=?",
};

AsndMails *
asnd_mails_new(AsndStore *store, GError **error)
{
	AsndMails *m = g_new0(AsndMails, 1);

	m->store = store;
	m->away =
	    g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	for (int i = 0; i < N_QUERIES; i++)
		m->q[i] = asnd_store_prepare(store, queries[i]);
	asnd_mails_count(m);
	if (asnd_store_failed(store, NULL) == NULL)
		return m;
	g_set_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_OPEN,
	    "evidence: %s", asnd_store_failed(store, NULL));
	asnd_mails_free(m);
	return NULL;
}

void
asnd_mails_free(AsndMails *m)
{
	if (m == NULL)
		return;
	g_hash_table_unref(m->away);
	g_free(m);
}

/* --- users and folders -----------------------------------------------------
 */

gint64
asnd_mails_first(AsndMails *m, Query query, gboolean row)
{
	gint64 v = row ? sqlite3_column_int64(m->q[query], 0) : 0;

	DONE(m, query);
	return v;
}

gint64
asnd_mails_inserted(AsndMails *m)
{
	if (asnd_store_failed(m->store, NULL) != NULL)
		return 0;
	return asnd_store_last_id(m->store);
}

gint64
asnd_mails_user(AsndMails *m, const char *path, gsize len, gint64 now)
{
	gint64 id =
	    asnd_mails_first(m, Q_USER, STEP(m, Q_USER, "b", path, len));

	asnd_store_begin(m->store);
	if (id == 0) {
		RUN(m, Q_USER_ADD, "b", path, len);
		id = asnd_mails_inserted(m);
	}
	/* To the day, so that a restart writes little. */
	RUN(m, Q_USER_SEEN, "iii", now, id, now - ASND_DAY);
	return id;
}

gint64
asnd_mails_folder(AsndMails *m, gint64 user, const char *name, gsize len)
{
	gint64 id = asnd_mails_first(
	    m, Q_FOLDER, STEP(m, Q_FOLDER, "ib", user, name, len));

	if (id != 0)
		return id;
	asnd_store_begin(m->store);
	RUN(m, Q_FOLDER_ADD, "ib", user, name, len);
	return asnd_mails_inserted(m);
}

void
asnd_mails_set_kind(AsndMails *m, gint64 folder, AsndPlace kind)
{
	gint64 old = asnd_mails_first(m, Q_KIND, STEP(m, Q_KIND, "i", folder));

	if (old == (gint64)kind)
		return;
	asnd_store_begin(m->store);
	RUN(m, Q_SET_KIND, "di", (int)kind, folder);
	if (old != 0)
		RUN(m, Q_MAILS_KIND, "di", (int)kind, folder);
}

gint64
asnd_mails_last_spam(AsndMails *m, gint64 user)
{
	return asnd_mails_first(
	    m, Q_LAST_SPAM, STEP(m, Q_LAST_SPAM, "i", user));
}

void
asnd_mails_set_last_spam(AsndMails *m, gint64 user, gint64 when)
{
	asnd_store_begin(m->store);
	RUN(m, Q_SET_LAST_SPAM, "iii", when, user, when);
}

gint64
asnd_mails_nth_reporter(AsndMails *m, guint n)
{
	return asnd_mails_first(
	    m, Q_NTH_REPORTER, STEP(m, Q_NTH_REPORTER, "d", (int)n));
}

/* --- rows ------------------------------------------------------------------
 */

gboolean
asnd_mails_load(AsndMails *m, Query query, gboolean have, AsndMailRow *row)
{
	sqlite3_stmt *s = m->q[query];

	memset(row, 0, sizeof *row);
	if (have) {
		int i = 0;

		row->id = sqlite3_column_int64(s, i++);
		row->user = sqlite3_column_int64(s, i++);
		row->dev = sqlite3_column_int64(s, i++);
		row->ino = sqlite3_column_int64(s, i++);
		row->mtime = sqlite3_column_int64(s, i++);
		row->base = sqlite3_column_int64(s, i++);
		row->folder = sqlite3_column_int64(s, i++);
		row->place = (AsndPlace)sqlite3_column_int(s, i++);
		row->came_from = (guint)sqlite3_column_int(s, i++);
		row->seen = (guint)sqlite3_column_int(s, i++);
		row->flags = (guint)sqlite3_column_int(s, i++);
		row->arrived = sqlite3_column_int64(s, i++);
		row->state = (AsndMailReadState)sqlite3_column_int(s, i++);
		row->pending = sqlite3_column_int(s, i++);
		row->gone = sqlite3_column_int64(s, i++);
		row->time = sqlite3_column_int64(s, i++);
		row->due = sqlite3_column_int64(s, i++);
		row->sealed = sqlite3_column_int(s, i++);
		row->flagged = sqlite3_column_int(s, i++);
		row->early = sqlite3_column_int(s, i++);
		row->lost = sqlite3_column_int64(s, i++);
		row->lost_base = sqlite3_column_int64(s, i++);
		row->anew = sqlite3_column_int(s, i++);
		if (sqlite3_column_bytes(s, i) == sizeof row->digest) {
			row->has_digest = TRUE;
			memcpy(row->digest, sqlite3_column_blob(s, i),
			    sizeof row->digest);
		}
		if (sqlite3_column_bytes(s, i + 1) == sizeof row->addr)
			memcpy(&row->addr, sqlite3_column_blob(s, i + 1),
			    sizeof row->addr);
		row->level = (AsnSpamLevel)sqlite3_column_int(s, i + 2);
	}
	DONE(m, query);
	return have;
}

gboolean
asnd_mails_get(AsndMails *m, gint64 id, AsndMailRow *row)
{
	return asnd_mails_load(m, Q_BY_ID, STEP(m, Q_BY_ID, "i", id), row);
}

void
asnd_mails_save(AsndMails *m, const AsndMailRow *r)
{
	const char *format =
	    r->has_digest ? "iiiddddiddiiiddddbbi" : "iiiddddiddiiiddddnni";

	asnd_store_begin(m->store);
	if (r->has_digest)
		RUN(m, Q_UPDATE, format, r->dev, r->base, r->folder,
		    (int)r->place, (int)r->came_from, (int)r->seen,
		    (int)r->flags, r->arrived, (int)r->state, r->pending,
		    r->gone, r->time, r->due, r->sealed, r->flagged, r->anew,
		    (int)r->level, r->digest, sizeof r->digest, &r->addr,
		    sizeof r->addr, r->id);
	else
		RUN(m, Q_UPDATE, format, r->dev, r->base, r->folder,
		    (int)r->place, (int)r->came_from, (int)r->seen,
		    (int)r->flags, r->arrived, (int)r->state, r->pending,
		    r->gone, r->time, r->due, r->sealed, r->flagged, r->anew,
		    (int)r->level, r->id);
}
