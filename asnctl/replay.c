/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay.c: asnctl replay, the options and the order of things. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "asnctl.h"
#include "options.h"
#include "output.h"
#include "replay-maildir.h"
#include "replay.h"

#define NOT_GIVEN G_MININT /* of a whole number; others: REPLAY_UNSET */

/* As GOption hands them over, before they are checked. */
typedef struct {
	ReplayOptions o;
	double half_life; /* days */
	int cap, min_reporters;
	char *levels, *dump, *write;
	gboolean maildir, json;
	char *config, *db;
	char **junk, **files;
} Arguments;

static Arguments args = {
    .o = {.delay = 86400,
	.spam_frac = REPLAY_UNSET,
	.ham_frac = REPLAY_UNSET,
	.active = REPLAY_UNSET,
	.miss = REPLAY_UNSET,
	.start = 0.5,
	.explain = -1,
	.users = NOT_GIVEN},
    .half_life = REPLAY_UNSET,
    .cap = 2,
    .min_reporters = NOT_GIVEN,
};

/* --- options -------------------------------------------------------------- */

/* Number in min..max, both included. */
static gboolean
in_range(const char *name, double v, double min, double max)
{
	if (v >= min && v <= max)
		return TRUE;
	g_printerr("asnctl replay: --%s must be a number from %g to %g\n", name,
	    min, max);
	return FALSE;
}

/* The same of what may have been left out. */
static gboolean
settle(const char *name, double *v, double fallback, double min, double max)
{
	if (*v == REPLAY_UNSET)
		*v = fallback;
	return in_range(name, *v, min, max);
}

/* A subset of GCAPNI in this order, at least one. */
static gboolean
parse_levels(const char *text, guint *out)
{
	const char *at = replay_level_letters;

	*out = 0;
	for (const char *c = text; *c != '\0'; c++) {
		const char *found = strchr(at, *c);

		if (found == NULL)
			break;
		*out |= 1u << (found - replay_level_letters);
		at = found + 1;
		if (c[1] == '\0')
			return TRUE;
	}
	g_printerr("asnctl replay: --levels must be letters of %s in this "
		   "order\n",
	    replay_level_letters);
	return FALSE;
}

/* What stands for users that a recorded stream does not have. */
static gboolean
check_users(Arguments *a)
{
	ReplayOptions *o = &a->o;

	if (a->min_reporters == NOT_GIVEN)
		a->min_reporters = 1;
	if (o->users == NOT_GIVEN)
		o->users = 0;
	return settle("spam-frac", &o->spam_frac, 1, 0, 1) &&
	       settle("ham-frac", &o->ham_frac, 1, 0, 1) &&
	       settle("active", &o->active, 1, 0, 1) &&
	       settle("miss", &o->miss, 0, 0, 1) &&
	       in_range("users", o->users, 0, G_MAXINT);
}

static gboolean
check_maildir(const Arguments *a)
{
	const ReplayOptions *o = &a->o;

	if (o->spam_frac == REPLAY_UNSET && o->ham_frac == REPLAY_UNSET &&
	    o->active == REPLAY_UNSET && o->miss == REPLAY_UNSET &&
	    o->users == NOT_GIVEN && !o->implicit)
		return TRUE;
	g_printerr("asnctl replay: --spam-frac, --ham-frac, --active, --miss, "
		   "--implicit and --users make up users for a FILE.tsv; a "
		   "Maildir has a real one\n");
	return FALSE;
}

static gboolean
check_file(const Arguments *a)
{
	if (a->junk != NULL || a->config != NULL || a->db != NULL ||
	    a->write != NULL) {
		g_printerr("asnctl replay: --junk, --config, --db and --write "
			   "go with --maildir alone\n");
		return FALSE;
	}
	if (a->files != NULL && a->files[0] != NULL && a->files[1] == NULL)
		return TRUE;
	g_printerr("asnctl replay: give one FILE.tsv, or --maildir; "
		   "\"asnctl replay --help\" tells more\n");
	return FALSE;
}

