/* SPDX-License-Identifier: GPL-2.0-or-later */
/* counts.c: how much was learnt. */

#include "counts.h"

#define LAST_MAIL "last_mail"
#define STEP 60 /* seconds; more often it is not written down */

typedef enum { Q_LAST, Q_REPORTERS, N_QUERIES } Query;

/* Either is a look into an index. */
static const char *const queries[N_QUERIES] = {
    [Q_LAST] = "SELECT vote_time FROM votes WHERE kind=1"
	       " ORDER BY id DESC LIMIT 1",
    [Q_REPORTERS] = "SELECT count(*) FROM users WHERE last_spam>?",
};

struct _AsndCounter {
	AsndStore *store;
	AsndJournal *journal;
	AsndCounts counts;
	gint64 kept; /* of LAST_MAIL, in the evidence */
	sqlite3_stmt *q[N_QUERIES];
};

AsndCounter *
asnd_counter_new(AsndStore *store, AsndJournal *journal)
{
	AsndCounter *c = g_new0(AsndCounter, 1);

	c->store = store;
	c->journal = journal;
	c->kept = asnd_store_meta(store, LAST_MAIL, 0);
	c->counts.last_mail = c->kept;
	for (int i = 0; i < N_QUERIES; i++)
		c->q[i] = asnd_store_prepare(store, queries[i]);
	return c;
}

void
asnd_counter_free(AsndCounter *c)
{
	g_free(c);
}

void
asnd_counter_saw(AsndCounter *c, gint64 arrived)
{
	c->counts.last_mail = MAX(c->counts.last_mail, arrived);
	if (c->counts.last_mail < c->kept + STEP)
		return;
	c->kept = c->counts.last_mail;
	asnd_store_begin(c->store);
	asnd_store_set_meta(c->store, LAST_MAIL, c->kept);
}

static gint64
number(AsndCounter *c, Query query, gboolean row)
{
	gint64 n = row ? sqlite3_column_int64(c->q[query], 0) : 0;

	asnd_store_done(c->q[query]);
	return n;
}

const AsndCounts *
asnd_counter_get(AsndCounter *c, gint64 now)
{
	c->counts.votes = *asnd_journal_tally(c->journal);
	c->counts.last_vote =
	    number(c, Q_LAST, asnd_store_step(c->store, c->q[Q_LAST], ""));
	c->counts.reporters = (guint)number(c, Q_REPORTERS,
	    asnd_store_step(
		c->store, c->q[Q_REPORTERS], "i", now - ASND_WINDOW));
	return &c->counts;
}
