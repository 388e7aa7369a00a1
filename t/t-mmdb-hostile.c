/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-mmdb-hostile.c: mmdb.h against a file for each class of fault, made here.
 */

#include "guarded.h"
#include "mmdb-write.h"

#define MARKER "\xab\xcd\xefMaxMind.com"

/* --- files laid out by hand, one for each class of fault --------------------
 */

/* Three bytes a record, two records a node. */
typedef struct {
	const char *why; /* NULL: sound */
	guint32 node_count;
	guint32 records[8]; /* left, right of up to four nodes; END ends */
	const char *data;
	gsize data_len;
	const char *meta; /* NULL: as it should be */
	gsize meta_len;
	guint8 separator; /* its last byte */
} Case;

#define END G_MAXUINT32
#define BYTES(s) s, sizeof(s) - 1
/* Metadata, key by key. */
#define MAJOR                                                                  \
	"\x5b"                                                                 \
	"binary_format_major_version"                                          \
	"\xa1\x02"
#define MINOR                                                                  \
	"\x5b"                                                                 \
	"binary_format_minor_version"                                          \
	"\xa0"
#define EPOCH                                                                  \
	"\x4b"                                                                 \
	"build_epoch"                                                          \
	"\x01\x02\x01"
#define TYPE                                                                   \
	"\x4d"                                                                 \
	"database_type"                                                        \
	"\x44"                                                                 \
	"Test"
#define DESC                                                                   \
	"\x4b"                                                                 \
	"description"                                                          \
	"\xe1\x42"                                                             \
	"en"                                                                   \
	"\x41"                                                                 \
	"x"
#define IPV(v)                                                                 \
	"\x4a"                                                                 \
	"ip_version"                                                           \
	"\xa1" v
#define LANG                                                                   \
	"\x49"                                                                 \
	"languages"                                                            \
	"\x01\x04\x42"                                                         \
	"en"
#define NODES(n)                                                               \
	"\x4a"                                                                 \
	"node_count"                                                           \
	"\xc1" n
#define SIZE(n)                                                                \
	"\x4b"                                                                 \
	"record_size"                                                          \
	"\xa1" n
#define META_WITH(v, n, s)                                                     \
	"\xe9" MAJOR MINOR EPOCH TYPE DESC IPV(v)                              \
	LANG NODES(n) SIZE(s)

static void
put_records(GByteArray *out, const guint32 *records)
{
	for (guint i = 0; i < 8 && records[i] != END; i++) {
		guint8 b[3] = {(guint8)(records[i] >> 16),
		    (guint8)(records[i] >> 8), (guint8)records[i]};
		g_byte_array_append(out, b, 3);
	}
}

static GByteArray *
lay_out(const Case *c)
{
	static const char good[] = META_WITH("\x04", "\x01", "\x18");
	GByteArray *out = g_byte_array_new();
	guint8 separator[16] = {[15] = c->separator};
	guint at;

	put_records(out, c->records);
	g_byte_array_append(out, separator, 16);
	g_byte_array_append(out, (const guint8 *)c->data, (guint)c->data_len);
	g_byte_array_append(out, (const guint8 *)MARKER, 14);
	at = out->len;
	if (c->meta != NULL) {
		g_byte_array_append(
		    out, (const guint8 *)c->meta, (guint)c->meta_len);
		return out;
	}
	g_byte_array_append(out, (const guint8 *)good, sizeof good - 1);
	/* the node count stands one byte and "record_size" before the end */
	at = out->len - (guint)(sizeof(SIZE("x")) - 1) - 1;
	out->data[at] = (guint8)c->node_count;
	return out;
}

/* One node: left has the record, right nothing.  ip_version 4. */
#define ONE .node_count = 1, .records = {17, 1, END}
#define M                                                                      \
	BYTES("\xe1\x41"                                                       \
	      "k\xc1\x05")

