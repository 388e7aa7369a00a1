/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnctl seal-key: seal-key.c is the command line, seal-key-text.c knows what
 * stands in the file, seal-key-home.c where the file is and how it is kept,
 * seal-key-lock.c keeps two writers apart.
 * Texts hold secrets: they are wiped before they are freed.  One thread.
 */
#pragma once

#include <glib.h>

/* --- what stands in the file ------------------------------------------------
 * A key is a line "<id> <base64>"; the comment "# made <ISO 8601>" before it
 * says since when it signs.  Newest first. */

typedef struct {
	guint id;
	gint64 made; /* 0: unknown */
} SealKey;

/* Of a text that asn_seal_keys_parse takes; in the file's order. */
GArray *seal_key_list(const char *text);
/* text (NULL: none yet) with a new key in front of it, and without keys that
 * stopped signing more than `keep` seconds ago; *dropped: how many.  NULL: all
 * numbers are in use. */
char *seal_key_add(const char *text, gint64 now, gint64 keep, guint *dropped);
void seal_key_wipe(char *text); /* and frees it; NULL is fine */

/* --- where it is ------------------------------------------------------------
 */

typedef struct {
	char *path;
	gboolean encrypted; /* by systemd-creds(1) */
	gboolean systemd;   /* a credential: services get it at their start */
} SealKeyHome;

/* The file that exists: `file` if given, else systemd's encrypted credential,
 * its plain one, the configured path.  FALSE: there is none; then *home is
 * where a new one belongs. */
gboolean seal_key_home_find(
    SealKeyHome *home, const char *file, const char *configured);
void seal_key_home_clear(SealKeyHome *home);
/* The directory for a credential, where there is none. */
void seal_key_home_make(const SealKeyHome *home);
/* The text, or NULL. */
char *seal_key_home_read(const SealKeyHome *home, GError **error);
/* Mode 0600, aside and renamed.  A new file that cannot be encrypted on this
 * host becomes a plain credential: *home changes, and it says so. */
gboolean seal_key_home_write(
    SealKeyHome *home, const char *text, GError **error);

/* --- two at once ------------------------------------------------------------
 * From before the file is read until its successor is written; else a key that
 * another process added in between is lost. */

typedef struct {
	char *path; /* ".NAME.lock" beside the file; it goes with the lock */
	int fd;
} SealKeyLock;

/* Waits for another process, half a minute at most, then fails with
 * G_FILE_ERROR_AGAIN. */
gboolean seal_key_lock(SealKeyLock *lock, const char *file, GError **error);
void seal_key_unlock(SealKeyLock *lock);
