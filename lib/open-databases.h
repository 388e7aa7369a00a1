/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening the databases in a directory for who asks them one question.  Each
 * returns an exit code of sysexits.h: EX_OK, EX_NOINPUT (it is not there, or
 * may not be read) or EX_DATAERR (it is broken); then *problem, to be freed,
 * says so with what to do.  *why, where not NULL, is set to one static word for
 * it when *out is NULL.  Any thread.
 */
#pragma once

#include "networks.h"
#include "reputation.h"
#include "rules.h"

int asn_open_networks(
    const char *dir, AsnNetworks **out, char **problem, const char **why);
/* A recent.mmdb that is broken costs only what is recent: *out is set, and the
 * result EX_DATAERR. */
int asn_open_reputation(
    const char *dir, AsnReputation **out, char **problem, const char **why);
/* Where it is not there, there are no rules: EX_OK, and *out NULL. */
int asn_open_rules(const char *dir, AsnRules **out, char **problem);