static gboolean
check_arguments(Arguments *a)
{
	ReplayOptions *o = &a->o;

	if (!(a->maildir ? check_maildir(a) : check_file(a) && check_users(a)))
		return FALSE;
	if (!in_range("delay", o->delay, 0, 1e12) ||
	    !in_range("from", o->start, 0, 1) ||
	    !in_range("explain", (double)o->explain, -1, 1e12) ||
	    !in_range("cap", a->cap, 0, G_MAXINT) ||
	    (a->min_reporters != NOT_GIVEN &&
		!in_range("min-reporters", a->min_reporters, 1, 2)))
		return FALSE;
	if (o->explain >= 0 && a->json) {
		g_printerr("asnctl replay: --explain is for people, --json for "
			   "programs: leave out one of them\n");
		return FALSE;
	}
	o->dump = a->dump;
	return TRUE;
}

/* What was not given is the config's, or the model's own. */
static gboolean
settle_params(Arguments *a, const AsnConfig *config)
{
	AsnModelParams *p = &a->o.params;
	const AsnModelParams *d = &asn_model_defaults;
	const AsnThresholds t =
	    config ? config->thresholds
		   : (AsnThresholds){d->threshold, d->evidence, d->min_ham};
	const double half_life = config ? config->half_life : d->half_life;

	if (!settle("k", &p->k, d->k, 1e-9, 1e9) ||
	    !settle("k0", &p->k_all, d->k_all, 1e-9, 1e9) ||
	    !settle("m", &p->m, d->m, 1e-9, 1e9) ||
	    !settle("half-life", &a->half_life, half_life / 86400, 1e-6, 1e9) ||
	    !settle("threshold", &p->threshold, t.threshold, 0, 1e9) ||
	    !settle("evidence", &p->evidence, t.evidence, 0, 1e9) ||
	    !settle("min-ham", &p->min_ham, t.min_ham, 0, 1e9))
		return FALSE;
	p->half_life = a->half_life * 86400.0;
	p->cap = (guint)a->cap;
	p->min_reporters = a->min_reporters == 2 ? 2 : 1;
	p->levels = d->levels;
	return a->levels == NULL || parse_levels(a->levels, &p->levels);
}

static const GOptionEntry entries[] = {
    {"delay", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.delay,
	"Feedback comes this long after the mail (86400)", "SECONDS"},
    {"spam-frac", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.spam_frac,
	"Share of spam that is reported (1)", "F"},
    {"ham-frac", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.ham_frac,
	"Share of ham that is confirmed as ham (1)", "F"},
    {"active", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.active,
	"Share of mails whose user ever says a word (1)", "F"},
    {"miss", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.miss,
	"Share of their spam that is learnt as ham (0)", "F"},
    {"implicit", 0, 0, G_OPTION_ARG_NONE, &args.o.implicit,
	"Learn unreported spam as ham", NULL},
    {"from", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.start,
	"Measure from this fraction of the file on (0.5)", "F"},
    {"dump", 0, 0, G_OPTION_ARG_FILENAME, &args.dump,
	"Write index, class, score, evidence, warm, flag", "FILE"},
    {"explain", 0, 0, G_OPTION_ARG_INT64, &args.o.explain,
	"Explain the score of mail number I (from 0)", "I"},
    {"users", 0, 0, G_OPTION_ARG_INT, &args.o.users,
	"Spread the mails over N made-up users (0)", "N"},
    {"cap", 0, 0, G_OPTION_ARG_INT, &args.cap,
	"Votes that count per user, AS, class and day (2)", "C"},
    {"min-reporters", 0, 0, G_OPTION_ARG_INT, &args.min_reporters,
	"Users who reported spam behind a flag (1)", "R"},
    {"levels", 0, 0, G_OPTION_ARG_STRING, &args.levels,
	"Neighbourhoods to use (GCAPNI)", "LETTERS"},
    {"k", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.params.k,
	"Trust in the wider neighbourhood, in votes (1)", "K"},
    {"k0", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.params.k_all,
	"The same at the top level (2)", "K"},
    {"m", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.params.m,
	"Damping of what addresses say of networks (1)", "M"},
    {"half-life", 0, 0, G_OPTION_ARG_DOUBLE, &args.half_life,
	"Half-life of a vote (60)", "DAYS"},
    {"threshold", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.params.threshold,
	"Flag from this score on (0.9)", "SCORE"},
    {"evidence", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.params.evidence,
	"and this evidence (2)", "WEIGHT"},
    {"min-ham", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.params.min_ham,
	"and this much ham in all (50)", "WEIGHT"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &args.json, "Print one JSON object",
	NULL},
    {"maildir", 0, 0, G_OPTION_ARG_NONE, &args.maildir,
	"Replay Maildirs DIR... (those of the config)", NULL},
    {"junk", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &args.junk,
	"Junk folder there, repeatable (of the config)", "NAME"},
    {"write", 0, 0, G_OPTION_ARG_FILENAME, &args.write,
	"Write their mails as a FILE.tsv for replay", "FILE"},
    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &args.config,
	"Config file, for Maildirs, folders and thresholds", "FILE"},
    {"db", 0, 0, G_OPTION_ARG_FILENAME, &args.db, "Read networks.mmdb there",
	"DIR"},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &args.files, NULL,
	NULL},
    {NULL},
};

