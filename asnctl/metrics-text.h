/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OpenMetrics text (https://openmetrics.io, version 1.0.0), as Prometheus and
 * the textfile collector of node_exporter read it.  Appends to a GString.
 */
#pragma once

#include <glib.h>

/* A gauge.  There are no counters: OpenMetrics names them otherwise than the
 * older format, which the textfile collector reads; what is a gauge is well
 * formed in both. */
typedef struct {
	const char *name;
	const char *unit; /* the end of the name, or NULL */
	const char *help; /* one line */
} Metric;

/* HELP, TYPE and UNIT: once, before the samples of it. */
void metric_family(GString *out, const Metric *metric);
/* One number; after metric the labels and their values, as pairs of strings of
 * any bytes, and NULL. */
void metric_sample(GString *out, const Metric *metric, double value,
    ...) G_GNUC_NULL_TERMINATED;
void metric_end(GString *out);
