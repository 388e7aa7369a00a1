/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-seal-keys.c: seal-keys.h; which file counts, and what is in it. */

#include <glib/gstdio.h>
#include <string.h>

#include "seal-keys.h"

#define KEY "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="

typedef struct {
	char *dir, *configured, *credential;
	AsnConfig config;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
	f->dir = g_dir_make_tmp("seal-keys-XXXXXX", NULL);
	f->configured = g_build_filename(f->dir, "configured", NULL);
	f->credential = g_build_filename(f->dir, "asnd.seal-key", NULL);
	f->config.seal_key = f->configured;
	g_setenv("CREDENTIALS_DIRECTORY", f->dir, TRUE);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	g_unsetenv("CREDENTIALS_DIRECTORY");
	g_unlink(f->configured);
	g_unlink(f->credential);
	g_rmdir(f->dir);
	g_free(f->dir);
	g_free(f->configured);
	g_free(f->credential);
}

static void
write_key(const char *path, int id)
{
	g_autofree char *text = g_strdup_printf("%d " KEY "\n", id);

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* The id that signs in the file that counts. */
static int
signer(Fixture *f)
{
	g_autofree char *path = asn_seal_keys_path(&f->config);
	g_autoptr(GError) error = NULL;
	AsnSealKeys *keys = asn_seal_keys_load(path, &error);
	AsnSealer *sealer;
	AsnSeal seal = {.queue_id = "4X"};
	char value[ASN_TRACE_MAX];

	g_assert_no_error(error);
	g_assert_nonnull(keys);
	g_assert_true(asn_addr_parse("192.0.2.1", 9, &seal.addr));
	sealer = asn_sealer_new(keys);
	g_assert_cmpuint(
	    asn_seal_write(sealer, &seal, value, sizeof value), >, 0);
	asn_sealer_free(sealer);
	asn_seal_keys_free(keys);
	return (int)seal.key_id;
}

static void
test_order(Fixture *f, gconstpointer data)
{
	write_key(f->configured, 1);
	g_assert_cmpint(signer(f), ==, 1);
	write_key(f->credential, 2);
	g_assert_cmpint(signer(f), ==, 2);
	g_unsetenv("CREDENTIALS_DIRECTORY");
	g_assert_cmpint(signer(f), ==, 1);
}

static void
test_none(Fixture *f, gconstpointer data)
{
	g_autofree char *path = asn_seal_keys_path(&f->config);
	g_autoptr(GError) error = NULL;

	g_assert_cmpstr(path, ==, f->configured);
	g_assert_null(asn_seal_keys_load(path, &error));
	g_assert_no_error(error);
}

static void
test_broken(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(
	    g_file_set_contents(f->credential, "0 short\n", -1, NULL));
	g_assert_null(asn_seal_keys_load(f->credential, &error));
	g_assert_error(error, ASN_CONFIG_ERROR, ASN_CONFIG_ERROR_VALUE);
	g_assert_nonnull(strstr(error->message, f->credential));
	g_clear_error(&error);
	/* There, but no file that could be read. */
	g_assert_null(asn_seal_keys_load(f->dir, &error));
	g_assert_nonnull(error);
}

#define ADD(name, fn)                                                          \
	g_test_add("/seal-keys/" name, Fixture, NULL, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("order", test_order);
	ADD("none", test_none);
	ADD("broken", test_broken);
	return g_test_run();
}
