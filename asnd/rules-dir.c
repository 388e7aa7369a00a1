/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules-dir.c: the files of rules.d. */

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include <gio/gio.h>

#include "rules-dir.h"

#define SUFFIX ".rules"
#define SETTLE_MS 100 /* without an event: nobody is writing any more */
#define SETTLE_MAX_MS 2000L
#define FILES_MAX 1000

struct _AsndRulesDir {
	char *path, *why;
	GPtrArray *files; /* AsndRulesFile */
	GFileMonitor *monitor;
	guint settle;
	gint64 first; /* event that is waited upon, monotonic */
	void (*changed)(gpointer data);
	gpointer data;
};

static int
by_path(gconstpointer a, gconstpointer b)
{
	const AsndRulesFile *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

/* One that is known already, taken out of the array, or a new one. */
static AsndRulesFile *
file_of(GPtrArray *known, const char *path)
{
	for (guint i = 0; i < known->len; i++) {
		AsndRulesFile *f = known->pdata[i];

		if (f != NULL && strcmp(f->path, path) == 0) {
			known->pdata[i] = NULL;
			return f;
		}
	}
	return asnd_rules_file_new(path);
}

static GPtrArray *
new_files(void)
{
	return g_ptr_array_new_with_free_func(
	    (GDestroyNotify)asnd_rules_file_free);
}

/* NULL with errno: it cannot be listed. */
static GPtrArray *
list(AsndRulesDir *d)
{
	DIR *dir = opendir(d->path);
	GPtrArray *files;
	struct dirent *e;

	if (dir == NULL)
		return errno == ENOENT || errno == ENOTDIR ? new_files() : NULL;
	files = new_files();
	while ((e = readdir(dir)) != NULL) {
		g_autofree char *path = NULL;

		if (e->d_name[0] == '.' || !g_str_has_suffix(e->d_name, SUFFIX))
			continue;
		if (files->len == FILES_MAX) {
			g_warning(
			    "%s: only %d files are read", d->path, FILES_MAX);
			break;
		}
		path = g_build_filename(d->path, e->d_name, NULL);
		g_ptr_array_add(files, file_of(d->files, path));
	}
	closedir(dir);
	g_ptr_array_sort(files, by_path);
	return files;
}

/* Whether any of those that are not there any more had rules. */
static gboolean
drop(GPtrArray *old)
{
	gboolean had = FALSE;

	for (guint i = 0; i < old->len; i++) {
		const AsndRulesFile *f = old->pdata[i];

		had |= f != NULL && f->entries->len > 0;
	}
	g_ptr_array_unref(old);
	return had;
}

static gboolean
scan(AsndRulesDir *d, gboolean anew)
{
	GPtrArray *files = list(d);
	const char *why = files == NULL ? g_strerror(errno) : NULL;
	gboolean changed;

	if (why != NULL && g_strcmp0(why, d->why) != 0)
		g_warning("%s: %s; its rules of before stay", d->path, why);
	g_free(d->why);
	d->why = g_strdup(why);
	if (files == NULL)
		return FALSE;
	changed = drop(d->files);
	d->files = files;
	for (guint i = 0; i < files->len; i++)
		changed |= asnd_rules_file_read(files->pdata[i], anew);
	return changed;
}

static gboolean
settled(gpointer data)
{
	AsndRulesDir *d = data;

	d->settle = 0;
	if (scan(d, FALSE))
		d->changed(d->data);
	return G_SOURCE_REMOVE;
}

static void
on_event(GFileMonitor *monitor, GFile *file, GFile *other,
    GFileMonitorEvent event, gpointer data)
{
	AsndRulesDir *d = data;

	if (d->settle == 0)
		d->first = g_get_monotonic_time();
	else if (g_get_monotonic_time() - d->first > SETTLE_MAX_MS * 1000)
		return;
	else
		g_source_remove(d->settle);
	d->settle = g_timeout_add(SETTLE_MS, settled, d);
}

static void
watch(AsndRulesDir *d)
{
	g_autoptr(GFile) file = g_file_new_for_path(d->path);
	g_autoptr(GError) error = NULL;

	d->monitor = g_file_monitor_directory(
	    file, G_FILE_MONITOR_WATCH_MOVES, NULL, &error);
	if (d->monitor == NULL) {
		g_warning("cannot watch %s, SIGHUP takes changes up: %s",
		    d->path, error->message);
		return;
	}
	g_signal_connect(d->monitor, "changed", G_CALLBACK(on_event), d);
}

AsndRulesDir *
asnd_rules_dir_new(
    const char *path, void (*changed)(gpointer data), gpointer data)
{
	AsndRulesDir *d = g_new0(AsndRulesDir, 1);

	d->path = g_strdup(path);
	d->files = new_files();
	d->changed = changed;
	d->data = data;
	watch(d); /* first, so that nothing slips in between */
	scan(d, TRUE);
	return d;
}

void
asnd_rules_dir_free(AsndRulesDir *d)
{
	if (d == NULL)
		return;
	if (d->settle != 0)
		g_source_remove(d->settle);
	g_clear_object(&d->monitor);
	g_ptr_array_unref(d->files);
	g_free(d->path);
	g_free(d->why);
	g_free(d);
}

void
asnd_rules_dir_reload(AsndRulesDir *d)
{
	scan(d, TRUE);
}

const GPtrArray *
asnd_rules_dir_files(const AsndRulesDir *d)
{
	return d->files;
}

const char *
asnd_rules_dir_trouble(const AsndRulesDir *d)
{
	return d->why;
}
