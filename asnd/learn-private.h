/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What learn.c (from what was seen) and learn-admin.c (from what was said)
 * share.
 */
#pragma once

#include "learn.h"

/* What is left of a user's burst. */
typedef struct {
	double tokens;
	gint64 when;
} Limit;

struct _AsndLearner {
	AsndStore *store;
	AsndMails *mails;
	AsndJournal *journal;
	AsndReports *reports; /* NULL: none */
	const AsnNetworks *networks;
	GHashTable *limits;   /* user -> Limit, while below the burst */
	GHashTable *deferred; /* users with mails to be judged */
	GArray *todo;         /* ids of the first run */
	guint at;
	gboolean casting; /* its second half */
	gboolean first_run, new_reporter;
	guint64 votes;
	AsndLearnObserver observer;
	gpointer observer_data;
};

/* May this user cast one more vote now?  Then it is paid for. */
gboolean asnd_learner_take_tokens(
    AsndLearner *learner, const AsndMailRow *row, gint64 now);
/* Casts it; last_spam: when the user last reported.  Returns the weight. */
int asnd_learner_cast(AsndLearner *learner, const AsndMailRow *row,
    const AsndDecision *decision, gint64 last_spam, gint64 now);
