/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cover.c: the fewest networks for ranges of addresses. */

#include <string.h>

#include "cover.h"

static guint
bits_of(guint8 family)
{
	return family == 4 ? 32 : 128;
}

AsnPos
asn_pos(const AsnAddr *addr)
{
	AsnPos pos = 0;

	for (guint i = 0; i < 16; i++)
		pos = pos << 8 | addr->b[i];
	return pos;
}

AsnAddr
asn_pos_addr(AsnPos pos, guint8 family)
{
	AsnAddr addr = {.family = family};

	for (guint i = 16; i-- > 0; pos >>= 8)
		addr.b[i] = (guint8)pos;
	return addr;
}

AsnPos
asn_pos_max(guint8 family)
{
	return family == 4 ? (AsnPos)G_MAXUINT32 : ~(AsnPos)0;
}

/* The last position of a network of length len that starts at first. */
static AsnPos
last_of(AsnPos first, guint8 family, guint len)
{
	return len == 0 ? asn_pos_max(family)
			: first + (((AsnPos)1 << (bits_of(family) - len)) - 1);
}

AsnRange
asn_range_of(const AsnNetwork *net)
{
	AsnRange r = {.family = net->addr.family, .first = asn_pos(&net->addr)};

	r.last = last_of(r.first, r.family, net->len);
	return r;
}

void
asn_ranges_add(GArray *ranges, const AsnRange *r)
{
	AsnRange *before;

	if (ranges->len > 0) {
		before = &g_array_index(ranges, AsnRange, ranges->len - 1);
		if (before->family == r->family &&
		    (before->last >= r->first ||
			before->last + 1 == r->first)) {
			before->last = MAX(before->last, r->last);
			return;
		}
	}
	g_array_append_vals(ranges, r, 1);
}

void
asn_range_networks(const AsnRange *r, GArray *out)
{
	AsnPos first = r->first;
	AsnNetwork net;

	for (;;) {
		guint len = bits_of(r->family);

		/* As wide as it starts there and ends inside. */
		while (len > 0 &&
		       (first & last_of(0, r->family, len - 1)) == 0 &&
		       last_of(first, r->family, len - 1) <= r->last)
			len--;
		net.addr = asn_pos_addr(first, r->family);
		net.len = (guint8)len;
		g_array_append_val(out, net);
		if (last_of(first, r->family, len) >= r->last)
			return;
		first = last_of(first, r->family, len) + 1;
	}
}

/* --- nested ----------------------------------------------------------------
 */

#define NO_CHILD G_MAXUINT

/* A part of root.  cost[s]: networks it takes when what lies around it says
 * s. */
typedef struct {
	AsnPos first;
	guint child[2]; /* NO_CHILD: all of it is in, or none */
	guint cost[2];
	guint8 len;
	gboolean in;
} Part;

typedef struct {
	GArray *parts;
	const AsnRange *ranges;
	guint8 family;
	GArray *out;
} Nest;

static Part *
part(Nest *n, guint i)
{
	return &g_array_index(n->parts, Part, i);
}

/* The ranges from..to are those that touch the part. */
static guint
split(Nest *n, AsnPos first, guint len, gsize from, gsize to)
{
	const AsnPos last = last_of(first, n->family, len);
	Part p = {first, {NO_CHILD, NO_CHILD}, {0, 1}, (guint8)len, FALSE};
	AsnPos middle;
	gsize i;

	while (from < to && n->ranges[from].last < first)
		from++;
	for (i = from; i < to && n->ranges[i].first <= last; i++)
		;
	to = i;
	if (from < to && n->ranges[from].first <= first &&
	    n->ranges[from].last >= last) {
		p.in = TRUE;
		p.cost[0] = 1;
		p.cost[1] = 0;
	} else if (from < to) {
		middle = last_of(first, n->family, len + 1) + 1;
		p.child[0] = split(n, first, len + 1, from, to);
		p.child[1] = split(n, middle, len + 1, from, to);
		for (guint s = 0; s < 2; s++)
			p.cost[s] = part(n, p.child[0])->cost[s] +
				    part(n, p.child[1])->cost[s];
		p.cost[0] = MIN(p.cost[0], 1 + p.cost[1]);
		p.cost[1] = MIN(p.cost[1], 1 + p.cost[0]);
	}
	g_array_append_val(n->parts, p);
	return n->parts->len - 1;
}

static void
emit(Nest *n, guint i, guint around)
{
	const Part p = *part(n, i);
	guint kept = 0;

	if (p.child[0] == NO_CHILD)
		kept = p.in == (around != 0) ? 0 : 1;
	else
		for (guint c = 0; c < 2; c++)
			kept += part(n, p.child[c])->cost[around];
	/* One more network here pays when the parts then take fewer. */
	if (p.child[0] == NO_CHILD ? kept == 1 : kept > p.cost[around]) {
		AsnNested item = {
		    .net = {asn_pos_addr(p.first, n->family), p.len},
		    .in = around == 0};
		g_array_append_val(n->out, item);
		around = !around;
	}
	if (p.child[0] != NO_CHILD) {
		emit(n, p.child[0], around);
		emit(n, p.child[1], around);
	}
}

void
asn_cover_nested(
    const AsnNetwork *root, const AsnRange *ranges, gsize n, GArray *out)
{
	g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(Part));
	Nest nest = {parts, ranges, root->addr.family, out};

	emit(&nest, split(&nest, asn_pos(&root->addr), root->len, 0, n), 0);
}
