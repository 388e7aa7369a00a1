/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-db.h: small databases for tests, as bytes the caller unrefs.  What goes
 * wrong here ends the program.
 *
 * The networks are the documentation ones: 192.0.2.0/24 AS64496 ZZ,
 * 198.51.100.0/24 AS64497 DE, 203.0.113.0/24 AS64498 NL, 2001:db8::/32
 * AS64499 FR.  The model: ham from 192.0.2.0/24, enough to be warm, and spam
 * of several users from 20 addresses of each network in `bad`.
 */
#pragma once

#include "mmdb-write.h"
#include "networks.h"
#include "reputation.h"

GBytes *test_db_networks(const char *holder);
/* The same, all in one country, which need not be a code. */
GBytes *test_db_networks_of(const char *holder, const char *country);
/* recent: only what `bad` adds, for base `id`. */
GBytes *test_db_reputation(
    gboolean recent, guint64 id, const char *const *bad, gint64 now);
/* Evidence at n addresses all over the place, a fifth of it spam. */
GBytes *test_db_random(guint n, gint64 now);
/* n networks, nested at random, of AS 1 to 9 in two countries, inside
 * 198.18.0.0/20, 2001:db8::/44 and, the first of all, at both ends of IPv4. */
GBytes *test_db_random_networks(guint n, GRand *rng);
