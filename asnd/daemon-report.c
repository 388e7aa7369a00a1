/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon-report.c: from the queue of reports to asnd-mailwatch. */

#include "daemon-private.h"

/* One at a time: the next when this one is answered.  Only while everything
 * that happened to mails was heard and read. */
static gboolean
report_next(gpointer data)
{
	AsndDaemon *d = data;
	gint64 now = asnd_daemon_now(d), id;
	AsndMailRow mail;

	d->report_source = 0;
	if (d->broken || !asnd_watch_server_idle(d->server) ||
	    asnd_watch_server_reporting(d->server))
		return G_SOURCE_REMOVE;
	id = asnd_reports_next(d->reports, now, &mail);
	if (!asnd_daemon_commit(d) || id == 0)
		return G_SOURCE_REMOVE;
	/* Ids of rows are small; were they not, the answer would not fit and
	 * the row count as reported. */
	if (!asnd_watch_server_report(d->server, &mail, (guint32)id))
		asnd_reports_answered(d->reports, id, ASN_REPORT_MOVED, now);
	return G_SOURCE_REMOVE;
}

void
asnd_daemon_report(AsndDaemon *d)
{
	if (asnd_reports_on(d->reports) && d->report_source == 0)
		d->report_source = g_idle_add(report_next, d);
}

void
asnd_daemon_reported(
    guint32 request, AsnWatchReportStatus status, gpointer data)
{
	static const char *const what[] = {
	    [ASN_REPORT_SENT] = "handed to asnd-report",
	    [ASN_REPORT_MOVED] = "the mail has moved",
	    [ASN_REPORT_REFUSED] = "asnd-mailwatch refuses the mail",
	    [ASN_REPORT_OPTED_OUT] = "its user does not want it",
	    [ASN_REPORT_NO_CHANNEL] = "asnd-report cannot be reached",
	};
	AsndDaemon *d = data;

	g_info("report %u: %s", request, what[status]);
	asnd_reports_answered(d->reports, request, status, asnd_daemon_now(d));
	asnd_daemon_report(d);
}
