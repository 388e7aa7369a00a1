/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maildirs.c: which Maildirs there are. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "maildirs-private.h"
#include "open-beneath.h"

#define MAX_MAILDIRS 100000 /* asnd-mailwatch takes no more of a directory */

static void
maildir_clear(gpointer data)
{
	Maildir *dir = data;

	g_free(dir->base);
	g_free(dir->path);
}

Maildirs *
maildirs_new(void)
{
	Maildirs *m = g_new0(Maildirs, 1);

	m->list = g_array_new(FALSE, TRUE, sizeof(Maildir));
	g_array_set_clear_func(m->list, maildir_clear);
	m->known = g_hash_table_new_full(
	    g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
	return m;
}

void
maildirs_free(Maildirs *m)
{
	if (m == NULL)
		return;
	g_array_unref(m->list);
	g_hash_table_unref(m->known);
	g_free(m);
}

guint
maildirs_number(const Maildirs *m)
{
	return m->list->len;
}

const guint64 *
maildirs_refused(const Maildirs *m)
{
	return m->refused;
}

/* Two patterns may match the same one. */
static void
add(Maildirs *m, const char *base, const char *path, const struct stat *st)
{
	const guint64 key[2] = {st->st_dev, st->st_ino};
	Maildir dir = {.uid = st->st_uid, .dev = st->st_dev, .ino = st->st_ino};

	if (!g_hash_table_add(m->known, g_bytes_new(key, sizeof key)))
		return;
	if (m->list->len >= MAX_MAILDIRS) {
		m->refused[MAILDIRS_TOO_MANY]++;
		return;
	}
	dir.base = g_strdup(base);
	dir.path = g_strdup(path);
	g_array_append_val(m->list, dir);
}

DIR *
maildirs_list(int fd, const struct stat *st)
{
	int reading = asn_reopen_read(fd, O_DIRECTORY, st);
	DIR *dir = reading < 0 ? NULL : fdopendir(reading);

	if (dir == NULL && reading >= 0)
		close(reading);
	return dir;
}

/* --- one by its name ------------------------------------------------------ */

static gboolean
has_box(int fd)
{
	struct stat st;
	int cur = asn_open_dir(fd, "cur", TRUE, &st), new;

	new = cur < 0 ? asn_open_dir(fd, "new", TRUE, &st) : -1;
	if (cur >= 0)
		close(cur);
	if (new >= 0)
		close(new);
	return cur >= 0 || new >= 0;
}

gboolean
maildirs_add(Maildirs *m, const char *path)
{
	g_autofree char *full = g_canonicalize_filename(path, NULL);
	int fd = asn_open_base(full), error = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		error = errno;
	else if (!has_box(fd))
		error = errno == EACCES ? EACCES : ENOENT;
	else
		add(m, full, ".", &st);
	if (fd >= 0)
		close(fd);
	errno = error;
	return error == 0;
}

/* --- patterns ------------------------------------------------------------- */

typedef struct {
	Maildirs *m;
	const char *base;
	char **rest; /* components with wildcards, and what follows them */
} Pattern;

/* Users may put anything into a directory of theirs; a Maildir is only one
 * that belongs to whoever owns the directory it is in (or root does). */
static gboolean
owner_fits(const struct stat *parent, const struct stat *maildir)
{
	return parent->st_uid == 0 || parent->st_uid == maildir->st_uid;
}

static void match(const Pattern *p, guint depth, int fd, const struct stat *st,
    const char *path);

/* name of the directory fd, which is path below the base. */
static void
try_child(const Pattern *p, guint depth, int fd, const struct stat *parent,
    const char *path, const char *name)
{
	g_autofree char *below = g_build_filename(path, name, NULL);
	const gboolean last = p->rest[depth + 1] == NULL;
	struct stat st;
	int child = asn_open_dir(fd, name, FALSE, &st);

	if (child < 0) {
		if (errno == EACCES ||
		    (last && (errno == ELOOP || errno == ENOTDIR)))
			p->m->refused[MAILDIRS_NO_MAILDIR]++;
		return;
	}
	if (!last)
		match(p, depth + 1, child, &st, below);
	else if (owner_fits(parent, &st))
		add(p->m, p->base, below, &st);
	else
		p->m->refused[MAILDIRS_NO_MAILDIR]++;
	close(child);
}

static void
match_all(const Pattern *p, guint depth, int fd, const struct stat *st,
    const char *path)
{
	DIR *dir = maildirs_list(fd, st);
	struct dirent *e;

	if (dir == NULL)
		p->m->refused[MAILDIRS_NO_MAILDIR]++;
	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0 &&
		    (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN) &&
		    fnmatch(p->rest[depth], e->d_name, FNM_PERIOD) == 0)
			try_child(p, depth, fd, st, path, e->d_name);
	if (dir != NULL)
		closedir(dir);
}

/* Components of a pattern are few (config.h): so deep goes this. */
static void
match(const Pattern *p, guint depth, int fd, const struct stat *st,
    const char *path)
{
	if (strpbrk(p->rest[depth], "*?[") != NULL)
		match_all(p, depth, fd, st, path);
	else
		try_child(p, depth, fd, st, path, p->rest[depth]);
}

/* As asnd-mailwatch: what stands before the first wildcard, but never the
 * Maildir itself, root has named. */
static char **
split_pattern(const char *pattern, char **base)
{
	g_auto(GStrv) names = g_strsplit(pattern, "/", -1);
	g_autoptr(GStrvBuilder) rest = g_strv_builder_new();
	g_autoptr(GPtrArray) real = g_ptr_array_new();
	GString *start = g_string_new(NULL);
	gboolean literal = TRUE;

	for (char **name = names; *name != NULL; name++)
		if (**name != '\0')
			g_ptr_array_add(real, *name);
	for (guint i = 0; i < real->len; i++) {
		const char *name = g_ptr_array_index(real, i);

		literal = literal && i + 1 < real->len &&
			  strpbrk(name, "*?[") == NULL;
		if (literal)
			g_string_append_printf(start, "/%s", name);
		else
			g_strv_builder_add(rest, name);
	}
	if (start->len == 0)
		g_string_append_c(start, '/');
	*base = g_string_free(start, FALSE);
	return g_strv_builder_end(rest);
}

void
maildirs_add_pattern(Maildirs *m, const char *pattern)
{
	g_autofree char *base = NULL;
	g_auto(GStrv) rest = split_pattern(pattern, &base);
	const Pattern p = {.m = m, .base = base, .rest = rest};
	int fd = asn_open_base(base);
	struct stat st;

	if (fd < 0 && errno != ENOENT)
		m->refused[MAILDIRS_NO_MAILDIR]++;
	if (fd >= 0 && fstat(fd, &st) == 0 && rest[0] != NULL)
		match(&p, 0, fd, &st, "");
	if (fd >= 0)
		close(fd);
}
