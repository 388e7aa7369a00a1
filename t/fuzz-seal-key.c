/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-seal-key.c: any bytes as the file with the seal keys, which "asnctl
 * seal-key" renews.
 *
 * Covers: asnctl/seal-key-text.c lib/seal-keys.c.
 * Longest input: 512
 */

#include "fuzz.h"
#include "seal-key.h"
#include "seal-keys.h"

#define NOW 1795217323

static AsnSealKeys *
parse(const char *text)
{
	return asn_seal_keys_parse(text, strlen(text), "k", NULL);
}

/* What services take stays something they take, and the seals of those keys
 * that stay verify. */
static void
check_renewed(const char *text)
{
	g_autoptr(GArray) before = seal_key_list(text);
	g_autoptr(GArray) after = NULL;
	AsnSealKeys *keys, *old = parse(text);
	guint dropped = G_MAXUINT;
	char *renewed = seal_key_add(text, NOW, 86400, &dropped);

	if (renewed == NULL) {
		g_assert_cmpuint(before->len, >=, 100);
		asn_seal_keys_free(old);
		return;
	}
	after = seal_key_list(renewed);
	g_assert_cmpuint(after->len + dropped, ==, before->len + 1);
	g_assert_cmpint(g_array_index(after, SealKey, 0).made, ==, NOW);
	if (before->len > 0) /* the one that signed still verifies */
		g_assert_cmpuint(g_array_index(after, SealKey, 1).id, ==,
		    g_array_index(before, SealKey, 0).id);
	keys = parse(renewed);
	if (old != NULL)
		g_assert_nonnull(keys);
	asn_seal_keys_free(keys);
	asn_seal_keys_free(old);
	seal_key_wipe(renewed);
}

static void
check_file(const guint8 *data, gsize size)
{
	int fd = fuzz_memfd(data, size);
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	GError *error = NULL;
	AsnSealKeys *keys = asn_seal_keys_load(path, &error);
	AsnSealKeys *same =
	    asn_seal_keys_parse((const char *)data, size, "k", NULL);

	g_assert_cmpint(keys != NULL, ==, error == NULL);
	g_assert_cmpint(keys != NULL, ==, same != NULL);
	g_clear_error(&error);
	asn_seal_keys_free(keys);
	asn_seal_keys_free(same);
	close(fd);
	g_assert_null(asn_seal_keys_load(path, &error));
	g_assert_no_error(error); /* there is none: not an error */
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	static AsnConfig *config;
	g_autofree char *text = g_strndup((const char *)data, size);

	if (config == NULL) {
		config = asn_config_parse("", 0, "defaults", NULL);
		g_free(asn_seal_keys_path(config));
		seal_key_wipe(NULL);
	}
	check_renewed(text);
	if (size % 8 == 0)
		check_file(data, size);
	return 0;
}
