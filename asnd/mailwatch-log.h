/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A user of a watched directory can cause a warning as often as they like, so
 * warnings about directories have a budget.  Names go through lib/escape.h.
 * One thread.
 */
#pragma once

#include <glib.h>

/* A warning about something that a user can cause.  At most 20 in a minute;
 * how many were left out is said with the next one. */
void mw_warn(const char *format, ...) G_GNUC_PRINTF(1, 2);
