/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-mmdb-write.c: mmdb-write.h, case by case; t-mmdb-random.c has the rest. */

#include "numbered.h"

/* Past 2^28 bytes of data: seventeen strings of almost 16 MiB. */
static void
test_record_size_32(void)
{
	g_autofree char *text = g_malloc(16 << 20);
	AsnMmdbWriter *w = asn_mmdb_writer_new(&plain);
	g_autoptr(GBytes) bytes = NULL;
	AsnNetwork n = net("192.0.2.0/24");
	guint8 depth;
	AsnMmdb *db;

	memset(text, 'x', 16 << 20);
	for (int i = 0; i < 17; i++)
		asn_mmdb_put_string(w, text, 16 << 20);
	asn_mmdb_writer_add(w, &n, put_number(w, 7), NULL);
	bytes = finish(w);
	db = open_bytes(bytes);
	g_assert_cmpuint(asn_mmdb_meta(db)->record_size, ==, 32);
	g_assert_cmpuint(number_at(db, &n.addr, &depth), ==, 7);
	g_assert_cmpuint(depth, ==, 24);
	asn_mmdb_close(db);
}

static void
test_smallest_tree(void)
{
	AsnMmdbWriter *w = asn_mmdb_writer_new(&plain);
	guint32 one = put_number(w, 1);
	AsnNetwork n[] = {net("192.0.2.0/25"), net("192.0.2.128/25")};
	g_autoptr(GBytes) bytes = NULL;
	AsnMmdb *db;
	guint8 depth;

	for (int i = 0; i < 2; i++)
		asn_mmdb_writer_add(w, &n[i], one, NULL);
	bytes = finish(w);
	db = open_bytes(bytes);
	/* 96 nodes down to ::/96; ::ffff:0:0/96 leaves that path after 81 of
	 * them and 2002::/16 after 3; 24 for the /24 that the halves are. */
	g_assert_cmpuint(
	    asn_mmdb_meta(db)->node_count, ==, 96 + (96 - 81) + (16 - 3) + 24);
	g_assert_cmpuint(number_at(db, &n[1].addr, &depth), ==, 1);
	g_assert_cmpuint(depth, ==, 24);
	asn_mmdb_close(db);
}

static void
test_aliases(void)
{
	g_autoptr(GBytes) bytes = NULL;
	AsnMmdbWriter *w = asn_mmdb_writer_new(&shared);
	guint32 one = put_number(w, 1), two = put_number(w, 2);
	AsnNetwork v4 = net("192.0.2.0/24"), teredo = net("2001::/32");
	guint8 mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
	AsnAddr sixtofour = addr("2002:c000:207::1"),
		inside = addr("::c000:207");
	AsnAddr in_teredo = addr("2001:0:c000:207::1");
	AsnMmdbValue v;
	guint8 depth;
	AsnMmdb *db;

	g_assert_true(asn_mmdb_writer_add(w, &v4, one, NULL));
	g_assert_true(asn_mmdb_writer_add(w, &teredo, two, NULL));
	bytes = finish(w);
	db = open_bytes(bytes);
	g_assert_cmpuint(number_at(db, &sixtofour, &depth), ==, 1);
	g_assert_cmpuint(depth, ==, 16 + 24);
	g_assert_cmpuint(number_at(db, &in_teredo, &depth), ==, 2);
	g_assert_true(asn_mmdb_lookup_bits(db, mapped, &v, &depth));
	g_assert_cmpuint(depth, ==, 96 + 24);
	/* IPv4-compatible addresses are no IPv4 (RFC 4291 2.5.5.1). */
	g_assert_cmpuint(number_at(db, &inside, &depth), ==, 0);
	asn_mmdb_close(db);
}

/* An IPv6 branch just like the IPv4 tree must not be stored as the same node:
 * readers take "leads to the IPv4 node" for an alias. */
static gboolean
count(const AsnNetwork *leaf, AsnMmdbValue v, gpointer data)
{
	((guint *)data)[leaf->addr.family == 4 ? 0 : 1]++;
	return TRUE;
}

