/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reports.c: the queue of reports to abuse desks. */

#include "reports.h"

#define BATCH 100 /* looked at in one go */
#define HOUR 3600
#define MOVED_PAUSE 60 /* seconds; an event will tell where it is */
#define CLOSED_PAUSE 600
#define KEEP (30 * ASND_DAY) /* far beyond what may still be reported */

/* reports.state */
enum { WAITS, SENT, DROPPED };

typedef enum {
	Q_ADD,
	Q_DUE,
	Q_SENT_BEFORE,
	Q_SENT_SINCE,
	Q_MAILS,
	Q_SET,
	Q_DROP_ALL,
	Q_ANY,
	Q_PURGE,
	N_QUERIES
} Query;

static const char *const queries[N_QUERIES] = {
    [Q_ADD] = "INSERT INTO reports(digest, user, state, due) VALUES(?,?,0,?)"
	      " ON CONFLICT(digest, user) DO UPDATE SET state=0,"
	      " due=excluded.due WHERE state<>1",
    /* Not of those who had their share. */
    [Q_DUE] = "SELECT id, digest, user FROM reports r WHERE state=0 AND due<=?"
	      " AND (SELECT count(*) FROM reports s WHERE s.state=1"
	      " AND s.user=r.user AND s.asked>?) < ? ORDER BY due, id LIMIT 1",
    [Q_SENT_BEFORE] = "SELECT 1 FROM reports WHERE digest=? AND state=1",
    [Q_SENT_SINCE] = "SELECT count(*) FROM reports WHERE state=1 AND asked>?",
    [Q_MAILS] = "SELECT id FROM mails WHERE user=? AND digest=? AND gone=0"
		" AND state=1 AND sealed=1 AND place=2 LIMIT 1",
    [Q_SET] = "UPDATE reports SET state=?, due=max(due, ?), asked=?"
	      " WHERE id=?",
    [Q_DROP_ALL] = "UPDATE reports SET state=2 WHERE state=0",
    [Q_ANY] = "SELECT 1 FROM reports WHERE state=0 LIMIT 1",
    [Q_PURGE] = "DELETE FROM reports WHERE due<?",
};

struct _AsndReports {
	AsndStore *store;
	AsndMails *mails;
	AsndJournal *journal;
	const AsnReportConfig *config; /* NULL: off */
	sqlite3_stmt *q[N_QUERIES];
};

#define STEP(r, query, ...)                                                    \
	asnd_store_step((r)->store, (r)->q[query], __VA_ARGS__)
#define RUN(r, query, ...)                                                     \
	asnd_store_run((r)->store, (r)->q[query], __VA_ARGS__)
#define DONE(r, query) asnd_store_done((r)->q[query])

AsndReports *
asnd_reports_new(
    AsndStore *store, AsndMails *mails, AsndJournal *journal, GError **error)
{
	AsndReports *r = g_new0(AsndReports, 1);

	r->store = store;
	r->mails = mails;
	r->journal = journal;
	for (int i = 0; i < N_QUERIES; i++)
		r->q[i] = asnd_store_prepare(store, queries[i]);
	if (asnd_store_failed(store, NULL) == NULL)
		return r;
	g_set_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_OPEN,
	    "evidence: %s", asnd_store_failed(store, NULL));
	g_free(r);
	return NULL;
}

void
asnd_reports_free(AsndReports *r)
{
	g_free(r);
}

void
asnd_reports_configure(AsndReports *r, const AsnReportConfig *config)
{
	gboolean any;

	r->config = config->format == ASN_REPORT_OFF ? NULL : config;
	if (r->config != NULL)
		return;
	any = STEP(r, Q_ANY, "");
	DONE(r, Q_ANY);
	if (!any)
		return;
	asnd_store_begin(r->store);
	RUN(r, Q_DROP_ALL, "");
}

gboolean
asnd_reports_on(const AsndReports *r)
{
	return r->config != NULL;
}

void
asnd_reports_queue(
    AsndReports *r, gint64 user, const guint8 digest[16], gint64 now)
{
	if (r->config == NULL)
		return;
	asnd_store_begin(r->store);
	RUN(r, Q_ADD, "bii", digest, (gsize)16, user,
	    now + (gint64)r->config->delay);
}

