/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-import.c: how sources are merged, and what becomes of their records. */

#include "sources.h"

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
	read_good(f,
	    "10.0.0.0/8\t1\t\t\n192.0.2.0/24\t1\t\t\n100.64.0.0/10\t1\t\t\n"
	    "2001:db8::/32\t1\t\t\nfd00::/8\t1\t\t\n8.0.0.0/7\t1\t\t\n");
	g_assert_cmpuint(f->set->passed_over, ==, G_N_ELEMENTS(nets));
	g_assert_cmpuint(f->set->entries->len, ==, 6);
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

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(Fixture *f, gconstpointer unused);
	} tests[] = {
	    {"/import/merge", test_merge},
	    {"/import/passed-over", test_passed_over},
	    {"/import/names", test_names},
	    {"/import/round-trip", test_round_trip},
	    {"/import/vendors", test_vendors},
	};

	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run,
		    tear_down);
	return g_test_run();
}
