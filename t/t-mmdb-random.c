/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-mmdb-random.c: mmdb-write.h on random networks; libmaxminddb and a plain
 * search are the oracles. */

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <maxminddb.h>
#include <string.h>
#include <unistd.h>

#include "numbered.h"

static void
save(GBytes *bytes, char **path)
{
	GError *error = NULL;
	int fd = g_file_open_tmp("t-mmdb-XXXXXX.mmdb", path, &error);

	g_assert_no_error(error);
	close(fd);
	g_file_set_contents(*path, g_bytes_get_data(bytes, NULL),
	    (gssize)g_bytes_get_size(bytes), &error);
	g_assert_no_error(error);
}

/* What libmaxminddb says, asked as IPv4 or IPv6. */
static guint32
maxmind_at(MMDB_s *db, const AsnAddr *a)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	const struct sockaddr *sa = (struct sockaddr *)&in6;
	MMDB_lookup_result_s found;
	MMDB_entry_data_s entry;
	int status;

	memcpy(&in6.sin6_addr, a->b, 16);
	memcpy(&in.sin_addr, a->b + 12, 4);
	if (a->family == 4)
		sa = (struct sockaddr *)&in;
	found = MMDB_lookup_sockaddr(db, sa, &status);
	g_assert_cmpint(status, ==, MMDB_SUCCESS);
	if (!found.found_entry)
		return 0;
	status = MMDB_get_value(&found.entry, &entry, "n", NULL);
	g_assert_cmpint(status, ==, MMDB_SUCCESS);
	g_assert_cmpint(entry.type, ==, MMDB_DATA_TYPE_UINT32);
	return entry.uint32;
}

/* --- a plain search over the networks as oracle ----------------------------
 */

typedef struct {
	AsnNetwork net;
	guint32 number; /* 0: hides a wider one */
} Entry;

static int
by_network(gconstpointer a, gconstpointer b)
{
	return asn_network_cmp(
	    &((const Entry *)a)->net, &((const Entry *)b)->net);
}

static guint32
plain_at(const GArray *entries, const AsnAddr *a)
{
	guint32 number = 0;
	int best = -1;

	for (guint i = 0; i < entries->len; i++) {
		const Entry *e = &g_array_index(entries, Entry, i);
		if (e->net.len > best && asn_network_contains(&e->net, a)) {
			best = e->net.len;
			number = e->number;
		}
	}
	return number;
}

/* Crowded around few places, so that networks nest and touch. */
static AsnAddr
random_addr(GRand *r, guint8 family)
{
	AsnAddr a = {.family = family};
	guint from = family == 4 ? 12 : 0;

	for (guint i = from; i < 16; i++)
		if (g_rand_int_range(r, 0, 3) == 0)
			a.b[i] = (guint8)g_rand_int_range(r, 0, 256);
	if (family == 6)
		a.b[0] = g_rand_boolean(r) ? 0x24 : 0xfd;
	return a;
}

static GArray *
random_entries(GRand *r, guint n)
{
	GArray *entries = g_array_new(FALSE, FALSE, sizeof(Entry));
	guint kept = 0;

	for (guint i = 0; i < n; i++) {
		guint8 family = g_rand_boolean(r) ? 4 : 6;
		AsnAddr a = random_addr(r, family);
		Entry e = {
		    .net = asn_network_of(
			&a, (guint8)g_rand_int_range(r, family == 4 ? 0 : 8,
				family == 4 ? 33 : 129)),
		    .number = (guint32)g_rand_int_range(r, 0, 5),
		};
		g_array_append_val(entries, e);
	}
	g_array_sort(entries, by_network);
	for (guint i = 0; i < entries->len; i++) {
		Entry e = g_array_index(entries, Entry, i);
		if (kept > 0 &&
		    asn_network_equal(
			&e.net, &g_array_index(entries, Entry, kept - 1).net))
			continue;
		g_array_index(entries, Entry, kept++) = e;
	}
	g_array_set_size(entries, kept);
	return entries;
}

