/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reputation.c: what the two reputation databases say of an address. */

#include <math.h>
#include <string.h>

#include "reputation-file.h"

struct _AsnReputation {
	RepFile *base, *recent; /* recent may be NULL */
	char *recent_name;
};

/* --- handles -------------------------------------------------------------- */

/* Takes over base and recent. */
static AsnReputation *
make(RepFile *base, RepFile *recent, char *recent_name)
{
	AsnReputation *rep = g_new0(AsnReputation, 1);

	if (recent != NULL && recent->base != base->base)
		g_clear_pointer(&recent, rep_file_unref);
	rep->base = base;
	rep->recent = recent;
	rep->recent_name = recent_name;
	return rep;
}

static AsnReputation *
open_both(int base_fd, GBytes *base_bytes, int recent_fd, GBytes *recent_bytes,
    const char *dir_name, GError **error)
{
	g_autofree char *base_name =
	    g_build_filename(dir_name, ASN_REPUTATION_FILE, NULL);
	g_autofree char *name =
	    g_build_filename(dir_name, ASN_RECENT_FILE, NULL);
	RepFile *base, *recent = NULL;

	base = rep_file_open(
	    base_fd, base_bytes, base_name, ASN_REPUTATION_TYPE, error);
	if (base == NULL)
		return NULL;
	if (recent_fd >= 0 || recent_bytes != NULL) {
		recent = rep_file_open(
		    recent_fd, recent_bytes, name, ASN_RECENT_TYPE, error);
		if (recent == NULL) {
			rep_file_unref(base);
			return NULL;
		}
	}
	return make(base, recent, g_steal_pointer(&name));
}

AsnReputation *
asn_reputation_open(
    int base_fd, int recent_fd, const char *dir_name, GError **error)
{
	return open_both(base_fd, NULL, recent_fd, NULL, dir_name, error);
}

AsnReputation *
asn_reputation_open_memory(
    GBytes *base, GBytes *recent, const char *dir_name, GError **error)
{
	return open_both(-1, base, -1, recent, dir_name, error);
}

AsnReputation *
asn_reputation_with_recent(AsnReputation *old, int recent_fd, GError **error)
{
	RepFile *recent = NULL;

	if (recent_fd >= 0) {
		recent = rep_file_open(
		    recent_fd, NULL, old->recent_name, ASN_RECENT_TYPE, error);
		if (recent == NULL)
			return NULL;
	}
	return make(
	    rep_file_ref(old->base), recent, g_strdup(old->recent_name));
}

void
asn_reputation_close(AsnReputation *rep)
{
	if (rep == NULL)
		return;
	rep_file_unref(rep->base);
	rep_file_unref(rep->recent);
	g_free(rep->recent_name);
	g_free(rep);
}

static const RepFile *
newest(const AsnReputation *rep)
{
	return rep->recent ? rep->recent : rep->base;
}

gboolean
asn_reputation_has_recent(const AsnReputation *rep)
{
	return rep->recent != NULL;
}

guint64
asn_reputation_base_id(const AsnReputation *rep)
{
	return rep->base->base;
}

gint64
asn_reputation_weights_time(const AsnReputation *rep)
{
	return newest(rep)->weights_time;
}

gboolean
asn_reputation_needs_two(const AsnReputation *rep, double t)
{
	return t < (double)newest(rep)->two_reporters_until;
}

void
asn_reputation_foreach_leaf(
    const AsnReputation *rep, AsnMmdbFunc fn, gpointer data)
{
	asn_mmdb_foreach(rep->base->db, fn, data);
	if (rep->recent != NULL)
		asn_mmdb_foreach(rep->recent->db, fn, data);
}

/* --- prediction ----------------------------------------------------------- */

/* A file at the time of the question. */
typedef struct {
	const RepFile *file;
	double t, factor; /* what weights of weights_time have decayed to */
	gboolean two;
} View;

static double
decay(const RepFile *file, double from, double t)
{
	return t <= from ? 1.0 : exp2(-(t - from) / file->half_life);
}

static View
view(const RepFile *file, double t, gboolean two)
{
	return (View){file, t, decay(file, (double)file->weights_time, t), two};
}

