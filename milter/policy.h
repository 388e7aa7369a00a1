/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What to do with a mail: a pure function of who sent it, the databases and
 * the time.  No I/O, no clock, no log, no allocation; any thread.
 */
#pragma once

#include "config.h"
#include "snapshot.h"
#include "trace.h"

/* Immutable after start. */
typedef struct {
	const AsnConfig *config;
	AsnSealer *sealer; /* NULL: no key, no seal */
} MltPolicy;

typedef struct {
	AsnAddr client; /* family 0: unknown, or not a network client */
	gboolean authenticated;
	const char *queue_id; /* NULL: unknown */
} MltFacts;

#define MLT_HEADERS_MAX (3 + 16)
typedef struct {
	const char *name; /* constant or the config's; for flag headers only
			     name_len bytes of it */
	guint name_len;
	char value[ASN_TRACE_MAX];
} MltHeader;

typedef enum {
	MLT_UNTOUCHED, /* leave the mail as it is, forged headers and all */
	MLT_UNFLAGGED, /* remove foreign copies, add the headers */
	MLT_FLAGGED    /* the same, and flagged_action */
} MltVerdict;

typedef struct {
	MltVerdict verdict;
	const char *reason; /* constant: "authenticated", "local", ... */
	guint32 asn;        /* 0: unknown */
	double score;       /* NAN: none */
	gboolean ruled;     /* `rule` decided */
	AsnRule rule;
	guint n;
	MltHeader header[MLT_HEADERS_MAX]; /* top-down as they shall appear */
} MltDecision;

void mlt_policy_decide(const MltPolicy *policy, const MltSnapshot *snapshot,
    const MltFacts *facts, gint64 now, MltDecision *out);

/* "Yes", "No" or "-", for the log. */
const char *mlt_verdict_name(const MltDecision *d);
/* A client that gets no header whatever the databases say: no address,
 * loopback and local networks, authenticated.  The reason, or NULL. */
const char *mlt_policy_exempt(const MltPolicy *policy, const MltFacts *facts);
