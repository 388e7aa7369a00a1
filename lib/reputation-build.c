/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reputation-build.c: from the model to reputation.mmdb and recent.mmdb. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mmdb-write.h"
#include "reputation-private.h"

/* A node below this weight moves no score by 1e-9: the base leaves it out. */
#define NOTHING 1e-12

typedef struct {
	RepNode node;
	AsnNetwork net; /* place in the tree */
	AsnLevel level;
	guint8 len; /* of a prefix */
} Item;

/* What is sorted: an Item's place as numbers. */
typedef struct {
	guint64 hi, lo;
	guint32 index;
	guint8 family, len;
} Place;

typedef struct {
	const AsnReputationBuild *build;
	double half_life;
	gboolean skip_nothing;
	GArray *items; /* Item */
} Collect;

/* --- collecting ----------------------------------------------------------- */

static RepNode
rep_node(const AsnNode *node, double weights_time, double half_life)
{
	RepNode out = {node->s, node->h, 0, 0};
	double reported = MIN(node->rt, node->ot);

	if (node->t > weights_time) {
		out.from = node->t;
	} else {
		const double f = exp2(-(weights_time - node->t) / half_life);
		out.s *= f;
		out.h *= f;
	}
	if (isfinite(reported))
		out.backed_until = MAX(0.0, reported + half_life);
	return out;
}

static AsnNetwork
special_place(guint64 number)
{
	AsnNetwork net = {.addr = {.family = 6, .b = {0x01}}, .len = 128};

	for (guint i = 0; i < 8; i++)
		net.addr.b[15 - i] = (guint8)(number >> (8 * i));
	return net;
}

/* FALSE: nobody can ask for it. */
static gboolean
place_of(const AsnNodeKey *key, AsnNetwork *net)
{
	switch (key->level) {
	case ASN_LEVEL_COUNTRY:
		*net = special_place(
		    rep_special(REP_COUNTRY, rep_country_number(key->country)));
		return TRUE;
	case ASN_LEVEL_AS:
		*net = special_place(rep_special(REP_AS, key->asn));
		return TRUE;
	case ASN_LEVEL_ALL:
		return FALSE; /* written by put_all */
	default:
		break;
	}
	if (!asn_network_is_canonical(&key->net))
		return FALSE;
	*net = key->net;
	if (!rep_is_wide(net))
		return rep_place(&net->addr);
	*net = special_place(rep_special(REP_WIDE, rep_wide_number(net)));
	return TRUE;
}

static void
collect(const AsnNodeKey *key, const AsnNode *node, gpointer data)
{
	Collect *c = data;
	Item item = {.level = key->level, .len = key->net.len};

	item.node =
	    rep_node(node, (double)c->build->weights_time, c->half_life);
	if (c->skip_nothing && item.node.s + item.node.h < NOTHING)
		return;
	if (place_of(key, &item.net))
		g_array_append_val(c->items, item);
}

static void
collect_all(Collect *c)
{
	Item item = {.level = ASN_LEVEL_ALL, .net = special_place(REP_ALL)};

	g_array_append_val(c->items, item);
}

/* --- sorting -------------------------------------------------------------- */

static Place
place(const AsnNetwork *net, guint32 index)
{
	Place p = {.index = index, .family = net->addr.family, .len = net->len};

	memcpy(&p.hi, net->addr.b, 8);
	memcpy(&p.lo, net->addr.b + 8, 8);
	p.hi = GUINT64_FROM_BE(p.hi);
	p.lo = GUINT64_FROM_BE(p.lo);
	return p;
}

/* asn_network_cmp on numbers; narrow levels last. */
static int
by_place(const void *a, const void *b)
{
	const Place *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	if (x->hi != y->hi)
		return x->hi < y->hi ? -1 : 1;
	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return (int)x->len - (int)y->len;
}

static Place *
sorted(const GArray *items)
{
	Place *places = g_new(Place, items->len + 1);

	for (guint i = 0; i < items->len; i++)
		places[i] = place(&g_array_index(items, Item, i).net, i);
	qsort(places, items->len, sizeof *places, by_place);
	return places;
}

/* --- writing -------------------------------------------------------------- */

#define KEY(w, name) asn_mmdb_put_shared_string(w, name, strlen(name))

static void
put_node(AsnMmdbWriter *w, const RepNode *n)
{
	asn_mmdb_put_array(w, n->from != 0 ? 4 : 3);
	asn_mmdb_put_double(w, n->s);
	asn_mmdb_put_double(w, n->h);
	asn_mmdb_put_double(w, n->backed_until);
	if (n->from != 0)
		asn_mmdb_put_double(w, n->from);
}

/* The nodes around the place that is being written. */
typedef struct {
	const Item *address, *block;
	const Item *prefixes[129]; /* nested, shortest first */
	guint n_prefixes;
	guint32 keys[ASN_N_LEVELS]; /* offset + 1 of a key written before */
} Around;

static gboolean
contains(const Item *item, const AsnNetwork *net)
{
	return item->net.len <= net->len &&
	       asn_network_contains(&item->net, &net->addr);
}

/* Forgets what does not contain net. */
static void
leave(Around *a, const AsnNetwork *net)
{
	if (a->address != NULL && !contains(a->address, net))
		a->address = NULL;
	if (a->block != NULL && !contains(a->block, net))
		a->block = NULL;
	while (
	    a->n_prefixes > 0 && !contains(a->prefixes[a->n_prefixes - 1], net))
		a->n_prefixes--;
}

