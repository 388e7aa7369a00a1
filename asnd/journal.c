/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal.c: votes are written down in order, and learnt in that order. */

#include <string.h>

#include "journal-private.h"

#define VOTE                                                                   \
	"id, kind, ref, user, class, addr, asn, country, prefix,"              \
	" mail_time, weight, sealed, flagged, level, week"

static const char *const queries[N_QUERIES] = {
    [Q_STANDING] = "SELECT id, kind, class FROM votes WHERE user=? AND digest=?"
		   " ORDER BY id DESC LIMIT 1",
    [Q_CAP] = "SELECT count(*) FROM votes WHERE kind=1 AND user=? AND day=?"
	      " AND class=? AND cap=?",
    [Q_LEARN] = "INSERT INTO votes(kind, user, digest, class, addr, asn,"
		" country, prefix, mail_time, vote_time, day, cap, weight,"
		" sealed, flagged, level, week)"
		" VALUES(1,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [Q_TAKE_BACK] = "INSERT INTO votes(kind, ref, user, digest, class,"
		    " vote_time, weight) VALUES(2,?,?,?,?,?,0)",
    [Q_BY_ID] = "SELECT " VOTE " FROM votes WHERE id=?",
    [Q_REPLAY] = "SELECT " VOTE " FROM votes ORDER BY id",
    [Q_COUNT] = "SELECT count(*) FROM votes",
    [Q_OLD] = "SELECT 1 FROM votes WHERE vote_time<? AND kind=1 LIMIT 1",
    [Q_PRUNE] = "DELETE FROM votes WHERE vote_time<? AND kind=1",
    [Q_PRUNE_BACK] = "DELETE FROM votes WHERE kind=2"
		     " AND ref NOT IN (SELECT id FROM votes)",
};

/* What learning a vote added; needed while it may be taken back. */
typedef struct {
	gint64 id;
	AsnReceipt receipt;
} Learnt;

/* A row of the journal. */
typedef struct {
	gint64 id, ref, mail_time;
	int kind, weight;
	guint32 user;
	AsndVote vote;
	AsnOriginKey key;
	gboolean sealed;
	AsndVerdict verdict; /* where it is sealed */
} Entry;

void
asnd_journal_read_blob(sqlite3_stmt *s, int column, void *out, gsize size)
{
	if ((gsize)sqlite3_column_bytes(s, column) == size)
		memcpy(out, sqlite3_column_blob(s, column), size);
}

static void
read_entry(sqlite3_stmt *s, Entry *e)
{
	memset(e, 0, sizeof *e);
	e->id = sqlite3_column_int64(s, 0);
	e->kind = sqlite3_column_int(s, 1);
	e->ref = sqlite3_column_int64(s, 2);
	e->user = (guint32)sqlite3_column_int64(s, 3);
	e->vote = (AsndVote)sqlite3_column_int(s, 4);
	asnd_journal_read_blob(s, 5, &e->key.addr, sizeof e->key.addr);
	e->key.asn = (guint32)sqlite3_column_int64(s, 6);
	asnd_journal_read_blob(s, 7, e->key.country, sizeof e->key.country - 1);
	asnd_journal_read_blob(s, 8, &e->key.prefix, sizeof e->key.prefix);
	e->mail_time = sqlite3_column_int64(s, 9);
	e->weight = sqlite3_column_int(s, 10);
	e->sealed = sqlite3_column_int(s, 11);
	e->verdict.flagged = sqlite3_column_int(s, 12);
	e->verdict.level = (AsnSpamLevel)sqlite3_column_int(s, 13);
	e->verdict.week = sqlite3_column_int64(s, 14);
}

/* --- the model -------------------------------------------------------------
 */

static guint64 *
tally_of(AsndJournal *j, AsndVote vote)
{
	return vote == ASND_VOTE_SPAM ? &j->tally.spam : &j->tally.ham;
}

static void
learn(AsndJournal *j, const Entry *e)
{
	Learnt l = {.id = e->id};

	*tally_of(j, e->vote) += 1;
	/* Beyond the cap it is an opinion still. */
	if (e->sealed)
		asnd_quality_opinion(j->quality, &e->verdict, e->vote, 1);
	if (e->weight == 0 ||
	    (e->key.addr.family != 4 && e->key.addr.family != 6))
		return;
	l.receipt = asn_model_learn(j->model, &e->key, (double)e->mail_time,
	    e->vote == ASND_VOTE_SPAM, e->weight, e->user);
	g_array_append_val(j->learnt, l);
}

static int
cmp_learnt(const void *a, const void *b)
{
	gint64 x = ((const Learnt *)a)->id, y = ((const Learnt *)b)->id;

	return (x > y) - (x < y);
}

/* key: of the vote with this id. */
static void
unlearn(AsndJournal *j, gint64 id, const AsnOriginKey *key)
{
	Learnt want = {.id = id};
	Learnt *l = j->learnt->len == 0
			? NULL
			: bsearch(&want, j->learnt->data, j->learnt->len,
			      sizeof want, cmp_learnt);

	if (l != NULL)
		asn_model_unlearn(j->model, key, &l->receipt);
}

/* A take-back names a vote; its key stands there. */
static void
take_back(AsndJournal *j, gint64 ref)
{
	Entry e;

	if (STEP(j, Q_BY_ID, "i", ref)) {
		read_entry(j->q[Q_BY_ID], &e);
		*tally_of(j, e.vote) -= 1;
		j->tally.taken_back++;
		unlearn(j, ref, &e.key);
		if (e.sealed)
			asnd_quality_opinion(
			    j->quality, &e.verdict, e.vote, -1);
	}
	DONE(j, Q_BY_ID);
}

void
asnd_journal_replay(AsndJournal *j)
{
	gboolean row;

	j->replays++;
	asn_model_free(j->model);
	j->model = asn_model_new(&j->params);
	g_array_set_size(j->learnt, 0);
	asnd_quality_reset(j->quality);
	j->tally = (AsndJournalTally){.spam = 0};
	asnd_store_work_begins(j->store);
	row = STEP(j, Q_REPLAY, "");
	for (; row; row = asnd_store_next(j->store, j->q[Q_REPLAY])) {
		Entry e;

		read_entry(j->q[Q_REPLAY], &e);
		if (e.kind == LEARN)
			learn(j, &e);
		else if (e.kind == TAKE_BACK)
			take_back(j, e.ref);
	}
	DONE(j, Q_REPLAY);
	asnd_store_work_ends(j->store);
}

const AsndJournalTally *
asnd_journal_tally(const AsndJournal *j)
{
	return &j->tally;
}

guint
asnd_journal_replays(const AsndJournal *j)
{
	return j->replays;
}

AsndJournal *
asnd_journal_new(AsndStore *store, const AsnModelParams *params, GError **error)
{
	AsndJournal *j = g_new0(AsndJournal, 1);

	j->store = store;
	j->params = *params;
	j->learnt = g_array_new(FALSE, FALSE, sizeof(Learnt));
	j->quality = asnd_quality_new(store, error);
	if (j->quality == NULL) {
		asnd_journal_free(j);
		return NULL;
	}
	for (int i = 0; i < N_QUERIES; i++)
		j->q[i] = asnd_store_prepare(store, queries[i]);
	asnd_journal_prepare_lookups(j);
	asnd_journal_prepare_forget(j);
	asnd_journal_replay(j);
	if (asnd_store_failed(store, NULL) == NULL)
		return j;
	g_set_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_OPEN,
	    "evidence: %s", asnd_store_failed(store, NULL));
	asnd_journal_free(j);
	return NULL;
}

