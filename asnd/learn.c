/* SPDX-License-Identifier: GPL-2.0-or-later */
/* learn.c: judges mails and casts the votes. */

#include "learn-private.h"

#define BATCH 200 /* mails judged in one go */
/* Entries of the journal a user may cause at once, and a second from then on:
 * 2,228 on the first day of a flood, 1,728 on any other. */
#define LIMIT_BURST 500.0
#define LIMIT_RATE 0.02
#define LIMIT_MOST 2.0 /* a vote that takes another one back */
/* An older seal than this before the installation, of evidence that was lost
 * and begun anew, would weigh next to nothing. */
#define SEALED_BEFORE (366 * ASND_DAY)
#define FIRST_RUN_DONE "first_run_done"

/* Who waited when the process or the first run ended waits still. */
static void
find_deferred(AsndLearner *l)
{
	g_autoptr(GArray) ids = asnd_mails_all_pending(l->mails);

	for (guint i = 0; i < ids->len; i++) {
		AsndMailRow row;

		if (asnd_mails_get(
			l->mails, g_array_index(ids, gint64, i), &row))
			g_hash_table_add(l->deferred, asnd_id_new(row.user));
	}
}

void
asnd_learner_reset(AsndLearner *l)
{
	gboolean first;

	g_clear_pointer(&l->todo, g_array_unref);
	l->at = 0;
	l->casting = FALSE;
	g_hash_table_remove_all(l->deferred);
	first = asnd_store_meta(l->store, FIRST_RUN_DONE, 0) == 0;
	/* What cannot be read now says nothing. */
	if (asnd_store_failed(l->store, NULL) == NULL)
		l->first_run = first;
	if (!l->first_run)
		find_deferred(l);
}

AsndLearner *
asnd_learner_new(AsndStore *store, AsndMails *mails, AsndJournal *journal)
{
	AsndLearner *l = g_new0(AsndLearner, 1);

	l->store = store;
	l->mails = mails;
	l->journal = journal;
	l->first_run = TRUE;
	l->limits =
	    g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	l->deferred =
	    g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	asnd_learner_reset(l);
	return l;
}

void
asnd_learner_free(AsndLearner *l)
{
	if (l == NULL)
		return;
	g_clear_pointer(&l->todo, g_array_unref);
	g_hash_table_unref(l->limits);
	g_hash_table_unref(l->deferred);
	g_free(l);
}

void
asnd_learner_set_networks(AsndLearner *l, const AsnNetworks *networks)
{
	l->networks = networks;
}

void
asnd_learner_observe(
    AsndLearner *l, const AsndLearnObserver *observer, gpointer data)
{
	l->observer = *observer;
	l->observer_data = data;
}

void
asnd_learner_set_reports(AsndLearner *l, AsndReports *reports)
{
	l->reports = reports;
}

gboolean
asnd_learner_first_run(const AsndLearner *l)
{
	return l->first_run;
}

guint64
asnd_learner_votes(const AsndLearner *l)
{
	return l->votes;
}

gboolean
asnd_learner_take_new_reporter(AsndLearner *l)
{
	gboolean was = l->new_reporter;

	l->new_reporter = FALSE;
	return was;
}

/* --- one mail --------------------------------------------------------------
 */

/* What this user may still cause now. */
static Limit *
refill(AsndLearner *l, gint64 user, gint64 now)
{
	Limit *limit = g_hash_table_lookup(l->limits, &user);

	if (limit == NULL) {
		limit = g_new(Limit, 1);
		*limit = (Limit){LIMIT_BURST, now};
		g_hash_table_insert(l->limits, asnd_id_new(user), limit);
	}
	if (now > limit->when)
		limit->tokens = MIN(LIMIT_BURST,
		    limit->tokens + LIMIT_RATE * (double)(now - limit->when));
	limit->when = now;
	return limit;
}

gboolean
asnd_learner_take_tokens(AsndLearner *l, const AsndMailRow *row, gint64 now)
{
	Limit *limit = refill(l, row->user, now);
	AsndVote old =
	    asnd_journal_standing(l->journal, row->user, row->digest);
	double cost = old == ASND_VOTE_NONE ? 1 : LIMIT_MOST;

	if (limit->tokens < cost)
		return FALSE;
	limit->tokens -= cost;
	return TRUE;
}

