/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-cover.c: the fewest networks, held against every other way. */

#include <string.h>

#include "cover.h"

static AsnNetwork
network(const char *text)
{
	AsnNetwork net;

	g_assert_true(asn_network_parse(text, strlen(text), &net));
	return net;
}

static GArray *
new_array(gsize size)
{
	return g_array_new(FALSE, FALSE, (guint)size);
}

/* What a table of nested networks says of each of n addresses from first on. */
static void
ask(const GArray *table, const AsnNetwork *root, gboolean *says, guint n)
{
	const AsnPos first = asn_pos(&root->addr);

	for (guint i = 0; i < n; i++) {
		AsnAddr a = asn_pos_addr(first + i, root->addr.family);
		int best = -1;

		says[i] = FALSE;
		for (guint k = 0; k < table->len; k++) {
			const AsnNested *e =
			    &g_array_index(table, AsnNested, k);
			if (!asn_network_contains(&e->net, &a) ||
			    e->net.len < best)
				continue;
			best = e->net.len;
			says[i] = e->in;
		}
	}
}

static GArray *
ranges_of(const gboolean *in, guint n, const AsnNetwork *root)
{
	GArray *ranges = new_array(sizeof(AsnRange));
	const AsnPos first = asn_pos(&root->addr);

	for (guint i = 0; i < n; i++) {
		AsnRange r = {first + i, first + i, root->addr.family};
		if (in[i])
			asn_ranges_add(ranges, &r);
	}
	return ranges;
}

/* Aligned blocks that are wholly in and lie in no larger one. */
static guint
count_largest(const gboolean *in, guint n)
{
	guint all = 0;

	for (guint i = 0; i < n; i++)
		all += in[i] ? 1 : 0;
	if (all == n || all == 0)
		return all == n;
	return count_largest(in, n / 2) + count_largest(in + n / 2, n / 2);
}

static void
check_flat(
    const GArray *ranges, const AsnNetwork *root, const gboolean *in, guint n)
{
	g_autoptr(GArray) nets = new_array(sizeof(AsnNetwork));
	g_autoptr(GArray) table = new_array(sizeof(AsnNested));
	gboolean says[256];

	for (guint i = 0; i < ranges->len; i++)
		asn_range_networks(&g_array_index(ranges, AsnRange, i), nets);
	g_assert_cmpuint(nets->len, ==, count_largest(in, n));
	for (guint i = 0; i < nets->len; i++) {
		AsnNested e = {g_array_index(nets, AsnNetwork, i), TRUE};

		g_assert_true(asn_network_is_canonical(&e.net));
		g_assert_true(i == 0 || asn_network_cmp(&g_array_index(nets,
							    AsnNetwork, i - 1),
					    &e.net) < 0);
		g_array_append_val(table, e);
	}
	ask(table, root, says, n);
	g_assert_cmpmem(says, n * sizeof *says, in, n * sizeof *in);
}

static GArray *
check_nested(
    const GArray *ranges, const AsnNetwork *root, const gboolean *in, guint n)
{
	GArray *table = new_array(sizeof(AsnNested));
	gboolean says[256];

	asn_cover_nested(
	    root, (const AsnRange *)(gpointer)ranges->data, ranges->len, table);
	for (guint i = 1; i < table->len; i++) {
		const AsnNested *e = &g_array_index(table, AsnNested, i);
		g_assert_cmpint(asn_network_cmp(&e[-1].net, &e->net), <, 0);
	}
	ask(table, root, says, n);
	g_assert_cmpmem(says, n * sizeof *says, in, n * sizeof *in);
	return table;
}

