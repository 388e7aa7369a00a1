/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * {asn}, {prefix}, {country} and {score} in a text of the admin's: flag-headers
 * in asnd.conf(5), --rule of asnctl(1).
 *
 * Nothing allocates; any thread.
 */
#pragma once

#include "networks.h"

/* Nothing else in braces. */
gboolean asn_placeholders_known(const char *text);

typedef struct {
	const AsnOrigin *origin; /* what it does not tell is "unknown" */
	double score;            /* NAN: "unknown" */
} AsnPlaceholders;
/* text: as asn_placeholders_known wants it.  Length, or 0 if size is too
 * small. */
gsize asn_placeholders_expand(
    const char *text, const AsnPlaceholders *values, char *out, gsize size);