static void
test_v4_node_distinct(void)
{
	g_autoptr(GBytes) bytes = NULL;
	AsnMmdbWriter *w = asn_mmdb_writer_new(&shared);
	guint32 one = put_number(w, 1);
	AsnNetwork v4 = net("192.0.2.0/24"), v6 = net("2600::c000:200/120");
	guint leaves[2] = {0, 0};
	AsnMmdb *db;

	asn_mmdb_writer_add(w, &v4, one, NULL);
	asn_mmdb_writer_add(w, &v6, one, NULL);
	bytes = finish(w);
	db = open_bytes(bytes);
	g_assert_true(asn_mmdb_foreach(db, count, leaves));
	g_assert_cmpuint(leaves[0], ==, 1);
	g_assert_cmpuint(leaves[1], ==, 1);
	asn_mmdb_close(db);
}

static void
test_empty(void)
{
	for (int i = 0; i < 2; i++) {
		g_autoptr(GBytes) bytes =
		    finish(asn_mmdb_writer_new(i ? &shared : &plain));
		AsnMmdb *db = open_bytes(bytes);
		AsnAddr a = addr("192.0.2.1"), b = addr("2001:db8::1");
		guint8 depth;

		g_assert_cmpuint(asn_mmdb_meta(db)->node_count, ==, 1);
		g_assert_cmpuint(number_at(db, &a, &depth), ==, 0);
		g_assert_cmpuint(number_at(db, &b, &depth), ==, 0);
		asn_mmdb_close(db);
	}
}

static void
test_everything(void)
{
	AsnMmdbWriter *w = asn_mmdb_writer_new(&plain);
	AsnNetwork v4 = net("0.0.0.0/0"), v6 = net("::/0");
	AsnAddr a = addr("255.255.255.255"), b = addr("2001:db8::1");
	guint32 one = put_number(w, 1), two = put_number(w, 2);
	g_autoptr(GBytes) bytes = NULL;
	guint leaves[2] = {0, 0};
	guint8 depth;
	AsnMmdb *db;

	asn_mmdb_writer_add(w, &v4, one, NULL);
	asn_mmdb_writer_add(w, &v6, two, NULL);
	bytes = finish(w);
	db = open_bytes(bytes);
	g_assert_cmpuint(number_at(db, &a, &depth), ==, 1);
	g_assert_cmpuint(depth, ==, 0);
	g_assert_cmpuint(number_at(db, &b, &depth), ==, 2);
	g_assert_true(asn_mmdb_foreach(db, count, leaves));
	g_assert_cmpuint(leaves[0], ==, 1);
	asn_mmdb_close(db);
}

