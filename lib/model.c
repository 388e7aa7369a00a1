/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model.c: the reputation model of SCORE.md. */

#include <math.h>
#include <string.h>

#include "model-private.h"

#define DAY 86400.0

const AsnModelParams asn_model_defaults = {
    .k = 1.0,
    .k_all = 2.0,
    .m = 1.0,
    .half_life = 60 * DAY,
    .threshold = 0.90,
    .evidence = 2.0,
    .min_ham = 50.0,
    .min_reporters = 1,
    .cap = 2,
    .levels = (1u << ASN_N_LEVELS) - 1,
};

typedef struct {
	guint32 level, index;
} Changed;

struct _AsnModel {
	AsnModelParams params;
	AsnNodeTable tables[ASN_N_LEVELS];
	AsnNode raw;
	AsnVoteTable votes;
	guint32 stamp;
	GArray *changed; /* of Changed, since the last advance */
};

AsnModel *
asn_model_new(const AsnModelParams *params)
{
	AsnModel *model = g_new0(AsnModel, 1);

	model->params = *params;
	model->raw.rt = model->raw.ot = -(double)INFINITY;
	model->stamp = 1; /* a new node has 0: unchanged so far */
	model->changed = g_array_new(FALSE, FALSE, sizeof(Changed));
	return model;
}

void
asn_model_free(AsnModel *model)
{
	if (model == NULL)
		return;
	for (guint l = 0; l < ASN_N_LEVELS; l++)
		asn_node_table_clear(&model->tables[l]);
	asn_vote_table_clear(&model->votes);
	g_array_unref(model->changed);
	g_free(model);
}

const AsnModelParams *
asn_model_params(const AsnModel *model)
{
	return &model->params;
}

void
asn_model_set_min_reporters(AsnModel *model, guint n)
{
	model->params.min_reporters = n;
}

/* --- keys ----------------------------------------------------------------- */

static AsnNetwork
number_key(guint32 n)
{
	AsnNetwork key = {.len = 0};

	for (guint i = 0; i < 4; i++)
		key.addr.b[15 - i] = (guint8)(n >> (8 * i));
	return key;
}

static AsnNetwork
country_key(const char country[3])
{
	AsnNetwork key = {.len = 0};

	memcpy(key.addr.b + 14, country, 2);
	return key;
}

/* FALSE: this level is unknown for such a mail, or not used by this model. */
static gboolean
level_key(const AsnModel *model, AsnLevel level, const AsnOriginKey *origin,
    AsnNetwork *key)
{
	if ((model->params.levels & 1u << level) == 0)
		return FALSE;
	switch (level) {
	case ASN_LEVEL_ALL:
		*key = number_key(0);
		return TRUE;
	case ASN_LEVEL_COUNTRY:
		*key = country_key(origin->country);
		return origin->country[0] != '\0';
	case ASN_LEVEL_AS:
		*key = number_key(origin->asn);
		return origin->asn != 0;
	case ASN_LEVEL_PREFIX:
		*key = origin->prefix;
		return origin->prefix.addr.family != 0;
	case ASN_LEVEL_BLOCK:
		*key = asn_addr_block(&origin->addr);
		return TRUE;
	case ASN_LEVEL_ADDRESS:
		*key = asn_addr_leaf(&origin->addr);
		return TRUE;
	case ASN_N_LEVELS:
		break;
	}
	return FALSE;
}

static AsnNodeKey
public_key(AsnLevel level, const AsnNetwork *key)
{
	const guint8 *b = key->addr.b;
	AsnNodeKey out = {.level = level};

	if (level == ASN_LEVEL_AS)
		out.asn = (guint32)b[12] << 24 | (guint32)b[13] << 16 |
			  (guint32)b[14] << 8 | b[15];
	else if (level == ASN_LEVEL_COUNTRY)
		memcpy(out.country, b + 14, 2);
	else if (level != ASN_LEVEL_ALL)
		out.net = *key;
	return out;
}

