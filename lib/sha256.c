/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sha256.c: SHA-256 and HMAC in place. */

#include <string.h>

#include "sha256.h"

static const guint32 round_constants[64] = {0x428a2f98, 0x71374491, 0xb5c0fbcf,
    0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7,
    0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
    0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
    0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c,
    0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee,
    0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2};

static guint32
ror(guint32 v, guint n)
{
	return v >> n | v << (32 - n);
}

static void
expand(guint32 w[64], const guint8 *block)
{
	for (guint i = 0; i < 16; i++) {
		memcpy(&w[i], block + i * 4, 4);
		w[i] = GUINT32_FROM_BE(w[i]);
	}
	for (guint i = 16; i < 64; i++) {
		guint32 a = w[i - 15], b = w[i - 2];
		w[i] = w[i - 16] + w[i - 7] +
		       (ror(a, 7) ^ ror(a, 18) ^ a >> 3) +
		       (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
	}
}

static void
compress(guint32 state[8], const guint8 *block)
{
	guint32 w[64], v[8];

	expand(w, block);
	memcpy(v, state, sizeof v);
	for (guint i = 0; i < 64; i++) {
		guint32 e = v[4], a = v[0];
		guint32 t1 = v[7] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) +
			     ((e & v[5]) ^ (~e & v[6])) + round_constants[i] +
			     w[i];
		guint32 t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) +
			     ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (guint i = 0; i < 8; i++)
		state[i] += v[i];
}

void
asn_sha256_init(AsnSha256 *s)
{
	static const guint32 start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
	    0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memcpy(s->h, start, sizeof start);
	s->len = 0;
}

void
asn_sha256_update(AsnSha256 *s, const void *data, gsize len)
{
	const guint8 *p = data;

	while (len > 0) {
		gsize used = s->len % 64;
		gsize n = MIN(len, 64 - used);

		memcpy(s->block + used, p, n);
		s->len += n;
		p += n;
		len -= n;
		if (used + n == 64)
			compress(s->h, s->block);
	}
}

void
asn_sha256_final(AsnSha256 *s, guint8 out[ASN_SHA256_SIZE])
{
	static const guint8 pad[64] = {0x80};
	guint64 bits = GUINT64_TO_BE(s->len * 8);
	gsize used = s->len % 64;

	asn_sha256_update(s, pad, used < 56 ? 56 - used : 120 - used);
	asn_sha256_update(s, &bits, sizeof bits);
	for (guint i = 0; i < 8; i++) {
		guint32 be = GUINT32_TO_BE(s->h[i]);
		memcpy(out + i * 4, &be, sizeof be);
	}
}

static void
start_padded(AsnSha256 *s, const guint8 key[64], guint8 pad)
{
	guint8 block[64];

	for (guint i = 0; i < sizeof block; i++)
		block[i] = key[i] ^ pad;
	asn_sha256_init(s);
	asn_sha256_update(s, block, sizeof block);
}

void
asn_hmac_key_init(AsnHmacKey *key, const void *secret, gsize len)
{
	guint8 block[64] = {0};

	if (len > sizeof block) {
		AsnSha256 s;
		asn_sha256_init(&s);
		asn_sha256_update(&s, secret, len);
		asn_sha256_final(&s, block);
	} else {
		memcpy(block, secret, len);
	}
	start_padded(&key->inner, block, 0x36);
	start_padded(&key->outer, block, 0x5c);
	explicit_bzero(block, sizeof block);
}

void
asn_hmac(const AsnHmacKey *key, const void *data, gsize len,
    guint8 out[ASN_SHA256_SIZE])
{
	AsnSha256 s = key->inner;

	asn_sha256_update(&s, data, len);
	asn_sha256_final(&s, out);
	s = key->outer;
	asn_sha256_update(&s, out, ASN_SHA256_SIZE);
	asn_sha256_final(&s, out);
}
