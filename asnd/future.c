/* SPDX-License-Identifier: GPL-2.0-or-later */
/* future.c: times that have not come yet become now. */

#include "future.h"
#include "mails.h"

/* ?1: now.  86400: ASND_DAY. */
static const char *const updates[] = {
    "UPDATE votes SET vote_time = min(vote_time, ?1),"
    " mail_time = min(mail_time, ?1),"
    " day = CASE WHEN day > ?1 / 86400 THEN ?1 / 86400 ELSE day END"
    " WHERE vote_time > ?1 + 86400",
    "UPDATE users SET last_spam = min(last_spam, ?1),"
    " last_seen = min(last_seen, ?1)"
    " WHERE max(last_spam, last_seen) > ?1 + 86400",
    /* Ham becomes due three days after its time (below 0: it waits). */
    "UPDATE mails SET time = min(time, ?1), arrived = min(arrived, ?1),"
    " gone = min(gone, ?1), due = max(min(due,"
    " ?1 + 3 * 86400), -?1 - 3 * 86400)"
    " WHERE max(time, arrived, gone, abs(due) - 3 * 86400) > ?1 + 86400",
    ("UPDATE reports SET due = min(due, ?1), asked = min(asked, ?1)"
     " WHERE max(due - 86400, asked) > ?1 + 86400"),
};
/* ?1: since when mail is worth reading. state 2: skipped. */
static const char skipped[] = "UPDATE mails SET state = 0 WHERE state = 2"
			      " AND gone = 0 AND mtime >= ?1";

static guint
run(AsndStore *store, const char *sql, gint64 time)
{
	asnd_store_run(store, asnd_store_prepare(store, sql), "i", time);
	return asnd_store_changed(store);
}

guint
asnd_future_bring_back(AsndStore *store, gint64 now)
{
	guint n = 0;

	asnd_store_begin(store);
	asnd_store_work_begins(store);
	for (gsize i = 0; i < G_N_ELEMENTS(updates); i++)
		n += run(store, updates[i], now);
	n += run(store, skipped, now - ASND_WINDOW);
	asnd_store_lower_install_time(store, now);
	asnd_store_work_ends(store);
	return n;
}

gint64
asnd_future_latest(AsndStore *store)
{
	sqlite3_stmt *stmt = asnd_store_prepare(store,
	    "SELECT max((SELECT ifnull(max(last_seen), 0) FROM users),"
	    " (SELECT ifnull(max(vote_time), 0) FROM votes))");
	gint64 latest = 0;

	if (asnd_store_step(store, stmt, ""))
		latest = sqlite3_column_int64(stmt, 0);
	asnd_store_done(stmt);
	return latest;
}
