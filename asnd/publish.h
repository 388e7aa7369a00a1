/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Publishing reputation.mmdb and recent.mmdb (reputation.h says why two).
 *
 * A vote goes out with the next recent.mmdb at once; when that has grown, or
 * a day has passed, everything is folded into a new reputation.mmdb.  Of all
 * time at most a tenth goes into publishing: a recent that took c is not
 * written again for 12 c, a fold not for 60 c (1/12 + 1/60 = 1/10).  Where the
 * disk stalled once, c is what it usually takes, and quiet times pay the rest.
 * Whatever is written was validated in memory before.  When the disk is full
 * the old files stay, one warning is logged, and it is tried again with
 * growing pauses.  Main thread only.
 */
#pragma once

#include "reputation.h"
#include "store.h"

typedef struct _AsndPublisher AsndPublisher;

/* dir: config database_dir, must exist.  Reads what is published there: its
 * base id is never used again. */
AsndPublisher *asnd_publisher_new(
    const char *dir, AsndStore *store, GError **error);
void asnd_publisher_free(AsndPublisher *publisher);
/* A sound reputation.mmdb was there at the start. */
gboolean asnd_publisher_had_base(const AsndPublisher *publisher);

/* There is something new.  all: of every node (after a replay). */
void asnd_publisher_mark(AsndPublisher *publisher, gboolean all);

/* What to publish, and the time. */
typedef struct {
	AsnModel *model;
	gint64 now; /* wall clock, seconds */
	gint64 two_reporters_until;
	gint64 mono; /* monotonic clock, microseconds */
} AsndPublication;
/* Publishes what is due.  Returns the microseconds after which to call again,
 * -1: not before the next mark.  The caller has committed the votes. */
gint64 asnd_publisher_run(
    AsndPublisher *publisher, const AsndPublication *what);

/* For tests and status: files written, and whether the last try failed. */
guint64 asnd_publisher_n_recent(const AsndPublisher *publisher);
guint64 asnd_publisher_n_base(const AsndPublisher *publisher);
gboolean asnd_publisher_failing(const AsndPublisher *publisher);
/* Why the last try failed, NULL: it did not; when the last file was written,
 * wall clock, 0: none yet. */
const char *asnd_publisher_trouble(const AsndPublisher *publisher);
gint64 asnd_publisher_last(const AsndPublisher *publisher);
/* What the clock says after the work; tests set their own. */
void asnd_publisher_set_clock(AsndPublisher *publisher, gint64 (*mono)(void));
