/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reputation model of SCORE.md: nodes with decayed weights, learning and
 * taking back.  Equals class Model of refmodel.py to 1e-9.
 *
 * An AsnModel belongs to one thread.  Times are seconds since the epoch as
 * double (whole seconds in asnd, fractions only from replay input).  No
 * clock, no I/O, no log in here.
 */
#pragma once

#include "addr.h"

/* The chain of neighbourhoods, from wide to narrow (SCORE.md). */
typedef enum {
	ASN_LEVEL_ALL,     /* G: all mail */
	ASN_LEVEL_COUNTRY, /* C */
	ASN_LEVEL_AS,      /* A */
	ASN_LEVEL_PREFIX,  /* P: routed prefix */
	ASN_LEVEL_BLOCK,   /* N: /24, IPv6 /48 */
	ASN_LEVEL_ADDRESS, /* I: /32, IPv6 /64 */
	ASN_N_LEVELS
} AsnLevel;

/* Where a mail came from.  asn 0, country "" and prefix.addr.family 0 mean
 * unknown: that level is then left out of the chain. */
typedef struct {
	AsnAddr addr;
	AsnNetwork prefix;
	guint32 asn;
	char country[3];
} AsnOriginKey;

typedef struct {
	double k;             /* K below the top level; 1 */
	double k_all;         /* K at the top level; 2 */
	double m;             /* damping; 1 */
	double half_life;     /* seconds; 60 days */
	double threshold;     /* flag at or above this score; 0.90 */
	double evidence;      /* and this evidence; 2 */
	double min_ham;       /* and this much ham in all; 50 */
	guint min_reporters;  /* 1 or 2 */
	guint cap;            /* votes per user, AS, class and day; 0: no cap */
	guint levels;         /* bit 1 << AsnLevel for each level used */
} AsnModelParams;
extern const AsnModelParams asn_model_defaults;

/* One neighbourhood.  Read only outside model.c. */
typedef struct {
	double s, h;     /* spam and ham weight, valid at t */
	double t;
	double rt, ot;   /* last report by `reporter`, by any other user; or -inf */
	guint32 reporter;/* user who reported spam last; 0: none */
	guint32 stamp;   /* asn_model_stamp when last changed */
} AsnNode;

/* What learning added at each level, for asn_model_unlearn.  Plain value. */
typedef struct {
	double t;
	gboolean spam;
	double w[ASN_N_LEVELS]; /* 0 where the level was left out */
	double w_raw;
} AsnReceipt;

/* One level of a score, as predict saw it. */
typedef struct {
	gboolean present;
	double s, h;   /* decayed to the time of the question */
	double theta;  /* after this level */
	gboolean backed; /* spam reported by enough different users */
} AsnChainLevel;

typedef struct {
	AsnChainLevel level[ASN_N_LEVELS];
	double score, evidence;
	double raw_ham;
	gboolean warm, flag;
} AsnPrediction;

typedef struct _AsnModel AsnModel;

AsnModel *asn_model_new(const AsnModelParams *params); /* copied */
void asn_model_free(AsnModel *model);
const AsnModelParams *asn_model_params(const AsnModel *model);
/* 1 or 2; asnd changes it as reporters come and go. */
void asn_model_set_min_reporters(AsnModel *model, guint n);

/* SCORE.md "Score": what the model says of key at time t. */
void asn_model_predict(const AsnModel *model, const AsnOriginKey *key,
    double t, AsnPrediction *out);
/* SCORE.md "cap": counts this vote and says whether it weighs.  user 0:
 * always TRUE. `now` is the time of the vote.  Votes come roughly in order:
 * counters of days that lie four half-lives (at least a year) before a new
 * vote's day may have been forgotten. */
gboolean asn_model_allowed(AsnModel *model, const AsnOriginKey *key,
    gboolean spam, guint32 user, double now);
/* SCORE.md "Learning": t is the time of the mail; user 0: unknown. */
AsnReceipt asn_model_learn(AsnModel *model, const AsnOriginKey *key, double t,
    gboolean spam, double w, guint32 user);
/* SCORE.md "Taking back". */
void asn_model_unlearn(
    AsnModel *model, const AsnOriginKey *key, const AsnReceipt *receipt);

/* Node access for the database builder and explanations.  NULL: no votes.
 * Valid until the model next changes. */
const AsnNode *asn_model_node(
    const AsnModel *model, AsnLevel level, const AsnOriginKey *key);
guint asn_model_n_nodes(const AsnModel *model, AsnLevel level);
/* Undamped totals (`raw` in SCORE.md). */
const AsnNode *asn_model_raw(const AsnModel *model);
/* Calls fn for every node of a level; net is set for PREFIX, BLOCK, ADDRESS;
 * number for AS; country for COUNTRY.  fn must not change the model. */
typedef struct {
	AsnLevel level;
	AsnNetwork net;
	guint32 asn;
	char country[3];
} AsnNodeKey;
typedef void (*AsnNodeFunc)(
    const AsnNodeKey *key, const AsnNode *node, gpointer data);
void asn_model_foreach(
    const AsnModel *model, AsnLevel level, AsnNodeFunc fn, gpointer data);
/* The same for n nodes of a level from number `from` on.  TRUE: there are more.
 * A node keeps its number as long as the model lives. */
gboolean asn_model_foreach_some(const AsnModel *model, AsnLevel level,
    guint from, guint n, AsnNodeFunc fn, gpointer data);

/* Change tracking for the two-file publication (reputation.h): every change
 * marks the node with the current stamp; asn_model_advance starts a new
 * stamp and forgets the list of changed nodes. */
void asn_model_advance(AsnModel *model);
guint asn_model_n_changed(const AsnModel *model);
void asn_model_foreach_changed(
    const AsnModel *model, AsnNodeFunc fn, gpointer data);
