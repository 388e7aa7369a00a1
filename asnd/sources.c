/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources.c: networks.mmdb and the seal keys, and their replacements. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gio.h>

#include "daemon.h"
#include "rules.h"
#include "seal-keys.h"
#include "sources.h"

struct _AsndSources {
	const AsnConfig *config;
	char *dir; /* database-dir, as of the start */
	void (*changed)(gpointer data);
	gpointer data;
	AsnNetworks *networks;
	struct stat looked; /* at this networks.mmdb last */
	GFileMonitor *monitor;
	gboolean again; /* networks.mmdb could not be read; that was said */
	AsnSealKeys *keys;
	AsnSealer *sealer;
};

/* FALSE without error: no such file. */
static gboolean
open_networks(
    const char *dir, AsnNetworks **out, struct stat *looked, GError **error)
{
	g_autofree char *path = g_build_filename(dir, ASN_NETWORKS_FILE, NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*out = NULL;
	if (fd < 0 && errno == ENOENT)
		return FALSE;
	if (fd < 0) {
		g_set_error(error, G_FILE_ERROR,
		    (gint)g_file_error_from_errno(errno), "%s: %s", path,
		    g_strerror(errno));
		return FALSE;
	}
	if (fstat(fd, looked) != 0)
		*looked = (struct stat){0};
	*out = asn_networks_open(fd, path, error);
	close(fd);
	return *out != NULL;
}

static void
take_up_networks(AsndSources *s)
{
	g_autoptr(GError) error = NULL;
	AsnNetworks *old = s->networks, *new;

	if (!open_networks(s->dir, &new, &s->looked, &error)) {
		gboolean said = s->again;

		/* No descriptor, no memory, no right: another time perhaps. */
		s->again =
		    error != NULL && (error->domain == G_FILE_ERROR ||
					 g_error_matches(error, ASN_MMDB_ERROR,
					     ASN_MMDB_ERROR_IO));
		if (said && s->again)
			return;
		g_warning("%s%s",
		    error ? error->message
			  : "no networks.mmdb in database-dir"
			    " (asnctl import makes one)",
		    old ? "; the old one stays in use"
			: "; votes are cast without AS, country and prefix");
		return;
	}
	s->again = FALSE;
	s->networks = new;
	g_message("%s is in use, built %" G_GUINT64_FORMAT, ASN_NETWORKS_FILE,
	    asn_mmdb_meta(asn_networks_mmdb(new))->build_epoch);
	s->changed(s->data);
	asn_networks_close(old);
}

static gboolean
take_up_keys(AsndSources *s, GError **error)
{
	g_autofree char *path = asn_seal_keys_path(s->config);
	g_autoptr(GError) why = NULL;
	AsnSealKeys *keys = asn_seal_keys_load(path, &why);

	if (why != NULL) {
		g_propagate_error(error, g_steal_pointer(&why));
		return FALSE;
	}
	if (keys == NULL)
		g_warning(
		    "no seal key at %s: mail from now on cannot vote", path);
	asn_sealer_free(s->sealer);
	asn_seal_keys_free(s->keys);
	s->keys = keys;
	s->sealer = keys != NULL ? asn_sealer_new(keys) : NULL;
	return TRUE;
}

/* GLib tells of one rename up to twice, and to check a file of a million
 * networks takes a while. */
static gboolean
is_another(const AsndSources *s)
{
	g_autofree char *path =
	    g_build_filename(s->dir, ASN_NETWORKS_FILE, NULL);
	const struct stat *last = &s->looked;
	struct stat st;

	return stat(path, &st) != 0 || st.st_ino != last->st_ino ||
	       st.st_dev != last->st_dev ||
	       st.st_ctim.tv_sec != last->st_ctim.tv_sec ||
	       st.st_ctim.tv_nsec != last->st_ctim.tv_nsec;
}

static void
on_file(GFileMonitor *monitor, GFile *file, GFile *other,
    GFileMonitorEvent event, gpointer data)
{
	/* It is only ever replaced by rename: then it is whole. */
	if ((event == G_FILE_MONITOR_EVENT_MOVED_IN ||
		event == G_FILE_MONITOR_EVENT_RENAMED ||
		event == G_FILE_MONITOR_EVENT_CHANGES_DONE_HINT) &&
	    is_another(data))
		take_up_networks(data);
}

static void
watch_networks(AsndSources *s)
{
	g_autofree char *path =
	    g_build_filename(s->dir, ASN_NETWORKS_FILE, NULL);
	g_autoptr(GFile) file = g_file_new_for_path(path);
	g_autoptr(GError) error = NULL;

	s->monitor =
	    g_file_monitor_file(file, G_FILE_MONITOR_WATCH_MOVES, NULL, &error);
	if (s->monitor == NULL) {
		g_warning("cannot watch %s, SIGHUP takes a new one up: %s",
		    path, error->message);
		return;
	}
	g_signal_connect(s->monitor, "changed", G_CALLBACK(on_file), s);
}

static void
ignore(gpointer data)
{
}

AsndSources *
asnd_sources_new(const AsnConfig *config, void (*changed)(gpointer data),
    gpointer data, GError **error)
{
	AsndSources *s = g_new0(AsndSources, 1);

	s->config = config;
	s->dir = g_strdup(config->database_dir);
	s->data = data;
	s->changed = ignore; /* nobody to tell yet */
	if (!take_up_keys(s, error)) {
		asnd_sources_free(s);
		return NULL;
	}
	watch_networks(s);
	take_up_networks(s);
	s->changed = changed;
	return s;
}

void
asnd_sources_free(AsndSources *s)
{
	if (s == NULL)
		return;
	g_clear_object(&s->monitor);
	asn_networks_close(s->networks);
	asn_sealer_free(s->sealer);
	asn_seal_keys_free(s->keys);
	g_free(s->dir);
	g_free(s);
}

const AsnNetworks *
asnd_sources_networks(const AsndSources *s)
{
	return s->networks;
}

AsnSealer *
asnd_sources_sealer(const AsndSources *s)
{
	return s->sealer;
}

void
asnd_sources_set_config(AsndSources *s, const AsnConfig *config)
{
	s->config = config;
}

void
asnd_sources_tick(AsndSources *s)
{
	if (s->again)
		take_up_networks(s);
}

void
asnd_sources_reload(AsndSources *s)
{
	g_autoptr(GError) error = NULL;

	take_up_networks(s);
	if (!take_up_keys(s, &error))
		g_warning("the old seal keys stay in use: %s", error->message);
}

static gboolean
test_dir(const char *key, const char *dir, GError **error)
{
	if (access(dir, W_OK | X_OK) == 0)
		return TRUE;
	g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno),
	    "[paths] %s %s: %s; it must be there and writable by user asnd",
	    key, dir, g_strerror(errno));
	return FALSE;
}

gboolean
asnd_daemon_test(const AsnConfig *config, GError **error)
{
	g_autofree char *run = g_path_get_dirname(config->watch_socket);
	g_autoptr(GError) why = NULL;
	AsnNetworks *networks;
	struct stat looked;
	g_autofree char *key_path = asn_seal_keys_path(config);
	AsnSealKeys *keys;

	if (!test_dir("database-dir", config->database_dir, error) ||
	    !test_dir("state-dir", config->state_dir, error) ||
	    !test_dir("watch-socket", run, error))
		return FALSE;
	if (!asnd_rules_test(config, error))
		return FALSE;
	keys = asn_seal_keys_load(key_path, &why);
	if (why != NULL) {
		g_propagate_error(error, g_steal_pointer(&why));
		return FALSE;
	}
	if (keys == NULL)
		g_warning("no seal key at %s", key_path);
	asn_seal_keys_free(keys);
	if (!open_networks(config->database_dir, &networks, &looked, &why) &&
	    why != NULL) {
		g_propagate_error(error, g_steal_pointer(&why));
		return FALSE;
	}
	if (networks == NULL)
		g_warning(
		    "no %s in %s", ASN_NETWORKS_FILE, config->database_dir);
	asn_networks_close(networks);
	return TRUE;
}
