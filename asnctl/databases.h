/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening the databases for a verb that reads them.  Each returns EX_OK,
 * EX_NOINPUT (it is not there, or may not be read) or EX_DATAERR (it is
 * broken); then *problem, to be freed, says so with what to do.  *why, where
 * not NULL, is set to one static word for it when *out is NULL.
 */
#pragma once

#include "networks.h"
#include "reputation.h"

int databases_open_networks(
    const char *dir, AsnNetworks **out, char **problem, const char **why);
/* A recent.mmdb that is broken costs only what is recent: *out is set, and the
 * result EX_DATAERR. */
int databases_open_reputation(
    const char *dir, AsnReputation **out, char **problem, const char **why);
