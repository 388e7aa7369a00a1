/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal of votes and the model it makes.  The journal is the truth; the
 * model in memory is what replaying it in order gives, at every moment.
 * A vote keeps the AS, country and prefix it was cast with.  Main thread only;
 * failures are the store's: after a rollback call asnd_journal_replay.
 */
#pragma once

#include "mails.h"
#include "model.h"
#include "quality.h"
#include "subject.h"

typedef struct _AsndJournal AsndJournal;

/* Replays.  The model's half-life decides how long entries are kept. */
AsndJournal *asnd_journal_new(
    AsndStore *store, const AsnModelParams *params, GError **error);
void asnd_journal_free(AsndJournal *journal); /* before the store */
/* Builds the model anew from the journal; the old one is gone. */
void asnd_journal_replay(AsndJournal *journal);
/* How often that was done: whoever goes through the model in pieces starts
 * over when it changes. */
guint asnd_journal_replays(const AsndJournal *journal);
AsnModel *asnd_journal_model(AsndJournal *journal);
/* What the votes say of our verdicts; the journal keeps its opinions. */
AsndQuality *asnd_journal_quality(AsndJournal *journal);
typedef struct {
	guint64 spam, ham;  /* votes that stand */
	guint64 taken_back; /* that do not */
} AsndJournalTally;
const AsndJournalTally *asnd_journal_tally(const AsndJournal *journal);
/* Entries in the journal. */
gint64 asnd_journal_count(AsndJournal *journal);

/* The vote of this user on this mail that stands. */
AsndVote asnd_journal_standing(
    AsndJournal *journal, gint64 user, const guint8 digest[16]);

/* Takes back what stands, and returns it. */
AsndVote asnd_journal_take_back(
    AsndJournal *journal, gint64 user, const guint8 digest[16], gint64 when);
/* One vote: takes back what stands for (user, digest), then learns vote.
 * The weight is 0 beyond the cap.  Returns it. */
typedef struct {
	gint64 user;
	const guint8 *digest; /* 16 bytes */
	AsndVote vote;        /* SPAM or HAM */
	AsnOriginKey key;
	gint64 mail_time, vote_time, now;
	gboolean sealed, flagged;
	AsnSpamLevel level;
} AsndBallot;
int asnd_journal_cast(AsndJournal *journal, const AsndBallot *ballot);

/* Deletes entries older than four half-lives; TRUE: some were, and the model
 * is built anew. */
gboolean asnd_journal_prune(AsndJournal *journal, gint64 now);

/* --- reading it (journal-query.c) ------------------------------------------
 */

/* A vote as it stands in the journal. */
typedef struct {
	gint64 id, user;
	guint8 digest[16];
	AsndVote vote; /* SPAM or HAM */
	int weight;    /* 0: beyond the cap */
	AsnOriginKey key;
	gint64 mail_time, vote_time;
	gint64 taken_back; /* when; 0: it stands */
	gboolean sealed, flagged;
} AsndJournalVote;

/* The votes on mail from a subject, by the address, AS and prefix they were
 * cast with: a search in bounded pieces, so that a network with a million
 * votes holds nobody up.  What is cast or forgotten meanwhile may or may not
 * be in it.  journal must outlive it. */
typedef struct _AsndSearch AsndSearch;
AsndSearch *asnd_search_new(
    AsndJournal *journal, const AsnSubject *what, guint limit);
/* The next piece: appends what it found (AsndJournalVote) to votes, which get
 * at most limit in all, newest first.  FALSE: that was the last one. */
gboolean asnd_search_step(AsndSearch *search, GArray *votes);
void asnd_search_free(AsndSearch *search);

/* The votes on one mail, whoever voted; g_array_unref. */
GArray *asnd_journal_votes_on(
    AsndJournal *journal, const guint8 digest[16], guint limit);

/* The newest vote on mail from an AS.  FALSE: there is none. */
gboolean asnd_journal_last_of_as(
    AsndJournal *journal, guint32 asn, AsndJournalVote *out);

/* --- forgetting (journal-forget.c) -----------------------------------------
 */

/* Deletes votes with what took them back, as if they had never been cast:
 * what they pushed beyond the cap weighs now, who reported spam last is found
 * anew, mails that were voted on are not judged again until something happens
 * to them.  Returns how many votes went; then the model was built anew. */
guint asnd_journal_forget(AsndJournal *journal, const AsnSubject *what);
guint asnd_journal_forget_mail(AsndJournal *journal, const guint8 digest[16]);
guint asnd_journal_forget_user(AsndJournal *journal, gint64 user);