static const Case cases[] = {
    {NULL, ONE, M},
    {NULL, ONE, BYTES("\xe0")},
    /* tree */
    {"record leads into the separator", 1, {2, 1, END}, M},
    {"record leads into the separator", 1, {1, 16, END}, M},
    {"record leads out of the data", 1, {1, 22, END}, M},
    {"record leads out of the data", 1, {1, 0xffffff, END}, M},
    {"leads in a circle", 1, {0, 1, END}, M},
    {"leads in a circle", 2, {1, 2, 0, 2, END}, M},
    {"nothing leads to this node", 2, {2, 2, 2, 2, END}, M},
    {"larger tree than the file holds", 99, {17, 1, END}, M},
    {"separator behind the tree is not zero", ONE, M, .separator = 1},
    /* pointers */
    {"pointer leads out of its section", ONE,
	BYTES("\xe1\x41"
	      "k\x20\x77")},
    {"pointer leads to a pointer", ONE,
	BYTES("\xe1\x41"
	      "k\x20\x05\x20\x01")},
    {"pointers lead in a circle", ONE,
	BYTES("\xe1\x41"
	      "k\x20\x00")},
    {"pointer cut off", ONE,
	BYTES("\xe1\x41"
	      "k\x38\x00")},
    {"fields overlap", ONE,
	BYTES("\xe2\x41"
	      "k\x20\x08\x41"
	      "l\x43"
	      "\x41"
	      "ab")},
    /* sizes */
    {"field longer than its section", ONE,
	BYTES("\xe1\x41"
	      "k\x49"
	      "ab")},
    {"field longer than its section", ONE,
	BYTES("\xfe\xff\xff\x41"
	      "k")},
    {"field longer than its section", ONE,
	BYTES("\xe1\x41"
	      "k\x1e\x04\xff\xff\x40")},
    {"field outside of its section", ONE,
	BYTES("\xe1\x41"
	      "k")},
    {"size cut off", ONE,
	BYTES("\xe1\x41"
	      "k\x5f\x00")},
    {"type cut off", ONE,
	BYTES("\xe1\x41"
	      "k\x01")},
    /* types */
    {"unknown type", ONE,
	BYTES("\xe1\x41"
	      "k\x00\x00")},
    {"unknown type", ONE,
	BYTES("\xe1\x41"
	      "k\x00\x09")},
    {"type without meaning", ONE,
	BYTES("\xe1\x41"
	      "k\x00\x05")},
    {"type without meaning", ONE,
	BYTES("\xe1\x41"
	      "k\x00\x06")},
    {"double is not 8 bytes", ONE,
	BYTES("\xe1\x41"
	      "k\x61"
	      "x")},
    {"float is not 4 bytes", ONE,
	BYTES("\xe1\x41"
	      "k\x03\x08"
	      "abc")},
    {"uint16 longer", ONE,
	BYTES("\xe1\x41"
	      "k\xa3"
	      "abc")},
    {"uint32 longer", ONE,
	BYTES("\xe1\x41"
	      "k\xc5"
	      "abcde")},
    {"int32 longer", ONE,
	BYTES("\xe1\x41"
	      "k\x05\x01"
	      "abcde")},
    {"uint64 longer", ONE,
	BYTES("\xe1\x41"
	      "k\x09\x02"
	      "abcdefghi")},
    {"uint128 longer", ONE,
	BYTES("\xe1\x41"
	      "k\x11\x03"
	      "abcdefghijklmnopq")},
    {"boolean is neither", ONE,
	BYTES("\xe1\x41"
	      "k\x02\x07")},
    /* strings and keys */
    {"not UTF-8", ONE,
	BYTES("\xe1\x41"
	      "k\x42\xc3\x28")},
    {"not UTF-8, or has a NUL", ONE,
	BYTES("\xe1\x41"
	      "k\x42"
	      "a\0")},
    {"not UTF-8", ONE,
	BYTES("\xe1\x42\xff"
	      "k\xc1\x05")},
    {"key of a map is not a string", ONE, BYTES("\xe1\xc1\x05\xc1\x05")},
    {"a key twice", ONE,
	BYTES("\xe2\x41"
	      "k\xc0\x41"
	      "k\xc0")},
    {"a key twice", ONE,
	BYTES("\xe2\x41"
	      "k\xc0\x20\x01\xc0")},
    /* metadata */
    {"no metadata marker", .meta = MARKER, .meta_len = 0, ONE, M},
    {"metadata is not a map", ONE, M,
	BYTES("\x41"
	      "k")},
    {"outside of its section", ONE, M, "", 0},
    {"metadata lacks", ONE, M,
	BYTES("\xe8" MAJOR MINOR EPOCH TYPE DESC LANG NODES("\x01")
		SIZE("\x18"))},
    {"wrong type", ONE, M,
	BYTES("\xe9" MAJOR MINOR EPOCH TYPE DESC IPV("\x04") LANG
	    "\x4a"
	    "node_count"
	    "\xa1\x01" SIZE("\x18"))},
    {"a key twice", ONE, M,
	BYTES("\xea" MAJOR MAJOR MINOR EPOCH TYPE DESC IPV("\x04")
		LANG NODES("\x01") SIZE("\x18"))},
    {"bytes after the end", ONE, M,
	BYTES(META_WITH("\x04", "\x01", "\x18") "x")},
    {"neither 4 nor 6", ONE, M, BYTES(META_WITH("\x05", "\x01", "\x18"))},
    {"none of 24, 28, 32", ONE, M, BYTES(META_WITH("\x04", "\x01", "\x19"))},
    {"node_count is 0", ONE, M, BYTES(META_WITH("\x04", "\x00", "\x18"))},
    {"not version 2", ONE, M,
	BYTES("\xe9"
	      "\x5b"
	      "binary_format_major_version"
	      "\xa1\x03" MINOR EPOCH TYPE DESC IPV("\x04") LANG NODES("\x01")
		  SIZE("\x18"))},
    {"after the year 9999", ONE, M,
	BYTES("\xe9" MAJOR MINOR "\x4b"
	      "build_epoch"
	      "\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff" TYPE DESC IPV("\x04")
		  LANG NODES("\x01") SIZE("\x18"))},
    /* description and languages are optional; an empty map or array may be last
     */
    {NULL, ONE, M,
	BYTES("\xe7" MAJOR MINOR EPOCH TYPE IPV("\x04") NODES("\x01")
		SIZE("\x18"))},
    {NULL, ONE, M,
	BYTES("\xe9" MAJOR MINOR EPOCH TYPE DESC IPV("\x04") NODES("\x01")
		SIZE("\x18") "\x49"
			     "languages"
			     "\x00\x04")},
    {NULL, ONE, M,
	BYTES("\xe9" MAJOR MINOR EPOCH TYPE IPV("\x04") LANG NODES("\x01")
		SIZE("\x18") "\x4b"
			     "description"
			     "\xe0")},
    /* pointers inside the metadata count from its start */
    {NULL, ONE, M,
	BYTES("\xe8" MAJOR MINOR EPOCH TYPE IPV("\x04") NODES("\x01")
		SIZE("\x18") "\x41"
			     "z\x20\x01")},
};

