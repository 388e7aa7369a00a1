/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole address space in cells: ranges in which every address has the same
 * answer of the databases, down to the last address with evidence of its own.
 * What the milter says of a mail it says of the cell of its client.
 *
 * Left out: 2002::/16 (6to4, RFC 7526: what is known of it is what is known of
 * the IPv4 address inside), ::/16 and 100::/8 (reserved, RFC 4291; no mail
 * comes from there, and the databases keep other things in their place).
 *
 * Runs for a second or two on a table of a million networks, in one thread; no
 * clock, no I/O.
 */
#pragma once

#include "cover.h"
#include "reputation.h"
#include "rules.h"

typedef struct {
	const AsnNetworks *networks;
	const AsnReputation *reputation; /* NULL: no cell is flagged */
	const AsnThresholds *thresholds; /* with reputation */
	double now;                      /* the same, or rules */
	const AsnRules *rules;           /* beat the score; NULL: none */
	/* Cells of their own, never flagged: no network of them is a client. */
	const AsnNetworkList *const *exempt; /* NULL-terminated, or NULL */
} AsnCellsQuestion;

typedef struct {
	AsnRange range;
	AsnOrigin origin; /* prefix.addr.family 0: in no network */
	gboolean exempt;
	gboolean flagged; /* as the milter flags mail from there */
	AsnRule rule;     /* that decided it; action 0: none did */
	double score;     /* with reputation */
} AsnCell;

/* In address order, IPv4 first, without gaps but for what is left out.  The
 * cell is valid during the call. */
typedef void (*AsnCellFunc)(const AsnCell *cell, gpointer data);
void asn_cells_foreach(
    const AsnCellsQuestion *question, AsnCellFunc fn, gpointer data);
