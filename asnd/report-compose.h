/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A report of one mail, with GMime: RFC 5965 (ARF), or as SpamCop takes it.
 *
 * The mail goes in as it is, behind a boundary that nobody could foresee: it
 * is never parsed as MIME, so nothing in it can be taken for a part of ours.
 */
#pragma once

#include "config.h"
#include "report-channel.h"
#include "report-mail.h"

/* now: seconds.  The mail to be sent, lines ended by LF; g_byte_array_unref.
 * NULL: too large for this format. */
GByteArray *asnd_report_compose(const AsndReportMail *mail,
    const AsnReport *what, const AsnReportConfig *config, gint64 now);
