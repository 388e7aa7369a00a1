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

#define REPLAY_UNSET (-G_MAXDOUBLE) /* of a number that was not given */

typedef struct {
	double delay;      /* seconds from mail to feedback */
	double spam_frac;  /* share of spam that is reported */
	double ham_frac;   /* share of ham that is confirmed */
	double active;     /* share of mails whose user gives feedback */
	double miss;       /* share of spam learnt as ham */
	double start;      /* metrics from this fraction of the file on */
	gint64 explain;    /* row, or -1 */
	int users;         /* made up; 0: none */
	gboolean implicit; /* unreported spam is learnt as ham */
	const char *dump;  /* file for each mail's result, or NULL */
	AsnModelParams params;
} ReplayOptions;

typedef struct {
	double score, evidence;
	gboolean warm, flag;
} ReplayResult;

/* What a user tells of a mail, and when that is learnt. */
typedef struct {
	gsize row;
	double now;
	gboolean spam;
	guint32 user; /* 0: unknown */
} ReplayVote;

/* A recorded stream: mails, and what is fed back of them. */
typedef struct {
	GArray *rows;       /* ReplayRow, oldest first */
	GArray *votes;      /* ReplayVote, oldest first */
	gboolean reporters; /* a flag needs one or two reporters as they come
			       and go (SCORE.md "reporters") */
} ReplayStream;
void replay_stream_clear(ReplayStream *stream);

/* The votes that options draw for rows. */
GArray *replay_draw_votes(const GArray *rows, const ReplayOptions *options);

/* Scores the first n rows, each with what had been fed back by then; results
 * has room for n. */
void replay_run(AsnModel *model, const ReplayStream *stream, gsize n,
    ReplayResult *results);

/* Prints the metrics over rows[start..n). start < n. */
void replay_measure(FILE *to, const ReplayRow *rows,
    const ReplayResult *results, gsize start, gsize n);
/* Sum of scores (evidence FALSE) or of evidence, to the last printed digit. */
double replay_sum(const ReplayResult *results, gsize n, gboolean evidence);

/* --- replay-print.c ------------------------------------------------------- */

extern const char replay_level_letters[ASN_N_LEVELS + 1];
/* Why the next mail, row, scores as it does. */
void replay_explain(const AsnModel *model, const ReplayRow *row, FILE *to);
/* What each mail got; the mails as input for replay.  FALSE, and a line on
 * stderr: not written. */
gboolean replay_dump(
    const char *path, const ReplayStream *stream, const ReplayResult *results);
gboolean replay_write(const char *path, const ReplayStream *stream);
void replay_sums(
    const AsnModel *model, const ReplayResult *results, gsize n, GString *out);
/* "key\tvalue" lines as members of a JSON object. */
void replay_json(const char *lines, GString *out);
