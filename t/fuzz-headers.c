/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-headers.c: any bytes as a mail: where its header ends, its fields, and
 * what asnd makes of it.  "@SEAL0" and "@SEAL1" in it become true seals of
 * mail that passed and that was flagged.
 *
 * Covers: lib/headers.c lib/block.c lib/header-copy.c.
 * Longest input: 2048
 */

#include <math.h>

#include "block.h"
#include "fuzz.h"
#include "header-copy.h"

#define KEY "0 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define MARK "@SEAL"
#define MARK_LEN 5

static AsnSealer *sealer;
static AsnConfig *config;
static char **own_hosts;
static char seals[2][ASN_TRACE_MAX];

static void
set_up(void)
{
	static const char text[] =
	    "[milter]\ntrusted-relays = 203.0.113.0/24\n";
	AsnConfig *defaults;
	AsnSeal seal = {.time = 1795217323,
	    .addr = {.b = {[12] = 192, 0, 2, 7}, .family = 4},
	    .queue_id = "4XyZ"};

	sealer =
	    asn_sealer_new(asn_seal_keys_parse(KEY, strlen(KEY), "k", NULL));
	config = asn_config_parse(text, strlen(text), "fuzz", NULL);
	defaults = asn_config_parse("", 0, "defaults", NULL);
	g_strfreev(asnd_block_own_hosts(defaults));
	asn_config_free(defaults);
	own_hosts = asnd_block_own_hosts(config);
	for (guint i = 0; i < 2; i++) {
		seal.flagged = i == 1;
		g_assert_cmpuint(
		    asn_seal_write(sealer, &seal, seals[i], sizeof seals[i]), >,
		    0);
	}
}

/* The true seals in their places. */
static GString *
with_seals(const char *data, gsize size)
{
	GString *out = g_string_sized_new(size + 1);
	const char *end = data + size;

	while (data < end) {
		const char *at =
		    memmem(data, (gsize)(end - data), MARK, MARK_LEN);

		if (at == NULL || at + MARK_LEN == end)
			break;
		g_string_append_len(out, data, at - data);
		g_string_append(out, seals[at[MARK_LEN] & 1]);
		data = at + MARK_LEN + 1;
	}
	g_string_append_len(out, data, end - data);
	return out;
}

static void
check_fields(const char *block, gsize size)
{
	const char *last = block;
	AsnHeaderIter it;
	AsnHeader h;

	asn_header_iter_init(&it, block, size);
	while (asn_header_iter_next(&it, &h)) {
		g_assert_true(h.name >= last && h.name_len > 0);
		g_assert_true(h.value > h.name + h.name_len - 1);
		g_assert_true(h.value + h.value_len <= block + size);
		last = h.value + h.value_len;
		for (gsize i = 0; i < h.name_len; i++)
			g_assert_true(h.name[i] > ' ' && h.name[i] != ':');
	}
}

/* What asnd makes of the whole block. */
static void
check_block(const char *block, gsize size)
{
	AsndBlock out, again;

	asnd_block_parse(block, size, sealer, config, own_hosts, &out);
	g_assert_cmpint(out.level, <, ASN_SPAM_LEVELS);
	if (!out.sealed)
		g_assert_true(out.level == ASN_SPAM_UNKNOWN && !out.flagged);
	else
		g_assert_cmpint(out.time, ==, 1795217323);
	g_assert_true(isnan(out.score) || (out.score >= 0 && out.score <= 1));
	g_assert_true(out.addr.family != 0 || out.time == 0);
	g_assert_false(
	    asn_network_list_contains(&config->trusted_relays, &out.addr));
	g_assert_false(
	    asn_network_list_contains(&config->local_networks, &out.addr));
	asnd_block_parse(block, size, NULL, config, own_hosts, &again);
	g_assert_false(again.sealed);
}

/* No byte behind the first empty line is taken; the fields are the same. */
static void
check_copy(const char *mail, gsize size)
{
	static char buf[4096], twice[4096];
	int fd = fuzz_memfd(mail, size), sealed;
	gboolean complete, all;
	gsize len, again;

	g_assert_true(asn_header_read(
	    fd, ASN_HEADER_HERE, buf, sizeof buf, &len, &complete));
	g_assert_cmpuint(len, <=, size);
	g_assert_cmpmem(buf, len, mail, len);
	if (complete && len < size)
		g_assert_true(mail[len - 1] == '\n' &&
			      (len == 1 || mail[len - 2] == '\n' ||
				  mail[len - 2] == '\r'));
	sealed = asn_header_seal(buf, len);
	g_assert_cmpint(sealed, >=, 0);
	g_assert_cmpint(pwrite(sealed, "x", 1, 0), ==, -1);
	g_assert_true(
	    asn_header_read(sealed, 0, twice, sizeof twice, &again, &all));
	g_assert_cmpmem(buf, len, twice, again);
	g_assert_true(asn_header_read(fd, (gint64)(size / 2), twice,
	    MIN(size, sizeof twice) / 4, &again, &all));
	close(sealed);
	close(fd);
	g_assert_false(asn_header_read(
	    -1, ASN_HEADER_HERE, buf, sizeof buf, &len, &complete));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	g_autoptr(GString) mail = NULL;
	g_autofree char *copy = NULL;

	if (sealer == NULL)
		set_up();
	mail = with_seals((const char *)data, size);
	/* exactly as long, so that a byte too far is seen */
	copy = g_malloc(MAX(mail->len, 1));
	memcpy(copy, mail->str, mail->len);
	check_fields(copy, mail->len);
	check_block(copy, mail->len);
	if (size % 8 == 0 && mail->len < 4096)
		check_copy(copy, mail->len);
	return 0;
}