static void
test_refused(void)
{
	static const struct {
		const char *before, *net, *why;
	} cases[] = {
	    {NULL, "192.0.2.1/24", "host bits"},
	    {"192.0.2.0/24", "192.0.2.0/24", "out of order"},
	    {"192.0.2.0/24", "192.0.0.0/16", "out of order"},
	    {"2001:db8::/32", "192.0.2.0/24", "out of order"},
	    {NULL, "::/96", "where IPv4"},
	    {NULL, "::1/128", "where IPv4"},
	    {NULL, "2002::/16", "where IPv4"},
	    {NULL, "2002:c000::/24", "where IPv4"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		AsnMmdbWriter *w = asn_mmdb_writer_new(&plain);
		guint32 one = put_number(w, 1);
		GError *error = NULL;
		AsnNetwork n;

		if (cases[i].before != NULL) {
			n = net(cases[i].before);
			g_assert_true(asn_mmdb_writer_add(w, &n, one, NULL));
		}
		n = net(cases[i].net);
		g_assert_false(asn_mmdb_writer_add(w, &n, one, &error));
		g_assert_nonnull(strstr(error->message, cases[i].why));
		g_clear_error(&error);
		n = net("2001:db9::/32");
		g_assert_false(asn_mmdb_writer_add(
		    w, &n, asn_mmdb_writer_tell(w), &error));
		g_clear_error(&error);
		asn_mmdb_writer_free(w);
	}
}

/* Every width of integer and string length, read back. */
static void
test_fields(void)
{
	static const guint64 numbers[] = {0, 1, 0xff, 0x100, 0xffff, 0x10000,
	    0xffffffffu, G_GUINT64_CONSTANT(0x100000000), G_MAXUINT64};
	static const gsize lengths[] = {
	    0, 1, 28, 29, 284, 285, 65820, 65821, 70000};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&plain);
	AsnNetwork n = net("192.0.2.0/24");
	g_autofree char *text = g_malloc(70000);
	g_autoptr(GBytes) bytes = NULL;
	guint32 at = asn_mmdb_writer_tell(w);
	AsnMmdbValue v;
	AsnMmdbField f;
	guint8 depth;
	AsnMmdb *db;

	memset(text, 'a', 70000);
	asn_mmdb_put_array(
	    w, G_N_ELEMENTS(numbers) + G_N_ELEMENTS(lengths) + 3);
	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
		asn_mmdb_put_uint64(w, numbers[i]);
	for (gsize i = 0; i < G_N_ELEMENTS(lengths); i++)
		asn_mmdb_put_string(w, text, lengths[i]);
	asn_mmdb_put_double(w, 0.1);
	asn_mmdb_put_uint16(w, 65535);
	asn_mmdb_put_shared_string(w, text, 1);
	g_assert_true(asn_mmdb_writer_add(w, &n, at, NULL));
	bytes = finish(w);
	db = open_bytes(bytes);
	g_assert_true(asn_mmdb_lookup(db, &n.addr, &v, &depth));
	asn_mmdb_field(v, &f);
	g_assert_cmpint(f.type, ==, ASN_MMDB_ARRAY);
	for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
		guint64 got;
		v.offset = f.next;
		asn_mmdb_field(v, &f);
		g_assert_true(asn_mmdb_field_uint(&f, &got));
		g_assert_cmpuint(got, ==, numbers[i]);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(lengths); i++) {
		v.offset = f.next;
		asn_mmdb_field(v, &f);
		g_assert_cmpint(f.type, ==, ASN_MMDB_STRING);
		g_assert_cmpmem(f.payload, f.size, text, lengths[i]);
	}
	double d;
	v.offset = f.next;
	asn_mmdb_field(v, &f);
	g_assert_true(asn_mmdb_field_double(&f, &d));
	g_assert_cmpfloat(d, ==, 0.1);
	asn_mmdb_close(db);
}

/* Pointers of all four sizes lead to what was written. */
static void
test_pointers(void)
{
	static const guint gaps[] = {0, 3000, 530000, 135000000};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&plain);
	AsnNetwork n = net("192.0.2.0/24");
	g_autoptr(GBytes) bytes = NULL;
	guint32 target[4], at;
	AsnMmdbValue v;
	AsnMmdbField f;
	guint8 depth;
	AsnMmdb *db;

	for (int i = 0; i < 4; i++) {
		for (guint left = gaps[i]; left > 0;) {
			guint len = MIN(left, 16u << 20);
			g_autofree char *text = g_malloc(len);
			memset(text, 'x', len);
			asn_mmdb_put_string(w, text, len);
			left -= len;
		}
		target[i] = asn_mmdb_writer_tell(w);
		asn_mmdb_put_uint32(w, 1000u + (guint)i);
	}
	at = asn_mmdb_writer_tell(w);
	asn_mmdb_put_array(w, 4);
	for (int i = 0; i < 4; i++)
		asn_mmdb_put_pointer(w, target[i]);
	asn_mmdb_writer_add(w, &n, at, NULL);
	bytes = finish(w);
	db = open_bytes(bytes);
	g_assert_true(asn_mmdb_lookup(db, &n.addr, &v, &depth));
	asn_mmdb_field(v, &f);
	for (guint i = 0; i < 4; i++) {
		guint64 got;
		v.offset = f.next;
		asn_mmdb_field(v, &f);
		g_assert_true(asn_mmdb_field_uint(&f, &got));
		g_assert_cmpuint(got, ==, 1000 + i);
	}
	asn_mmdb_close(db);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mmdb-write/record-size-32", test_record_size_32);
	g_test_add_func("/mmdb-write/smallest-tree", test_smallest_tree);
	g_test_add_func("/mmdb-write/aliases", test_aliases);
	g_test_add_func("/mmdb-write/v4-node-distinct", test_v4_node_distinct);
	g_test_add_func("/mmdb-write/empty", test_empty);
	g_test_add_func("/mmdb-write/everything", test_everything);
	g_test_add_func("/mmdb-write/refused", test_refused);
	g_test_add_func("/mmdb-write/fields", test_fields);
	g_test_add_func("/mmdb-write/pointers", test_pointers);
	return g_test_run();
}
