/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay-print.c: what a replay prints and writes. */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "json.h"
#include "replay.h"
#include "reputation.h"

const char replay_level_letters[ASN_N_LEVELS + 1] = "GCAPNI";

/* --- one mail --------------------------------------------------------------
 */

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

void
replay_explain(const AsnModel *model, const ReplayRow *row, FILE *to)
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
		fprintf(to,
		    "%-8s %-22s spam %8.2f  ham %8.2f  theta %.4f  "
		    "(%+.2f)\n",
		    asn_level_name(l), level_key(l, &row->key, key, sizeof key),
		    c->s, c->h, c->theta, rise);
		if (l >= ASN_LEVEL_AS && (decider < 0 || rise > best)) {
			best = rise;
			decider = (int)l;
		}
		before = c->theta;
	}
	fprintf(to, "score %.4f evidence %.2f warm %d flag %d", p.score,
	    p.evidence, p.warm, p.flag);
	if (decider >= 0)
		fprintf(to, "; decided by %s %s",
		    asn_level_name((AsnLevel)decider),
		    level_key((AsnLevel)decider, &row->key, key, sizeof key));
	fprintf(to, "\n");
}

/* --- files -----------------------------------------------------------------
 */

static gboolean
close_file(FILE *f, const char *path, gboolean ok)
{
	if (f != NULL && fclose(f) != 0)
		ok = FALSE;
	if (!ok)
		g_printerr("asnctl replay: cannot write %s: %s\n", path,
		    g_strerror(errno));
	return ok;
}

gboolean
replay_dump(
    const char *path, const ReplayStream *stream, const ReplayResult *results)
{
	FILE *f = fopen(path, "we");
	gboolean ok = f != NULL;

	for (guint i = 0; ok && i < stream->rows->len; i++)
		ok = fprintf(f, "%u\t%d\t%.12f\t%.12f\t%d\t%d\n", i,
			 g_array_index(stream->rows, ReplayRow, i).spam,
			 results[i].score, results[i].evidence, results[i].warm,
			 results[i].flag) > 0;
	return close_file(f, path, ok);
}

gboolean
replay_write(const char *path, const ReplayStream *stream)
{
	FILE *f = fopen(path, "we");
	gboolean ok = f != NULL;

	for (guint i = 0; ok && i < stream->rows->len; i++) {
		const ReplayRow *r = &g_array_index(stream->rows, ReplayRow, i);
		const AsnOriginKey *k = &r->key;
		char addr[ASN_ADDR_STRLEN], net[ASN_NETWORK_STRLEN] = "-";

		if (k->prefix.addr.family != 0)
			asn_network_format(&k->prefix, net);
		ok = fprintf(f, "%.0f\t%s\t%s\t%u\t%s\t%d\n", r->t,
			 asn_addr_format(&k->addr, addr), net, k->asn,
			 k->country[0] != '\0' ? k->country : "-", r->spam) > 0;
	}
	return close_file(f, path, ok);
}

/* --- all of it -------------------------------------------------------------
 */

void
replay_sums(
    const AsnModel *model, const ReplayResult *results, gsize n, GString *out)
{
	const guint used = asn_model_params(model)->levels;

	g_string_append_printf(out, "sum_score\t%.9f\nsum_evidence\t%.9f\n",
	    replay_sum(results, n, FALSE), replay_sum(results, n, TRUE));
	for (guint l = 0; l < ASN_N_LEVELS; l++)
		if (used & 1u << l)
			g_string_append_printf(out, "nodes_%c\t%u\n",
			    replay_level_letters[l],
			    asn_model_n_nodes(model, l));
}

void
replay_json(const char *lines, GString *out)
{
	g_auto(GStrv) each = g_strsplit(lines, "\n", -1);

	for (char **line = each; *line != NULL; line++) {
		char *value = strchr(*line, '\t'), *end;

		if (value == NULL)
			continue;
		*value++ = '\0';
		asn_json_member(out, *line);
		if (strcmp(value, "nan") == 0) {
			g_string_append(out, "null");
			continue;
		}
		g_ascii_strtod(value, &end);
		if (end != value && *end == '\0' && strcmp(*line, "file") != 0)
			g_string_append(out, value);
		else
			asn_json_string(out, value, -1);
	}
}
