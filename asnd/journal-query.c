/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal-query.c: votes by what they are about. */

#include <string.h>

#include "journal-private.h"

/* A millisecond's worth between two turns of the loop: votes looked at in an
 * index, and votes read. */
#define PIECE 4096
#define PIECE_READ 128

/* The newest entry of (user, digest) stands; an older one was taken back. */
static const char *const queries[N_LOOKUPS] = {
    [L_AS] = "SELECT id FROM votes WHERE kind=1 AND asn=?"
	     " ORDER BY id DESC LIMIT ?",
    /* Addresses of the other family sort in between. */
    [L_INSIDE] = "SELECT id, addr FROM votes WHERE kind=1"
		 " AND (addr, id) > (?, ?) AND addr <= ?"
		 " ORDER BY addr, id LIMIT ?",
    [L_MAIL] = "SELECT id FROM votes WHERE kind=1 AND digest=?"
	       " ORDER BY id DESC LIMIT ?",
    [L_VOTE] = "SELECT v.id, v.user, v.digest, v.class, v.weight, v.addr,"
	       " v.asn, v.country, v.prefix, v.mail_time, v.vote_time,"
	       " v.sealed, v.flagged, (SELECT b.vote_time FROM votes b"
	       " WHERE b.user=v.user AND b.digest=v.digest AND b.id>v.id"
	       " ORDER BY b.id LIMIT 1) FROM votes v WHERE v.id=?",
};

void
asnd_journal_prepare_lookups(AsndJournal *j)
{
	for (int i = 0; i < N_LOOKUPS; i++)
		j->lookup[i] = asnd_store_prepare(j->store, queries[i]);
}

void
asnd_journal_range(const AsnNetwork *net, AsnAddr *first, AsnAddr *last)
{
	gsize bits = net->len + (net->addr.family == 4 ? 96 : 0);

	*first = *last = asn_network_of(&net->addr, net->len).addr;
	for (gsize i = bits; i < 128; i++)
		last->b[i / 8] |= (guint8)(0x80 >> i % 8);
}

/* --- a search --------------------------------------------------------------
 */

struct _AsndSearch {
	AsndJournal *journal;
	AsnSubject what;
	guint limit;
	AsnAddr at, last; /* looked at up to here, and to be */
	gint64 at_id;
	GArray *ids;   /* found */
	gboolean done; /* finding: they are to be read */
	guint n_read;
};

AsndSearch *
asnd_search_new(AsndJournal *j, const AsnSubject *what, guint limit)
{
	AsndSearch *s = g_new0(AsndSearch, 1);

	s->journal = j;
	s->what = *what;
	s->limit = limit;
	s->ids = g_array_new(FALSE, FALSE, sizeof(gint64));
	if (what->kind != ASN_SUBJECT_AS)
		asnd_journal_range(&what->net, &s->at, &s->last);
	return s;
}

void
asnd_search_free(AsndSearch *s)
{
	if (s == NULL)
		return;
	g_array_unref(s->ids);
	g_free(s);
}

/* Ids of a statement that was just stepped. */
static void
collect(AsndJournal *j, Lookup lookup, gboolean row, GArray *ids)
{
	for (; row; row = asnd_store_next(j->store, j->lookup[lookup])) {
		gint64 id = sqlite3_column_int64(j->lookup[lookup], 0);

		g_array_append_val(ids, id);
	}
	asnd_store_done(j->lookup[lookup]);
}

static gint
newest_first(gconstpointer a, gconstpointer b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

	return (x < y) - (x > y);
}

static void
keep_newest(AsndSearch *s)
{
	g_array_sort(s->ids, newest_first);
	if (s->ids->len > s->limit)
		g_array_set_size(s->ids, s->limit);
}

/* By address, as the index has them. */
static gboolean
step_inside(AsndSearch *s)
{
	AsndJournal *j = s->journal;
	sqlite3_stmt *q = j->lookup[L_INSIDE];
	gboolean row;
	guint n = 0;

	row = asnd_store_step(j->store, q, "bibd", &s->at, sizeof s->at,
	    s->at_id, &s->last, sizeof s->last, PIECE);
	for (; row; row = asnd_store_next(j->store, q), n++) {
		s->at_id = sqlite3_column_int64(q, 0);
		asnd_journal_read_blob(q, 1, &s->at, sizeof s->at);
		if (s->at.family == s->what.net.addr.family)
			g_array_append_val(s->ids, s->at_id);
	}
	asnd_store_done(q);
	if (s->ids->len > s->limit)
		keep_newest(s);
	return n == PIECE;
}

