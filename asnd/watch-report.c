/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch-report.c: a mail that asnd-mailwatch shall hand to asnd-report. */

#include "watch-private.h"

typedef struct {
	AsndWatchServer *server;
	gint64 folder;
	guint32 id; /* of the connection */
} Wanted;

static gboolean
is_wanted(gint64 folder, gpointer data)
{
	Wanted *w = data;

	if (folder != w->folder)
		return FALSE;
	w->id = GPOINTER_TO_UINT(
	    g_hash_table_lookup(w->server->by_folder, &folder));
	return w->id != 0 && g_hash_table_contains(
				 w->server->folders, GUINT_TO_POINTER(w->id));
}

gboolean
asnd_watch_server_report(
    AsndWatchServer *w, const AsndMailRow *mail, guint32 request)
{
	Wanted wanted = {w, mail->folder, 0};
	AsnWatchReport msg = {.dev = (guint64)mail->dev,
	    .ino = (guint64)mail->ino,
	    .time = mail->time,
	    .client = mail->addr,
	    .request = request};
	char name[ASND_NAME_MAX];
	gint64 folder;
	gsize len;
	guint cur;

	if (w->fd < 0 || w->report != 0 ||
	    !asnd_mails_name(w->mails, mail->id, is_wanted, &wanted, &folder,
		&cur, name, &len))
		return FALSE;
	msg.folder = wanted.id;
	msg.cur = (guint8)cur;
	if (asn_watch_send(
		w->fd, ASN_WATCH_REPORT, &msg, sizeof msg, name, len, -1) != 0)
		return FALSE;
	w->report = request;
	return TRUE;
}

gboolean
asnd_watch_server_reporting(const AsndWatchServer *w)
{
	return w->report != 0;
}

const char *
asnd_watch_on_reported(AsndWatchServer *w, const AsnWatchPacket *p)
{
	const AsnWatchReported *r = p->fixed;

	if (w->report == 0 || r->request != w->report)
		return "a report that nobody asked for";
	if (r->status > ASN_REPORT_NO_CHANNEL)
		return "a report with an unknown outcome";
	w->report = 0;
	if (w->handler.reported != NULL)
		w->handler.reported(
		    r->request, (AsnWatchReportStatus)r->status, w->data);
	return NULL;
}
