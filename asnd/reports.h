/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which mails go to an abuse desk, and when: a queue in the evidence file.
 *
 * What a user moves into Junk waits for the configured delay.  Then it is
 * reported if the vote still stands, the mail is still in Junk, came less than
 * ASND_REPORT_AGE ago, and no mail with its seal was reported before, of
 * whatever user.  At most `limit` in 24 hours, a quarter of that in one, half
 * of it of one user.  Main thread only; failures are the store's.
 */
#pragma once

#include "journal.h"
#include "watch-protocol.h"

#define ASND_REPORT_AGE (3 * ASND_DAY)

typedef struct _AsndReports AsndReports;

/* All of them must outlive it. */
AsndReports *asnd_reports_new(
    AsndStore *store, AsndMails *mails, AsndJournal *journal, GError **error);
void asnd_reports_free(AsndReports *reports); /* before the store */
/* config must outlive it or the next call.  Where reporting is off, nothing
 * waits any more. */
void asnd_reports_configure(
    AsndReports *reports, const AsnReportConfig *config);
gboolean asnd_reports_on(const AsndReports *reports);

/* This user junked this mail now. */
void asnd_reports_queue(
    AsndReports *reports, gint64 user, const guint8 digest[16], gint64 now);
/* The next one that is due.  It counts as reported from here on: commit first,
 * then ask asnd-mailwatch, so that nothing is ever reported twice.  Returns
 * its id, 0: none. */
gint64 asnd_reports_next(AsndReports *reports, gint64 now, AsndMailRow *mail);
/* What became of it: waits again, or never. */
void asnd_reports_answered(
    AsndReports *reports, gint64 id, AsnWatchReportStatus status, gint64 now);
/* Forgets what is too old to matter. */
void asnd_reports_purge(AsndReports *reports, gint64 now);
