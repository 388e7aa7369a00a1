/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnd-mailwatch at work: connects to asnd, tells it everything, goes on with
 * what happens, and starts over when the connection is lost.  All that is
 * known about Maildirs lives as long as one connection.
 */
#pragma once

#include <glib.h>

/* Runs until SIGTERM or SIGINT, then returns TRUE.  SIGHUP and SIGUSR1 load
 * config_path (NULL: the default) anew; a broken one leaves the old in use.
 * FALSE: the first load failed. */
gboolean mw_loop(const char *config_path, GError **error);