/* --- what is due -----------------------------------------------------------
 */

static gint64
number(AsndReports *r, Query query, gboolean row)
{
	gint64 n = row ? sqlite3_column_int64(r->q[query], 0) : 0;

	DONE(r, query);
	return n;
}

/* How many of a day's reports. */
static gint64
share(const AsndReports *r, guint divisor)
{
	return MAX(r->config->limit / divisor, 1);
}

static gboolean
within_limits(AsndReports *r, gint64 now)
{
	gint64 day =
	    number(r, Q_SENT_SINCE, STEP(r, Q_SENT_SINCE, "i", now - ASND_DAY));
	gint64 hour =
	    number(r, Q_SENT_SINCE, STEP(r, Q_SENT_SINCE, "i", now - HOUR));

	return day < share(r, 1) && hour < share(r, 4);
}

typedef struct {
	gint64 id, user;
	guint8 digest[16];
} Due;

static gboolean
first_due(AsndReports *r, gint64 now, Due *due)
{
	sqlite3_stmt *s = r->q[Q_DUE];
	gboolean row = STEP(r, Q_DUE, "iii", now, now - ASND_DAY, share(r, 2));

	if (row) {
		due->id = sqlite3_column_int64(s, 0);
		due->user = sqlite3_column_int64(s, 2);
		row = sqlite3_column_bytes(s, 1) == sizeof due->digest;
		memcpy(due->digest, sqlite3_column_blob(s, 1),
		    row ? sizeof due->digest : 0);
	}
	DONE(r, Q_DUE);
	return row;
}

/* Never what was taken back, deleted (or about to be), moved on, forgotten, or
 * reported before. */
static gboolean
still_wanted(AsndReports *r, const Due *due, gint64 now, AsndMailRow *mail)
{
	gint64 id;

	if (asnd_journal_standing(r->journal, due->user, due->digest) !=
		ASND_VOTE_SPAM ||
	    number(r, Q_SENT_BEFORE,
		STEP(r, Q_SENT_BEFORE, "b", due->digest, sizeof due->digest)))
		return FALSE;
	id = number(r, Q_MAILS,
	    STEP(r, Q_MAILS, "ib", due->user, due->digest, sizeof due->digest));
	return id != 0 && asnd_mails_get(r->mails, id, mail) &&
	       (mail->flags & ASND_MAIL_TRASHED) == 0 &&
	       now - mail->time <= ASND_REPORT_AGE;
}

static void
set(AsndReports *r, gint64 id, int state, gint64 due, gint64 asked)
{
	asnd_store_begin(r->store);
	RUN(r, Q_SET, "diii", state, due, asked, id);
}

gint64
asnd_reports_next(AsndReports *r, gint64 now, AsndMailRow *mail)
{
	Due due;

	if (r->config == NULL)
		return 0;
	for (guint i = 0;
	     i < BATCH && within_limits(r, now) && first_due(r, now, &due);
	     i++) {
		gboolean wanted = still_wanted(r, &due, now, mail);

		set(r, due.id, wanted ? SENT : DROPPED, 0, wanted ? now : 0);
		if (wanted)
			return due.id;
	}
	return 0;
}

void
asnd_reports_answered(
    AsndReports *r, gint64 id, AsnWatchReportStatus status, gint64 now)
{
	switch (status) {
	case ASN_REPORT_SENT:
		return;
	case ASN_REPORT_MOVED:
		set(r, id, WAITS, now + MOVED_PAUSE, 0);
		return;
	case ASN_REPORT_NO_CHANNEL:
		set(r, id, WAITS, now + CLOSED_PAUSE, 0);
		return;
	case ASN_REPORT_REFUSED:
	case ASN_REPORT_OPTED_OUT:
		break;
	}
	set(r, id, DROPPED, 0, 0);
}

void
asnd_reports_purge(AsndReports *r, gint64 now)
{
	asnd_store_begin(r->store);
	RUN(r, Q_PURGE, "i", now - KEEP);
}
