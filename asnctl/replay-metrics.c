/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay-metrics.c: how good the scores of a replay are. */

#include <math.h>
#include <stdlib.h>

#include "replay.h"

/* Mails of one score, which no threshold can tell apart. */
typedef struct {
	double score; /* in steps of 1e-9: ties do not depend on the last bit */
	gsize spam, ham;
} Group;

static int
by_score(const void *a, const void *b)
{
	const Group *x = a, *y = b;

	return x->score < y->score ? -1 : x->score > y->score;
}

/* Groups in ascending order of score; *n_groups of them. */
static Group *
group(const ReplayRow *rows, const ReplayResult *results, gsize n,
    gsize *n_groups)
{
	Group *g = g_new(Group, n);
	gsize last = 0;

	for (gsize i = 0; i < n; i++)
		g[i] = (Group){floor(results[i].score * 1e9 + 0.5),
		    rows[i].spam ? 1 : 0, rows[i].spam ? 0 : 1};
	qsort(g, n, sizeof *g, by_score);
	for (gsize i = 1; i < n; i++) {
		if (g[i].score != g[last].score) {
			g[++last] = g[i];
			continue;
		}
		g[last].spam += g[i].spam;
		g[last].ham += g[i].ham;
	}
	*n_groups = last + 1;
	return g;
}

/* Chance that a spam scores above a ham, ties counting half. */
static double
auc(const Group *g, gsize n, double spam, double ham)
{
	double below = 0, sum = 0;

	for (gsize i = 0; i < n; i++) {
		sum += (double)g[i].spam * (below + (double)g[i].ham / 2);
		below += (double)g[i].ham;
	}
	return sum / (spam * ham);
}

/* Largest share of spam at or above a score that at most fpr of the ham
 * reaches; no interpolation. */
static double
tpr_at(const Group *g, gsize n, double fpr, double spam, double ham)
{
	double tp = 0, fp = 0, best = 0;

	for (gsize i = n; i-- > 0;) {
		tp += (double)g[i].spam;
		fp += (double)g[i].ham;
		if (fp > fpr * ham + 1e-9)
			break;
		best = tp / spam;
	}
	return best;
}

static void
print_ranking(FILE *to, const ReplayRow *rows, const ReplayResult *results,
    gsize n, double spam, double ham)
{
	static const double rates[] = {0.001, 0.003, 0.01};
	gsize n_groups;
	g_autofree Group *g = group(rows, results, n, &n_groups);

	if (spam > 0 && ham > 0)
		fprintf(to, "auc\t%.12f\n", auc(g, n_groups, spam, ham));
	else
		fprintf(to, "auc\tnan\n");
	for (gsize i = 0; spam > 0 && i < G_N_ELEMENTS(rates); i++)
		fprintf(to, "tpr_at_fpr_%g\t%.12f\n", rates[i],
		    tpr_at(g, n_groups, rates[i], spam, ham));
}

static void
print_losses(
    FILE *to, const ReplayRow *rows, const ReplayResult *results, gsize n)
{
	double brier = 0, loss = 0;

	for (gsize i = 0; i < n; i++) {
		const double s = results[i].score;
		const double off = s - (rows[i].spam ? 1 : 0);
		const double right = rows[i].spam ? s : 1 - s;

		brier += off * off;
		loss += log(CLAMP(right, 1e-6, 1.0));
	}
	fprintf(to, "brier\t%.12f\n", brier / (double)n);
	fprintf(to, "logloss\t%.12f\n", -loss / (double)n);
}

static void
print_share(FILE *to, const char *name, gsize part, double whole)
{
	if (whole > 0)
		fprintf(to, "%s\t%.12f\n", name, (double)part / whole);
	else
		fprintf(to, "%s\tnan\n", name);
}

static guint
hash(gconstpointer net)
{
	return asn_network_hash(net);
}

static gboolean
equal(gconstpointer a, gconstpointer b)
{
	return asn_network_equal(a, b);
}

/* Different addresses that sent ham, all or only flagged. */
static guint
ham_addresses(const ReplayRow *rows, const ReplayResult *results, gsize n,
    gboolean flagged)
{
	g_autoptr(GHashTable) seen =
	    g_hash_table_new_full(hash, equal, g_free, NULL);

	for (gsize i = 0; i < n; i++) {
		AsnNetwork leaf = asn_addr_leaf(&rows[i].key.addr);

		if (!rows[i].spam && (results[i].flag || !flagged))
			g_hash_table_add(seen, g_memdup2(&leaf, sizeof leaf));
	}
	return g_hash_table_size(seen);
}

void
replay_measure(FILE *to, const ReplayRow *rows, const ReplayResult *results,
    gsize start, gsize n)
{
	gsize spam = 0, ham, tp = 0, fp = 0;

	rows += start;
	results += start;
	n -= start;
	for (gsize i = 0; i < n; i++) {
		spam += rows[i].spam;
		tp += results[i].flag && rows[i].spam;
		fp += results[i].flag && !rows[i].spam;
	}
	ham = n - spam;
	fprintf(to, "mails\t%zu\nspam\t%zu\nham\t%zu\n", n, spam, ham);
	print_ranking(to, rows, results, n, (double)spam, (double)ham);
	print_losses(to, rows, results, n);
	print_share(to, "flag_tpr", tp, (double)spam);
	print_share(to, "flag_fpr", fp, (double)ham);
	fprintf(to, "flag_tp\t%zu\nflag_fp\t%zu\n", tp, fp);
	fprintf(to, "ham_ips\t%u\nham_ips_flagged\t%u\n",
	    ham_addresses(rows, results, n, FALSE),
	    ham_addresses(rows, results, n, TRUE));
}

/* Neumaier's compensated sum: the error stays that of one rounding. */
double
replay_sum(const ReplayResult *results, gsize n, gboolean evidence)
{
	double sum = 0, lost = 0;

	for (gsize i = 0; i < n; i++) {
		double x = evidence ? results[i].evidence : results[i].score;
		double next = sum + x;

		lost +=
		    fabs(sum) >= fabs(x) ? (sum - next) + x : (x - next) + sum;
		sum = next;
	}
	return sum + lost;
}
