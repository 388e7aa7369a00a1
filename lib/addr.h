/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses and networks, as all parts of asnd see them.
 *
 * An AsnAddr is a value of 17 bytes: no pointer, no ownership, safe to copy
 * and to use from any thread.  IPv4 sits in the last four bytes behind twelve
 * zero bytes, which is where a MaxMind DB keeps it (::/96).  The family is
 * kept apart, so ::1 and 0.0.0.1 differ.  IPv4-mapped IPv6 (::ffff:a.b.c.d,
 * RFC 4291 2.5.5.2) is always unmapped to IPv4: Postfix may report either.
 *
 * Nothing here allocates, logs, or looks up a name.
 */
#pragma once

#include <glib.h>
#include <sys/socket.h>

typedef struct {
	guint8 b[16];  /* network byte order; IPv4: 12 zero bytes + 4 */
	guint8 family; /* 4 or 6; 0: no address */
} AsnAddr;

/* len counts in the address's own family (0..32 or 0..128).  Host bits may be
 * set: see asn_network_mask. */
typedef struct {
	AsnAddr addr;
	guint8 len;
} AsnNetwork;

#define ASN_ADDR_STRLEN 46    /* INET6_ADDRSTRLEN */
#define ASN_NETWORK_STRLEN 50 /* address, '/', three digits, NUL */

/* Parse len bytes of text (need not end in NUL) as one address, nothing
 * before or after it.  Accepts "192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7"
 * and Postfix's "IPv6:2001:db8::1" (RFC 5321 4.1.3).  Refuses zone ids, octal
 * and short IPv4 forms.  FALSE: *out untouched. */
gboolean asn_addr_parse(const char *text, gsize len, AsnAddr *out);

/* From a socket address; FALSE for NULL, AF_UNIX and anything not AF_INET or
 * AF_INET6. */
gboolean asn_addr_from_sockaddr(const struct sockaddr *sa, AsnAddr *out);

/* Canonical text (RFC 5952 as inet_ntop writes it).  buf: at least
 * ASN_ADDR_STRLEN bytes.  Returns buf. */
const char *asn_addr_format(const AsnAddr *addr, char *buf);

/* 127.0.0.0/8 and ::1. */
gboolean asn_addr_is_loopback(const AsnAddr *addr);

gboolean asn_addr_equal(const AsnAddr *a, const AsnAddr *b);
guint asn_addr_hash(const AsnAddr *a);

/* "address/len"; a bare address is a /32 or /128.  A length out of range is
 * refused; host bits are kept. */
gboolean asn_network_parse(const char *text, gsize len, AsnNetwork *out);
/* buf: at least ASN_NETWORK_STRLEN bytes.  Returns buf. */
const char *asn_network_format(const AsnNetwork *net, char *buf);
/* The network of length len around addr, host bits cleared. */
AsnNetwork asn_network_of(const AsnAddr *addr, guint8 len);
/* TRUE when no host bit is set. */
gboolean asn_network_is_canonical(const AsnNetwork *net);
gboolean asn_network_contains(const AsnNetwork *net, const AsnAddr *addr);
gboolean asn_network_equal(const AsnNetwork *a, const AsnNetwork *b);
guint asn_network_hash(const AsnNetwork *n);
/* IPv4 before IPv6, then by address, then shorter prefix first: parents come
 * before the networks inside them. */
int asn_network_cmp(const AsnNetwork *a, const AsnNetwork *b);

/* SCORE.md level N: the /24 (IPv6: /48) around addr; level I: the /32
 * (IPv6: /64). */
AsnNetwork asn_addr_block(const AsnAddr *addr);
AsnNetwork asn_addr_leaf(const AsnAddr *addr);

/* A short list of networks, e.g. trusted relays.  The caller owns it. */
typedef struct {
	AsnNetwork *nets;
	gsize n;
} AsnNetworkList;
gboolean asn_network_list_contains(
    const AsnNetworkList *list, const AsnAddr *addr);
void asn_network_list_clear(AsnNetworkList *list);

/* "AS64496", "as64496" or "64496", 1..4294967295 (RFC 6793), nothing else. */
gboolean asn_number_parse(const char *text, gsize len, guint32 *out);