static gboolean
parse_arguments(int *argc, char ***argv)
{
	g_autoptr(GOptionContext) context =
	    g_option_context_new("FILE.tsv | --maildir [DIR...]");
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context,
	    "Replays a recorded stream of mails, or the mails of Maildirs, "
	    "through the score\nand prints how good it was.");
	g_option_context_set_description(context,
	    "FILE.tsv: time, address, prefix, AS number, country, class "
	    "(1: spam),\nseparated by tabs.  '-' (prefix, country) and 0 (AS) "
	    "mean unknown; lines that\nstart with # are left out.\n\nMaildirs "
	    "are "
	    "only read: what lies in Junk is spam, what was read and kept is\n"
	    "ham.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, argc, argv, &error)) {
		options_refuse(error, *argv);
		return FALSE;
	}
	return check_arguments(&args);
}

/* --- running ---------------------------------------------------------------
 */

static int
explain(const Arguments *a, const ReplayStream *stream)
{
	const gsize i = (gsize)a->o.explain;
	g_autofree ReplayResult *results = NULL;
	const ReplayRow *row;
	AsnModel *model;
	char *text = NULL;
	gsize len = 0;
	FILE *to;
	int code;

	if (i >= stream->rows->len) {
		g_printerr("asnctl replay: --explain %zu: there are %u mails, "
			   "counted from 0\n",
		    i, stream->rows->len);
		return EX_USAGE;
	}
	row = &g_array_index(stream->rows, ReplayRow, i);
	model = asn_model_new(&a->o.params);
	results = g_new(ReplayResult, i + 1);
	replay_run(model, stream, i + 1, results);
	to = open_memstream(&text, &len);
	fprintf(
	    to, "mail %zu time %.0f class %d\n", i, trunc(row->t), row->spam);
	replay_explain(model, row, to);
	fclose(to);
	code = output_to_stdout(text, len);
	free(text);
	asn_model_free(model);
	return code;
}

/* m: NULL for a recorded stream. */
static void
put_answer(const Arguments *a, const ReplayMaildirs *m,
    const ReplayStream *stream, const ReplayResult *results, gsize start,
    const char *lines, GString *out)
{
	if (a->json) {
		g_string_append_c(out, '{');
		replay_json(lines, out);
		if (m != NULL)
			replay_maildir_json(m, stream, results, start, out);
		g_string_append(out, "}\n");
		return;
	}
	/* An admin at a terminal wants the words. */
	if (m == NULL || !isatty(STDOUT_FILENO))
		g_string_append(out, lines);
	if (m != NULL)
		replay_maildir_print(m, stream, results, start, out);
}

/* head: lines before the metrics. */
static int
measure(const Arguments *a, const ReplayMaildirs *m, const ReplayStream *stream,
    const char *head)
{
	const gsize n = stream->rows->len;
	const gsize start = (gsize)((double)n * a->o.start);
	g_autofree ReplayResult *results = g_new(ReplayResult, n + 1);
	g_autoptr(GString) lines = g_string_new(head);
	g_autoptr(GString) out = g_string_new(NULL);
	AsnModel *model = asn_model_new(&a->o.params);
	char *text = NULL;
	gsize len = 0;
	FILE *to = open_memstream(&text, &len);

	replay_run(model, stream, n, results);
	replay_measure(
	    to, (const ReplayRow *)stream->rows->data, results, start, n);
	fclose(to);
	g_string_append_len(lines, text, (gssize)len);
	free(text);
	replay_sums(model, results, n, lines);
	asn_model_free(model);
	if (a->o.dump != NULL && !replay_dump(a->o.dump, stream, results))
		return EX_CANTCREAT;
	put_answer(a, m, stream, results, start, lines->str, out);
	return output_to_stdout(out->str, out->len);
}

