/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import.c: "asnctl import": compiles networks.mmdb from its sources. */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "aside.h"
#include "asnctl.h"
#include "config.h"
#include "escape.h"
#include "json.h"
#include "networks.h"
#include "progress.h"
#include "source.h"

/* Debian's libloc-database, and what "location update" keeps fresh. */
static const char *const default_sources[] = {
    "/var/lib/location/database.db",
    "/usr/share/libloc-location/location.db",
};

#define PATIENCE 60L /* seconds, with another one that writes the same file */
#define TRIES 5      /* while the sources change under our hands */

typedef struct {
	char *config, *output;
	char **files;
	gboolean json;
} Arguments;

typedef struct {
	const Arguments *args;
	GPtrArray *sources; /* paths */
	char *output;
	ImportSet *set;
	GString *description;
	GString *json_sources;
	GBytes *file;
	guint32 nodes;
} Import;

static int
complain(int code, const char *message)
{
	fprintf(stderr, "asnctl import: %s\n", message);
	return code;
}

/* --- what to read, where to write -------------------------------------------
 */

/* The one made last; both are the same file until the first update. */
static const char *
freshest_default(void)
{
	const char *best = NULL;
	guint64 best_made = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(default_sources); i++) {
		guint64 made = source_loc_created(default_sources[i]);
		if (made > best_made) {
			best = default_sources[i];
			best_made = made;
		}
	}
	return best;
}

/* networks.d/[star].tsv beside the config, in the order of their names. */
static void
add_local(Import *im)
{
	const char *config =
	    im->args->config ? im->args->config : ASN_CONFIG_DEFAULT;
	g_autofree char *dir = g_path_get_dirname(config);
	g_autofree char *pattern =
	    g_build_filename(dir, "networks.d", "*.tsv", NULL);
	glob_t found;

	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (gsize i = 0; i < found.gl_pathc; i++)
		g_ptr_array_add(im->sources, g_strdup(found.gl_pathv[i]));
	globfree(&found);
}

static int
choose_sources(Import *im)
{
	const char *fresh;

	for (char **f = im->args->files; f != NULL && *f != NULL; f++)
		g_ptr_array_add(im->sources, g_strdup(*f));
	if (im->sources->len > 0)
		return EX_OK;
	fresh = freshest_default();
	if (fresh == NULL)
		return complain(EX_NOINPUT,
		    "no location.db here: install Debian's libloc-database, "
		    "or name a SOURCE");
	g_ptr_array_add(im->sources, g_strdup(fresh));
	add_local(im);
	return EX_OK;
}

/* What the default sources look like now: with the same answer after the work
 * nothing was missed.  systemd looks away while the service that it started for
 * a change runs.  Caller frees. */
