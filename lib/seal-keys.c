/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seal-keys.c: the service's credential, or the configured file. */

#include <string.h>

#include "seal-keys.h"

char *
asn_seal_keys_path(const AsnConfig *config)
{
	const char *dir = g_getenv("CREDENTIALS_DIRECTORY");
	g_autofree char *path =
	    dir ? g_build_filename(dir, ASN_SEAL_CREDENTIAL, NULL) : NULL;

	if (path != NULL && g_file_test(path, G_FILE_TEST_EXISTS))
		return g_steal_pointer(&path);
	return g_strdup(config->seal_key);
}

AsnSealKeys *
asn_seal_keys_load(const char *path, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) why = NULL;
	AsnSealKeys *keys;
	gsize len;

	if (!g_file_get_contents(path, &text, &len, &why)) {
		if (!g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			g_propagate_error(error, g_steal_pointer(&why));
		return NULL;
	}
	keys = asn_seal_keys_parse(text, len, path, error);
	explicit_bzero(text, len);
	return keys;
}
