/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worst and the best neighbourhoods of a model: the first few by a weight
 * or by score, in pieces, so that a model of a million nodes stalls nobody.
 * Memory: the few, and for ASs an address of each.  Main thread only.
 */
#pragma once

#include "networks.h"

typedef enum { ASND_TOP_SPAM, ASND_TOP_SCORE, ASND_TOP_HAM } AsndTopBy;

#define ASND_TOP_MAX 1000 /* rows */

typedef struct {
	AsnNodeKey key;
	double spam, ham; /* decayed to the time of the question */
	double score;     /* of a mail from there, as far as this level knows */
	gboolean flagged; /* with this score and this evidence */
	AsnOrigin origin; /* who owns it; lives as long as networks */
} AsndTopRow;

/* What the pieces are taken from. */
typedef struct {
	const AsnModel *model;
	const AsnNetworks *networks; /* NULL: none */
	double now;                  /* seconds */
} AsndTopSource;

typedef struct _AsndTop AsndTop;

/* level: AS, PREFIX, BLOCK or ADDRESS.  limit: 1 to ASND_TOP_MAX. */
AsndTop *asnd_top_new(AsnLevel level, AsndTopBy by, guint limit);
void asnd_top_free(AsndTop *top);
/* The model is another one now: begin again. */
void asnd_top_restart(AsndTop *top);
/* Looks at up to n more nodes.  TRUE: there are more. */
gboolean asnd_top_step(AsndTop *top, const AsndTopSource *source, guint n);
/* After the last step: the first ones, best first, of AsndTopRow.  What weighs
 * less than 0.05, which would be shown as 0.0, is left out.  g_array_unref. */
GArray *asnd_top_rows(AsndTop *top, const AsndTopSource *source);
