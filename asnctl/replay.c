/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay.c: asnctl replay, the options and what is printed. */

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sysexits.h>

#include "asnctl.h"
#include "replay.h"

static const char level_letters[ASN_N_LEVELS + 1] = "GCAPNI";
static const char *const level_names[ASN_N_LEVELS] = {
    "all mail", "country", "AS", "prefix", "block", "address"};

/* As GOption hands them over, before they are checked. */
typedef struct {
	ReplayOptions o;
	double half_life; /* days */
	int cap, min_reporters;
	char *levels, *dump;
	char **files;
} Arguments;

static Arguments args = {
    .o = {.delay = 86400,
	.spam_frac = 1,
	.ham_frac = 1,
	.active = 1,
	.start = 0.5,
	.explain = -1},
    .half_life = 60,
    .cap = 2,
    .min_reporters = 1,
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

/* A subset of GCAPNI in this order, at least one. */
static gboolean
parse_levels(const char *text, guint *out)
{
	const char *at = level_letters;

	*out = 0;
	for (const char *c = text; *c != '\0'; c++) {
		const char *found = strchr(at, *c);

		if (found == NULL)
			break;
		*out |= 1u << (found - level_letters);
		at = found + 1;
		if (c[1] == '\0')
			return TRUE;
	}
	g_printerr("asnctl replay: --levels must be letters of %s in this "
		   "order\n",
	    level_letters);
	return FALSE;
}

static gboolean
check_arguments(Arguments *a)
{
	ReplayOptions *o = &a->o;
	AsnModelParams *p = &o->params;

	if (!in_range("delay", o->delay, 0, 1e12) ||
	    !in_range("spam-frac", o->spam_frac, 0, 1) ||
	    !in_range("ham-frac", o->ham_frac, 0, 1) ||
	    !in_range("active", o->active, 0, 1) ||
	    !in_range("miss", o->miss, 0, 1) ||
	    !in_range("from", o->start, 0, 1) ||
	    !in_range("explain", (double)o->explain, -1, 1e12) ||
	    !in_range("users", o->users, 0, G_MAXINT) ||
	    !in_range("cap", a->cap, 0, G_MAXINT) ||
	    !in_range("min-reporters", a->min_reporters, 1, 2) ||
	    !in_range("k", p->k, 1e-9, 1e9) ||
	    !in_range("k0", p->k_all, 1e-9, 1e9) ||
	    !in_range("m", p->m, 1e-9, 1e9) ||
	    !in_range("half-life", a->half_life, 1e-6, 1e9) ||
	    !in_range("threshold", p->threshold, 0, 1e9) ||
	    !in_range("evidence", p->evidence, 0, 1e9) ||
	    !in_range("min-ham", p->min_ham, 0, 1e9))
		return FALSE;
	p->half_life = a->half_life * 86400.0;
	p->cap = (guint)a->cap;
	p->min_reporters = (guint)a->min_reporters;
	o->dump = a->dump;
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
	"Share of mails whose user gives feedback at all (1)", "F"},
    {"miss", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.miss,
	"Share of their spam that is learnt as ham (0)", "F"},
    {"implicit", 0, 0, G_OPTION_ARG_NONE, &args.o.implicit,
	"Learn unreported spam as ham", NULL},
    {"from", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.start,
	"Measure from this fraction of the file on (0.5)", "F"},
    {"dump", 0, 0, G_OPTION_ARG_FILENAME, &args.dump,
	"Write index, class, score, evidence, warm, flag of each mail", "FILE"},
    {"explain", 0, 0, G_OPTION_ARG_INT64, &args.o.explain,
	"Explain the score of mail number I (from 0)", "I"},
    {"users", 0, 0, G_OPTION_ARG_INT, &args.o.users,
	"Spread the mails over N made-up users (0: no users)", "N"},
    {"cap", 0, 0, G_OPTION_ARG_INT, &args.cap,
	"Votes that count per user, AS, class and day (2)", "C"},
    {"min-reporters", 0, 0, G_OPTION_ARG_INT, &args.min_reporters,
	"Users who must have reported spam behind a flag (1)", "R"},
    {"levels", 0, 0, G_OPTION_ARG_STRING, &args.levels,
	"Neighbourhoods to use (GCAPNI)", "LETTERS"},
    {"k", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.params.k,
	"Votes' worth of trust in the wider neighbourhood (1)", "K"},
    {"k0", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.params.k_all,
	"The same at the top level (2)", "K"},
    {"m", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.params.m,
	"Damping of what a known address says of its network (1)", "M"},
    {"half-life", 0, 0, G_OPTION_ARG_DOUBLE, &args.half_life,
	"Half-life of a vote (60)", "DAYS"},
    {"threshold", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.params.threshold,
	"Flag from this score on (0.9)", "SCORE"},
    {"evidence", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.params.evidence,
	"and this evidence (2)", "WEIGHT"},
    {"min-ham", 0, 0, G_OPTION_ARG_DOUBLE, &args.o.params.min_ham,
	"and this much ham in all (50)", "WEIGHT"},
    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &args.files, NULL,
	"FILE.tsv"},
    {NULL},
};

