/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seal.c: X-ASN-Seal, its keys, writing and verifying (trace.h). */

#include <string.h>

#include <nettle/hmac.h>

#include "config.h"
#include "escape.h"
#include "span.h"
#include "trace.h"

#define KEY_IDS 100
#define SECRET_MIN 32
#define SECRET_MAX 1024
#define B64_SIZE 44 /* base64 of 32 bytes */

struct _AsnSealKeys {
	guint signer;
	gboolean have[KEY_IDS];
	struct hmac_sha256_ctx key[KEY_IDS];
};

struct _AsnSealer {
	const AsnSealKeys *keys;
};

/* --- keys ------------------------------------------------------------------
 */

/* "<id> <base64>" into *keys; cuts the line, copies nothing of it.  Returns
 * NULL or what is wrong. */
static const char *
parse_key_line(AsnSealKeys *keys, gboolean first, char *line)
{
	g_autofree guchar *secret = NULL;
	gsize len, text_len;
	char *text = line + strcspn(line, " \t");
	guint64 id;

	if (*text == '\0')
		return "a key is '<id 0..99> <base64 of 32 bytes or more>'";
	*text++ = '\0';
	if (!g_ascii_string_to_unsigned(line, 10, 0, KEY_IDS - 1, &id, NULL))
		return "a key is '<id 0..99> <base64 of 32 bytes or more>'";
	if (keys->have[id])
		return "this key id was used before";
	g_strstrip(text);
	text_len = strlen(text);
	if (text_len % 4 != 0 ||
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
			 "wxyz0123456789+/=") != text_len)
		return "the key is no base64";
	secret = g_base64_decode(text, &len);
	if (len < SECRET_MIN || len > SECRET_MAX) {
		explicit_bzero(secret, len);
		return "the key must have 32 to 1024 bytes; make one with "
		       "'head -c 32 /dev/urandom | base64'";
	}
	hmac_sha256_set_key(&keys->key[id], len, secret);
	explicit_bzero(secret, len);
	keys->have[id] = TRUE;
	if (first)
		keys->signer = (guint)id;
	return NULL;
}

AsnSealKeys *
asn_seal_keys_parse(
    const char *text, gsize len, const char *name, GError **error)
{
	AsnSealKeys *keys = g_new0(AsnSealKeys, 1);
	/* The only copy, cut in place, so that wiping it wipes all. */
	g_autofree char *copy = g_strndup(text, len);
	char *next = copy;
	gboolean first = TRUE;
	const char *wrong = strlen(copy) == len ? NULL : "NUL byte in the file";
	guint n_lines = 0;

	while (wrong == NULL && next != NULL) {
		char *line = next, *end = strchr(line, '\n');

		next = end != NULL ? end + 1 : NULL;
		if (end != NULL)
			*end = '\0';
		n_lines++;
		g_strstrip(line);
		if (*line == '\0' || *line == '#')
			continue;
		wrong = parse_key_line(keys, first, line);
		first = FALSE;
	}
	explicit_bzero(copy, len);
	if (wrong == NULL && first)
		wrong = "no key in the file";
	if (wrong == NULL)
		return keys;
	/* Never the value: it is a secret. */
	g_set_error(error, ASN_CONFIG_ERROR, ASN_CONFIG_ERROR_VALUE,
	    "%s:%u: %s", name, MAX(n_lines, 1), wrong);
	asn_seal_keys_free(keys);
	return NULL;
}

void
asn_seal_keys_free(AsnSealKeys *keys)
{
	if (keys == NULL)
		return;
	explicit_bzero(keys, sizeof *keys);
	g_free(keys);
}

AsnSealer *
asn_sealer_new(const AsnSealKeys *keys)
{
	AsnSealer *sealer = g_new0(AsnSealer, 1);

	sealer->keys = keys;
	return sealer;
}

void
asn_sealer_free(AsnSealer *sealer)
{
	g_free(sealer);
}

/* --- the value -------------------------------------------------------------
 */

static gboolean
is_queue_id(const char *id)
{
	gsize n = strnlen(id, sizeof((AsnSeal *)NULL)->queue_id);

	if (n == 0 || n == sizeof((AsnSeal *)NULL)->queue_id)
		return FALSE;
	for (gsize i = 0; i < n; i++)
		if (!g_ascii_isalnum(id[i]))
			return FALSE;
	return TRUE;
}

/* The canonical bytes that the HMAC covers; length, or 0. */
static gsize
write_fields(const AsnSeal *seal, char *buf, gsize size)
{
	char addr[ASN_ADDR_STRLEN];
	int n;

	if (!is_queue_id(seal->queue_id) || seal->addr.family == 0)
		return 0;
	n = g_snprintf(buf, size,
	    "v=1; k=%u; t=%" G_GINT64_FORMAT "; ip=%s; q=%s; f=%d",
	    seal->key_id, seal->time, asn_addr_format(&seal->addr, addr),
	    seal->queue_id, seal->flagged != FALSE);
	return n < 0 || (gsize)n >= size ? 0 : (gsize)n;
}