void
asnd_journal_free(AsndJournal *j)
{
	if (j == NULL)
		return;
	asn_model_free(j->model);
	g_array_unref(j->learnt);
	asnd_quality_free(j->quality);
	g_free(j);
}

AsnModel *
asnd_journal_model(AsndJournal *j)
{
	return j->model;
}

AsndQuality *
asnd_journal_quality(AsndJournal *j)
{
	return j->quality;
}

gint64
asnd_journal_count(AsndJournal *j)
{
	gint64 n =
	    STEP(j, Q_COUNT, "") ? sqlite3_column_int64(j->q[Q_COUNT], 0) : 0;

	DONE(j, Q_COUNT);
	return n;
}

/* --- votes -----------------------------------------------------------------
 */

/* id of the standing vote, 0: none. */
static gint64
standing(AsndJournal *j, gint64 user, const guint8 digest[16], AsndVote *vote)
{
	sqlite3_stmt *s = j->q[Q_STANDING];
	gint64 id = 0;

	*vote = ASND_VOTE_NONE;
	if (STEP(j, Q_STANDING, "ib", user, digest, (gsize)16) &&
	    sqlite3_column_int(s, 1) == LEARN) {
		id = sqlite3_column_int64(s, 0);
		*vote = (AsndVote)sqlite3_column_int(s, 2);
	}
	DONE(j, Q_STANDING);
	return id;
}

