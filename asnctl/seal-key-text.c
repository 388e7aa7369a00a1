/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seal-key-text.c: what stands in the file with the seal keys. */

#include <string.h>
#include <sys/random.h>

#include "seal-key.h"

#define MADE "# made "
#define KEY_IDS 100
#define SECRET 32

void
seal_key_wipe(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	g_free(text);
}

static gint64
made_of(const char *line)
{
	g_autoptr(GDateTime) time = NULL;

	if (!g_str_has_prefix(line, MADE))
		return 0;
	time = g_date_time_new_from_iso8601(line + strlen(MADE), NULL);
	return time != NULL ? g_date_time_to_unix(time) : 0;
}

static void
wipe_lines(char **lines)
{
	for (char **line = lines; *line != NULL; line++)
		explicit_bzero(*line, strlen(*line));
	g_strfreev(lines);
}

static char **
lines_of(const char *text)
{
	char **lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line != NULL; line++)
		g_strstrip(*line);
	return lines;
}

GArray *
seal_key_list(const char *text)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(SealKey));
	char **lines = lines_of(text);
	gint64 made = 0;

	for (char **line = lines; *line != NULL; line++) {
		SealKey key = {.made = made};

		if (made_of(*line) != 0)
			made = made_of(*line);
		if (**line == '\0' || **line == '#')
			continue;
		key.id = (guint)g_ascii_strtoull(*line, NULL, 10);
		g_array_append_val(list, key);
		made = 0;
	}
	wipe_lines(lines);
	return list;
}

/* One that no key has, the signer's successor if possible; KEY_IDS: none. */
static guint
free_id(const GArray *list)
{
	gboolean used[KEY_IDS] = {FALSE};
	guint first = 0;

	for (guint i = 0; i < list->len; i++)
		used[g_array_index(list, SealKey, i).id % KEY_IDS] = TRUE;
	if (list->len > 0)
		first = g_array_index(list, SealKey, 0).id + 1;
	for (guint i = 0; i < KEY_IDS; i++)
		if (!used[(first + i) % KEY_IDS])
			return (first + i) % KEY_IDS;
	return KEY_IDS;
}

/* Line by line, so that comments of others stay; the n-th key and its "made"
 * go when drop[n]. */
static void
copy_kept(GString *out, const char *text, const gboolean *drop)
{
	char **lines = lines_of(text);
	const char *made = NULL;
	guint n = 0;

	for (char **line = lines; *line != NULL; line++) {
		gboolean key = **line != '\0' && **line != '#';

		if (made_of(*line) != 0) {
			made = *line;
			continue;
		}
		if (**line == '\0' || (key && drop[n++])) {
			made = key ? NULL : made;
			continue;
		}
		if (key && made != NULL)
			g_string_append_printf(out, "%s\n", made);
		if (key)
			made = NULL;
		g_string_append_printf(out, "%s\n", *line);
	}
	wipe_lines(lines);
}

static void
append_new(GString *out, guint id, gint64 now)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now);
	g_autofree char *date = g_date_time_format(time, "%FT%TZ");
	guchar secret[SECRET];
	char *b64;

	/* Small reads from the kernel's pool are never cut short. */
	if (getrandom(secret, sizeof secret, 0) != sizeof secret)
		g_error("getrandom: no random bytes to be had");
	b64 = g_base64_encode(secret, sizeof secret);
	explicit_bzero(secret, sizeof secret);
	g_string_append_printf(out, MADE "%s\n%u %s\n", date, id, b64);
	seal_key_wipe(b64);
}

char *
seal_key_add(const char *text, gint64 now, gint64 keep, guint *dropped)
{
	g_autoptr(GArray) list = seal_key_list(text ? text : "");
	g_autofree gboolean *drop = g_new0(gboolean, list->len + 1);
	guint id = free_id(list);
	/* Enough that the secrets are never moved and left behind. */
	GString *out = g_string_sized_new((text ? strlen(text) : 0) + 256);

	*dropped = 0;
	if (id == KEY_IDS) {
		g_string_free(out, TRUE);
		return NULL;
	}
	for (guint i = 1; i < list->len; i++) {
		/* It signed until the next newer one was made. */
		gint64 until = g_array_index(list, SealKey, i - 1).made;

		drop[i] = until != 0 && until < now - keep;
		*dropped += drop[i];
	}
	append_new(out, id, now);
	if (text != NULL)
		copy_kept(out, text, drop);
	return g_string_free(out, FALSE);
}