static GBytes *
write_entries(
    const GArray *entries, const AsnMmdbWriterOptions *options, guint filler)
{
	AsnMmdbWriter *w = asn_mmdb_writer_new(options);
	guint32 offsets[5] = {ASN_MMDB_NO_DATA};
	GError *error = NULL;

	if (filler > 0) {
		g_autofree char *text = g_malloc(filler);
		memset(text, 'x', filler);
		asn_mmdb_put_string(w, text, filler);
	}
	for (guint32 i = 1; i < 5; i++)
		offsets[i] = put_number(w, i);
	for (guint i = 0; i < entries->len; i++) {
		const Entry *e = &g_array_index(entries, Entry, i);
		asn_mmdb_writer_add(w, &e->net, offsets[e->number], &error);
		g_assert_no_error(error);
	}
	return finish(w);
}

/* addr plus d, within its family. */
static AsnAddr
step(AsnAddr a, int d)
{
	int from = a.family == 4 ? 12 : 0;

	for (int i = 15; i >= from; i--) {
		a.b[i] = (guint8)(a.b[i] + d);
		if (a.b[i] != (d > 0 ? 0 : 0xff))
			break;
	}
	return a;
}

static AsnAddr
last_of(const AsnNetwork *n)
{
	AsnAddr a = n->addr;
	guint bits = n->len + (a.family == 4 ? 96u : 0u);

	for (guint i = bits; i < 128; i++)
		a.b[i / 8] |= (guint8)(0x80 >> (i % 8));
	return a;
}

static gboolean
askable(const AsnAddr *a)
{
	return a->family == 4 || a->b[0] >= 0x20;
}

/* asn_mmdb_find says what asn_mmdb_lookup does. */
static void
compare_ways(const AsnMmdb *db, const AsnAddr *a)
{
	AsnMmdbValue want = {.offset = 0}, got = want;
	guint8 depth;

	g_assert_cmpint(asn_mmdb_find(db, a, &got), ==,
	    asn_mmdb_lookup(db, a, &want, &depth));
	g_assert_cmpuint(got.offset, ==, want.offset);
}

/* RFC 3056: the address as 6to4 has it. */
static AsnAddr
six_to_four(const AsnAddr *v4)
{
	AsnAddr a = {.family = 6, .b = {0x20, 0x02}};

	memcpy(a.b + 2, v4->b + 12, 4);
	return a;
}

static void
compare_at(const GArray *entries, const AsnMmdb *db, MMDB_s *mm, AsnAddr a)
{
	guint32 want = plain_at(entries, &a);
	AsnAddr alias = six_to_four(&a);
	guint8 depth = 0;

	compare_ways(db, &a);
	compare_ways(db, &alias);
	if (!askable(&a))
		return;
	g_assert_cmpuint(number_at(db, &a, &depth), ==, want);
	g_assert_cmpuint(maxmind_at(mm, &a), ==, want);
	g_assert_cmpuint(depth, <=, a.family == 4 ? 32 : 128);
}

static void
compare_all(const GArray *entries, GBytes *bytes, GRand *r)
{
	AsnMmdb *db = open_bytes(bytes);
	g_autofree char *path = NULL;
	MMDB_s mm;

	save(bytes, &path);
	g_assert_cmpint(MMDB_open(path, MMDB_MODE_MMAP, &mm), ==, MMDB_SUCCESS);
	for (guint i = 0; i < entries->len; i++) {
		const Entry *e = &g_array_index(entries, Entry, i);
		AsnAddr last = last_of(&e->net);

		compare_at(entries, db, &mm, e->net.addr);
		compare_at(entries, db, &mm, step(e->net.addr, -1));
		compare_at(entries, db, &mm, last);
		compare_at(entries, db, &mm, step(last, 1));
	}
	for (guint i = 0; i < 200; i++)
		compare_at(entries, db, &mm, random_addr(r, i % 2 ? 4 : 6));
	MMDB_close(&mm);
	g_unlink(path);
	asn_mmdb_close(db);
}