/* --- votes -----------------------------------------------------------------
 */

static void
read_vote(sqlite3_stmt *s, AsndJournalVote *v)
{
	memset(v, 0, sizeof *v);
	v->id = sqlite3_column_int64(s, 0);
	v->user = sqlite3_column_int64(s, 1);
	asnd_journal_read_blob(s, 2, v->digest, sizeof v->digest);
	v->vote = (AsndVote)sqlite3_column_int(s, 3);
	v->weight = sqlite3_column_int(s, 4);
	asnd_journal_read_blob(s, 5, &v->key.addr, sizeof v->key.addr);
	v->key.asn = (guint32)sqlite3_column_int64(s, 6);
	asnd_journal_read_blob(s, 7, v->key.country, sizeof v->key.country - 1);
	asnd_journal_read_blob(s, 8, &v->key.prefix, sizeof v->key.prefix);
	v->mail_time = sqlite3_column_int64(s, 9);
	v->vote_time = sqlite3_column_int64(s, 10);
	v->sealed = sqlite3_column_int(s, 11);
	v->flagged = sqlite3_column_int(s, 12);
	v->taken_back = sqlite3_column_int64(s, 13);
}

/* What was forgotten meanwhile is left out. */
static void
read_votes(AsndJournal *j, const gint64 *ids, guint n, GArray *out)
{
	sqlite3_stmt *q = j->lookup[L_VOTE];

	for (guint i = 0; i < n; i++) {
		AsndJournalVote vote;

		if (asnd_store_step(j->store, q, "i", ids[i])) {
			read_vote(q, &vote);
			g_array_append_val(out, vote);
		}
		asnd_store_done(q);
	}
}

static GArray *
votes_of(AsndJournal *j, const GArray *ids)
{
	GArray *out = g_array_new(FALSE, FALSE, sizeof(AsndJournalVote));

	read_votes(j, (const gint64 *)(const void *)ids->data, ids->len, out);
	return out;
}

/* FALSE: all are found. */
static gboolean
find(AsndSearch *s)
{
	AsndJournal *j = s->journal;

	if (s->what.kind != ASN_SUBJECT_AS)
		return step_inside(s);
	collect(j, L_AS,
	    asnd_store_step(j->store, j->lookup[L_AS], "id",
		(gint64)s->what.asn, (int)s->limit),
	    s->ids);
	return FALSE;
}

gboolean
asnd_search_step(AsndSearch *s, GArray *votes)
{
	guint n;

	if (!s->done) {
		s->done = !find(s);
		if (s->done)
			keep_newest(s);
		return TRUE;
	}
	if (s->ids->len == 0)
		return FALSE; /* an empty array has no data to point into */
	n = MIN(PIECE_READ, s->ids->len - s->n_read);
	read_votes(s->journal,
	    (const gint64 *)(const void *)s->ids->data + s->n_read, n, votes);
	s->n_read += n;
	return s->n_read < s->ids->len;
}

GArray *
asnd_journal_votes_on(AsndJournal *j, const guint8 digest[16], guint limit)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));

	collect(j, L_MAIL,
	    asnd_store_step(j->store, j->lookup[L_MAIL], "bd", digest,
		(gsize)16, (int)limit),
	    ids);
	return votes_of(j, ids);
}

gboolean
asnd_journal_last_of_as(AsndJournal *j, guint32 asn, AsndJournalVote *out)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
	g_autoptr(GArray) votes = NULL;

	collect(j, L_AS,
	    asnd_store_step(j->store, j->lookup[L_AS], "id", (gint64)asn, 1),
	    ids);
	votes = votes_of(j, ids);
	if (votes->len == 0)
		return FALSE;
	*out = g_array_index(votes, AsndJournalVote, 0);
	return TRUE;
}
