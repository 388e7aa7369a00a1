/* SPDX-License-Identifier: GPL-2.0-or-later */
/* counts.c: how much was learnt. */

#include "counts.h"
#include "votes.h"

#define PAUSE 20 /* times what counting took */

typedef enum {
	Q_STANDING,
	Q_TAKEN_BACK,
	Q_LAST,
	Q_REPORTERS,
	Q_LAST_MAIL,
	N_QUERIES
} Query;

static const char *const queries[N_QUERIES] = {
    [Q_STANDING] = "SELECT class, count(*) FROM votes WHERE kind=1 AND id NOT"
		   " IN (SELECT ref FROM votes WHERE kind=2) GROUP BY class",
    [Q_TAKEN_BACK] = "SELECT count(*) FROM votes WHERE kind=2",
    [Q_LAST] = "SELECT vote_time FROM votes WHERE kind=1"
	       " ORDER BY id DESC LIMIT 1",
    [Q_REPORTERS] = "SELECT count(*) FROM users WHERE last_spam>?",
    [Q_LAST_MAIL] = "SELECT max(arrived) FROM mails WHERE state=1",
};

struct _AsndCounter {
	AsndStore *store;
	AsndCounts counts;
	gint64 after; /* monotonic */
	sqlite3_stmt *q[N_QUERIES];
};

AsndCounter *
asnd_counter_new(AsndStore *store)
{
	AsndCounter *c = g_new0(AsndCounter, 1);

	c->store = store;
	for (int i = 0; i < N_QUERIES; i++)
		c->q[i] = asnd_store_prepare(store, queries[i]);
	return c;
}

void
asnd_counter_free(AsndCounter *c)
{
	g_free(c);
}

static gint64
number(AsndCounter *c, Query query, gboolean row)
{
	gint64 n = row ? sqlite3_column_int64(c->q[query], 0) : 0;

	asnd_store_done(c->q[query]);
	return n;
}

static void
count_standing(AsndCounter *c)
{
	sqlite3_stmt *s = c->q[Q_STANDING];
	gboolean row = asnd_store_step(c->store, s, "");

	c->counts.spam = c->counts.ham = 0;
	for (; row; row = asnd_store_next(c->store, s)) {
		guint64 n = (guint64)sqlite3_column_int64(s, 1);

		if (sqlite3_column_int(s, 0) == ASND_VOTE_SPAM)
			c->counts.spam = n;
		else
			c->counts.ham = n;
	}
	asnd_store_done(s);
}

static void
count(AsndCounter *c, gint64 now)
{
	AsndStore *store = c->store;

	count_standing(c);
	c->counts.taken_back = (guint64)number(
	    c, Q_TAKEN_BACK, asnd_store_step(store, c->q[Q_TAKEN_BACK], ""));
	c->counts.last_vote =
	    number(c, Q_LAST, asnd_store_step(store, c->q[Q_LAST], ""));
	c->counts.reporters = (guint)number(c, Q_REPORTERS,
	    asnd_store_step(store, c->q[Q_REPORTERS], "i", now - ASND_WINDOW));
	c->counts.last_mail = number(
	    c, Q_LAST_MAIL, asnd_store_step(store, c->q[Q_LAST_MAIL], ""));
}

const AsndCounts *
asnd_counter_get(AsndCounter *c, gint64 now)
{
	gint64 start = g_get_monotonic_time(), end;

	if (start < c->after)
		return &c->counts;
	count(c, now);
	end = g_get_monotonic_time();
	c->after = end + PAUSE * (end - start);
	return &c->counts;
}
