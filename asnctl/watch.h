/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "asnctl watch": a line for each vote and each verdict (watch-print.c).
 */
#pragma once

#include <glib.h>

#include "style.h"

/* What the columns are, on a terminal. */
void watch_head(GString *out, const Style *style);
/* vote: of VoteCounted, else of VerdictSeen; dict: its a{sv}.  One line with
 * its end. */
void watch_line(
    GString *out, const Style *style, gboolean vote, GVariant *dict);
void watch_json(GString *out, gboolean vote, GVariant *dict);
