/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mail as it may leave the host: the bytes of a hostile sender, and perhaps
 * of a hostile user, made fit for SMTP, and without what is private.
 *
 * What changes: NUL goes, and CR LF and CR become LF (a bare CR could pass for
 * the end of a line at the next server).  Header fields that name the
 * recipient go, as does "for ADDRESS" in Received fields, and our own trace
 * headers, whose seal is nobody else's business.  The body stays.
 * Any thread; owned by the caller.
 */
#pragma once

#include "addr.h"

#define ASND_REPORT_MAX ((gsize)1024 * 1024)       /* larger: only its header */
#define ASND_REPORT_HEADER_MAX ((gsize)256 * 1024) /* larger: no report */

typedef struct {
	GString *text; /* header and body; body alone cut where too_large */
	gsize header;  /* its length, with the empty line */
	gboolean too_large;
	char *subject; /* UTF-8, one line, at most 200 bytes; "" */
	char *domain;  /* of the client, confirmed by our Postfix; NULL */
} AsndReportMail;

/* data: the first len bytes of a mail of `size` bytes; hide: names of header
 * fields, NULL-terminated; client: which Received line to believe.  NULL: its
 * header is too large, or it has none. */
AsndReportMail *asnd_report_mail_new(const char *data, gsize len, guint64 size,
    char *const *hide, const AsnAddr *client);
void asnd_report_mail_free(AsndReportMail *mail);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AsndReportMail, asnd_report_mail_free)
