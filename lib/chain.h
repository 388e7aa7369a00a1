/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Explaining a score (SCORE.md "Explaining"): what each step of the chain is
 * about, and what it did.  Plain values, any thread, no allocation.
 */
#pragma once

#include "model.h"

#define ASN_LEVEL_KEY_STRLEN ASN_NETWORK_STRLEN

/* The neighbourhood of key at a level as text, "*" for all mail.  buf:
 * ASN_LEVEL_KEY_STRLEN bytes.  Returns buf. */
const char *asn_level_key(
    AsnLevel level, const AsnOriginKey *key, char *buf, gsize size);
/* Change in log-odds at a level; a level left out changes nothing. */
double asn_prediction_change(const AsnPrediction *p, AsnLevel level);
