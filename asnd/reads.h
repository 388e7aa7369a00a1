/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which header block to ask for next.  What is wanted stands in the evidence
 * file, so nothing grows in memory: live events come first through a short
 * queue in which no user has more than a share, all else in order of id.
 * At most ASN_WATCH_MAX_READS are out at once.  Main thread only.
 */
#pragma once

#include "mails.h"
#include "watch-protocol.h"

typedef struct {
	guint32 request;
	gint64 mail;
	gboolean again; /* wanted anew meanwhile */
} AsndRead;

typedef struct _AsndReads AsndReads;

AsndReads *asnd_reads_new(AsndMails *mails);
void asnd_reads_free(AsndReads *reads);
/* A new connection: nothing is out, everything wanted is tried again. */
void asnd_reads_reset(AsndReads *reads);
/* This mail is wanted; urgent: before the rest, as far as there is room. */
void asnd_reads_wanted(
    AsndReads *reads, const AsndMailRow *row, gboolean urgent);
/* Go through everything that is wanted once more. */
void asnd_reads_again(AsndReads *reads);
/* The next one, loaded; FALSE: none, or as many are out as may be.  It counts
 * as out until answered or put back. */
gboolean asnd_reads_next(AsndReads *reads, AsndMailRow *row, guint32 *request);
/* It could not be sent now. */
void asnd_reads_put_back(AsndReads *reads, guint32 request);
/* The mail of a request, which is over; 0: none such.  *again (may be NULL):
 * something happened to the mail since it was asked for. */
gint64 asnd_reads_answered(AsndReads *reads, guint32 request, gboolean *again);
/* Nothing is out and nothing wanted. */
gboolean asnd_reads_idle(const AsndReads *reads);
