/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnd put together: evidence, journal, what listens, what is published, and
 * the timers between them, on the default main context.  Main thread only.
 */
#pragma once

#include "config.h"

typedef struct _AsndDaemon AsndDaemon;

/* Opens everything, listens, publishes.  config stays the caller's and must
 * outlive it.  clock_offset: seconds added to the wall clock, for tests. */
AsndDaemon *asnd_daemon_new(
    const AsnConfig *config, gint64 clock_offset, GError **error);
/* Commits and closes. */
void asnd_daemon_free(AsndDaemon *daemon);
/* Set when the evidence file turned out damaged while running: leave, the
 * next start sets it aside. */
void asnd_daemon_on_fatal(
    AsndDaemon *daemon, void (*fn)(gpointer data), gpointer data);
/* Takes config (NULL: it did not change), networks.mmdb and the seal keys anew.
 * config must outlive the daemon or the next reload; what cannot be changed
 * while it runs is said in one warning. */
void asnd_daemon_reload(AsndDaemon *daemon, const AsnConfig *config);

/* What --test-config checks: paths, keys, databases.  Changes nothing. */
gboolean asnd_daemon_test(const AsnConfig *config, GError **error);