static void
test_cases(void)
{
	Guarded g;

	guarded_init(&g, 65536);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GByteArray) file = lay_out(&cases[i]);
		g_autoptr(GError) error = NULL;

		if (cases[i].why && strstr(cases[i].why, "marker"))
			memset(file->data + file->len - 14, 'x', 14);
		g_test_message(
		    "%zu: %s", i, cases[i].why ? cases[i].why : "sound");
		refused(&g, file->data, file->len, &error);
		if (cases[i].why == NULL) {
			g_assert_no_error(error);
			continue;
		}
		g_assert_nonnull(error);
		g_test_message("%s", error->message);
		g_assert_nonnull(strstr(error->message, cases[i].why));
		g_assert_true(
		    g_str_has_prefix(error->message, "test.mmdb: offset "));
	}
	guarded_clear(&g);
}

/* A file around a data section of our making, through the writer's tree. */
static GBytes *
with_data(void (*fill)(AsnMmdbWriter *w))
{
	const AsnMmdbWriterOptions options = {.database_type = "asnd-Test",
	    .description = "Made by a test",
	    .build_epoch = 1700000000};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&options);
	GError *error = NULL;
	AsnNetwork n;
	GBytes *bytes;

	fill(w);
	g_assert_true(asn_network_parse("192.0.2.0/24", 12, &n));
	g_assert_true(asn_mmdb_writer_add(w, &n, 0, &error));
	bytes = asn_mmdb_writer_finish(w, &error);
	g_assert_no_error(error);
	asn_mmdb_writer_free(w);
	return bytes;
}

static void
fill_deep(AsnMmdbWriter *w)
{
	for (int i = 0; i < 500000; i++)
		asn_mmdb_put_array(w, 1);
	asn_mmdb_put_uint16(w, 1);
}

static void
fill_deep_enough(AsnMmdbWriter *w)
{
	for (int i = 0; i < 31; i++)
		asn_mmdb_put_array(w, 1);
	asn_mmdb_put_uint16(w, 1);
}

/* Arrays of pointers to the next array: 60^9 fields in a kilobyte. */
static void
fill_bomb(AsnMmdbWriter *w)
{
	for (guint level = 0; level < 9; level++) {
		asn_mmdb_put_array(w, 60);
		for (int i = 0; i < 60; i++)
			asn_mmdb_put_pointer(w, (level + 1) * 123);
		while (asn_mmdb_writer_tell(w) < (level + 1) * 123)
			asn_mmdb_put_map(w, 0);
	}
	asn_mmdb_put_uint16(w, 1);
}

static void
fill_many_keys(AsnMmdbWriter *w)
{
	asn_mmdb_put_map(w, 1000);
	for (int i = 0; i < 1000; i++) {
		g_autofree char *key = g_strdup_printf("%d", i % 999);
		asn_mmdb_put_string(w, key, strlen(key));
		asn_mmdb_put_uint16(w, 1);
	}
}