static const AsnNode *
find_node(const AsnModel *model, AsnLevel level, const AsnNetwork *key)
{
	const AsnNodeEntry *e = asn_node_table_find(&model->tables[level], key);

	return e ? &e->node : NULL;
}

/* --- prediction ----------------------------------------------------------- */

static double
decay(const AsnModel *model, double dt)
{
	return exp2(-dt / model->params.half_life);
}

/* What the node weighs at time t; an older t sees the newer state as it is. */
static double
decay_of(const AsnModel *model, const AsnNode *node, double t)
{
	return t <= node->t ? 1.0 : decay(model, t - node->t);
}

/* Have enough different users reported spam here during the last half-life? */
static gboolean
backed(const AsnModel *model, const AsnNode *node, double t)
{
	const double h = model->params.half_life;

	if (model->params.min_reporters < 2)
		return TRUE;
	return node != NULL && t - node->rt < h && t - node->ot < h;
}

void
asn_model_predict(const AsnModel *model, const AsnOriginKey *origin, double t,
    AsnPrediction *out)
{
	const AsnModelParams *p = &model->params;
	double theta = 0.5;

	memset(out, 0, sizeof *out);
	for (guint l = 0; l < ASN_N_LEVELS; l++) {
		AsnChainLevel *c = &out->level[l];
		const double k = l == ASN_LEVEL_ALL ? p->k_all : p->k;
		const AsnNode *node;
		AsnNetwork key;

		if (!level_key(model, l, origin, &key))
			continue;
		node = find_node(model, l, &key);
		c->present = TRUE;
		c->backed = backed(model, node, t);
		if (node != NULL) {
			const double f = decay_of(model, node, t);
			c->s = node->s * f;
			c->h = node->h * f;
		}
		theta = (c->s + k * theta) / (c->s + c->h + k);
		c->theta = theta;
		if (l >= ASN_LEVEL_AS && c->backed)
			out->evidence = MAX(out->evidence, c->s);
	}
	out->score = theta;
	out->raw_ham = model->raw.h * decay_of(model, &model->raw, t);
	out->warm = out->raw_ham >= p->min_ham;
	out->flag = out->score >= p->threshold &&
		    out->evidence >= p->evidence && out->warm;
}

/* --- learning ------------------------------------------------------------- */

/* Adds weight w of a mail of time t; returns what the class weighed before. */
static double
bump(const AsnModel *model, AsnNode *node, double t, gboolean spam, double w)
{
	double *weight = spam ? &node->s : &node->h, old;
	double f = decay(model, fabs(t - node->t));

	if (t > node->t) {
		node->s *= f;
		node->h *= f;
		node->t = t;
		f = 1.0;
	} /* else late feedback for an older mail: it has decayed since */
	old = *weight;
	*weight += w * f;
	return old;
}

static void
touch(AsnModel *model, AsnLevel level, AsnNodeEntry *e)
{
	Changed c = {level, (guint32)(e - model->tables[level].entries)};

	if (e->node.stamp == model->stamp)
		return;
	e->node.stamp = model->stamp;
	g_array_append_val(model->changed, c);
}

static void
report(AsnNode *node, double t, guint32 user)
{
	if (node->reporter == user) {
		node->rt = MAX(node->rt, t);
		return;
	}
	node->ot = node->rt;
	node->reporter = user;
	node->rt = t;
}

AsnReceipt
asn_model_learn(AsnModel *model, const AsnOriginKey *origin, double t,
    gboolean spam, double w, guint32 user)
{
	const double m = model->params.m;
	AsnReceipt receipt = {.t = t, .spam = spam, .w_raw = w};

	for (int l = ASN_N_LEVELS - 1; l >= 0; l--) {
		AsnNodeEntry *e;
		AsnNetwork key;
		double old;

		if (!level_key(model, (AsnLevel)l, origin, &key))
			continue;
		e = asn_node_table_get(&model->tables[l], &key, t);
		old = bump(model, &e->node, t, spam, w);
		if (spam && user != 0)
			report(&e->node, t, user);
		touch(model, (AsnLevel)l, e);
		receipt.w[l] = w;
		/* A child that already knows this class passes less on. */
		w = w * m / (m + old);
	}
	bump(model, &model->raw, t, spam, receipt.w_raw);
	return receipt;
}

