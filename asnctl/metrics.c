/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics.c: "asnctl metrics": how asnd is, for Prometheus. */

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "asnctl.h"
#include "bus.h"
#include "config.h"
#include "metrics-text.h"
#include "mmdb.h"
#include "networks.h"
#include "output.h"
#include "quality.h"
#include "reputation.h"
#include "rules.h"

#define QUALITY_WEEKS 4

/* --- what asnd says of itself ----------------------------------------------
 */

/* Keys of GetStatus that are numbers or yes and no. */
static const struct {
	const char *key;
	Metric metric;
} known[] = {
    {"since",
	{"asnd_start_timestamp_seconds", "seconds", "When asnd started."}},
    {"taken_back", {"asnd_votes_taken_back", NULL,
		       "Votes in the journal that stand no more."}},
    {"votes_since_start",
	{"asnd_votes_since_start", NULL, "Votes cast since asnd started."}},
    {"reporters", {"asnd_reporters", NULL,
		      "Users who reported spam in the last 60 days."}},
    {"last_vote", {"asnd_last_vote_timestamp_seconds", "seconds",
		      "When the last vote was cast."}},
    {"last_mail", {"asnd_last_mail_timestamp_seconds", "seconds",
		      "When the newest mail in a Maildir came."}},
    {"mails_known", {"asnd_mails", NULL, "Mails that asnd knows of."}},
    {"mails_read", {"asnd_mails_read_since_start", NULL,
		       "Header blocks read since asnd started."}},
    {"first_run",
	{"asnd_first_run", NULL, "1 while what was there before is learnt."}},
    {"warming_up", {"asnd_warming_up", NULL,
		       "1 while too little ham is known to flag mail."}},
    {"ham", {"asnd_ham_weight", NULL, "Weight of all ham now."}},
    {"min_ham", {"asnd_ham_weight_needed", NULL,
		    "Weight of all ham from which on mail is flagged."}},
    {"mailwatch", {"asnd_mailwatch_connected", NULL,
		      "1 while asnd-mailwatch is connected."}},
    {"all_read",
	{"asnd_mailwatch_idle", NULL, "1 while no mail waits to be read."}},
    {"watches",
	{"asnd_mailwatch_watches", NULL, "Folders watched by inotify."}},
    {"polled", {"asnd_mailwatch_polled_folders", NULL,
		   "Folders that are listed again and again instead."}},
    {"overflows",
	{"asnd_mailwatch_overflows_since_start", NULL,
	    "Times that events were lost and all was listed anew, since "
	    "asnd-mailwatch started."}},
    {"refused", {"asnd_mailwatch_refused_entries", NULL,
		    "Entries of Maildirs that were not fit to be looked at."}},
    {"published", {"asnd_published_timestamp_seconds", "seconds",
		      "When asnd last published what it learnt."}},
    {"networks",
	{"asnd_networks_loaded", NULL, "1 when asnd has networks.mmdb."}},
    {"seal_key", {"asnd_seal_key_loaded", NULL,
		     "1 when asnd has a key to verify seals with."}},
    {"calls_refused",
	{"asnd_bus_calls_refused_since_start", NULL,
	    "Calls over D-Bus that were too many, since asnd started."}},
};

static const Metric up = {"asnd_up", NULL, "1 when asnd answers."};
static const Metric build_info = {
    "asnd_build_info", NULL, "1; the version is its label."};
static const Metric votes = {
    "asnd_votes", NULL, "Votes in the journal that stand, by class."};
static const Metric failing = {"asnd_failing", NULL,
    "1 when asnd cannot write its evidence, or what it publishes."};

/* FALSE: it is no number. */
static gboolean
number_of(GVariant *v, double *out)
{
	switch (g_variant_classify(v)) {
	case G_VARIANT_CLASS_BOOLEAN:
		*out = g_variant_get_boolean(v);
		return TRUE;
	case G_VARIANT_CLASS_UINT32:
		*out = g_variant_get_uint32(v);
		return TRUE;
	case G_VARIANT_CLASS_UINT64:
		*out = (double)g_variant_get_uint64(v);
		return TRUE;
	case G_VARIANT_CLASS_INT64:
		*out = (double)g_variant_get_int64(v);
		return TRUE;
	case G_VARIANT_CLASS_DOUBLE:
		*out = g_variant_get_double(v);
		return TRUE;
	default:
		return FALSE;
	}
}

static gboolean
lookup(GVariant *dict, const char *key, double *out)
{
	g_autoptr(GVariant) v = g_variant_lookup_value(dict, key, NULL);

	return v != NULL && number_of(v, out);
}

static gboolean
has(GVariant *dict, const char *key)
{
	g_autoptr(GVariant) v = g_variant_lookup_value(dict, key, NULL);

	return v != NULL;
}