static AsndDecision
decide(AsndLearner *l, const AsndMailRow *row, gint64 last_spam, gint64 now)
{
	AsndMailState mail = {
	    .time = MIN(row->time, now),
	    .arrived = row->arrived,
	    .has_client = row->addr.family != 0,
	    .sealed = row->sealed,
	    .early = row->early,
	    .flagged = row->flagged,
	    .place = row->place,
	    .came_from = row->came_from,
	    .flags = row->flags,
	    .anew = row->anew,
	    .standing =
		asnd_journal_standing(l->journal, row->user, row->digest),
	};
	AsndVoteContext ctx = {
	    .now = now,
	    .install_time = asnd_store_install_time(l->store),
	    .last_spam = last_spam,
	    .first_run = l->first_run,
	};

	return asnd_vote_decide(&mail, &ctx);
}

/* The milter's clock, and so the seal, may have been decades behind. */
static gint64
mail_time(const AsndLearner *l, const AsndMailRow *row, gint64 now)
{
	gint64 first = asnd_store_install_time(l->store) - SEALED_BEFORE;

	return row->sealed && row->time < first ? now : row->time;
}

int
asnd_learner_cast(AsndLearner *l, const AsndMailRow *row,
    const AsndDecision *decision, gint64 last_spam, gint64 now)
{
	AsndBallot ballot = {
	    .user = row->user,
	    .digest = row->digest,
	    .vote = decision->vote,
	    .key = asn_networks_key(l->networks, &row->addr),
	    .mail_time = mail_time(l, row, now),
	    .vote_time = decision->vote_time,
	    .now = now,
	    .sealed = row->sealed,
	    .flagged = row->flagged,
	    .level = row->level,
	};
	int weight;

	weight = asnd_journal_cast(l->journal, &ballot);
	l->votes++;
	if (l->observer.vote != NULL)
		l->observer.vote(
		    &ballot.key, ballot.vote, weight, l->observer_data);
	if (decision->vote != ASND_VOTE_SPAM)
		return weight;
	asnd_mails_set_last_spam(l->mails, row->user, decision->vote_time);
	l->new_reporter |= now - last_spam > ASND_WINDOW;
	return weight;
}

static void
take_back(AsndLearner *l, const AsndMailRow *row, gint64 now)
{
	AsnOriginKey key = asn_networks_key(l->networks, &row->addr);

	if (asnd_journal_take_back(l->journal, row->user, row->digest, now) !=
		ASND_VOTE_NONE &&
	    l->observer.vote != NULL)
		l->observer.vote(&key, ASND_VOTE_NONE, 0, l->observer_data);
}

/* Only what a user did, and does now: not what lay there before, not what came
 * there so late that it is taken for a move, and not what another configuration
 * makes of it. */
static void
report(AsndLearner *l, const AsndMailRow *row, AsndVote vote, gint64 now)
{
	if (l->reports != NULL && vote == ASND_VOTE_SPAM && row->sealed &&
	    row->came_from != 0 && !l->first_run && !row->anew)
		asnd_reports_queue(l->reports, row->user, row->digest, now);
}

/* FALSE: its user voted too fast, and it waits. */
static gboolean
judge(AsndLearner *l, AsndMailRow *row, gint64 now)
{
	gint64 last_spam = asnd_mails_last_spam(l->mails, row->user);
	AsndDecision decision;

	/* Once it moved, that counts. */
	row->anew = row->anew && row->came_from == 0;
	decision = decide(l, row, last_spam, now);
	row->pending = FALSE;
	row->due = decision.due;
	if (decision.vote != ASND_VOTE_NONE) {
		/* The administrator's act, not the user's. */
		if (l->first_run || row->anew ||
		    asnd_learner_take_tokens(l, row, now)) {
			asnd_learner_cast(l, row, &decision, last_spam, now);
			report(l, row, decision.vote, now);
		} else {
			g_hash_table_add(l->deferred, asnd_id_new(row->user));
			row->pending = TRUE;
			row->due = 0; /* or the sweep would find it again */
		}
	}
	if (decision.take_back)
		take_back(l, row, now);
	row->anew = row->anew && row->pending;
	asnd_mails_save(l->mails, row);
	return !row->pending;
}

/* Whatever becomes of it: once for each user and seal. */
static void
count_seen(AsndLearner *l, const AsndMailRow *row)
{
	const AsndVerdict verdict = {
	    asnd_quality_week(row->time), row->level, row->flagged};

	if (row->state == ASND_MAIL_READ && row->has_digest && row->sealed &&
	    asnd_quality_see(asnd_journal_quality(l->journal), row->user,
		row->digest, &verdict) &&
	    l->observer.seen != NULL)
		l->observer.seen(row, l->observer_data);
}

void
asnd_learner_judge(AsndLearner *l, AsndMailRow *row, gint64 now)
{
	count_seen(l, row);
	if (l->first_run || row->state != ASND_MAIL_READ || !row->has_digest)
		asnd_mails_save(l->mails, row);
	else
		judge(l, row, now);
}

