/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top.c: the first few of all neighbourhoods. */

#include <math.h>
#include <string.h>

#include "top.h"

#define NOTHING 0.05 /* weights below it are shown as 0.0 */

/* One that may be among the first. */
typedef struct {
	AsnNodeKey key;
	double value, spam, ham, score;
	gboolean flagged;
} Candidate;

/* Where most votes of an AS came from. */
typedef struct {
	double weight;
	AsnNetwork net;
} Home;

typedef enum {
	HOMES,    /* where each AS is at home */
	NODES,    /* who is among the first */
	VERDICTS, /* how they score, unless that was their order */
	DONE
} Phase;

struct _AsndTop {
	AsnLevel level;
	AsndTopBy by;
	guint limit;
	Phase phase;
	guint at;          /* number of the next node or candidate */
	GHashTable *homes; /* AS number -> Home; where level is AS */
	GArray *heap;      /* Candidate; the least of them on top */
};

/* What one piece is about. */
typedef struct {
	AsndTop *top;
	const AsndTopSource *source;
} Piece;

AsndTop *
asnd_top_new(AsnLevel level, AsndTopBy by, guint limit)
{
	AsndTop *top = g_new0(AsndTop, 1);

	top->level = level;
	top->by = by;
	top->limit = CLAMP(limit, 1, ASND_TOP_MAX);
	top->homes = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	top->heap = g_array_new(FALSE, FALSE, sizeof(Candidate));
	asnd_top_restart(top);
	return top;
}

void
asnd_top_free(AsndTop *top)
{
	if (top == NULL)
		return;
	g_hash_table_unref(top->homes);
	g_array_unref(top->heap);
	g_free(top);
}

void
asnd_top_restart(AsndTop *top)
{
	top->at = 0;
	top->phase = top->level == ASN_LEVEL_AS ? HOMES : NODES;
	g_hash_table_remove_all(top->homes);
	g_array_set_size(top->heap, 0);
}

/* --- who owns it -----------------------------------------------------------
 */

static AsnAddr
last_address(const AsnNetwork *net)
{
	AsnAddr last = net->addr;
	guint first = last.family == 4 ? 96 : 0; /* IPv4 is in ::/96 */

	for (guint bit = first + net->len; bit < 128; bit++)
		last.b[bit / 8] |= (guint8)(0x80 >> bit % 8);
	return last;
}

/* The owner of a network; where a smaller one lies at its start, that of its
 * end. */
static void
find_origin(const AsnNetworks *networks, const AsnNetwork *net, AsnOrigin *out)
{
	AsnAddr last = last_address(net);
	AsnOrigin other;

	memset(out, 0, sizeof *out);
	if (networks == NULL)
		return;
	asn_networks_lookup(networks, &net->addr, out);
	if (out->prefix.addr.family != 0 && out->prefix.len <= net->len)
		return;
	if (asn_networks_lookup(networks, &last, &other) &&
	    other.prefix.len <= net->len)
		*out = other;
}

/* The key of a mail from there, and its owner. */
static AsnOriginKey
key_of(const Piece *p, const AsnNodeKey *key, AsnOrigin *origin)
{
	const AsnNetwork *net = &key->net;
	AsnOriginKey out;
	Home *home;

	if (key->level == ASN_LEVEL_AS) {
		home = g_hash_table_lookup(
		    p->top->homes, GUINT_TO_POINTER(key->asn));
		net = home ? &home->net : NULL;
	}
	memset(origin, 0, sizeof *origin);
	if (net != NULL)
		find_origin(p->source->networks, net, origin);
	/* No mail comes from 100::/64 (RFC 6666). */
	out = asn_origin_key(
	    net ? &net->addr : &(AsnAddr){.family = 6, .b = {0x01}}, origin);
	if (key->level == ASN_LEVEL_AS)
		out.asn = key->asn;
	if (key->level == ASN_LEVEL_PREFIX)
		out.prefix = key->net;
	return out;
}

/* --- the score of a neighbourhood ------------------------------------------
 */

/* As SCORE.md has it for a mail from there of which nothing narrower is
 * known. */
static void
predict(const Piece *p, Candidate *c)
{
	const AsnModelParams *params = asn_model_params(p->source->model);
	const AsnLevel level = c->key.level;
	AsnOrigin origin;
	const AsnOriginKey key = key_of(p, &c->key, &origin);
	AsnPrediction all;
	double evidence = 0;

	asn_model_predict(p->source->model, &key, p->source->now, &all);
	for (guint l = ASN_LEVEL_AS; l <= (guint)level; l++)
		if (all.level[l].present && all.level[l].backed)
			evidence = MAX(evidence, all.level[l].s);
	c->score = all.level[level].theta;
	c->flagged = c->score >= params->threshold &&
		     evidence >= params->evidence && all.warm;
}

/* --- the first few ---------------------------------------------------------
 */

static int
cmp_keys(const AsnNodeKey *a, const AsnNodeKey *b)
{
	if (a->level == ASN_LEVEL_AS)
		return (a->asn > b->asn) - (a->asn < b->asn);
	return asn_network_cmp(&a->net, &b->net);
}