static void
test_random(void)
{
	static const char *const roots[] = {"192.0.2.0/24", "0.0.0.0/24",
	    "255.255.255.0/24", "2001:db8::/120",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00/120",
	    "2001:db8::ffff:ffff:ffff:ff00/120"};

	for (guint i = 0; i < 3000; i++) {
		const AsnNetwork root = network(roots[i % G_N_ELEMENTS(roots)]);
		const guint odds = (guint)g_test_rand_int_range(1, 40);
		gboolean in[256], state = g_test_rand_bit();

		for (guint k = 0; k < 256; k++) {
			if (g_test_rand_int_range(0, (gint32)odds) == 0)
				state = !state;
			in[k] = state ? TRUE : FALSE;
		}
		g_autoptr(GArray) ranges = ranges_of(in, 256, &root);
		check_flat(ranges, &root, in, 256);
		g_autoptr(GArray) table = check_nested(ranges, &root, in, 256);
		g_assert_cmpuint(table->len, <=, count_largest(in, 256));
	}
}

/* --- the fewest, by trying all -----------------------------------------------
 */

#define SMALL 8 /* addresses, in 15 networks */

/* Every table there is: network i and all after it in each of three states,
 * the wider ones first.  says: a bit for each address. */
static void
try_all(guint i, guint says, guint size, guint *fewest)
{
	guint depth = 0, width, bits;

	if (i == 2 * SMALL - 1) {
		fewest[says] = MIN(fewest[says], size);
		return;
	}
	while (i + 1 >= 2u << depth)
		depth++;
	width = SMALL >> depth;
	bits = ((1u << width) - 1) << (i + 1 - (1u << depth)) * width;
	try_all(i + 1, says, size, fewest);
	try_all(i + 1, says | bits, size + 1, fewest);
	try_all(i + 1, says & ~bits, size + 1, fewest);
}

static void
test_fewest(void)
{
	const AsnNetwork root = network("192.0.2.8/29");
	guint fewest[1 << SMALL], nested = 0;

	memset(fewest, 0xff, sizeof fewest);
	try_all(0, 0, 0, fewest);
	for (guint set = 0; set < 1 << SMALL; set++) {
		gboolean in[SMALL];

		for (guint a = 0; a < SMALL; a++)
			in[a] = set >> a & 1 ? TRUE : FALSE;
		g_autoptr(GArray) ranges = ranges_of(in, SMALL, &root);
		g_autoptr(GArray) table =
		    check_nested(ranges, &root, in, SMALL);
		g_assert_cmpuint(table->len, ==, fewest[set]);
		nested += table->len < count_largest(in, SMALL) ? 1 : 0;
	}
	g_assert_cmpuint(nested, >, 0);
}

static void
test_ends(void)
{
	static const char *const whole[] = {"0.0.0.0/0", "::/0", "::/128",
	    "255.255.255.255/32", "ffff:ffff:ffff:ffff::/64"};

	for (gsize i = 0; i < G_N_ELEMENTS(whole); i++) {
		const AsnNetwork net = network(whole[i]);
		const AsnRange r = asn_range_of(&net);
		g_autoptr(GArray) nets = new_array(sizeof(AsnNetwork));
		char text[ASN_NETWORK_STRLEN];

		asn_range_networks(&r, nets);
		g_assert_cmpuint(nets->len, ==, 1);
		g_assert_cmpstr(asn_network_format(
				    &g_array_index(nets, AsnNetwork, 0), text),
		    ==, whole[i]);
	}
}

/* The last of IPv4 and the first of IPv6 do not touch. */
static void
test_families(void)
{
	const AsnNetwork v4 = network("255.0.0.0/8"), v6 = network("::/8");
	const AsnRange a = asn_range_of(&v4), b = asn_range_of(&v6);
	g_autoptr(GArray) ranges = new_array(sizeof(AsnRange));

	asn_ranges_add(ranges, &a);
	asn_ranges_add(ranges, &b);
	asn_ranges_add(ranges, &b);
	g_assert_cmpuint(ranges->len, ==, 2);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cover/random", test_random);
	g_test_add_func("/cover/fewest", test_fewest);
	g_test_add_func("/cover/ends", test_ends);
	g_test_add_func("/cover/families", test_families);
	return g_test_run();
}