static gboolean
parse_arguments(int *argc, char ***argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context,
	    "Replays a recorded stream of mails through the score and prints "
	    "how good it was.");
	g_option_context_set_description(context,
	    "FILE.tsv: time, address, prefix, AS number, country, class "
	    "(1: spam); tab separated.\n'-' (prefix, country) and 0 (AS) mean "
	    "unknown; lines that start with # are left out.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, argc, argv, &error)) {
		g_printerr("asnctl replay: %s\n", error->message);
		return FALSE;
	}
	if (args.files == NULL || args.files[0] == NULL ||
	    args.files[1] != NULL) {
		g_printerr("asnctl replay: give one FILE.tsv; "
			   "\"asnctl replay --help\" tells more\n");
		return FALSE;
	}
	return check_arguments(&args);
}

/* --- output --------------------------------------------------------------- */

static const char *
level_key(AsnLevel level, const AsnOriginKey *key, char *buf, gsize size)
{
	char text[ASN_NETWORK_STRLEN];
	AsnNetwork net = key->prefix;

	switch (level) {
	case ASN_LEVEL_COUNTRY:
		g_strlcpy(buf, key->country, size);
		return buf;
	case ASN_LEVEL_AS:
		g_snprintf(buf, size, "%u", key->asn);
		return buf;
	case ASN_LEVEL_PREFIX:
		break;
	case ASN_LEVEL_BLOCK:
		net = asn_addr_block(&key->addr);
		break;
	case ASN_LEVEL_ADDRESS:
		net = asn_addr_leaf(&key->addr);
		break;
	default:
		g_strlcpy(buf, "*", size);
		return buf;
	}
	if (level == ASN_LEVEL_ADDRESS && key->addr.family == 4)
		g_strlcpy(buf, asn_addr_format(&net.addr, text), size);
	else
		g_strlcpy(buf, asn_network_format(&net, text), size);
	return buf;
}

static double
log_odds(double theta)
{
	return log(theta / (1 - theta));
}

static void
print_explanation(const AsnModel *model, const ReplayRow *row)
{
	double before = 0.5, best = 0;
	int decider = -1;
	char key[64];
	AsnPrediction p;

	asn_model_predict(model, &row->key, row->t, &p);
	for (guint l = 0; l < ASN_N_LEVELS; l++) {
		const AsnChainLevel *c = &p.level[l];
		double rise;

		if (!c->present)
			continue;
		rise = log_odds(c->theta) - log_odds(before);
		printf("%-8s %-22s spam %8.2f  ham %8.2f  theta %.4f  "
		       "(%+.2f)\n",
		    level_names[l], level_key(l, &row->key, key, sizeof key),
		    c->s, c->h, c->theta, rise);
		if (l >= ASN_LEVEL_AS && (decider < 0 || rise > best)) {
			best = rise;
			decider = (int)l;
		}
		before = c->theta;
	}
	printf("score %.4f evidence %.2f warm %d flag %d", p.score, p.evidence,
	    p.warm, p.flag);
	if (decider >= 0)
		printf("; decided by %s %s", level_names[decider],
		    level_key((AsnLevel)decider, &row->key, key, sizeof key));
	printf("\n");
}

