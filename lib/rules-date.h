/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Until when a rule holds, as an admin writes it.  Any thread.
 */
#pragma once

#include "rules.h"

/* "2026-12-31" (to the end of that day, UTC), "2026-12-31T18:00:00Z" or with
 * another offset (ISO 8601; without one UTC).  relative: also "+30d", "+12h"
 * from now. future: a time that is not after now is refused.  FALSE:
 * G_IO_ERROR_INVALID_ARGUMENT in one line of ASCII. */
typedef struct {
	gint64 now;
	gboolean relative, future;
} AsnUntilRules;
gboolean asn_until_parse(
    const char *text, const AsnUntilRules *how, gint64 *out, GError **error);
/* What parse reads as the same: the last day where it ends with one.  until:
 * 1..ASN_RULE_UNTIL_MAX.  buf: ASN_UNTIL_SIZE bytes.  Returns buf. */
#define ASN_UNTIL_SIZE 32
const char *asn_until_format(gint64 until, char *buf);
