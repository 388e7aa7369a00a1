/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dates of mail (RFC 5322 3.3), without locale and without allocation.
 */
#pragma once

#include <glib.h>

/* "Sat, 21 Nov 2026 02:16:57 +0000 (UTC)": the day name, the seconds and
 * anything after the zone are optional; GMT, UT, UTC and Z count as +0000,
 * other names are refused, and so is what lies outside 1970..9999, in that zone
 * or in UTC.  *out: seconds since the epoch.  FALSE: *out untouched. */
gboolean asn_date_parse(const char *text, gsize len, gint64 *out);