static void
put_status(GString *out, GVariant *status)
{
	const char *version = "unknown";
	double n;

	g_variant_lookup(status, "version", "&s", &version);
	metric_family(out, &build_info);
	metric_sample(out, &build_info, 1, "version", version, NULL);
	metric_family(out, &votes);
	if (lookup(status, "spam_votes", &n))
		metric_sample(out, &votes, n, "class", "spam", NULL);
	if (lookup(status, "ham_votes", &n))
		metric_sample(out, &votes, n, "class", "ham", NULL);
	metric_family(out, &failing);
	metric_sample(out, &failing, has(status, "store_trouble"), "what",
	    "evidence", NULL);
	metric_sample(out, &failing, has(status, "publish_trouble"), "what",
	    "publishing", NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
		if (!lookup(status, known[i].key, &n))
			continue;
		metric_family(out, &known[i].metric);
		metric_sample(out, &known[i].metric, n, NULL);
	}
}

/* --- quality ---------------------------------------------------------------
 */

typedef struct {
	const char *level;
	QualitySum sum;
} Level;

static const Metric seen = {"asnd_quality_mails", NULL,
    "Sealed mails of the last four ISO weeks, this one included."};
static const Metric opinions = {
    "asnd_quality_opinions", NULL, "Those of them on which their owner voted."};
static const Metric precision = {"asnd_quality_precision_ratio", "ratio",
    "Of the flagged ones, the part that was not rescued."};
static const Metric recall = {"asnd_quality_recall_ratio", "ratio",
    "Of those and the missed ones, the part that was flagged."};

static void
put_levels(GString *out, const GArray *levels)
{
	metric_family(out, &seen);
	for (guint i = 0; i < levels->len; i++) {
		const Level *l = &g_array_index(levels, Level, i);

		metric_sample(out, &seen, (double)l->sum.flagged, "level",
		    l->level, "verdict", "flagged", NULL);
		metric_sample(out, &seen, (double)l->sum.unflagged, "level",
		    l->level, "verdict", "unflagged", NULL);
	}
	metric_family(out, &opinions);
	for (guint i = 0; i < levels->len; i++) {
		const Level *l = &g_array_index(levels, Level, i);

		metric_sample(out, &opinions, (double)l->sum.rescued, "level",
		    l->level, "opinion", "rescued", NULL);
		metric_sample(out, &opinions, (double)l->sum.confirmed, "level",
		    l->level, "opinion", "confirmed", NULL);
		metric_sample(out, &opinions, (double)l->sum.missed, "level",
		    l->level, "opinion", "missed", NULL);
	}
}

static Level *
level_of(GArray *levels, const char *name)
{
	Level new = {.level = name};

	for (guint i = 0; i < levels->len; i++)
		if (strcmp(g_array_index(levels, Level, i).level, name) == 0)
			return &g_array_index(levels, Level, i);
	g_array_append_val(levels, new);
	return &g_array_index(levels, Level, levels->len - 1);
}

static void
put_quality(GString *out, GVariant *rows)
{
	g_autoptr(GArray) levels = g_array_new(FALSE, FALSE, sizeof(Level));
	QualitySum all = {0};

	for (gsize i = 0; i < g_variant_n_children(rows); i++) {
		g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
		const char *level = "unknown";

		/* rows keeps the text */
		g_variant_lookup(row, "level", "&s", &level);
		quality_add(&level_of(levels, level)->sum, row);
		quality_add(&all, row);
	}
	put_levels(out, levels);
	if (!isnan(quality_precision(&all))) {
		metric_family(out, &precision);
		metric_sample(out, &precision, quality_precision(&all), NULL);
	}
	if (!isnan(quality_recall(&all))) {
		metric_family(out, &recall);
		metric_sample(out, &recall, quality_recall(&all), NULL);
	}
}

/* --- databases -------------------------------------------------------------
 */

static const struct {
	const char *name, *file, *type;
	gboolean optional; /* there only once it is needed */
} databases[] = {
    {"networks", ASN_NETWORKS_FILE, ASN_NETWORKS_TYPE, FALSE},
    {"reputation", ASN_REPUTATION_FILE, ASN_REPUTATION_TYPE, FALSE},
    {"recent", ASN_RECENT_FILE, ASN_RECENT_TYPE, TRUE},
    {"rules", ASN_RULES_FILE, ASN_RULES_TYPE, TRUE},
};

static const Metric usable = {"asnd_database_usable", NULL,
    "1 when it is there and sound from end to end."};
static const Metric built = {
    "asnd_database_timestamp_seconds", "seconds", "When it was built."};
static const Metric size = {"asnd_database_size_bytes", "bytes", "Its size."};

typedef struct {
	gboolean missing, usable;
	double built, size;
} Database;

