/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sums of what the method Quality answers (units/org.asnd1.xml), for "asnctl
 * quality" and "asnctl metrics".  Plain values.
 */
#pragma once

#include <glib.h>

typedef struct {
	guint64 flagged, unflagged, rescued, confirmed, missed;
} QualitySum;

/* Adds a row, a{sv}; what is not in it counts as 0. */
void quality_add(QualitySum *sum, GVariant *row);
/* Of the flagged, the part that nobody took out of Junk; NAN: none was. */
double quality_precision(const QualitySum *sum);
/* Of what was or should have been flagged, the part that was; NAN: none. */
double quality_recall(const QualitySum *sum);
