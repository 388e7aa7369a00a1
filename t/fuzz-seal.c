/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-seal.c: any bytes as a seal, as what a seal tells, as X-ASN-Spam, as a
 * key file and as a holder's name.
 *
 * Covers: lib/seal.c lib/trace.c.
 * Longest input: 512
 */

#include <math.h>

#include "fuzz.h"
#include "trace.h"

#define KEY "0 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

/* Nothing of ours can end a line or a comment. */
static void
check_clean(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		g_assert_true(*p >= 0x20 && *p <= 0x7e && *p != '\\');
}

static void
check_org(const char *text, gsize size)
{
	char buf[ASN_TRACE_MAX], holder[ASN_HOLDER_MAX + 1];
	AsnNetwork net;

	g_assert_true(asn_network_parse("192.0.2.0/24", 12, &net));
	g_assert_cmpuint(asn_trace_format_asn(buf, sizeof buf, 1, &net,
			     size > 2 ? "DE" : "", text, size),
	    >, 0);
	check_clean(buf);
	g_assert_cmpuint(
	    asn_trace_clean_holder(holder, text, size), <=, ASN_HOLDER_MAX);
	g_assert_null(strpbrk(holder, "()"));
	asn_trace_format_asn(buf, size % 64 + 1, 1, &net, "DE", text, size);
	g_assert_cmpuint(strlen(buf), <=, size % 64);
}

/* What verifies must read back as what is written. */
static void
check_seal(AsnSealer *sealer, const char *text, gsize size)
{
	char buf[ASN_TRACE_MAX];
	AsnSeal seal, again;
	gsize n;

	if (!asn_seal_verify(sealer, text, size, &seal))
		return;
	n = asn_seal_write(sealer, &seal, buf, sizeof buf);
	g_assert_cmpuint(n, >, 0);
	g_assert_true(asn_seal_verify(sealer, buf, n, &again));
	g_assert_cmpmem(seal.id, sizeof seal.id, again.id, sizeof again.id);
	check_clean(buf);
}

/* Any facts: sealed or refused, and no byte of the seal can be changed but
 * the white space. */
static void
check_written(AsnSealer *sealer, FuzzInput in)
{
	AsnSeal seal = {.time = (gint64)fuzz_number(&in, 8)}, again;
	char buf[ASN_TRACE_MAX];
	const char *id;
	gsize n, len;

	seal.flagged = fuzz_byte(&in) & 1;
	seal.addr.family = fuzz_byte(&in) & 1 ? 4 : 6;
	for (guint i = seal.addr.family == 4 ? 12 : 0; i < 16; i++)
		seal.addr.b[i] = (guint8)fuzz_byte(&in);
	id = fuzz_bytes(&in, sizeof seal.queue_id - 1, &len);
	memcpy(seal.queue_id, id, len);
	n = asn_seal_write(sealer, &seal, buf, sizeof buf);
	if (n == 0 || !asn_seal_verify(sealer, buf, n, &again))
		return; /* a time or an address that no mail has */
	g_assert_cmpint(seal.time, ==, again.time);
	g_assert_cmpint(seal.flagged, ==, again.flagged);
	g_assert_cmpstr(seal.queue_id, ==, again.queue_id);
	g_assert_true(asn_addr_equal(&seal.addr, &again.addr));
	len = fuzz_number(&in, 2) % n;
	buf[len] ^= 1;
	g_assert_false(asn_seal_verify(sealer, buf, n, &again) &&
		       memcmp(again.id, seal.id, sizeof seal.id) != 0);
	g_assert_false(asn_seal_verify(sealer, buf, len, &again));
}

static void
check_spam(const char *text, gsize size)
{
	char buf[ASN_TRACE_MAX];
	AsnTraceSpam a, b;
	gsize n;

	if (!asn_trace_parse_spam(text, size, &a))
		return;
	g_assert_true(a.level != ASN_SPAM_UNKNOWN && a.level < ASN_SPAM_LEVELS);
	if (isnan(a.score))
		return; /* a rule alone */
	g_assert_true(a.score >= 0 && a.score <= 1 && a.spam >= 0);
	n = asn_trace_format_spam(buf, sizeof buf, a.flagged,
	    a.level == ASN_SPAM_RULE ? "allow:AS1" : NULL, a.score, a.threshold,
	    a.level == ASN_SPAM_RULE ? "none" : asn_spam_level_name(a.level),
	    a.spam, a.ham);
	g_assert_true(asn_trace_parse_spam(buf, n, &b));
	g_assert_cmpint(a.level, ==, b.level);
	g_assert_cmpint(a.flagged, ==, b.flagged);
	g_assert_cmpfloat(a.score, ==, b.score);
	g_assert_cmpfloat(a.threshold, ==, b.threshold);
}

/* Whatever a database yields can be written, and read. */
static void
check_numbers(FuzzInput in)
{
	guint64 bits[4];
	double v[4];
	char buf[ASN_TRACE_MAX];
	AsnTraceSpam out;
	gsize n;

	for (guint i = 0; i < G_N_ELEMENTS(bits); i++)
		bits[i] = fuzz_number(&in, 8);
	memcpy(v, bits, sizeof v);
	v[0] = fmin(v[0], 1);
	v[1] = fmin(v[1], 1);
	n = asn_trace_format_spam(buf, sizeof buf, bits[0] & 1,
	    bits[1] & 1 ? "block:2001:db8::/32" : NULL, v[0], v[1],
	    asn_spam_level_name(ASN_SPAM_NONE + bits[2] % 5), v[2], v[3]);
	g_assert_cmpuint(n, >, 0);
	g_assert_true(asn_trace_parse_spam(buf, n, &out));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	static AsnSealer *sealer;
	const char *text = (const char *)data;
	FuzzInput in = {data, data + size};
	GError *error = NULL;
	AsnSealKeys *keys;

	if (sealer == NULL)
		sealer = asn_sealer_new(
		    asn_seal_keys_parse(KEY, strlen(KEY), "k", NULL));
	check_seal(sealer, text, size);
	check_written(sealer, in);
	check_org(text, size);
	check_spam(text, size);
	check_numbers(in);
	keys = asn_seal_keys_parse(text, size, "k", &error);
	g_assert_true((keys == NULL) == (error != NULL));
	if (error != NULL)
		check_clean(error->message);
	g_clear_error(&error);
	asn_seal_keys_free(keys);
	return 0;
}