static Database
look_at(const char *dir, const char *file, const char *type)
{
	g_autofree char *path = g_build_filename(dir, file, NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	Database out = {.built = (double)NAN, .size = (double)NAN};
	g_autoptr(GError) error = NULL;
	struct stat st;
	AsnMmdb *db;

	if (fd < 0) {
		out.missing = errno == ENOENT;
		if (!out.missing)
			g_printerr("asnctl metrics: %s: %s\n", path,
			    g_strerror(errno));
		return out;
	}
	if (fstat(fd, &st) == 0)
		out.size = (double)st.st_size;
	db = asn_mmdb_open(fd, path, ASN_MMDB_CHECK_SUM, &error);
	close(fd);
	if (db == NULL) {
		g_printerr("asnctl metrics: %s\n", error->message);
		return out;
	}
	out.usable = strcmp(asn_mmdb_meta(db)->database_type, type) == 0;
	out.built = (double)asn_mmdb_meta(db)->build_epoch;
	asn_mmdb_close(db);
	return out;
}

static void
put_databases(GString *out, const char *dir)
{
	Database found[G_N_ELEMENTS(databases)];

	for (gsize i = 0; i < G_N_ELEMENTS(databases); i++)
		found[i] = look_at(dir, databases[i].file, databases[i].type);
	metric_family(out, &usable);
	for (gsize i = 0; i < G_N_ELEMENTS(databases); i++)
		if (!found[i].missing || !databases[i].optional)
			metric_sample(out, &usable, found[i].usable, "database",
			    databases[i].name, NULL);
	metric_family(out, &built);
	for (gsize i = 0; i < G_N_ELEMENTS(databases); i++)
		if (!isnan(found[i].built))
			metric_sample(out, &built, found[i].built, "database",
			    databases[i].name, NULL);
	metric_family(out, &size);
	for (gsize i = 0; i < G_N_ELEMENTS(databases); i++)
		if (!isnan(found[i].size))
			metric_sample(out, &size, found[i].size, "database",
			    databases[i].name, NULL);
}

/* --- the verb --------------------------------------------------------------
 */

/* NULL: asnd did not answer, and stderr says why. */
static GVariant *
ask(const AsnctlBus *bus, const char *method, GVariant *args)
{
	g_autoptr(GVariant) reply = NULL;
	g_autofree char *why = NULL;

	if (asnctl_bus_try(bus, method, args, NULL, &reply, &why) == EX_OK)
		return g_variant_get_child_value(reply, 0);
	g_printerr("asnctl metrics: %s: %s\n", method, why);
	return NULL;
}

static void
put_asnd(GString *out, const AsnctlBus *bus)
{
	g_autoptr(GVariant) status = ask(bus, "GetStatus", NULL);
	g_autoptr(GVariant) quality = NULL;

	metric_family(out, &up);
	metric_sample(out, &up, status != NULL, NULL);
	if (status == NULL)
		return;
	put_status(out, status);
	quality = ask(bus, "Quality", g_variant_new("(u)", QUALITY_WEEKS));
	if (quality != NULL)
		put_quality(out, quality);
}

static int
run(const AsnctlBus *bus, const char *config_path, const char *dir,
    const char *file)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	AsnConfig *config = NULL;

	if (dir == NULL) {
		config = asn_config_load(config_path, &error);
		if (config == NULL) {
			g_printerr("asnctl metrics: %s\n", error->message);
			return EX_CONFIG;
		}
	}
	put_asnd(out, bus);
	put_databases(out, dir ? dir : config->database_dir);
	metric_end(out);
	asn_config_free(config);
	return file != NULL ? output_to_file(file, out->str, out->len)
			    : output_to_stdout(out->str, out->len);
}

int
asnctl_metrics(int argc, char **argv)
{
	g_autofree char *config = NULL, *dir = NULL, *file = NULL;
	AsnctlBus bus = {.no_start = TRUE};
	const GOptionEntry entries[] = {
	    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &file,
		"Write there, in one step", "FILE"},
	    {"db", 0, 0, G_OPTION_ARG_FILENAME, &dir,
		"Look at the databases there (of the config)", "DIR"},
	    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config,
		"Config file (" ASN_CONFIG_DEFAULT ")", "FILE"},
	    ASNCTL_BUS_OPTION(&bus),
	    {NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context,
	    "Writes numbers about asnd and its databases as OpenMetrics text, "
	    "for the\ntextfile collector of node_exporter.");
	g_option_context_set_description(
	    context, "Exits 0 also when asnd does not run: then asnd_up is 0.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		g_printerr("asnctl metrics: %s\n", error->message);
		return EX_USAGE;
	}
	if (argc > 1) {
		g_printerr("asnctl metrics: it takes no arguments; "
			   "\"asnctl metrics --help\" tells more\n");
		return EX_USAGE;
	}
	return run(&bus, config, dir, file);
}
