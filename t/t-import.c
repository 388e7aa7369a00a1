/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-import.c: sources, how they are told apart and merged, what is refused. */

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "networks.h"
#include "source.h"

#define LOCATION_DB "/usr/share/libloc-location/location.db"

typedef struct {
	char *dir;
	ImportSet *set;
	AsnNetworks *db;
	int n;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
	GError *error = NULL;

	f->dir = g_dir_make_tmp("t-import-XXXXXX", &error);
	g_assert_no_error(error);
	f->set = import_set_new();
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
	GDir *d = g_dir_open(f->dir, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(d)) != NULL) {
		g_autofree char *path = g_build_filename(f->dir, name, NULL);
		g_unlink(path);
	}
	g_dir_close(d);
	g_rmdir(f->dir);
	g_free(f->dir);
	import_set_free(f->set);
	asn_networks_close(f->db);
}

static char *
save(Fixture *f, const char *text, gssize len)
{
	g_autofree char *name = g_strdup_printf("source-%d", f->n++);
	char *path = g_build_filename(f->dir, name, NULL);

	g_assert_true(g_file_set_contents(path, text, len, NULL));
	return path;
}

static gboolean
read_text(Fixture *f, const char *text, gssize len, GError **error)
{
	g_autofree char *path = save(f, text, len);
	SourceInfo info;
	gboolean ok = source_read(path, f->set, NULL, &info, error);

	g_free(info.about);
	return ok;
}

static void
read_good(Fixture *f, const char *text)
{
	GError *error = NULL;

	read_text(f, text, -1, &error);
	g_assert_no_error(error);
}

static GBytes *
build(Fixture *f)
{
	GError *error = NULL;
	GBytes *bytes = import_set_build(f->set, "A test", 1700000000, &error);

	g_assert_no_error(error);
	return bytes;
}

static void
open_db(Fixture *f)
{
	g_autoptr(GBytes) bytes = build(f);
	g_autofree char *path = save(
	    f, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes));
	GError *error = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	f->db = asn_networks_open(fd, path, &error);
	g_assert_no_error(error);
	close(fd);
}

/* "AS64496 192.0.2.0/24 ZZ Example", or "nothing". */
static void
expect(Fixture *f, const char *address, const char *want)
{
	char prefix[ASN_NETWORK_STRLEN];
	g_autofree char *got = NULL;
	AsnOrigin o;
	AsnAddr a;

	if (f->db == NULL)
		open_db(f);
	g_assert_true(asn_addr_parse(address, strlen(address), &a));
	if (!asn_networks_lookup(f->db, &a, &o))
		got = g_strdup("nothing");
	else
		got = g_strdup_printf("AS%u %s %s %.*s", o.asn,
		    asn_network_format(&o.prefix, prefix),
		    o.country[0] ? o.country : "-", (int)o.org_len,
		    o.org ? o.org : "");
	g_test_message("%s", address);
	g_assert_cmpstr(got, ==, want);
}

static void
test_plain(Fixture *f, gconstpointer unused)
{
	read_good(f, "# comment\n"
		     "192.0.2.0/24\tAS64496\tExample Networks\tZZ\r\n"
		     "192.0.2.128/25\t64497\t\tde\n"
		     "\n"
		     "198.51.100.7\t64498\n"
		     "203.0.113.0/24\t\tNobody's name\tXX\n"
		     "2001:db8::/32\t4294967295\tLong \xc3\xa9\tAA");
	expect(f, "192.0.2.1", "AS64496 192.0.2.0/24 ZZ Example Networks");
	expect(f, "192.0.2.200", "AS64497 192.0.2.128/25 DE ");
	expect(f, "198.51.100.7", "AS64498 198.51.100.7/32 - ");
	expect(f, "198.51.100.8", "nothing");
	expect(f, "203.0.113.9", "AS0 203.0.113.0/24 XX ");
	expect(f, "2001:db8::1", "AS4294967295 2001:db8::/32 AA Long \xc3\xa9");
	/* 6to4 of 192.0.2.1 */
	expect(f, "2002:c000:201::1",
	    "AS64496 2002:c000:200::/40 ZZ Example Networks");
}

