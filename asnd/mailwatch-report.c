/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-report.c: a mail, open for reading, for asnd-report. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mailwatch-conn.h"
#include "mailwatch-log.h"
#include "mailwatch-tree.h"
#include "open-beneath.h"
#include "report-channel.h"
#include "votes.h"

/* Whatever of that name, and whatever keeps us from looking: the user's word
 * must not depend on what kind of file it is. */
static gboolean
opted_out(const MwNode *maildir)
{
	struct stat st;
	int dir = mw_node_open(maildir, &st), fd;
	gboolean there;

	if (dir < 0)
		return TRUE;
	fd = asn_open_look(dir, ASN_REPORT_OPT_OUT, &st);
	there = fd >= 0 || errno != ENOENT;
	if (fd >= 0)
		close(fd);
	close(dir);
	return there;
}

static gboolean
hand_over(const AsnWatchReport *request, int mail, const char *path)
{
	static gboolean said;
	AsnReport report = {.version = ASN_REPORT_VERSION,
	    .time = request->time,
	    .client = request->client};
	int sock = mw_connect(path);
	gboolean ok = sock >= 0 && asn_watch_send_raw(
				       sock, &report, sizeof report, mail) == 0;

	if (!ok && !said)
		g_warning("nothing is reported: %s: %s; is asnd-report.socket "
			  "started?",
		    path, g_strerror(errno));
	said = !ok; /* once, until it works again */
	if (sock >= 0)
		close(sock);
	return ok;
}

static AsnWatchReportStatus
report(const MwNode *folder, const AsnWatchReport *request, const char *name,
    const char *path)
{
	const MwMail mail = {
	    request->cur ? MW_CUR : MW_NEW, name, request->dev, request->ino};
	AsnWatchStatus status;
	gboolean sent;
	int fd = -1;

	if (opted_out(folder->up))
		return ASN_REPORT_OPTED_OUT;
	status = mw_open_mail(folder, &mail, &fd);
	if (status != ASN_WATCH_OK)
		return status == ASN_WATCH_MOVED ? ASN_REPORT_MOVED
						 : ASN_REPORT_REFUSED;
	sent = hand_over(request, fd, path);
	close(fd);
	return sent ? ASN_REPORT_SENT : ASN_REPORT_NO_CHANNEL;
}

/* asnd reads what strangers wrote: were it taken over, it still could not send
 * away what lies anywhere else. */
static gboolean
is_junk(const MwNode *folder, const AsnConfig *config)
{
	return asnd_place(config, folder->name, strlen(folder->name)) ==
	       ASND_PLACE_JUNK;
}

gboolean
mw_report(MwTree *tree, const AsnWatchReport *request, const char *name,
    const AsnConfig *config)
{
	const MwNode *folder = g_hash_table_lookup(
	    tree->folders, GUINT_TO_POINTER(request->folder));
	AsnWatchReported answer = {
	    .request = request->request,
	    .status = ASN_REPORT_MOVED,
	};

	if (request->folder == 0 || request->folder > tree->last_id)
		return FALSE;
	if (config->report.format == ASN_REPORT_OFF)
		answer.status = ASN_REPORT_NO_CHANNEL;
	else if (folder != NULL && !is_junk(folder, config))
		answer.status = ASN_REPORT_REFUSED;
	else if (folder != NULL)
		answer.status =
		    report(folder, request, name, config->report_socket);
	tree->emit(tree->emit_data, ASN_WATCH_REPORTED, &answer, sizeof answer,
	    NULL, -1);
	return TRUE;
}