static int
explain(const ReplayOptions *o, const ReplayRow *rows, gsize n)
{
	const gsize i = (gsize)o->explain;
	g_autofree ReplayResult *results = NULL;
	AsnModel *model;

	if (i >= n) {
		g_printerr("asnctl replay: --explain %zu: there are %zu mails, "
			   "counted from 0\n",
		    i, n);
		return EX_USAGE;
	}
	model = asn_model_new(&o->params);
	results = g_new(ReplayResult, i + 1);
	replay_run(model, rows, i + 1, o, results);
	printf(
	    "mail %zu time %.0f class %d\n", i, trunc(rows[i].t), rows[i].spam);
	print_explanation(model, &rows[i]);
	asn_model_free(model);
	return EX_OK;
}

static gboolean
dump(const char *path, const ReplayRow *rows, const ReplayResult *results,
    gsize n)
{
	FILE *f = fopen(path, "we");
	gboolean ok = f != NULL;

	for (gsize i = 0; ok && i < n; i++)
		ok = fprintf(f, "%zu\t%d\t%.12f\t%.12f\t%d\t%d\n", i,
			 rows[i].spam, results[i].score, results[i].evidence,
			 results[i].warm, results[i].flag) > 0;
	if (f != NULL && fclose(f) != 0)
		ok = FALSE;
	if (!ok)
		g_printerr("asnctl replay: cannot write %s: %s\n", path,
		    g_strerror(errno));
	return ok;
}

static void
print_sums(const AsnModel *model, const ReplayResult *results, gsize n)
{
	const guint used = asn_model_params(model)->levels;

	printf("sum_score\t%.9f\n", replay_sum(results, n, FALSE));
	printf("sum_evidence\t%.9f\n", replay_sum(results, n, TRUE));
	for (guint l = 0; l < ASN_N_LEVELS; l++)
		if (used & 1u << l)
			printf("nodes_%c\t%u\n", level_letters[l],
			    asn_model_n_nodes(model, l));
}

static int
measure(
    const ReplayOptions *o, const char *path, const ReplayRow *rows, gsize n)
{
	const gsize start = (gsize)((double)n * o->start);
	g_autofree ReplayResult *results = g_new(ReplayResult, n + 1);
	g_autofree char *base = g_path_get_basename(path);
	AsnModel *model;
	int status = EX_OK;

	if (start >= n) {
		g_printerr("asnctl replay: %s: no mail to measure (%zu mails, "
			   "--from %g)\n",
		    path, n, o->start);
		return EX_DATAERR;
	}
	model = asn_model_new(&o->params);
	replay_run(model, rows, n, o, results);
	if (o->dump != NULL && !dump(o->dump, rows, results, n))
		status = EX_CANTCREAT;
	if (status == EX_OK) {
		printf("file\t%s\n", base);
		replay_measure(stdout, rows, results, start, n);
		print_sums(model, results, n);
	}
	asn_model_free(model);
	return status;
}

static int
replay_file(const Arguments *a)
{
	const char *path = a->files[0];
	g_autoptr(GArray) rows = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	gsize len;

	if (!g_file_get_contents(path, &text, &len, &error)) {
		g_printerr("asnctl replay: %s\n", error->message);
		return EX_NOINPUT;
	}
	rows = replay_parse(text, len, path, &error);
	if (rows == NULL) {
		g_printerr("asnctl replay: %s\n", error->message);
		return EX_DATAERR;
	}
	if (a->o.explain >= 0)
		return explain(&a->o, (ReplayRow *)rows->data, rows->len);
	return measure(&a->o, path, (ReplayRow *)rows->data, rows->len);
}

int
asnctl_replay(int argc, char **argv)
{
	int status = EX_USAGE;

	args.o.params = asn_model_defaults;
	if (parse_arguments(&argc, &argv))
		status = replay_file(&args);
	g_free(args.levels);
	g_free(args.dump);
	g_strfreev(args.files);
	return status;
}