static void
test_iptoasn(Fixture *f, gconstpointer unused)
{
	read_good(f, "192.0.2.0\t192.0.2.255\t64496\tZZ\tEXAMPLE\n"
		     "198.51.100.1\t198.51.100.6\t64497\tZZ\tODD\n"
		     "203.0.113.0\t203.0.113.255\t0\tNone\tNot routed\n"
		     "2001:db8::\t2001:db8:2:ffff:ffff:ffff:ffff:ffff\t64498\t"
		     "ZZ\tSIX\n");
	expect(f, "192.0.2.9", "AS64496 192.0.2.0/24 ZZ EXAMPLE");
	expect(f, "198.51.100.0", "nothing");
	expect(f, "198.51.100.1", "AS64497 198.51.100.1/32 ZZ ODD");
	expect(f, "198.51.100.3", "AS64497 198.51.100.2/31 ZZ ODD");
	expect(f, "198.51.100.5", "AS64497 198.51.100.4/31 ZZ ODD");
	expect(f, "198.51.100.6", "AS64497 198.51.100.6/32 ZZ ODD");
	expect(f, "198.51.100.7", "nothing");
	expect(f, "203.0.113.9", "nothing");
	expect(f, "2001:db8:1::1", "AS64498 2001:db8::/47 ZZ SIX");
	expect(f, "2001:db8:2::1", "AS64498 2001:db8:2::/48 ZZ SIX");
	g_clear_pointer(&f->db, asn_networks_close);
	read_good(f, "3405803776\t3405804031\t1\tZZ\tNUMBERS\n");
	expect(f, "203.0.113.255", "AS1 203.0.113.0/24 ZZ NUMBERS");
}

static void
test_gzip(Fixture *f, gconstpointer unused)
{
	static const char text[] = "192.0.2.0\t192.0.2.255\t1\tZZ\tX\n";
	g_autoptr(GZlibCompressor) z =
	    g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9);
	g_autoptr(GError) error = NULL;
	char packed[256];
	gsize used, len;

	g_assert_cmpint(
	    g_converter_convert(G_CONVERTER(z), text, sizeof text - 1, packed,
		sizeof packed, G_CONVERTER_INPUT_AT_END, &used, &len, NULL),
	    ==, G_CONVERTER_FINISHED);
	for (gsize cut = 3; cut < len; cut++) {
		g_assert_false(read_text(f, packed, (gssize)cut, &error));
		g_assert_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN);
		g_assert_nonnull(strstr(error->message, ": offset "));
		g_clear_error(&error);
	}
	import_set_free(f->set);
	f->set = import_set_new();
	g_assert_true(read_text(f, packed, (gssize)len, &error));
	expect(f, "192.0.2.1", "AS1 192.0.2.0/24 ZZ X");
}

/* The same network: the later source and the later line.  Nested ones: the
 * longest prefix, from whichever source. */
static void
test_merge(Fixture *f, gconstpointer unused)
{
	read_good(f, "192.0.2.0/24\t1\tOld\tAA\n"
		     "198.51.100.0/25\t2\tNarrow\tAA\n"
		     "2001:db8::/32\t3\tSix\tAA\n");
	read_good(f, "203.0.113.0/24\t4\tFirst line\tBB\n"
		     "198.51.100.0/24\t5\tWide\tBB\n"
		     "192.0.2.0/24\t6\tNew\tBB\n"
		     "203.0.113.0/24\t7\tLast line\tBB\n");
	expect(f, "192.0.2.1", "AS6 192.0.2.0/24 BB New");
	expect(f, "198.51.100.1", "AS2 198.51.100.0/25 AA Narrow");
	expect(f, "198.51.100.200", "AS5 198.51.100.0/24 BB Wide");
	expect(f, "203.0.113.1", "AS7 203.0.113.0/24 BB Last line");
	expect(f, "2001:db8::1", "AS3 2001:db8::/32 AA Six");
	g_assert_cmpuint(f->set->entries->len, ==, 5);
}

