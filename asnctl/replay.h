/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnctl replay: a recorded stream of mails through the model, as refmodel.py
 * does it (SCORE.md "Acceptance").  One thread; the rows belong to the caller.
 *
 * Input is a text file from outside: every line is checked, and an error of
 * REPLAY_ERROR names file, line and what is wrong with it.
 */
#pragma once

#include <stdio.h>

#include "model.h"

#define REPLAY_ERROR (replay_error_quark())
GQuark replay_error_quark(void);

typedef struct {
	double t;
	AsnOriginKey key;
	gboolean spam;
} ReplayRow;

/* The lines of a TSV text as ReplayRow; name is for messages.  NULL: error.
 * Free with g_array_unref. */
GArray *replay_parse(
    const char *text, gsize len, const char *name, GError **error);

typedef struct {
	double delay;      /* seconds from mail to feedback */
	double spam_frac;  /* share of spam that is reported */
	double ham_frac;   /* share of ham that is confirmed */
	double active;     /* share of mails whose user gives feedback */
	double miss;       /* share of spam learnt as ham */
	double start;      /* metrics from this fraction of the file on */
	gint64 explain;    /* row, or -1 */
	int users;         /* 0: none */
	gboolean implicit; /* unreported spam is learnt as ham */
	const char *dump;  /* file for each mail's result, or NULL */
	AsnModelParams params;
} ReplayOptions;

typedef struct {
	double score, evidence;
	gboolean warm, flag;
} ReplayResult;

/* Scores the first n rows, each with what had been fed back by then; results
 * has room for n. */
void replay_run(AsnModel *model, const ReplayRow *rows, gsize n,
    const ReplayOptions *options, ReplayResult *results);

/* Prints the metrics over rows[start..n). start < n. */
void replay_measure(FILE *to, const ReplayRow *rows,
    const ReplayResult *results, gsize start, gsize n);
/* Sum of scores (evidence FALSE) or of evidence, to the last printed digit. */
double replay_sum(const ReplayResult *results, gsize n, gboolean evidence);