/* --- the first run ---------------------------------------------------------
 */

/* Who reports must be known before the first ham is judged. */
static void
note_reporter(AsndLearner *l, const AsndMailRow *row, gint64 now)
{
	AsndDecision decision;

	if (row->place != ASND_PLACE_JUNK)
		return;
	decision = decide(l, row, 0, now);
	if (decision.vote == ASND_VOTE_SPAM)
		asnd_mails_set_last_spam(
		    l->mails, row->user, decision.vote_time);
}

gboolean
asnd_learner_step_first_run(AsndLearner *l, gint64 now)
{
	AsndMailRow row;

	if (!l->first_run)
		return FALSE;
	if (l->todo == NULL)
		l->todo = asnd_mails_all_pending(l->mails);
	for (guint n = 0; n < BATCH && l->at < l->todo->len; n++, l->at++) {
		gint64 id = g_array_index(l->todo, gint64, l->at);

		if (!asnd_mails_get(l->mails, id, &row) || !row.pending ||
		    row.state != ASND_MAIL_READ)
			continue;
		if (l->casting)
			judge(l, &row, now);
		else
			note_reporter(l, &row, now);
	}
	if (l->at < l->todo->len)
		return TRUE;
	l->at = 0;
	if (!l->casting) {
		l->casting = TRUE;
		return TRUE;
	}
	g_clear_pointer(&l->todo, g_array_unref);
	asnd_store_set_meta(l->store, FIRST_RUN_DONE, 1);
	l->casting = l->first_run = FALSE;
	/* What came or moved after its turn; the ordinary rules are for it. */
	find_deferred(l);
	return FALSE;
}

/* --- what waits ------------------------------------------------------------
 */

/* FALSE: it waits on. */
static gboolean
judge_id(AsndLearner *l, gint64 id, gint64 now)
{
	AsndMailRow row;

	return !asnd_mails_get(l->mails, id, &row) || judge(l, &row, now);
}

/* One user: up to the first mail that must wait on.  Returns how many mails
 * were judged. */
static guint
judge_deferred(AsndLearner *l, gint64 user, gint64 now)
{
	gint64 ids[BATCH];
	guint n = asnd_mails_pending(l->mails, user, 0, ids, BATCH), i = 0;

	while (i < n && judge_id(l, ids[i], now))
		i++;
	if (i == n && n < BATCH)
		g_hash_table_remove(l->deferred, &user);
	return i;
}

/* Those who may vote again, and whose Maildir is there.  TRUE: there may be
 * more to do now. */
static gboolean
sweep_deferred(AsndLearner *l, gint64 now)
{
	g_autoptr(GArray) users = g_array_new(FALSE, FALSE, sizeof(gint64));
	guint judged = 0;
	GHashTableIter it;
	gpointer user;

	/* Judging changes the set. */
	g_hash_table_iter_init(&it, l->deferred);
	while (g_hash_table_iter_next(&it, &user, NULL))
		if (!asnd_mails_is_away(l->mails, *(gint64 *)user) &&
		    refill(l, *(gint64 *)user, now)->tokens >= LIMIT_MOST)
			g_array_append_vals(users, user, 1);
	for (guint i = 0; i < users->len && judged < BATCH; i++)
		judged +=
		    judge_deferred(l, g_array_index(users, gint64, i), now);
	return judged >= BATCH;
}

static gboolean
limit_is_full(gpointer user, gpointer value, gpointer now)
{
	const Limit *limit = value;

	return limit->tokens +
		   LIMIT_RATE * (double)(*(gint64 *)now - limit->when) >=
	       LIMIT_BURST;
}

gboolean
asnd_learner_sweep(AsndLearner *l, gint64 now)
{
	gint64 ids[BATCH];
	gboolean more;
	guint n;

	if (l->first_run)
		return FALSE;
	more = sweep_deferred(l, now);
	g_hash_table_foreach_remove(l->limits, limit_is_full, &now);
	n = asnd_mails_due(l->mails, now, now - ASND_WINDOW, ids, BATCH);
	/* Judged or deferred: none of them is due any more. */
	for (guint i = 0; i < n; i++)
		judge_id(l, ids[i], now);
	return more || n == BATCH;
}

gint64
asnd_learner_two_reporters_until(AsndLearner *l, gint64 now)
{
	gint64 third = asnd_mails_nth_reporter(l->mails, ASND_REPORTERS - 1);

	if (third == 0 || now - third > ASND_WINDOW)
		return 0;
	return third + ASND_WINDOW;
}