static void
test_passed_over(Fixture *f, gconstpointer unused)
{
	static const char *const nets[] = {"0.0.0.0/0", "0.0.0.0/8",
	    "64.0.0.0/6", "127.0.0.0/8", "127.0.0.1", "224.0.0.0/4",
	    "240.0.0.0/4", "255.255.255.255", "::/0", "2000::/3", "2000::/6",
	    "::/96", "::1", "::ffff:0:0/96", "2002::/16", "2002:102::/32",
	    "100::/64", "fe80::/10", "ff00::/8"};

	for (gsize i = 0; i < G_N_ELEMENTS(nets); i++) {
		g_autofree char *line =
		    g_strdup_printf("%s\t1\tX\tZZ\n", nets[i]);
		g_test_message("%s", nets[i]);
		read_good(f, line);
		g_assert_cmpuint(f->set->passed_over, ==, i + 1);
		g_assert_cmpuint(f->set->entries->len, ==, 0);
	}
	/* private and documentation networks may be named */
	read_good(f, "10.0.0.0/8\t1\n192.0.2.0/24\t1\n100.64.0.0/10\t1\n"
		     "2001:db8::/32\t1\nfd00::/8\t1\n8.0.0.0/7\t1\n");
	g_assert_cmpuint(f->set->passed_over, ==, G_N_ELEMENTS(nets));
	g_assert_cmpuint(f->set->entries->len, ==, 6);
}

static void
test_refused(Fixture *f, gconstpointer unused)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
	    {"", "line 1: no network in the whole file"},
	    {"# only\n\n", "line 2: no network"},
	    {"hello\n", "line 1: not a format"},
	    {"\n\nhello\tworld\n", "line 3: not a format"},
	    {"192.0.2.0/24\n", "line 1: not a format"},
	    {"192.0.2.0/24\t1\tX\tZZ\tand more\n", "line 1: not a format"},
	    {"192.0.2.0/24\t1\n192.0.2.1/24\t1\n", "line 2: the network has"},
	    {"192.0.2.0/24\t1\n192.0.2.0/33\t1\n", "line 2: not a network"},
	    {"192.0.2.0/24\tASX\n", "line 1: not an AS number"},
	    {"192.0.2.0/24\t4294967296\n", "line 1: not an AS number"},
	    {"192.0.2.0/24\t1\tX\tGermany\n", "line 1: not a country"},
	    {"192.0.2.0/24\t0\tX\t\n", "line 1: neither"},
	    {"192.0.2.0\t192.0.1.0\t1\tZZ\tX\n", "line 1: the range ends"},
	    {"192.0.2.0\t2001:db8::\t1\tZZ\tX\n", "line 1: the range ends"},
	    {"192.0.2.0\t192.0.2.9\t1\tZZ\tX\n192.0.2.0\tx\t1\tZZ\tX\n",
		"line 2: not an address"},
	    {"192.0.2.0\t192.0.2.9\t1\tZZ\tX\n192.0.2.0\t192.0.2.9\t1\n",
		"line 2: not five fields"},
	    {"192.0.2.0\t192.0.2.9\tx\tZZ\tX\n", "line 1: not an AS number"},
	    {"192.0.2.0\t192.0.2.9\t1\tZZZ\tX\n", "line 1: not a country"},
	    {"LOCDBXX\x02 and so on", "offset 7: not version 1"},
	    {"LOCDBXX\x01", "offset 8: the header is cut short"},
	    {"\x1f\x8b nonsense", "not whole gzip"},
	    {"\xab\xcd\xefMaxMind.com\xe0", "metadata lacks"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		g_test_message("%zu: %s", i, cases[i].why);
		g_assert_false(read_text(f, cases[i].text, -1, &error));
		g_assert_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN);
		g_test_message("%s", error->message);
		g_assert_nonnull(strstr(error->message, cases[i].why));
		g_assert_nonnull(strstr(error->message, f->dir));
		import_set_free(f->set);
		f->set = import_set_new();
	}
	/* escaped: a terminal must not obey a source */
	g_autoptr(GError) error = NULL;
	g_assert_false(read_text(f, "\x1b[2Jboo\t1\n", -1, &error));
	g_assert_null(strchr(error->message, 0x1b));
	g_clear_error(&error);
	g_assert_false(read_text(f, "192.0.2.0/24\t1\0\n", 17, &error));
	g_assert_nonnull(strstr(error->message, "NUL"));
}

