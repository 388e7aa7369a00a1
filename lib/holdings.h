/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The networks of an AS, as networks.mmdb has them.
 *
 * Not its 6to4 networks (2002::/16, RFC 7526): the database answers for them
 * with what it knows of the IPv4 address inside.
 *
 * Reads the whole database, a tenth of a second for a million networks.  One
 * thread, no I/O.
 */
#pragma once

#include "cover.h"
#include "networks.h"

typedef struct {
	AsnNetwork net;
	char *countries; /* "DE,NL"; "": unknown */
} AsnHolding;

typedef struct {
	guint32 asn;
	const char *org; /* as in AsnOrigin; lives as long as the database */
	gsize org_len;
	GArray *networks; /* AsnHolding, in order */
} AsnHoldings;

/* What somebody asks about: an AS, or an address in it.  *asn 0: an address in
 * no known AS.  db NULL: only a check.  FALSE: an error as asn_subject_parse
 * gives it, one line. */
gboolean asn_holdings_parse(
    const AsnNetworks *db, const char *what, guint32 *asn, GError **error);

/* exact: every routed prefix, one in another if it was announced so; of one
 * that narrower ones cover wholly the database knows nothing.  Else the fewest
 * networks that hold all addresses for which the database names this AS, and no
 * other address. */
void asn_holdings_read(
    const AsnNetworks *db, guint32 asn, gboolean exact, AsnHoldings *out);
void asn_holdings_clear(AsnHoldings *h);
