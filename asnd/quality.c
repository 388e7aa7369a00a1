/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quality.c: counting what became of mails that we judged. */

#include "quality.h"

#define FIRST_WEEK "quality_first_week"

typedef enum {
	Q_SEAL,
	Q_SEEN,
	Q_SEAL_OF,
	Q_ROWS,
	Q_OLD_SEALS,
	Q_OLD_SEEN,
	N_QUERIES
} Query;

static const char *const queries[N_QUERIES] = {
    [Q_SEAL] = "INSERT OR IGNORE INTO seals VALUES(?,?,?,?,?) RETURNING 1",
    [Q_SEEN] = "INSERT INTO seen VALUES(?,?,?,1)"
	       " ON CONFLICT DO UPDATE SET n = n + 1",
    [Q_SEAL_OF] = "SELECT week, level, flagged FROM seals"
		  " WHERE user=? AND digest=?",
    [Q_ROWS] = "SELECT week, level, flagged, n FROM seen"
	       " WHERE week>=? AND week<=? ORDER BY week, level",
    [Q_OLD_SEALS] = "DELETE FROM seals WHERE week<?",
    [Q_OLD_SEEN] = "DELETE FROM seen WHERE week<?",
};

struct _AsndQuality {
	AsndStore *store;
	GHashTable *opinions; /* key_of -> count */
	sqlite3_stmt *q[N_QUERIES];
};

#define STEP(c, query, ...)                                                    \
	asnd_store_step((c)->store, (c)->q[query], __VA_ARGS__)
#define RUN(c, query, ...)                                                     \
	asnd_store_run((c)->store, (c)->q[query], __VA_ARGS__)
#define DONE(c, query) asnd_store_done((c)->q[query])

AsndQuality *
asnd_quality_new(AsndStore *store, GError **error)
{
	AsndQuality *c = g_new0(AsndQuality, 1);

	c->store = store;
	c->opinions =
	    g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	for (int i = 0; i < N_QUERIES; i++)
		c->q[i] = asnd_store_prepare(store, queries[i]);
	if (asnd_store_failed(store, NULL) == NULL)
		return c;
	g_set_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_OPEN,
	    "evidence: %s", asnd_store_failed(store, NULL));
	asnd_quality_free(c);
	return NULL;
}

void
asnd_quality_free(AsndQuality *c)
{
	if (c == NULL)
		return;
	g_hash_table_unref(c->opinions);
	g_free(c);
}

/* 1 January 1970 was a Thursday. */
gint64
asnd_quality_week(gint64 time)
{
	return (MAX(time, 0) / ASND_DAY + 3) / 7;
}

gint64
asnd_quality_week_start(gint64 week)
{
	return (week * 7 - 3) * ASND_DAY;
}

/* --- counting --------------------------------------------------------------
 */

gboolean
asnd_quality_see(
    AsndQuality *c, gint64 user, const guint8 *digest, const AsndVerdict *v)
{
	gboolean is_new;

	if (v->week < asnd_store_meta(c->store, FIRST_WEEK, 0))
		return FALSE;
	asnd_store_begin(c->store);
	is_new = STEP(c, Q_SEAL, "ibidd", user, digest, (gsize)16, v->week,
	    (int)v->level, v->flagged != FALSE);
	DONE(c, Q_SEAL);
	if (is_new)
		RUN(c, Q_SEEN, "idd", v->week, (int)v->level,
		    v->flagged != FALSE);
	return is_new;
}

void
asnd_quality_seen_as(
    AsndQuality *c, gint64 user, const guint8 *digest, AsndVerdict *verdict)
{
	sqlite3_stmt *s = c->q[Q_SEAL_OF];

	asnd_quality_see(c, user, digest, verdict);
	if (STEP(c, Q_SEAL_OF, "ib", user, digest, (gsize)16)) {
		verdict->week = sqlite3_column_int64(s, 0);
		verdict->level = (AsnSpamLevel)sqlite3_column_int(s, 1);
		verdict->flagged = sqlite3_column_int(s, 2);
	}
	DONE(c, Q_SEAL_OF);
}

static gint64
key_of(const AsndVerdict *v, AsndVote vote)
{
	return v->week << 8 | (gint64)v->level << 4 | (v->flagged ? 4 : 0) |
	       vote;
}

void
asnd_quality_opinion(AsndQuality *c, const AsndVerdict *v, AsndVote vote, int n)
{
	gint64 key = key_of(v, vote);
	gint64 *count = g_hash_table_lookup(c->opinions, &key);

	if (count == NULL) {
		count = g_new0(gint64, 1);
		g_hash_table_insert(c->opinions, asnd_id_new(key), count);
	}
	*count += n;
}

void
asnd_quality_reset(AsndQuality *c)
{
	g_hash_table_remove_all(c->opinions);
}

void
asnd_quality_prune(AsndQuality *c, gint64 before)
{
	/* The week in which `before` lies is no longer whole. */
	gint64 first = asnd_quality_week(before) + 1;

	if (before <= 0 || first <= asnd_store_meta(c->store, FIRST_WEEK, 0))
		return;
	asnd_store_set_meta(c->store, FIRST_WEEK, first);
	RUN(c, Q_OLD_SEALS, "i", first);
	RUN(c, Q_OLD_SEEN, "i", first);
}

/* --- asking ----------------------------------------------------------------
 */

static gint64
opinions(AsndQuality *c, AsndVerdict v, gboolean flagged, AsndVote vote)
{
	gint64 key, *count;

	v.flagged = flagged;
	key = key_of(&v, vote);
	count = g_hash_table_lookup(c->opinions, &key);
	return count ? *count : 0;
}

static void
add_opinions(AsndQuality *c, GArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		AsndQualityRow *row = &g_array_index(rows, AsndQualityRow, i);
		AsndVerdict v = {.week = row->week, .level = row->level};

		row->rescued = opinions(c, v, TRUE, ASND_VOTE_HAM);
		row->confirmed = opinions(c, v, TRUE, ASND_VOTE_SPAM);
		row->missed = opinions(c, v, FALSE, ASND_VOTE_SPAM);
	}
}

GArray *
asnd_quality_rows(AsndQuality *c, guint n, gint64 now)
{
	GArray *rows = g_array_new(FALSE, TRUE, sizeof(AsndQualityRow));
	gint64 last = asnd_quality_week(now);
	gint64 first =
	    MAX(last - n + 1, asnd_store_meta(c->store, FIRST_WEEK, 0));
	gboolean more = STEP(c, Q_ROWS, "ii", first, last);

	/* Whoever voted on a mail was seen to have it. */
	for (; more; more = asnd_store_next(c->store, c->q[Q_ROWS])) {
		sqlite3_stmt *s = c->q[Q_ROWS];
		AsndQualityRow new = {.week = sqlite3_column_int64(s, 0),
		    .level = (AsnSpamLevel)sqlite3_column_int(s, 1)};
		AsndQualityRow *row =
		    rows->len == 0
			? NULL
			: &g_array_index(rows, AsndQualityRow, rows->len - 1);

		if (row == NULL || row->week != new.week ||
		    row->level != new.level) {
			g_array_append_val(rows, new);
			row =
			    &g_array_index(rows, AsndQualityRow, rows->len - 1);
		}
		if (sqlite3_column_int(s, 2))
			row->flagged = sqlite3_column_int64(s, 3);
		else
			row->unflagged = sqlite3_column_int64(s, 3);
	}
	DONE(c, Q_ROWS);
	add_opinions(c, rows);
	return rows;
}
