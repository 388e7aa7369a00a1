/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what was seen to votes: asks votes.h about a mail, looks its client up
 * and writes the vote into the journal.  Also what must wait: ham until it is
 * three days old, a flood until its user may vote again, and the first run,
 * which goes by the time of the mails.  Main thread only.
 */
#pragma once

#include "journal.h"
#include "networks.h"
#include "reports.h"

typedef struct _AsndLearner AsndLearner;

/* All of them must outlive it. */
AsndLearner *asnd_learner_new(
    AsndStore *store, AsndMails *mails, AsndJournal *journal);
void asnd_learner_free(AsndLearner *learner);
/* For keys of votes to come; NULL: AS, country and prefix unknown. */
void asnd_learner_set_networks(
    AsndLearner *learner, const AsnNetworks *networks);

/* For whoever wants to know: called as it happens, before it is committed. */
typedef struct {
	/* A vote was cast; NONE: one was taken back and nothing cast. */
	void (*vote)(
	    const AsnOriginKey *key, AsndVote vote, int weight, gpointer data);
	/* A sealed mail was read for the first time of its user. */
	void (*seen)(const AsndMailRow *row, gpointer data);
} AsndLearnObserver;
void asnd_learner_observe(AsndLearner *learner,
    const AsndLearnObserver *observer /* copied */, gpointer data);

/* Where mail that a user junks waits to be reported; NULL: nowhere. */
void asnd_learner_set_reports(AsndLearner *learner, AsndReports *reports);

/* TRUE until the first run over what is there has been learnt. */
gboolean asnd_learner_first_run(const AsndLearner *learner);
/* Judges a mail that was read, and saves the row.  In the first run it only
 * saves: the order of the mails matters. */
void asnd_learner_judge(AsndLearner *learner, AsndMailRow *row, gint64 now);
/* One bounded piece of the first run, once everything was read.  TRUE: there
 * is more.  FALSE: sweep next, for what came meanwhile. */
gboolean asnd_learner_step_first_run(AsndLearner *learner, gint64 now);
/* Ham that has become due, and mails of users that had voted too fast: one
 * bounded piece.  TRUE: there is more. */
gboolean asnd_learner_sweep(AsndLearner *learner, gint64 now);
/* TRUE once after a vote by somebody who had not reported for long: their
 * ham counts now, sweep soon. */
gboolean asnd_learner_take_new_reporter(AsndLearner *learner);
/* After a rollback: forget what is only in memory. */
void asnd_learner_reset(AsndLearner *learner);

/* --- by a command (learn-admin.c) -------------------------------------------
 */

typedef enum {
	ASND_LEARNT,
	ASND_LEARNT_BEYOND_CAP, /* kept with weight 0 */
	ASND_LEARNT_BEFORE,     /* the same vote of this user stands already */
	ASND_LEARNT_NO_CLIENT,  /* the block names no address to be trusted */
	ASND_LEARNT_TOO_FAST    /* as a flood of moves; later */
} AsndLearnt;
/* A vote as if the user had moved this mail now, whether sealed or not: who
 * may call it is trusted.  *before: what stood, and was taken back when the
 * vote was cast. */
AsndLearnt asnd_learner_learn(AsndLearner *learner, gint64 user,
    const AsndBlock *block, AsndVote vote, gint64 now, AsndVote *before);
/* journal.h says what is forgotten.  Beside the votes, whatever waits to be
 * judged does so no more: only an act of a user brings it back.  Returns how
 * many votes went.  The model is a new one: publish all of it. */
guint asnd_learner_forget(AsndLearner *learner, const AsnSubject *what);
guint asnd_learner_forget_mail(AsndLearner *learner, const guint8 digest[16]);
guint asnd_learner_forget_user(AsndLearner *learner, gint64 user);

/* Until when a flag needs two reporters (reputation.h); 0: one is enough. */
gint64 asnd_learner_two_reporters_until(AsndLearner *learner, gint64 now);
/* Votes cast since the start. */
guint64 asnd_learner_votes(const AsndLearner *learner);