static char *
stamp_sources(const Arguments *args)
{
	Import all = {.args = args};
	GString *stamp = g_string_new("");
	struct stat st;

	if (args->files != NULL)
		return g_string_free(stamp, FALSE);
	all.sources = g_ptr_array_new_with_free_func(g_free);
	for (gsize i = 0; i < G_N_ELEMENTS(default_sources); i++)
		g_ptr_array_add(all.sources, g_strdup(default_sources[i]));
	add_local(&all);
	for (guint i = 0; i < all.sources->len; i++) {
		const char *path = g_ptr_array_index(all.sources, i);
		if (stat(path, &st) == 0)
			g_string_append_printf(stamp, "%s %ju %ju %jd.%09ld\n",
			    path, (uintmax_t)st.st_ino, (uintmax_t)st.st_size,
			    (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	}
	g_ptr_array_unref(all.sources);
	return g_string_free(stamp, FALSE);
}

static int
choose_output(Import *im)
{
	g_autoptr(GError) error = NULL;
	AsnConfig *config;

	if (im->args->output != NULL) {
		im->output = g_strdup(im->args->output);
		return EX_OK;
	}
	config = asn_config_load(im->args->config, &error);
	if (config == NULL)
		return complain(EX_CONFIG, error->message);
	im->output =
	    g_build_filename(config->database_dir, ASN_NETWORKS_FILE, NULL);
	asn_config_free(config);
	return EX_OK;
}

/* --- reading
 * ------------------------------------------------------------------ */

static int
code_of(const GError *error)
{
	if (error->domain != SOURCE_ERROR)
		return EX_SOFTWARE;
	switch ((SourceError)error->code) {
	case SOURCE_ERROR_MISSING:
	case SOURCE_ERROR_READ:
		return EX_NOINPUT;
	case SOURCE_ERROR_BROKEN:
		return EX_DATAERR;
	case SOURCE_ERROR_STOPPED:
	default:
		return EX_IOERR;
	}
}

static void
describe(Import *im, const char *path, const SourceInfo *info, guint64 networks)
{
	g_autofree char *base = g_path_get_basename(path);
	char shown[ASN_ESCAPE_SIZE];
	GString *d = im->description, *j = im->json_sources;

	g_string_append(d, d->len > 0 ? "; " : "Compiled by asnd from ");
	g_string_append(d, asn_escape_str(shown, base));
	if (info->about != NULL)
		g_string_append_printf(d, " (%s)", info->about);
	if (j->len > 1)
		g_string_append(j, ", ");
	g_string_append(j, "{");
	asn_json_member_string(j, "file", path);
	asn_json_member_string(j, "format", info->format);
	if (info->about != NULL)
		asn_json_member_string(j, "about", info->about);
	asn_json_member_uint(j, "networks", networks);
	g_string_append(j, "}");
}

static int
read_source(Import *im, const char *path)
{
	g_autofree char *base = g_path_get_basename(path);
	g_autoptr(GError) error = NULL;
	SourceProgress progress;
	SourceInfo info;
	Progress bar;
	gboolean ok;

	progress_init(&bar, base);
	progress = (SourceProgress){progress_tell, &bar};
	ok = source_read(path, im->set, &progress, &info, &error);
	progress_clear(&bar);
	if (ok)
		describe(im, path, &info, im->set->read_last);
	g_free(info.about);
	return ok ? EX_OK : complain(code_of(error), error->message);
}

static int
read_sources(Import *im)
{
	int code = EX_OK;

	for (guint i = 0; code == EX_OK && i < im->sources->len; i++)
		code = read_source(im, g_ptr_array_index(im->sources, i));
	if (code == EX_OK && im->set->entries->len == im->set->nobody)
		return complain(
		    EX_DATAERR, "no network left of all the sources");
	return code;
}

/* --- writing
 * ------------------------------------------------------------------- */

/* What is written must be what a reader takes, and nothing else will do. */
static int
build(Import *im)
{
	g_autoptr(GError) error = NULL;
	AsnMmdb *db;
	gsize len;
	const guint8 *bytes;

	im->file = import_set_build(im->set, im->description->str,
	    (guint64)(g_get_real_time() / G_USEC_PER_SEC), &error);
	if (im->file == NULL)
		return complain(EX_SOFTWARE, error->message);
	bytes = g_bytes_get_data(im->file, &len);
	db = asn_mmdb_open_memory(
	    bytes, len, im->output, ASN_MMDB_CHECK_SUM, &error);
	if (db == NULL)
		return complain(EX_SOFTWARE, error->message);
	im->nodes = asn_mmdb_meta(db)->node_count;
	asn_mmdb_close(db);
	return EX_OK;
}

/* Another import may be at it; a signal ends the wait. */
static gboolean
write_in_turn(int dir_fd, const char *name, GBytes *file, GError **error)
{
	gint64 end = g_get_monotonic_time() + PATIENCE * G_USEC_PER_SEC;
	gsize len;
	const void *bytes = g_bytes_get_data(file, &len);

	while (!asn_aside_write(dir_fd, name, bytes, len, 0644, error)) {
		if (!g_error_matches(
			*error, G_FILE_ERROR, G_FILE_ERROR_AGAIN) ||
		    progress_signal() || g_get_monotonic_time() >= end)
			return FALSE;
		g_clear_error(error);
	}
	return TRUE;
}

static int
write_file(Import *im)
{
	g_autofree char *dir = g_path_get_dirname(im->output);
	g_autofree char *base = g_path_get_basename(im->output);
	g_autofree char *message = NULL;
	g_autoptr(GError) error = NULL;
	gboolean ok;
	int fd;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		message = g_strdup_printf(
		    "%s: %s; make it, or use -o FILE", dir, g_strerror(errno));
		return complain(EX_CANTCREAT, message);
	}
	ok = write_in_turn(fd, base, im->file, &error);
	close(fd);
	if (ok)
		return EX_OK;
	message = g_strdup_printf("%s: %s", dir, error->message);
	return complain(EX_CANTCREAT, message);
}

static void
summary(const Import *im, double seconds)
{
	const ImportSet *set = im->set;
	g_autoptr(GString) out = g_string_new("{");
	guint64 networks = set->entries->len - set->nobody;
	gsize size = g_bytes_get_size(im->file);

	if (!im->args->json) {
		printf(
		    "%s: %" G_GUINT64_FORMAT " networks from %u source%s, "
		    "%u nodes, %.1f MB, %.1f s; passed over: %" G_GUINT64_FORMAT
		    " where no mail comes from, %" G_GUINT64_FORMAT
		    " of nobody\n",
		    im->output, networks, im->sources->len,
		    im->sources->len == 1 ? "" : "s", im->nodes,
		    (double)size / 1e6, seconds, set->passed_over, set->nobody);
		return;
	}
	asn_json_member_string(out, "file", im->output);
	asn_json_member(out, "sources");
	g_string_append_printf(out, "%s]", im->json_sources->str);
	asn_json_member_uint(out, "networks", networks);
	asn_json_member_uint(out, "passed_over", set->passed_over);
	asn_json_member_uint(out, "nobody", set->nobody);
	asn_json_member_uint(out, "nodes", im->nodes);
	asn_json_member_uint(out, "bytes", size);
	asn_json_member_string(out, "description", im->description->str);
	printf("%s}\n", out->str);
}

/* Dies of the signal that was noted, as whoever sent it expects. */
static int
stop_of_signal(int number)
{
	signal(number, SIG_DFL);
	raise(number);
	return 128 + number;
}

static int
run(Import *im)
{
	int code;

	if ((code = choose_output(im)) != EX_OK ||
	    (code = choose_sources(im)) != EX_OK)
		return code;
	progress_catch_signals();
	code = read_sources(im);
	if (code == EX_OK && !progress_signal())
		code = build(im);
	if (progress_signal())
		return stop_of_signal(progress_signal());
	if (code == EX_OK)
		code = write_file(im);
	if (code != EX_OK && progress_signal())
		return stop_of_signal(progress_signal());
	return code;
}

/* *changed: the sources did meanwhile, so what was read may be old, or half of
 * it, and the summary is not told. */
static int
import_once(const Arguments *args, gboolean *changed)
{
	gint64 start = g_get_monotonic_time();
	g_autofree char *before = stamp_sources(args), *after = NULL;
	Import im = {.args = args};
	int code;

	im.sources = g_ptr_array_new_with_free_func(g_free);
	im.set = import_set_new();
	im.description = g_string_new("");
	im.json_sources = g_string_new("[");
	code = run(&im);
	after = stamp_sources(args);
	*changed = strcmp(before, after) != 0;
	if (code == EX_OK && !*changed)
		summary(&im,
		    (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC);
	g_ptr_array_unref(im.sources);
	import_set_free(im.set);
	g_string_free(im.description, TRUE);
	g_string_free(im.json_sources, TRUE);
	g_clear_pointer(&im.file, g_bytes_unref);
	g_free(im.output);
	return code;
}

static int
import(const Arguments *args)
{
	gboolean changed = TRUE;
	int code = EX_OK;

	for (int i = 0; changed && i < TRIES; i++) {
		code = import_once(args, &changed);
		if (changed)
			complain(code, "a source changed meanwhile");
	}
	return changed && code == EX_OK ? EX_TEMPFAIL : code;
}

static const char summary_text[] =
    "Compiles networks.mmdb: AS number, holder, country and prefix of every\n"
    "network.  A SOURCE may be libloc's location.db, an ASN .mmdb (GeoLite2,\n"
    "DB-IP, IPinfo, IPLocate, sapics), iptoasn TSV, or lines of\n"
    "network TAB AS number TAB name TAB country; the last two may be gzipped.\n"
    "What it is shows in its content.\n\n"
    "Of one network, the later source wins.  Of nested networks the longest\n"
    "prefix wins, wherever it comes from, as in routing: to override what "
    "lies\n"
    "inside a network, name those networks too.\n\n"
    "Without SOURCE: the fresher location.db of libloc-database and\n"
    "\"location update\", then networks.d/*.tsv beside the config.";

int
asnctl_import(int argc, char **argv)
{
	Arguments args = {.config = NULL};
	const GOptionEntry entries[] = {
	    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &args.output,
		"Write there instead of database-dir/networks.mmdb", "FILE"},
	    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &args.config,
		"Config file, for database-dir and networks.d", "FILE"},
	    {"json", 0, 0, G_OPTION_ARG_NONE, &args.json,
		"Print the summary as a JSON object", NULL},
	    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &args.files,
		NULL, NULL},
	    {NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new("[SOURCE...]");
	g_autoptr(GError) error = NULL;
	int code;

	g_option_context_set_summary(context, summary_text);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		code = complain(EX_USAGE, error->message);
	else
		code = import(&args);
	g_free(args.config);
	g_free(args.output);
	g_strfreev(args.files);
	return code;
}
