/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules-build.c: from rules to rules.mmdb. */

#include <gio/gio.h>
#include <string.h>

#include "mmdb-write.h"
#include "rules-private.h"

#define NOT_WRITTEN G_MAXUINT32

typedef struct {
	AsnNetwork place;
	guint32 rule; /* index in the caller's array */
	guint32 offset;
} Item;

/* What holds in a network, one after the other: indices of items. */
typedef struct {
	AsnNetwork place;
	guint16 n;
	guint32 item[RULES_CHAIN_MAX];
} Chain;

typedef struct {
	const AsnRule *rules;
	GArray *items; /* Item */
	GArray *open;  /* Chain: of the networks around, widest first */
	AsnMmdbWriter *w;
} Build;

static int
compare(gconstpointer a, gconstpointer b)
{
	const Item *x = a, *y = b;
	int c = asn_network_cmp(&x->place, &y->place);

	return c ? c : x->rule < y->rule ? -1 : x->rule > y->rule;
}

static Item *
item(const Build *b, guint32 i)
{
	return &g_array_index(b->items, Item, i);
}

static void
collect(Build *b, const AsnRule *rules, gsize n, gint64 now)
{
	for (gsize i = 0; i < n; i++) {
		Item it = {.place = rules_place(&rules[i].what),
		    .rule = (guint32)i,
		    .offset = NOT_WRITTEN};

		if (asn_rule_holds(&rules[i], now))
			g_array_append_val(b->items, it);
	}
	g_array_sort(b->items, compare);
}

/* --- chains --------------------------------------------------------------- */

/* Unless it ends before one that comes first.  An absurd chain is cut: asnd
 * builds anew when its first rule ends. */
static void
append(const Build *b, Chain *c, guint32 i)
{
	gint64 until = b->rules[item(b, i)->rule].until;
	gint64 last = -1;

	if (c->n > 0)
		last = b->rules[item(b, c->item[c->n - 1])->rule].until;
	if (last == 0 || (until != 0 && until <= last) ||
	    c->n == RULES_CHAIN_MAX)
		return;
	c->item[c->n++] = i;
}

/* The innermost of the networks around, NULL: none. */
static const Chain *
around(Build *b, const AsnNetwork *place)
{
	while (b->open->len > 0) {
		const Chain *c =
		    &g_array_index(b->open, Chain, b->open->len - 1);

		if (c->place.len <= place->len &&
		    asn_network_contains(&c->place, &place->addr))
			return c;
		g_array_set_size(b->open, b->open->len - 1);
	}
	return NULL;
}

/* Items first..end are for the same. */
static void
push_chain(Build *b, guint32 first, guint32 end)
{
	const AsnNetwork *place = &item(b, first)->place;
	const Chain *outer = around(b, place);
	Chain c = {.place = *place};

	for (guint32 i = first; i < end; i++)
		append(b, &c, i);
	for (guint i = 0; outer != NULL && i < outer->n; i++)
		append(b, &c, outer->item[i]);
	g_array_append_val(b->open, c);
}

/* --- data ----------------------------------------------------------------- */

static void
put_key(AsnMmdbWriter *w, const char *key)
{
	asn_mmdb_put_shared_string(w, key, strlen(key));
}

static void
put_rule(Build *b, Item *it)
{
	const AsnRule *rule = &b->rules[it->rule];
	char what[ASN_SUBJECT_STRLEN];

	if (it->offset != NOT_WRITTEN)
		return;
	asn_subject_format(&rule->what, what);
	it->offset = asn_mmdb_writer_tell(b->w);
	asn_mmdb_put_map(b->w, 3);
	put_key(b->w, "action");
	put_key(b->w, asn_rule_action_name(rule->action));
	put_key(b->w, "what");
	asn_mmdb_put_string(b->w, what, strlen(what));
	put_key(b->w, "until");
	asn_mmdb_put_uint64(b->w, (guint64)rule->until);
}

static gboolean
put_record(Build *b, GError **error)
{
	const Chain *c = &g_array_index(b->open, Chain, b->open->len - 1);
	guint32 at;

	for (guint i = 0; i < c->n; i++)
		put_rule(b, item(b, c->item[i]));
	at = asn_mmdb_writer_tell(b->w);
	asn_mmdb_put_array(b->w, c->n);
	for (guint i = 0; i < c->n; i++)
		asn_mmdb_put_pointer(b->w, item(b, c->item[i])->offset);
	return asn_mmdb_writer_add(b->w, &c->place, at, error);
}

static gboolean
put_all(Build *b, GError **error)
{
	const guint32 n = b->items->len;

	for (guint32 first = 0, end; first < n; first = end) {
		for (end = first + 1; end < n; end++)
			if (!asn_network_equal(
				&item(b, end)->place, &item(b, first)->place))
				break;
		push_chain(b, first, end);
		if (!put_record(b, error))
			return FALSE;
	}
	return TRUE;
}

GBytes *
asn_rules_build(const AsnRule *rules, gsize n, gint64 now, GError **error)
{
	const AsnMmdbWriterOptions options = {.database_type = ASN_RULES_TYPE,
	    .description = "asnd: what the admin allows and blocks",
	    .build_epoch = (guint64)MAX(now, 1)};
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(Item));
	g_autoptr(GArray) open = g_array_new(FALSE, FALSE, sizeof(Chain));
	Build b = {.rules = rules, .items = items, .open = open};
	GBytes *bytes = NULL;

	b.w = asn_mmdb_writer_new(&options);
	collect(&b, rules, n, now);
	if (put_all(&b, error))
		bytes = asn_mmdb_writer_finish(b.w, error);
	asn_mmdb_writer_free(b.w);
	return bytes;
}
