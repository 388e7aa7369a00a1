/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SHA-256 (FIPS 180-4) and HMAC (RFC 2104) without allocation.
 *
 * Why not GLib's: GChecksum and GHmac allocate for every digest, and the
 * milter's mail path must not.  t-trace.c holds this against GHmac.
 */
#pragma once

#include <glib.h>

#define ASN_SHA256_SIZE 32

typedef struct {
	guint32 h[8];
	guint64 len; /* bytes so far */
	guint8 block[64];
} AsnSha256;

void asn_sha256_init(AsnSha256 *s);
void asn_sha256_update(AsnSha256 *s, const void *data, gsize len);
void asn_sha256_final(AsnSha256 *s, guint8 out[ASN_SHA256_SIZE]);

/* A key, worked in once: using it is const and safe from any thread. */
typedef struct {
	AsnSha256 inner, outer;
} AsnHmacKey;
void asn_hmac_key_init(AsnHmacKey *key, const void *secret, gsize len);
void asn_hmac(const AsnHmacKey *key, const void *data, gsize len,
    guint8 out[ASN_SHA256_SIZE]);