/* Best first; never equal for two nodes. */
static int
cmp_candidates(gconstpointer a, gconstpointer b)
{
	const Candidate *x = a, *y = b;

	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	if (x->spam + x->ham != y->spam + y->ham)
		return x->spam + x->ham > y->spam + y->ham ? -1 : 1;
	return cmp_keys(&x->key, &y->key);
}

#define AT(top, i) (&g_array_index((top)->heap, Candidate, i))

static void
swap(AsndTop *top, guint i, guint k)
{
	Candidate c = *AT(top, i);

	*AT(top, i) = *AT(top, k);
	*AT(top, k) = c;
}

static void
sift_up(AsndTop *top)
{
	guint i = top->heap->len - 1;

	for (; i > 0; i = (i - 1) / 2) {
		if (cmp_candidates(AT(top, i), AT(top, (i - 1) / 2)) <= 0)
			return;
		swap(top, i, (i - 1) / 2);
	}
}

static void
sift_down(AsndTop *top)
{
	for (guint i = 0;;) {
		guint worst = i;

		for (guint k = 2 * i + 1; k <= 2 * i + 2; k++)
			if (k < top->heap->len &&
			    cmp_candidates(AT(top, k), AT(top, worst)) > 0)
				worst = k;
		if (worst == i)
			return;
		swap(top, i, worst);
		i = worst;
	}
}

static void
offer(AsndTop *top, const Candidate *c)
{
	if (top->heap->len < top->limit) {
		g_array_append_vals(top->heap, c, 1);
		sift_up(top);
	} else if (cmp_candidates(c, AT(top, 0)) < 0) {
		*AT(top, 0) = *c;
		sift_down(top);
	}
}

/* --- pieces ----------------------------------------------------------------
 */

static double
decay_of(const Piece *p, const AsnNode *node)
{
	const double age = p->source->now - node->t;

	return age <= 0
		   ? 1
		   : exp2(-age / asn_model_params(p->source->model)->half_life);
}

static void
look_at_node(const AsnNodeKey *key, const AsnNode *node, gpointer data)
{
	const Piece *p = data;
	const double f = decay_of(p, node);
	Candidate c = {.key = *key, .spam = node->s * f, .ham = node->h * f};

	c.value = p->top->by == ASND_TOP_HAM ? c.ham : c.spam;
	if (p->top->by == ASND_TOP_SCORE)
		c.value = c.spam + c.ham;
	if (c.value < NOTHING)
		return;
	if (p->top->by == ASND_TOP_SCORE) {
		predict(p, &c);
		c.value = c.score;
	}
	offer(p->top, &c);
}

/* Which prefix speaks for its AS: the one with the most votes. */
static void
look_at_home(const AsnNodeKey *key, const AsnNode *node, gpointer data)
{
	const Piece *p = data;
	const double weight = (node->s + node->h) * decay_of(p, node);
	AsnOrigin origin;
	Home *home;

	find_origin(p->source->networks, &key->net, &origin);
	home = g_hash_table_lookup(p->top->homes, GUINT_TO_POINTER(origin.asn));
	if (home == NULL) {
		home = g_new0(Home, 1);
		g_hash_table_insert(
		    p->top->homes, GUINT_TO_POINTER(origin.asn), home);
	} else if (weight < home->weight ||
		   (weight == home->weight &&
		       asn_network_cmp(&key->net, &home->net) > 0)) {
		return;
	}
	*home = (Home){weight, key->net};
}

/* TRUE: there are more. */
static gboolean
look_at_candidates(const Piece *p, guint n)
{
	AsndTop *top = p->top;

	for (; n > 0 && top->at < top->heap->len; n--, top->at++)
		predict(p, AT(top, top->at));
	return top->at < top->heap->len;
}

gboolean
asnd_top_step(AsndTop *top, const AsndTopSource *source, guint n)
{
	Piece p = {top, source};
	gboolean more;

	if (top->phase == DONE)
		return FALSE;
	if (top->phase == VERDICTS) {
		more = look_at_candidates(&p, n);
	} else {
		more = asn_model_foreach_some(source->model,
		    top->phase == HOMES ? ASN_LEVEL_PREFIX : top->level,
		    top->at, n,
		    top->phase == HOMES ? look_at_home : look_at_node, &p);
		top->at += n;
	}
	if (more)
		return TRUE;
	top->at = 0;
	top->phase++;
	if (top->phase == VERDICTS && top->by == ASND_TOP_SCORE)
		top->phase = DONE;
	return top->phase != DONE;
}

GArray *
asnd_top_rows(AsndTop *top, const AsndTopSource *source)
{
	GArray *rows = g_array_new(FALSE, TRUE, sizeof(AsndTopRow));
	Piece p = {top, source};

	g_array_sort(top->heap, cmp_candidates);
	for (guint i = 0; i < top->heap->len; i++) {
		const Candidate *c = AT(top, i);
		AsndTopRow row = {.key = c->key,
		    .spam = c->spam,
		    .ham = c->ham,
		    .score = c->score,
		    .flagged = c->flagged};

		key_of(&p, &c->key, &row.origin);
		g_array_append_val(rows, row);
	}
	return rows;
}
