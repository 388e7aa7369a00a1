/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a report's page that are HTML: each appends to out.  Text from
 * outside goes through report_html alone.
 */
#pragma once

#include "report.h"

void report_part_date(const Report *report, GString *out);
/* Sentences: how far learning has come. */
void report_part_state(const Report *report, GString *out);
void report_part_figures(const Report *report, GString *out);
void report_part_weeks(const Report *report, GString *out);
void report_part_worst(const Report *report, GString *out);
/* A section, where there are rules. */
void report_part_rules(const Report *report, GString *out);
/* The tables beside the maps. */
void report_part_ipv4(const Report *report, GString *out);
void report_part_ipv6(const Report *report, GString *out);
/* What the page does not have for want of something. */
void report_part_missing(const Report *report, GString *out);