/* HMAC over the fields as base64; sets seal->id. */
static void
sign(const struct hmac_sha256_ctx *key, const char *fields, gsize len,
    AsnSeal *seal, char b64[B64_SIZE + 6])
{
	struct hmac_sha256_ctx hmac = *key;
	guint8 mac[SHA256_DIGEST_SIZE];
	gint state = 0, save = 0;
	gsize n;

	hmac_sha256_update(&hmac, len, (const guint8 *)fields);
	hmac_sha256_digest(&hmac, sizeof mac, mac);
	memcpy(seal->id, mac, sizeof seal->id);
	n = g_base64_encode_step(mac, sizeof mac, FALSE, b64, &state, &save);
	n += g_base64_encode_close(FALSE, b64 + n, &state, &save);
	b64[n] = '\0';
}

gsize
asn_seal_write(AsnSealer *sealer, AsnSeal *seal, char *buf, gsize size)
{
	char b64[B64_SIZE + 6];
	gsize n;

	seal->key_id = sealer->keys->signer;
	n = write_fields(seal, buf, size);
	if (n == 0 || size - n < sizeof "; b=" + B64_SIZE)
		return 0;
	sign(&sealer->keys->key[seal->key_id], buf, n, seal, b64);
	return n + (gsize)g_snprintf(buf + n, size - n, "; b=%s", b64);
}

/* --- reading ---------------------------------------------------------------
 */

/* "name=value" up to ';' or the end, into a NUL-terminated buffer. */
static gboolean
take_field(AsnSpan *c, const char *name, char *out, gsize size)
{
	gsize n = strlen(name), len = 0;

	asn_span_skip_space(c);
	if ((gsize)(c->end - c->p) <= n || memcmp(c->p, name, n) != 0 ||
	    c->p[n] != '=')
		return FALSE;
	c->p += n + 1;
	while (c->p<c->end && * c->p> ' ' && *c->p < 0x7f && *c->p != ';') {
		if (len + 1 >= size)
			return FALSE;
		out[len++] = *c->p++;
	}
	out[len] = '\0';
	asn_span_skip_space(c);
	if (c->p < c->end && *c->p++ != ';')
		return FALSE;
	return len > 0;
}

static gboolean
read_numbers(AsnSpan *c, AsnSeal *out)
{
	char v[4], k[4], t[24];
	guint64 id;

	return take_field(c, "v", v, sizeof v) && strcmp(v, "1") == 0 &&
	       take_field(c, "k", k, sizeof k) &&
	       g_ascii_string_to_unsigned(k, 10, 0, KEY_IDS - 1, &id, NULL) &&
	       (out->key_id = (guint)id, TRUE) &&
	       take_field(c, "t", t, sizeof t) &&
	       g_ascii_string_to_signed(
		   t, 10, G_MININT64, G_MAXINT64, &out->time, NULL);
}

static gboolean
read_fields(AsnSpan *c, AsnSeal *out, char b64[B64_SIZE + 1])
{
	char ip[ASN_ADDR_STRLEN], f[4];

	if (!read_numbers(c, out) || !take_field(c, "ip", ip, sizeof ip) ||
	    !asn_addr_parse(ip, strlen(ip), &out->addr) ||
	    !take_field(c, "q", out->queue_id, sizeof out->queue_id) ||
	    !take_field(c, "f", f, sizeof f))
		return FALSE;
	out->flagged = f[0] == '1';
	return (f[0] == '0' || f[0] == '1') && f[1] == '\0' &&
	       take_field(c, "b", b64, B64_SIZE + 1) && c->p == c->end;
}

static gboolean
equal_in_constant_time(const char *a, const char *b, gsize n)
{
	volatile guint8 diff = 0;

	for (gsize i = 0; i < n; i++)
		diff |= (guint8)(a[i] ^ b[i]);
	return diff == 0;
}

gboolean
asn_seal_verify(AsnSealer *sealer, const char *value, gsize len, AsnSeal *out)
{
	AsnSpan c = {value, value + len};
	char fields[ASN_TRACE_MAX], given[B64_SIZE + 1], b64[B64_SIZE + 6];
	gsize n;

	memset(out, 0, sizeof *out);
	if (!read_fields(&c, out, given) || strlen(given) != B64_SIZE ||
	    !sealer->keys->have[out->key_id])
		return FALSE;
	/* Over the canonical form: folding on the way does no harm, and a
	 * value has one spelling only. */
	n = write_fields(out, fields, sizeof fields);
	if (n == 0)
		return FALSE;
	sign(&sealer->keys->key[out->key_id], fields, n, out, b64);
	return equal_in_constant_time(given, b64, B64_SIZE);
}