static void
enter(Around *a, const Item *item)
{
	if (item->level == ASN_LEVEL_ADDRESS)
		a->address = item;
	else if (item->level == ASN_LEVEL_BLOCK)
		a->block = item;
	else if (item->level == ASN_LEVEL_PREFIX &&
		 a->n_prefixes < G_N_ELEMENTS(a->prefixes))
		a->prefixes[a->n_prefixes++] = item;
}

/* A key is written once and pointed to afterwards. */
static void
put_level(AsnMmdbWriter *w, Around *a, AsnLevel level, const char *key)
{
	if (a->keys[level] != 0) {
		asn_mmdb_put_pointer(w, a->keys[level] - 1);
		return;
	}
	a->keys[level] = asn_mmdb_writer_tell(w) + 1;
	asn_mmdb_put_string(w, key, strlen(key));
}

static void
put_around(AsnMmdbWriter *w, Around *a)
{
	asn_mmdb_put_map(
	    w, (a->address != NULL) + (a->block != NULL) + (a->n_prefixes > 0));
	if (a->address != NULL) {
		put_level(w, a, ASN_LEVEL_ADDRESS, "address");
		put_node(w, &a->address->node);
	}
	if (a->block != NULL) {
		put_level(w, a, ASN_LEVEL_BLOCK, "block");
		put_node(w, &a->block->node);
	}
	if (a->n_prefixes == 0)
		return;
	put_level(w, a, ASN_LEVEL_PREFIX, "prefixes");
	asn_mmdb_put_array(w, a->n_prefixes * 2);
	for (guint i = 0; i < a->n_prefixes; i++) {
		asn_mmdb_put_uint16(w, a->prefixes[i]->len);
		put_node(w, &a->prefixes[i]->node);
	}
}

static void
put_all(AsnMmdbWriter *w, const AsnModel *model, const AsnReputationBuild *b)
{
	const AsnModelParams *p = asn_model_params(model);
	const AsnOriginKey any = {0};
	const AsnNode *all = asn_model_node(model, ASN_LEVEL_ALL, &any);
	RepNode node = {0}, raw;

	if (all != NULL)
		node = rep_node(all, (double)b->weights_time, p->half_life);
	raw = rep_node(
	    asn_model_raw(model), (double)b->weights_time, p->half_life);
	asn_mmdb_put_map(w, 8);
	KEY(w, "all");
	put_node(w, &node);
	KEY(w, "raw");
	put_node(w, &raw);
	KEY(w, "half_life");
	asn_mmdb_put_double(w, p->half_life);
	KEY(w, "k");
	asn_mmdb_put_double(w, p->k);
	KEY(w, "k_all");
	asn_mmdb_put_double(w, p->k_all);
	KEY(w, "weights_time");
	asn_mmdb_put_uint64(w, (guint64)MAX(0, b->weights_time));
	KEY(w, "two_reporters_until");
	asn_mmdb_put_uint64(w, (guint64)MAX(0, b->two_reporters_until));
	KEY(w, "base");
	asn_mmdb_put_uint64(w, b->base_id);
}

static gboolean
write_items(
    AsnMmdbWriter *w, const AsnModel *model, const Collect *c, GError **error)
{
	const Item *items = (const Item *)(gpointer)c->items->data;
	g_autofree Place *places = sorted(c->items);
	Around around = {0};

	for (guint i = 0; i < c->items->len;) {
		const Item *first = &items[places[i].index];
		guint32 offset = asn_mmdb_writer_tell(w);
		guint next = i;

		leave(&around, &first->net);
		while (next < c->items->len &&
		       by_place(&places[next], &places[i]) == 0)
			enter(&around, &items[places[next++].index]);
		if (first->level == ASN_LEVEL_ALL)
			put_all(w, model, c->build);
		else if (first->net.addr.b[0] == 0x01 &&
			 first->net.addr.b[1] == 0)
			put_node(w, &first->node);
		else
			put_around(w, &around);
		if (!asn_mmdb_writer_add(w, &first->net, offset, error))
			return FALSE;
		i = next;
	}
	return TRUE;
}

static GBytes *
write_file(const AsnModel *model, const Collect *c, const char *type,
    const char *description, GError **error)
{
	const AsnMmdbWriterOptions options = {
	    .database_type = type,
	    .description = description,
	    .build_epoch = (guint64)MAX(1, c->build->weights_time),
	};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&options);
	GBytes *bytes = NULL;

	if (write_items(w, model, c, error))
		bytes = asn_mmdb_writer_finish(w, error);
	asn_mmdb_writer_free(w);
	return bytes;
}

GBytes *
asn_reputation_build_base(
    const AsnModel *model, const AsnReputationBuild *build, GError **error)
{
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(Item));
	Collect c = {.build = build,
	    .half_life = asn_model_params(model)->half_life,
	    .skip_nothing = TRUE,
	    .items = items};

	collect_all(&c);
	for (guint l = ASN_LEVEL_COUNTRY; l < ASN_N_LEVELS; l++)
		asn_model_foreach(model, l, collect, &c);
	return write_file(model, &c, ASN_REPUTATION_TYPE,
	    "asnd: reputation of network neighbourhoods", error);
}

GBytes *
asn_reputation_build_recent(
    const AsnModel *model, const AsnReputationBuild *build, GError **error)
{
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(Item));
	Collect c = {.build = build,
	    .half_life = asn_model_params(model)->half_life,
	    .items = items};

	collect_all(&c);
	asn_model_foreach_changed(model, collect, &c);
	return write_file(model, &c, ASN_RECENT_TYPE,
	    "asnd: reputation that changed since reputation.mmdb", error);
}