static void
test_names(Fixture *f, gconstpointer unused)
{
	g_autofree char *longest = g_strnfill(254, 'x');
	g_autofree char *text =
	    g_strdup_printf("192.0.2.0/24\t1\t  a\x01"
			    "b \xff c \tZZ\n"
			    "198.51.100.0/24\t2\t%s\xc3\xa9\tZZ\n",
		longest);
	g_autofree char *cut =
	    g_strdup_printf("AS2 198.51.100.0/24 ZZ %s", longest);

	read_good(f, text);
	expect(f, "192.0.2.1", "AS1 192.0.2.0/24 ZZ a b \xef\xbf\xbd c");
	expect(f, "198.51.100.1", cut);
}

/* Our own file as a source gives the same networks again, holes and all. */
static void
test_round_trip(Fixture *f, gconstpointer unused)
{
	g_autoptr(GBytes) once = NULL;
	gsize len;
	const void *data;

	read_good(f, "192.0.2.0/24\t1\tOuter\tAA\n"
		     "192.0.2.64/26\t2\tInner\tBB\n"
		     "2001:db8::/32\t3\tSix\tAA\n"
		     "2001:db8:7::/48\t4\tSix inner\tAA\n"
		     "203.0.113.0/26\t5\tEqual\tAA\n"
		     "203.0.113.64/26\t5\tEqual\tAA\n");
	once = build(f);
	data = g_bytes_get_data(once, &len);
	import_set_free(f->set);
	f->set = import_set_new();
	g_assert_true(read_text(f, data, (gssize)len, NULL));
	g_assert_cmpuint(f->set->entries->len, ==, 6);
	expect(f, "203.0.113.65", "AS5 203.0.113.64/26 AA Equal");
	expect(f, "192.0.2.1", "AS1 192.0.2.0/24 AA Outer");
	expect(f, "192.0.2.65", "AS2 192.0.2.64/26 BB Inner");
	expect(f, "192.0.2.129", "AS1 192.0.2.0/24 AA Outer");
	expect(f, "2001:db8:7::1", "AS4 2001:db8:7::/48 AA Six inner");
	expect(f, "2001:db8:8::1", "AS3 2001:db8::/32 AA Six");
}

/* --- records as other makers write them ---------------------------------- */

/* key, type, value: s string, u uint32 */
typedef struct {
	const char *key;
	char type;
	const char *value;
} Pair;

static void
put_vendor(AsnMmdbWriter *w, const char *network, const Pair *pairs, guint n)
{
	guint32 at = asn_mmdb_writer_tell(w);
	GError *error = NULL;
	AsnNetwork net;

	asn_mmdb_put_map(w, n);
	for (guint i = 0; i < n; i++) {
		const char *v = pairs[i].value;

		asn_mmdb_put_shared_string(
		    w, pairs[i].key, strlen(pairs[i].key));
		if (pairs[i].type == 's')
			asn_mmdb_put_shared_string(w, v, strlen(v));
		else
			asn_mmdb_put_uint32(
			    w, (guint32)g_ascii_strtoull(v, NULL, 10));
	}
	g_assert_true(asn_network_parse(network, strlen(network), &net));
	asn_mmdb_writer_add(w, &net, at, &error);
	g_assert_no_error(error);
}

static const Pair geolite[] = {{"autonomous_system_number", 'u', "64496"},
    {"autonomous_system_organization", 's', "GeoLite"}};
static const Pair ipinfo_old[] = {{"asn", 's', "AS64497"},
    {"as_name", 's', "Old"}, {"country", 's', "DE"},
    {"country_name", 's', "Germany"}};
static const Pair ipinfo_lite[] = {{"asn", 's', "AS64498"},
    {"as_name", 's', "Lite"}, {"country", 's', "Germany"},
    {"country_code", 's', "DE"}};
static const Pair ipinfo_free[] = {
    {"asn", 's', "AS64499"}, {"domain", 's', "x.test"}, {"name", 's', "Free"}};
static const Pair iplocate[] = {{"asn", 's', "64500"},
    {"country_code", 's', "FR"}, {"name", 's', "SHORT"},
    {"org", 's', "IPLocate Org"}};
static const Pair empty_asn[] = {
    {"asn", 's', ""}, {"as_name", 's', ""}, {"country", 's', "US"}};
static const Pair useless[] = {{"city", 's', "Berlin"}};

#define PAIRS(p) p, G_N_ELEMENTS(p)