static void
test_hostile(void)
{
	static const struct {
		void (*fill)(AsnMmdbWriter *w);
		const char *why;
	} hostile[] = {
	    {fill_deep, "nested too deep"},
	    {fill_deep_enough, NULL},
	    {fill_bomb, "too many fields"},
	    {fill_many_keys, "a key twice"},
	};
	Guarded g;

	guarded_init(&g, 2 << 20);
	for (gsize i = 0; i < G_N_ELEMENTS(hostile); i++) {
		g_autoptr(GBytes) bytes = with_data(hostile[i].fill);
		g_autoptr(GError) error = NULL;
		gsize len;
		const guint8 *data = g_bytes_get_data(bytes, &len);

		refused(&g, data, len, &error);
		if (hostile[i].why == NULL) {
			g_assert_no_error(error);
			continue;
		}
		g_assert_nonnull(error);
		g_assert_nonnull(strstr(error->message, hostile[i].why));
	}
	guarded_clear(&g);
}

/* n nodes in a row, each leading to the next: by both branches, or by the left
 * one only. */
static void
refuse_row(guint8 n, gboolean both, const char *why)
{
	char meta[] = META_WITH("\x06", "\x80", "\x18");
	g_autoptr(GByteArray) file = g_byte_array_new();
	g_autoptr(GError) error = NULL;
	guint8 zeros[17] = {[16] = 0xe0};
	Guarded g;

	for (guint i = 1; i <= n; i++) {
		guint8 next = (guint8)(i == n ? n + 16u : i);
		guint8 node[6] = {0, 0, next, 0, 0, both ? next : n};
		g_byte_array_append(file, node, 6);
	}
	*strrchr(meta, '\x80') = (char)n;
	g_byte_array_append(file, zeros, 17);
	g_byte_array_append(file, (const guint8 *)MARKER, 14);
	g_byte_array_append(file, (const guint8 *)meta, sizeof meta - 1);
	guarded_init(&g, 65536);
	g_assert_true(refused(&g, file->data, file->len, &error));
	g_assert_nonnull(strstr(error->message, why));
	guarded_clear(&g);
}

/* 128 nodes that stand for 2^128 networks; 129 are more than an address has
 * bits. */
static void
test_tree_rows(void)
{
	refuse_row(128, TRUE, "2^30 networks");
	refuse_row(129, FALSE, "deeper than an address");
}

/* Without a sum: sound, but not what ASN_MMDB_CHECK_SUM asks for. */
static void
test_no_sum(void)
{
	g_autoptr(GByteArray) file = lay_out(&cases[0]);
	g_autoptr(GError) error = NULL;

	g_assert_null(asn_mmdb_open_memory(
	    file->data, file->len, "x", ASN_MMDB_CHECK_SUM, &error));
	g_assert_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_CHECKSUM);
}

/* An ip_version 4 file answers IPv4 and leaves IPv6 alone. */
static void
test_version_4(void)
{
	g_autoptr(GByteArray) file = lay_out(&cases[0]);
	AsnAddr low = {.family = 4, .b = {[12] = 1}};
	AsnAddr high = {.family = 4, .b = {[12] = 200}};
	AsnAddr v6 = {.family = 6, .b = {0x20, 1}};
	AsnMmdbValue v;
	AsnMmdbField f;
	guint64 n;
	guint8 depth;
	AsnMmdb *db = asn_mmdb_open_memory(file->data, file->len, "x", 0, NULL);

	g_assert_nonnull(db);
	g_assert_true(asn_mmdb_lookup(db, &low, &v, &depth));
	g_assert_cmpuint(depth, ==, 1);
	g_assert_true(asn_mmdb_map_get(v, "k", 1, &f));
	g_assert_true(asn_mmdb_field_uint(&f, &n));
	g_assert_cmpuint(n, ==, 5);
	g_assert_false(asn_mmdb_map_get(v, "z", 1, &f));
	g_assert_false(asn_mmdb_lookup(db, &high, &v, &depth));
	g_assert_false(asn_mmdb_lookup(db, &v6, &v, &depth));
	asn_mmdb_close(db);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mmdb-hostile/cases", test_cases);
	g_test_add_func("/mmdb-hostile/hostile", test_hostile);
	g_test_add_func("/mmdb-hostile/tree-rows", test_tree_rows);
	g_test_add_func("/mmdb-hostile/no-sum", test_no_sum);
	g_test_add_func("/mmdb-hostile/version-4", test_version_4);
	return g_test_run();
}
