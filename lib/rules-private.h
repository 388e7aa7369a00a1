/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What builder and reader of rules.mmdb share: where a rule stands.
 *
 * Plain values, any thread, nothing fails.
 */
#pragma once

#include "reputation-private.h"
#include "rules.h"

/* Of one network or AS in a row: more are no honest file. */
#define RULES_CHAIN_MAX 255

static inline AsnNetwork
rules_as_place(guint32 asn)
{
	AsnNetwork net = {.addr = {.family = 6, .b = {0x01}}, .len = 128};
	guint64 key = GUINT64_TO_BE(rep_special(REP_AS, asn));

	memcpy(net.addr.b + 8, &key, sizeof key);
	return net;
}

/* what: as asn_rule_check_subject wants it. */
static inline AsnNetwork
rules_place(const AsnSubject *what)
{
	return what->kind == ASN_SUBJECT_AS ? rules_as_place(what->asn)
					    : what->net;
}
