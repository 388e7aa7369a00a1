/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seal-key-home.c: a credential of systemd, encrypted or not, or a file. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aside.h"
#include "seal-key.h"
#include "seal-keys.h"

/* systemd.exec(5) LoadCredentialEncrypted= looks there. */
#define ENCRYPTED "/etc/credstore.encrypted/" ASN_SEAL_CREDENTIAL
#define PLAIN "/etc/credstore/" ASN_SEAL_CREDENTIAL
static const char name_option[] = "--name=" ASN_SEAL_CREDENTIAL;
#define SYSTEMD "/run/systemd/system" /* sd_booted(3) */

static gboolean
set_home(
    SealKeyHome *home, const char *path, gboolean systemd, gboolean encrypted)
{
	g_free(home->path);
	*home = (SealKeyHome){g_strdup(path), encrypted, systemd};
	return g_file_test(path, G_FILE_TEST_EXISTS);
}

gboolean
seal_key_home_find(SealKeyHome *home, const char *file, const char *configured)
{
	*home = (SealKeyHome){NULL};
	if (file != NULL)
		return set_home(home, file, FALSE, FALSE);
	if (set_home(home, ENCRYPTED, TRUE, TRUE) ||
	    set_home(home, PLAIN, TRUE, FALSE) ||
	    set_home(home, configured, FALSE, FALSE))
		return TRUE;
	if (g_file_test(SYSTEMD, G_FILE_TEST_IS_DIR))
		set_home(home, ENCRYPTED, TRUE, TRUE);
	return FALSE;
}

void
seal_key_home_clear(SealKeyHome *home)
{
	g_clear_pointer(&home->path, g_free);
}

/* --- systemd-creds ----------------------------------------------------------
 */

/* The secret goes through pipes, never on a command line.  NULL: it failed. */
static GBytes *
filter(const char *const *argv, const char *in, GError **error)
{
	g_autoptr(GSubprocess) p = g_subprocess_newv(argv,
	    G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
		G_SUBPROCESS_FLAGS_STDERR_PIPE,
	    error);
	g_autoptr(GBytes) bytes =
	    g_bytes_new_static(in, in != NULL ? strlen(in) : 0);
	GBytes *out = NULL, *said = NULL;

	if (p == NULL ||
	    !g_subprocess_communicate(p, bytes, NULL, &out, &said, error))
		return NULL;
	if (!g_subprocess_get_successful(p)) {
		gsize n;
		const char *why = g_bytes_get_data(said, &n);

		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
		    "systemd-creds: %.*s", (int)MIN(n, 300), why ? why : "");
		g_strchomp((*error)->message);
		g_clear_pointer(&out, g_bytes_unref);
	}
	g_bytes_unref(said);
	return out;
}

static GBytes *
encrypt(const char *text, GError **error)
{
	const char *const argv[] = {
	    "systemd-creds", "encrypt", name_option, "-", "-", NULL};

	return filter(argv, text, error);
}

static GBytes *
decrypt(const char *path, GError **error)
{
	const char *const argv[] = {
	    "systemd-creds", "decrypt", name_option, path, "-", NULL};

	return filter(argv, NULL, error);
}

/* --- reading and writing ----------------------------------------------------
 */

char *
seal_key_home_read(const SealKeyHome *home, GError **error)
{
	g_autoptr(GBytes) bytes = NULL;
	AsnSealKeys *keys;
	char *text = NULL;
	gsize len;

	if (home->encrypted) {
		bytes = decrypt(home->path, error);
		if (bytes == NULL)
			return NULL;
		text = g_strndup(
		    g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
		len = g_bytes_get_size(bytes);
	} else if (!g_file_get_contents(home->path, &text, &len, error)) {
		return NULL;
	}
	keys = asn_seal_keys_parse(text, len, home->path, error);
	if (keys == NULL)
		seal_key_wipe(g_steal_pointer(&text));
	asn_seal_keys_free(keys);
	return text;
}

void
seal_key_home_make(const SealKeyHome *home)
{
	g_autofree char *dir = g_path_get_dirname(home->path);

	if (g_str_has_prefix(dir, "/etc/credstore"))
		mkdir(dir, 0700); /* or it is there */
}

static gboolean
put(const char *path, const void *data, gsize len, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *name = g_path_get_basename(path);
	struct stat old;
	gboolean had = stat(path, &old) == 0, ok;
	int fd;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		g_set_error(error, G_FILE_ERROR,
		    (gint)g_file_error_from_errno(errno), "%s: %s", dir,
		    g_strerror(errno));
		return FALSE;
	}
	ok = asn_aside_write(fd, name, data, len, 0600, error);
	/* Whoever could read the old one needs the new one, too. */
	if (ok && had &&
	    (fchownat(fd, name, old.st_uid, old.st_gid, AT_SYMLINK_NOFOLLOW) !=
		    0 ||
		fchmodat(fd, name, old.st_mode & 0770, 0) != 0))
		fprintf(stderr,
		    "asnctl seal-key: %s: owner or mode could not be kept\n",
		    path);
	close(fd);
	return ok;
}

gboolean
seal_key_home_write(SealKeyHome *home, const char *text, GError **error)
{
	g_autoptr(GBytes) secret = NULL;
	g_autoptr(GError) why = NULL;

	if (!home->encrypted)
		return put(home->path, text, strlen(text), error);
	secret = encrypt(text, &why);
	if (secret != NULL)
		return put(home->path, g_bytes_get_data(secret, NULL),
		    g_bytes_get_size(secret), error);
	if (g_file_test(home->path, G_FILE_TEST_EXISTS)) {
		g_propagate_error(error, g_steal_pointer(&why));
		return FALSE;
	}
	fprintf(stderr,
	    "asnctl seal-key: this host encrypts no credentials (%s): the file "
	    "is kept plain, for root alone\n",
	    why->message);
	set_home(home, PLAIN, TRUE, FALSE);
	seal_key_home_make(home);
	return put(home->path, text, strlen(text), error);
}