static void
test_random(void)
{
	g_autoptr(GRand) r = g_rand_new_with_seed(1);

	for (guint round = 0; round < 60; round++) {
		g_autoptr(GArray) entries = random_entries(r, round * 3);
		g_autoptr(GBytes) a = write_entries(entries, &plain, 0);
		g_autoptr(GBytes) b = write_entries(entries, &shared, 0);

		g_assert_cmpuint(g_bytes_get_size(b), <=, g_bytes_get_size(a));
		compare_all(entries, a, r);
		compare_all(entries, b, r);
	}
}

/* A tree large enough for an index. */
static void
test_large(void)
{
	g_autoptr(GRand) r = g_rand_new_with_seed(3);
	g_autoptr(GArray) entries = random_entries(r, 5000);
	g_autoptr(GBytes) a = write_entries(entries, &plain, 0);
	g_autoptr(GBytes) b = write_entries(entries, &shared, 0);
	AsnMmdb *db = open_bytes(a);

	g_assert_cmpuint(asn_mmdb_meta(db)->node_count, >=, 1 << 16);
	asn_mmdb_close(db);
	compare_all(entries, a, r);
	compare_all(entries, b, r);
}

/* Every other /22 of IPv4: two million networks in 22 nodes.  An index of them
 * would be much larger than the tree, so there is none. */
static void
test_shared_too_often(void)
{
	g_autoptr(GRand) r = g_rand_new_with_seed(3);
	g_autoptr(GArray) entries = random_entries(r, 7000);
	AsnMmdbWriter *w = asn_mmdb_writer_new(&shared);
	guint32 offsets[5] = {ASN_MMDB_NO_DATA};
	g_autoptr(GBytes) bytes = NULL;
	AsnMmdb *db;

	for (guint32 i = 1; i < 5; i++)
		offsets[i] = put_number(w, i);
	for (guint32 i = 0; i < 1u << 21; i++) {
		AsnNetwork n = {.addr = {.family = 4}, .len = 22};
		guint32 at = GUINT32_TO_BE(i << 11);

		memcpy(n.addr.b + 12, &at, sizeof at);
		g_assert_true(asn_mmdb_writer_add(w, &n, offsets[1], NULL));
	}
	for (guint i = 0; i < entries->len; i++) {
		const Entry *e = &g_array_index(entries, Entry, i);

		if (e->net.addr.family == 6)
			g_assert_true(asn_mmdb_writer_add(
			    w, &e->net, offsets[e->number], NULL));
	}
	bytes = finish(w);
	db = open_bytes(bytes);
	g_assert_cmpuint(asn_mmdb_meta(db)->node_count, >=, 1 << 16);
	g_assert_cmpuint(asn_mmdb_meta(db)->node_count, <, 1 << 18);
	for (guint i = 0; i < 1000; i++) {
		AsnAddr a = random_addr(r, i % 2 ? 4 : 6);

		compare_ways(db, &a);
	}
	asn_mmdb_close(db);
}

/* 24, 28 and 32 bits, whichever is needed first. */
static void
test_record_sizes(void)
{
	static const struct {
		guint filler;
		guint16 bits;
	} cases[] = {{0, 24}, {16000000, 24}, {1 << 24, 28}, {1 << 24, 28}};
	g_autoptr(GRand) r = g_rand_new_with_seed(2);
	g_autoptr(GArray) entries = random_entries(r, 100);

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GBytes) bytes =
		    write_entries(entries, &plain, cases[i].filler);
		AsnMmdb *db = open_bytes(bytes);

		g_assert_cmpuint(
		    asn_mmdb_meta(db)->record_size, ==, cases[i].bits);
		asn_mmdb_close(db);
		compare_all(entries, bytes, r);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mmdb-random/random", test_random);
	g_test_add_func("/mmdb-random/large", test_large);
	g_test_add_func("/mmdb-random/shared-too-often", test_shared_too_often);
	g_test_add_func("/mmdb-random/record-sizes", test_record_sizes);
	return g_test_run();
}
