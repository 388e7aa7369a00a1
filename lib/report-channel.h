/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What asnd-mailwatch tells asnd-report: one packet on a SOCK_SEQPACKET unix
 * socket (config report_socket, behind which each connection is a process of
 * its own), with the mail open for reading beside it.  No answer: who wants to
 * know looks at asnd-report's log.  Host byte order: one machine, one build.
 */
#pragma once

#include "addr.h"

#define ASN_REPORT_VERSION 1
/* Lies in the root of the Maildir of a user who wants nothing reported. */
#define ASN_REPORT_OPT_OUT "asnd-no-report"

typedef struct {
	guint32 version;
	guint8 pad[4];
	gint64 time;    /* when the mail came, seconds */
	AsnAddr client; /* from where */
	guint8 pad2[7];
} AsnReport;
