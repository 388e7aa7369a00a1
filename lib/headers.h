/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the header block of a mail (RFC 5322 2.2), and the client address
 * out of its Received chain (RFC 5321 4.4).  Hostile bytes: NULs, missing
 * ends, a megabyte in a line, 100,000 Received lines.  Nothing allocates;
 * work is linear in the block; results point into it.
 */
#pragma once

#include "addr.h"

typedef struct {
	const char *data, *end; /* what is left */
} AsnHeaderIter;

typedef struct {
	const char *name;
	gsize name_len;
	const char *value; /* raw, folds included, without the last line end */
	gsize value_len;
} AsnHeader;

void asn_header_iter_init(AsnHeaderIter *it, const char *data, gsize len);
/* Next well-formed field; malformed lines are passed over.  FALSE at the
 * empty line that ends the block or at the end of data. */
gboolean asn_header_iter_next(AsnHeaderIter *it, AsnHeader *out);
/* ASCII case-insensitive. */
gboolean asn_header_is(const AsnHeader *h, const char *name);

typedef struct {
	AsnAddr client;      /* family 0: none given */
	gboolean authenticated; /* protocol keyword ends in A: ESMTPA, ESMTPSA (RFC 3848) */
	gboolean has_date;
	gint64 date;         /* seconds since the epoch */
	const char *by;      /* host after "by" */
	gsize by_len;
	gboolean postfix;    /* "(Postfix" comment follows the by host */
	gboolean smtp;       /* the protocol is a kind of SMTP */
} AsnReceived;
/* Parses one Received value as Postfix writes it:
 * from HELO (RDNS [ADDR]) by HOST (Postfix) with PROTO id QID for <..>; DATE
 * FALSE when no "by" is found, or more than one could be it.  HELO comes from
 * the client and may imitate anything but a fold: "by" is the one that opens a
 * continuation line, and only in a value without such a line the only " by "
 * there is.  The address is the last "[...]" of the line before it. */
gboolean asn_received_parse(const char *value, gsize len, AsnReceived *out);

#define ASN_RECEIVED_MAX 50 /* hops looked at; more is a loop (Postfix: hopcount_limit 50) */

/* The client address that our own mail system vouches for: the first
 * Received whose client is not in `trusted`, walking from the top as long as
 * the host that wrote the line is ours.  own_hosts: NULL-terminated host names
 * (case-insensitive) of this host; NULL: the topmost line is known to be ours
 * (or written by a trusted relay, as the milter sees it).  FALSE: none, or the
 * mail was submitted by an authenticated client.
 *
 * Behind a trusted client any host's line is taken, since a relay's own name
 * is not known.  A hop of a host to itself (loopback, LMTP, a local
 * submission) is looked through when the next line was written by that same
 * host, one of own_hosts, or "localhost" (content filters). */
gboolean asn_received_client(const char *block, gsize len,
    const char *const *own_hosts, const AsnNetworkList *trusted,
    AsnReceived *out);

/* The same one line at a time, for who gets headers singly.  Plain struct, no
 * clean-up; own_hosts and trusted must outlive it. */
typedef enum {
	ASN_RECEIVED_MORE, /* undecided: the next Received line may tell */
	ASN_RECEIVED_FOUND,
	ASN_RECEIVED_NONE
} AsnReceivedState;
typedef struct {
	const char *const *own_hosts;
	const AsnNetworkList *trusted;
	AsnReceivedState state;
	guint hops;
	char host[256]; /* who must have written the next line; "": anybody */
	gboolean own;   /* the next line must be of own_hosts */
} AsnReceivedWalk;
void asn_received_walk_init(AsnReceivedWalk *walk,
    const char *const *own_hosts, const AsnNetworkList *trusted);
/* Once it has left MORE the state stays.  *out is set when it is FOUND. */
AsnReceivedState asn_received_walk_next(AsnReceivedWalk *walk,
    const char *value, gsize len, AsnReceived *out);
