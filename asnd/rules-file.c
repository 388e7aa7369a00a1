/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules-file.c: reads one text file of rules. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "rules-file.h"

#define TOLD_MAX 10 /* lines named of one file */

AsndRulesFile *
asnd_rules_file_new(const char *path)
{
	AsndRulesFile *f = g_new0(AsndRulesFile, 1);

	f->path = g_strdup(path);
	f->entries = asn_rule_entries_new();
	return f;
}

void
asnd_rules_file_free(AsndRulesFile *f)
{
	if (f == NULL)
		return;
	g_array_unref(f->entries);
	g_free(f->path);
	g_free(f->why);
	g_free(f);
}

static gboolean
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Once for each reason. */
static void
trouble(AsndRulesFile *f, const char *why)
{
	if (g_strcmp0(f->why, why) == 0)
		return;
	g_warning(
	    "%s: %s; %u rules of before stay", f->path, why, f->entries->len);
	g_free(f->why);
	f->why = g_strdup(why);
}

/* A FIFO or a device does not stop us; -1 with errno, 0 as EINVAL. */
static int
open_regular(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -1;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* All of it, or NULL with errno. */
static GByteArray *
read_all(int fd)
{
	GByteArray *text = g_byte_array_new();
	guint8 buf[65536];
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) > 0) {
		g_byte_array_append(text, buf, (guint)n);
		if (text->len > ASND_RULES_FILE_MAX) {
			errno = EFBIG;
			n = -1;
			break;
		}
	}
	if (n == 0)
		return text;
	g_byte_array_unref(text);
	return NULL;
}

typedef struct {
	const AsndRulesFile *file;
	guint n;
} Told;

static void
tell_bad(guint line, const char *why, gpointer data)
{
	Told *told = data;

	if (told->n++ < TOLD_MAX)
		g_warning("%s:%u: %s; this line is passed over",
		    told->file->path, line, why);
}

static void
take(AsndRulesFile *f, const char *text, gsize len)
{
	Told told = {f, 0};

	g_array_set_size(f->entries, 0);
	f->bad = asn_rules_parse(text, len, f->entries, tell_bad, &told);
	if (f->bad > TOLD_MAX)
		g_warning("%s: %u lines more are passed over", f->path,
		    f->bad - TOLD_MAX);
	g_clear_pointer(&f->why, g_free);
}

static gboolean
gone(AsndRulesFile *f)
{
	gboolean had = f->entries->len > 0;

	g_array_set_size(f->entries, 0);
	g_clear_pointer(&f->why, g_free);
	f->bad = 0;
	f->seen = (struct stat){0};
	return had;
}

gboolean
asnd_rules_file_read(AsndRulesFile *f, gboolean anew)
{
	g_autoptr(GByteArray) text = NULL;
	struct stat st = {0};
	int fd = open_regular(f->path, &st), error;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return gone(f);
	if (fd < 0) {
		trouble(f,
		    errno == EINVAL ? "not a regular file" : g_strerror(errno));
		return FALSE;
	}
	if (!anew && is_same(&st, &f->seen)) {
		close(fd);
		return FALSE;
	}
	text = read_all(fd);
	error = errno;
	close(fd);
	if (text == NULL) {
		trouble(f, g_strerror(error));
		return FALSE;
	}
	f->seen = st;
	take(f, (const char *)text->data, text->len);
	return TRUE;
}

void
asnd_rules_file_wrote(AsndRulesFile *f, GArray *entries)
{
	g_array_unref(f->entries);
	f->entries = g_array_ref(entries);
	f->bad = 0;
	g_clear_pointer(&f->why, g_free);
	if (stat(f->path, &f->seen) != 0)
		f->seen = (struct stat){0};
}
