/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file with the seal keys: where it is and what is in it.  Main thread, at
 * start and reload.
 */
#pragma once

#include "config.h"
#include "trace.h"

/* systemd.exec(5) LoadCredential=, LoadCredentialEncrypted= */
#define ASN_SEAL_CREDENTIAL "asnd.seal-key"

/* The path that counts: $CREDENTIALS_DIRECTORY/asnd.seal-key if it is there,
 * else [paths] seal-key.  The caller frees it. */
char *asn_seal_keys_path(const AsnConfig *config);
/* Reads and parses it; the text is wiped.  NULL: *error (ASN_CONFIG_ERROR or
 * G_FILE_ERROR) says why; without one there is no such file. */
AsnSealKeys *asn_seal_keys_load(const char *path, GError **error);
