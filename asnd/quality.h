/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What users thought of our verdicts: how many sealed mails were seen, by ISO
 * week of their seal (UTC) and by the level that decided, and what their
 * owners' votes say of them.
 *
 * Seen mails are counted in the evidence file, each once for its (user,
 * seal), in the transaction of what made it known.  Opinions are the votes
 * that stand; like the model they are in memory and the journal keeps them.
 * Both are kept as long as votes are.  Main thread only; failures are the
 * store's.
 */
#pragma once

#include "store.h"
#include "trace.h"
#include "votes.h"

typedef struct _AsndQuality AsndQuality;

AsndQuality *asnd_quality_new(AsndStore *store, GError **error);
void asnd_quality_free(AsndQuality *quality); /* before the store */

/* ISO weeks, from the one of 1 January 1970 (0) on; time: seconds since the
 * epoch, before it counts as 0. */
gint64 asnd_quality_week(gint64 time);
/* Monday 00:00 UTC. */
gint64 asnd_quality_week_start(gint64 week);

/* A sealed mail of this user is known; digest: 16 bytes.  Counts it unless
 * its (user, digest) was counted, or its week was forgotten.  TRUE: it
 * did. */
typedef struct {
	gint64 week;
	AsnSpamLevel level;
	gboolean flagged;
} AsndVerdict;
gboolean asnd_quality_see(AsndQuality *quality, gint64 user,
    const guint8 *digest, const AsndVerdict *verdict);
/* The same; *verdict becomes what it was counted as, which a copy with other
 * headers does not change. */
void asnd_quality_seen_as(AsndQuality *quality, gint64 user,
    const guint8 *digest, AsndVerdict *verdict);
/* A vote on such a mail stands (n = 1), or does no more (n = -1). */
void asnd_quality_opinion(
    AsndQuality *quality, const AsndVerdict *verdict, AsndVote vote, int n);
/* The journal is replayed: no vote stands so far. */
void asnd_quality_reset(AsndQuality *quality);
/* Forgets weeks that began before `before`: votes of then were deleted. */
void asnd_quality_prune(AsndQuality *quality, gint64 before);

typedef struct {
	gint64 week;
	AsnSpamLevel level;
	gint64 flagged, unflagged; /* mails seen */
	gint64 rescued;            /* flagged, and the vote is ham */
	gint64 confirmed;          /* flagged, and the vote is spam */
	gint64 missed;             /* not flagged, and the vote is spam */
} AsndQualityRow;
/* Rows of the last n weeks up to the one of `now`, by week and level; only
 * such with something in them.  g_array_unref. */
GArray *asnd_quality_rows(AsndQuality *quality, guint n, gint64 now);