static GBytes *
vendor_file(gboolean only_useless)
{
	const AsnMmdbWriterOptions options = {.database_type = "Vendor",
	    .description = "A test",
	    .build_epoch = 1};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&options);
	GBytes *bytes;

	if (!only_useless) {
		put_vendor(w, "192.0.2.0/26", PAIRS(geolite));
		put_vendor(w, "192.0.2.64/26", PAIRS(ipinfo_old));
		put_vendor(w, "192.0.2.128/26", PAIRS(ipinfo_lite));
		put_vendor(w, "192.0.2.192/26", PAIRS(ipinfo_free));
		put_vendor(w, "198.51.100.0/24", PAIRS(iplocate));
		put_vendor(w, "203.0.113.0/25", PAIRS(empty_asn));
	}
	put_vendor(w, "203.0.113.128/25", PAIRS(useless));
	bytes = asn_mmdb_writer_finish(w, NULL);
	asn_mmdb_writer_free(w);
	return bytes;
}

static void
test_vendors(Fixture *f, gconstpointer unused)
{
	g_autoptr(GBytes) bytes = vendor_file(FALSE);
	g_autoptr(GBytes) bad = vendor_file(TRUE);
	g_autoptr(GError) error = NULL;

	read_text(f, g_bytes_get_data(bytes, NULL),
	    (gssize)g_bytes_get_size(bytes), &error);
	g_assert_no_error(error);
	expect(f, "192.0.2.1", "AS64496 192.0.2.0/26 - GeoLite");
	expect(f, "192.0.2.65", "AS64497 192.0.2.64/26 DE Old");
	expect(f, "192.0.2.129", "AS64498 192.0.2.128/26 DE Lite");
	expect(f, "192.0.2.193", "AS64499 192.0.2.192/26 - Free");
	expect(f, "198.51.100.1", "AS64500 198.51.100.0/24 FR IPLocate Org");
	expect(f, "203.0.113.1", "AS0 203.0.113.0/25 US ");
	expect(f, "203.0.113.200", "nothing");
	g_assert_false(read_text(f, g_bytes_get_data(bad, NULL),
	    (gssize)g_bytes_get_size(bad), &error));
	g_assert_nonnull(strstr(error->message, "no record in it has"));
}

/* location.db cut, and with every header field and some of the rest damaged:
 * refused or read, never a crash. */
static void
test_loc_damaged(Fixture *f, gconstpointer unused)
{
	g_autofree char *good = NULL;
	gsize len;
	guint64 networks;

	g_assert_true(g_file_get_contents(LOCATION_DB, &good, &len, NULL));
	for (gsize cut = 0; cut < len; cut += len / 64 + 1) {
		g_autoptr(GError) error = NULL;
		g_assert_false(source_loc_check(
		    (guint8 *)good, cut, "x", &networks, &error));
		g_assert_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN);
	}
	g_assert_false(
	    source_loc_check((guint8 *)good, len - 1, "x", &networks, NULL));
	g_assert_true(
	    source_loc_check((guint8 *)good, len, "x", &networks, NULL));
	g_assert_cmpuint(networks, >, 1000000);
	for (gsize i = 28; i < 68; i += 4) {
		guint8 saved = (guint8)good[i];
		good[i] = (char)0xff;
		g_assert_false(source_loc_check(
		    (guint8 *)good, len, "x", &networks, NULL));
		good[i] = (char)saved;
	}
}

static void
test_missing(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	SourceInfo info;

	g_assert_false(
	    source_read("/no/such/file", f->set, NULL, &info, &error));
	g_assert_error(error, SOURCE_ERROR, SOURCE_ERROR_MISSING);
	g_clear_error(&error);
	g_assert_false(source_read("/", f->set, NULL, &info, &error));
	g_assert_error(error, SOURCE_ERROR, SOURCE_ERROR_READ);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(Fixture *f, gconstpointer unused);
	} tests[] = {
	    {"/import/plain", test_plain},
	    {"/import/iptoasn", test_iptoasn},
	    {"/import/gzip", test_gzip},
	    {"/import/merge", test_merge},
	    {"/import/passed-over", test_passed_over},
	    {"/import/refused", test_refused},
	    {"/import/names", test_names},
	    {"/import/round-trip", test_round_trip},
	    {"/import/vendors", test_vendors},
	    {"/import/loc-damaged", test_loc_damaged},
	    {"/import/missing", test_missing},
	};

	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run,
		    tear_down);
	return g_test_run();
}
