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
/* The same of all that is wider than a level, for a new address there: what
 * lies inside does not count.  need: what a flag takes. */
void asn_prediction_cut(
    AsnPrediction *p, AsnLevel last, double threshold, double evidence);
/* The narrowest level that is about all of a network; prefix: the routed one
 * around it is known. */
AsnLevel asn_level_of_network(const AsnNetwork *net, gboolean prefix);
/* Change in log-odds at a level; a level left out changes nothing. */
double asn_prediction_change(const AsnPrediction *p, AsnLevel level);
