/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an admin may name: an address, a network or an AS.
 *
 * One parser for every command, D-Bus method and file, so that all refuse the
 * same nonsense in the same words.  Plain values, any thread; only an error
 * allocates.
 */
#pragma once

#include "addr.h"
#include "model.h"

typedef enum {
	ASN_SUBJECT_ADDRESS,
	ASN_SUBJECT_NETWORK,
	ASN_SUBJECT_AS
} AsnSubjectKind;

typedef struct {
	AsnSubjectKind kind;
	AsnNetwork net; /* of an address: its /32 or /128; of an AS: family 0 */
	guint32 asn;    /* 0: not an AS */
} AsnSubject;

#define ASN_SUBJECT_STRLEN ASN_NETWORK_STRLEN

/* "192.0.2.1", "2001:db8::1" (also "192.0.2.1/32": the same), "192.0.2.0/24",
 * "AS64496" or "64496".  IPv4-mapped IPv6 is IPv4.  text: any bytes to a NUL.
 * FALSE: nonsense, host bits, AS0 (RFC 7607), a number out of range;
 * G_IO_ERROR_INVALID_ARGUMENT in one line of ASCII that says what would be
 * right.  *out is then undefined. */
gboolean asn_subject_parse(const char *text, AsnSubject *out, GError **error);
/* What parse reads as the same.  buf: ASN_SUBJECT_STRLEN bytes.  Returns buf.
 */
const char *asn_subject_format(const AsnSubject *subject, char *buf);
/* Is mail of this origin from the subject?  Of an AS: by key->asn. */
gboolean asn_subject_contains(
    const AsnSubject *subject, const AsnOriginKey *key);
gboolean asn_subject_equal(const AsnSubject *a, const AsnSubject *b);
/* Networks and addresses as asn_network_cmp has them, then ASes by number. */
int asn_subject_cmp(const AsnSubject *a, const AsnSubject *b);