AsndVote
asnd_journal_standing(AsndJournal *j, gint64 user, const guint8 digest[16])
{
	AsndVote vote;

	standing(j, user, digest, &vote);
	return vote;
}

/* SCORE.md "cap": per AS; where it is unknown per prefix, else per block. */
static gsize
cap_key(const AsnOriginKey *key, guint8 out[1 + sizeof(AsnNetwork)])
{
	AsnNetwork net = key->prefix;

	if (key->asn != 0) {
		out[0] = 'A';
		memcpy(out + 1, &key->asn, sizeof key->asn);
		return 1 + sizeof key->asn;
	}
	out[0] = 'N';
	if (net.addr.family == 0)
		net = asn_addr_block(&key->addr);
	memcpy(out + 1, &net, sizeof net);
	return 1 + sizeof net;
}

static gboolean
below_cap(AsndJournal *j, const AsndBallot *b, gint64 day, const guint8 *cap,
    gsize cap_len)
{
	gboolean below = TRUE;

	if (STEP(j, Q_CAP, "iidb", b->user, day, (int)b->vote, cap, cap_len))
		below = sqlite3_column_int64(j->q[Q_CAP], 0) < ASND_CAP;
	DONE(j, Q_CAP);
	return below;
}

AsndVote
asnd_journal_take_back(
    AsndJournal *j, gint64 user, const guint8 digest[16], gint64 when)
{
	AsndVote before;
	gint64 old;

	asnd_store_begin(j->store);
	old = standing(j, user, digest, &before);
	if (old == 0)
		return ASND_VOTE_NONE;
	RUN(j, Q_TAKE_BACK, "iibdi", old, user, digest, (gsize)16, (int)before,
	    when);
	take_back(j, old);
	return before;
}

int
asnd_journal_cast(AsndJournal *j, const AsndBallot *b)
{
	guint8 cap[1 + sizeof(AsnNetwork)];
	gsize cap_len = cap_key(&b->key, cap);
	gint64 day = b->vote_time / ASND_DAY;
	Entry e = {.user = (guint32)b->user,
	    .vote = b->vote,
	    .key = b->key,
	    .mail_time = MIN(b->mail_time, b->now),
	    .sealed = b->sealed,
	    .verdict = {asnd_quality_week(b->mail_time), b->level, b->flagged}};

	asnd_journal_take_back(j, b->user, b->digest, b->vote_time);
	e.weight = below_cap(j, b, day, cap, cap_len);
	if (b->sealed)
		asnd_quality_seen_as(
		    j->quality, b->user, b->digest, &e.verdict);
	RUN(j, Q_LEARN, b->sealed ? "ibdbibbiiibddddi" : "ibdbibbiiibddddn",
	    b->user, b->digest, (gsize)16, (int)b->vote, &b->key.addr,
	    sizeof b->key.addr, (gint64)b->key.asn, b->key.country,
	    strlen(b->key.country), &b->key.prefix, sizeof b->key.prefix,
	    e.mail_time, b->vote_time, day, cap, cap_len, e.weight, b->sealed,
	    b->flagged, (int)e.verdict.level, e.verdict.week);
	if (asnd_store_failed(j->store, NULL) != NULL)
		return 0;
	e.id = asnd_store_last_id(j->store);
	learn(j, &e);
	return e.weight;
}

gboolean
asnd_journal_prune(AsndJournal *j, gint64 now)
{
	gint64 before = now - (gint64)(4 * j->params.half_life);
	gboolean any = STEP(j, Q_OLD, "i", before);

	DONE(j, Q_OLD);
	asnd_quality_prune(j->quality, before);
	if (!any)
		return FALSE;
	asnd_store_begin(j->store);
	asnd_store_work_begins(j->store);
	RUN(j, Q_PRUNE, "i", before);
	RUN(j, Q_PRUNE_BACK, "");
	asnd_store_work_ends(j->store);
	asnd_journal_replay(j);
	return TRUE;
}