static void
apply(const View *v, const RepNode *node, AsnChainLevel *out)
{
	double f = v->factor;

	if (G_UNLIKELY(node->from != 0))
		f = decay(v->file, node->from, v->t);
	out->s = node->s * f;
	out->h = node->h * f;
	out->backed = !v->two || v->t < node->backed_until;
}

static const RepNode *
special(const RepFile *file, AsnLevel level, const AsnOriginKey *key)
{
	if (level == ASN_LEVEL_ALL)
		return &file->all;
	if (level == ASN_LEVEL_COUNTRY)
		return rep_file_special(
		    file, REP_COUNTRY, rep_country_number(key->country));
	return rep_file_special(file, REP_AS, key->asn);
}

/* Fills the levels that this file knows, and that a newer one did not. */
static void
add_file(const View *v, const AsnOriginKey *key, guint *done, AsnPrediction *p)
{
	RepFound found = {.has = *done};

	rep_file_lookup(v->file, key, &found);
	for (guint l = 0; l < ASN_N_LEVELS; l++) {
		const RepNode *node = &found.node[l];

		if (!p->level[l].present || (*done & 1u << l))
			continue;
		if (l <= ASN_LEVEL_AS)
			node = special(v->file, l, key);
		else if (!(found.has & 1u << l))
			node = NULL;
		if (node == NULL)
			continue;
		*done |= 1u << l;
		apply(v, node, &p->level[l]);
	}
}

/* The chain without any votes. */
static void
set_levels(const AsnOriginKey *key, gboolean two, AsnPrediction *out)
{
	memset(out, 0, sizeof *out);
	for (guint l = 0; l < ASN_N_LEVELS; l++)
		out->level[l].present = TRUE;
	out->level[ASN_LEVEL_COUNTRY].present = key->country[0] != '\0';
	out->level[ASN_LEVEL_AS].present = key->asn != 0;
	out->level[ASN_LEVEL_PREFIX].present = key->prefix.addr.family != 0;
	for (guint l = 0; l < ASN_N_LEVELS; l++)
		out->level[l].backed = out->level[l].present && !two;
}

/* SCORE.md "Score" and "Evidence". */
static void
score(const RepFile *file, AsnPrediction *p)
{
	double theta = 0.5, k = file->k_all;

	for (guint l = 0; l < ASN_N_LEVELS; l++) {
		AsnChainLevel *c = &p->level[l];

		if (c->present) {
			theta = (c->s + k * theta) / (c->s + c->h + k);
			c->theta = theta;
		}
		k = file->k;
		if (l >= ASN_LEVEL_AS && c->backed)
			p->evidence = MAX(p->evidence, c->s);
	}
	p->score = theta;
}

void
asn_reputation_predict(const AsnReputation *rep, const AsnOriginKey *key,
    double t, const AsnThresholds *thresholds, AsnPrediction *out)
{
	const RepFile *file = newest(rep);
	const gboolean two = asn_reputation_needs_two(rep, t);
	const View now = view(file, t, two);
	AsnChainLevel raw;
	guint done = 0;

	set_levels(key, two, out);
	add_file(&now, key, &done, out);
	if (rep->recent != NULL) {
		const View before = view(rep->base, t, two);
		add_file(&before, key, &done, out);
	}
	score(file, out);
	apply(&now, &file->raw, &raw);
	out->raw_ham = raw.h;
	out->warm = raw.h >= thresholds->min_ham;
	out->flag = out->score >= thresholds->threshold &&
		    out->evidence >= thresholds->evidence && out->warm;
}

/* --- explaining ----------------------------------------------------------- */

AsnLevel
asn_prediction_decider(const AsnPrediction *p)
{
	double before = 0.5, best = -INFINITY;
	AsnLevel decider = ASN_LEVEL_ALL;

	for (guint l = 0; l < ASN_N_LEVELS; l++) {
		const double theta = p->level[l].theta;
		double rise;

		if (!p->level[l].present)
			continue;
		rise = log(theta / (1 - theta)) - log(before / (1 - before));
		if (l >= ASN_LEVEL_AS && rise > best) {
			best = rise;
			decider = l;
		}
		before = theta;
	}
	return decider;
}

const char *
asn_level_name(AsnLevel level)
{
	static const char *const names[ASN_N_LEVELS] = {
	    "all mail", "country", "AS", "prefix", "block", "address"};

	return (guint)level < ASN_N_LEVELS ? names[level] : "unknown";
}