static void
take_back(
    const AsnModel *model, AsnNode *node, const AsnReceipt *receipt, double w)
{
	double *weight = receipt->spam ? &node->s : &node->h;

	if (node->t > receipt->t)
		w *= decay(model, node->t - receipt->t);
	*weight = MAX(0.0, *weight - w);
}

void
asn_model_unlearn(
    AsnModel *model, const AsnOriginKey *origin, const AsnReceipt *receipt)
{
	for (guint l = 0; l < ASN_N_LEVELS; l++) {
		AsnNodeEntry *e;
		AsnNetwork key;

		if (receipt->w[l] == 0 || !level_key(model, l, origin, &key))
			continue;
		e = asn_node_table_find(&model->tables[l], &key);
		if (e == NULL)
			continue;
		take_back(model, &e->node, receipt, receipt->w[l]);
		touch(model, l, e);
	}
	take_back(model, &model->raw, receipt, receipt->w_raw);
}

/* --- cap ------------------------------------------------------------------ */

gboolean
asn_model_allowed(AsnModel *model, const AsnOriginKey *origin, gboolean spam,
    guint32 user, double now)
{
	const AsnModelParams *p = &model->params;
	const double keep = MAX(4 * p->half_life / DAY, 366.0);
	AsnVoteCounter vote = {.spam = spam != 0, .user = user};

	if (user == 0 || p->cap == 0)
		return TRUE;
	vote.day = (gint64)CLAMP(floor(now / DAY), -1e12, 1e12);
	if (origin->asn != 0)
		vote.where = number_key(origin->asn);
	else if (origin->prefix.addr.family != 0)
		vote.where = origin->prefix;
	else
		vote.where = asn_addr_block(&origin->addr);
	return asn_vote_table_count(
		   &model->votes, &vote, (gint64)MIN(keep, 1e12)) <= p->cap;
}

/* --- nodes ---------------------------------------------------------------- */

const AsnNode *
asn_model_node(
    const AsnModel *model, AsnLevel level, const AsnOriginKey *origin)
{
	AsnNetwork key;

	if (!level_key(model, level, origin, &key))
		return NULL;
	return find_node(model, level, &key);
}

guint
asn_model_n_nodes(const AsnModel *model, AsnLevel level)
{
	return model->tables[level].n;
}

const AsnNode *
asn_model_raw(const AsnModel *model)
{
	return &model->raw;
}

static void
call(const AsnModel *model, AsnLevel level, guint32 index, AsnNodeFunc fn,
    gpointer data)
{
	const AsnNodeEntry *e = &model->tables[level].entries[index];
	const AsnNodeKey key = public_key(level, &e->key);

	fn(&key, &e->node, data);
}

void
asn_model_foreach(
    const AsnModel *model, AsnLevel level, AsnNodeFunc fn, gpointer data)
{
	asn_model_foreach_some(model, level, 0, G_MAXUINT, fn, data);
}

gboolean
asn_model_foreach_some(const AsnModel *model, AsnLevel level, guint from,
    guint n, AsnNodeFunc fn, gpointer data)
{
	const guint all = model->tables[level].n;
	const guint end = from >= all ? from : from + MIN(n, all - from);

	for (guint i = from; i < end; i++)
		call(model, level, i, fn, data);
	return end < all;
}

/* --- what changed --------------------------------------------------------- */

void
asn_model_advance(AsnModel *model)
{
	model->stamp++;
	g_array_set_size(model->changed, 0);
}

guint
asn_model_n_changed(const AsnModel *model)
{
	return model->changed->len;
}

void
asn_model_foreach_changed(const AsnModel *model, AsnNodeFunc fn, gpointer data)
{
	for (guint i = 0; i < model->changed->len; i++) {
		const Changed *c = &g_array_index(model->changed, Changed, i);
		call(model, (AsnLevel)c->level, c->index, fn, data);
	}
}