/* FALSE, and a line: nothing. */
static gboolean
has_any(const Arguments *a, const ReplayStream *stream, const char *name)
{
	const guint n = stream->rows->len;

	if ((gsize)((double)n * a->o.start) < n)
		return TRUE;
	g_printerr("asnctl replay: %s: no mail to measure (%u mails, --from "
		   "%g)\n",
	    name, n, a->o.start);
	return FALSE;
}

/* --- what is replayed ------------------------------------------------------
 */

static int
replay_file(Arguments *a)
{
	const char *path = a->files[0];
	g_autofree char *base = g_path_get_basename(path);
	g_autofree char *head = g_strdup_printf("file\t%s\n", base);
	ReplayStream stream = {.rows = NULL};
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	int code = EX_DATAERR;
	gsize len;

	if (!settle_params(a, NULL))
		return EX_USAGE;
	if (!g_file_get_contents(path, &text, &len, &error)) {
		g_printerr("asnctl replay: %s\n", error->message);
		return EX_NOINPUT;
	}
	stream.rows = replay_parse(text, len, path, &error);
	if (stream.rows == NULL) {
		g_printerr("asnctl replay: %s\n", error->message);
		return EX_DATAERR;
	}
	stream.votes = replay_draw_votes(stream.rows, &a->o);
	if (a->o.explain >= 0)
		code = explain(a, &stream);
	else if (has_any(a, &stream, path))
		code = measure(a, NULL, &stream, head);
	replay_stream_clear(&stream);
	return code;
}

static int
replay_collected(Arguments *a, ReplayMaildirs *m, ReplayStream *stream)
{
	g_autoptr(GString) head = g_string_new(NULL);

	if (stream->rows->len == 0) {
		g_autofree char *why = replay_maildir_nothing(m);

		g_printerr("asnctl replay: %s\n", why);
		return EX_DATAERR;
	}
	if (a->min_reporters != NOT_GIVEN)
		stream->reporters = FALSE;
	if (a->write != NULL && !replay_write(a->write, stream))
		return EX_CANTCREAT;
	if (a->o.explain >= 0)
		return explain(a, stream);
	if (!has_any(a, stream, "--maildir"))
		return EX_DATAERR;
	replay_maildir_lines(m, head);
	return measure(a, m, stream, head->str);
}

static int
replay_maildirs(Arguments *a)
{
	const ReplayMaildirAsk ask = {.config = a->config,
	    .db = a->db,
	    .junk = a->junk,
	    .dirs = a->files};
	ReplayStream stream = {.rows = NULL};
	ReplayMaildirs m;
	int code = replay_maildirs_open(&ask, &m);

	if (code == EX_OK && !settle_params(a, m.config))
		code = EX_USAGE;
	if (code == EX_OK)
		code = replay_maildirs_read(&m, a->o.delay, &stream);
	if (code == EX_OK)
		code = replay_collected(a, &m, &stream);
	replay_stream_clear(&stream);
	replay_maildirs_clear(&m);
	return code;
}

int
asnctl_replay(int argc, char **argv)
{
	AsnModelParams *p = &args.o.params;
	int status = EX_USAGE;

	p->k = p->k_all = p->m = REPLAY_UNSET;
	p->threshold = p->evidence = p->min_ham = REPLAY_UNSET;
	if (parse_arguments(&argc, &argv))
		status =
		    args.maildir ? replay_maildirs(&args) : replay_file(&args);
	g_free(args.levels);
	g_free(args.dump);
	g_free(args.write);
	g_free(args.config);
	g_free(args.db);
	g_strfreev(args.junk);
	g_strfreev(args.files);
	return status;
}
