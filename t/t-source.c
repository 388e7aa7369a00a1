/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-source.c: sources, how they are told apart, read, and refused. */

#include <gio/gio.h>
#include <sys/stat.h>

#include "sources.h"

#define LOCATION_DB "/usr/share/libloc-location/location.db"

static void
test_plain(Fixture *f, gconstpointer unused)
{
	read_good(f, "# comment\n"
		     "192.0.2.0/24\tAS64496\tExample Networks\tZZ\r\n"
		     "192.0.2.128/25\t64497\t\tde\n"
		     "\n"
		     "198.51.100.7\t64498\t\t\n"
		     "203.0.113.0/24\t\tNobody's name\tXX\n"
		     "2001:db8::/32\t4294967295\tLong \xc3\xa9\tAA\n");
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

/* --- cut short -------------------------------------------------------------
 */

static gboolean
read_anew(Fixture *f, const char *data, gsize len, GError **error)
{
	import_set_free(f->set);
	f->set = import_set_new();
	return read_text(f, data, (gssize)len, error);
}

/* Half a line is no line: its AS number, its name may be half too. */
static void
test_cut(Fixture *f, gconstpointer unused)
{
	static const char *const texts[] = {
	    ("192.0.2.0/24\tAS64496\tExample Networks\tZZ\r\n"
	     "198.51.100.0/24\t64497\t\t\n"
	     "# a comment\n"),
	    ("192.0.2.0\t192.0.2.255\t64496\tZZ\tEXAMPLE\n"
	     "2001:db8::\t2001:db8:2:ffff:ffff:ffff:ffff:ffff\t1\tZZ\tSIX\n"),
	    "3405803776\t3405804031\t64498\tZZ\tNUMBERS\r\n"};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
		for (gsize cut = 1; cut <= strlen(texts[i]); cut++) {
			g_autoptr(GError) error = NULL;
			gboolean whole = texts[i][cut - 1] == '\n';

			g_assert_cmpint(
			    read_anew(f, texts[i], cut, &error), ==, whole);
			if (whole)
				continue;
			g_assert_error(
			    error, SOURCE_ERROR, SOURCE_ERROR_BROKEN);
			g_assert_nonnull(strstr(error->message, ": line "));
		}
	g_autoptr(GError) error = NULL;
	g_assert_false(read_anew(f, texts[0], strlen(texts[0]) - 1, &error));
	g_assert_nonnull(strstr(error->message,
	    "line 3: the last line has no end: the file is cut short"));
}

static void
pack(GByteArray *out, const char *text)
{
	g_autoptr(GZlibCompressor) z =
	    g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9);
	guint8 packed[512];
	gsize used, len;

	g_assert_cmpint(
	    g_converter_convert(G_CONVERTER(z), text, strlen(text), packed,
		sizeof packed, G_CONVERTER_INPUT_AT_END, &used, &len, NULL),
	    ==, G_CONVERTER_FINISHED);
	g_byte_array_append(out, packed, (guint)len);
}

/* RFC 1952: a file is a series of members.  Cut anywhere but between them, it
 * is refused. */
static void
test_gzip(Fixture *f, gconstpointer unused)
{
	g_autoptr(GByteArray) gz = g_byte_array_new();
	g_autoptr(GError) error = NULL;
	guint first, second;

	pack(gz, "192.0.2.0\t192.0.2.255\t1\tZZ\tX\n198.51.100.0\t198.51.100");
	first = gz->len;
	pack(gz, ".255\t2\tZZ\tY\n");
	second = gz->len;
	pack(gz, "");
	g_assert_true(read_anew(f, (char *)gz->data, gz->len, &error));
	g_assert_no_error(error);
	expect(f, "192.0.2.1", "AS1 192.0.2.0/24 ZZ X");
	expect(f, "198.51.100.1", "AS2 198.51.100.0/24 ZZ Y");
	for (guint cut = 3; cut < gz->len; cut++) {
		if (cut == second)
			continue;
		g_assert_false(read_anew(f, (char *)gz->data, cut, &error));
		g_assert_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN);
		g_assert_nonnull(strstr(
		    error->message, cut == first ? ": line 2" : ": offset "));
		g_clear_error(&error);
	}
}

/* Zeros pad a tape's block, as gzip(1) has it; nothing else may follow. */
static void
test_gzip_tail(Fixture *f, gconstpointer unused)
{
	static const char zeros[1000] = "";
	g_autoptr(GByteArray) gz = g_byte_array_new();
	g_autofree char *why = NULL;
	GError *error = NULL;
	guint len;

	pack(gz, "192.0.2.0\t192.0.2.255\t1\tZZ\tX\n");
	len = gz->len;
	why =
	    g_strdup_printf(": offset %u: no gzip data, but bytes after", len);
	g_byte_array_append(gz, (const guint8 *)"garbage", 7);
	g_assert_false(read_anew(f, (char *)gz->data, gz->len, &error));
	g_assert_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN);
	g_assert_nonnull(strstr(error->message, why));
	g_clear_error(&error);
	g_byte_array_set_size(gz, len);
	g_byte_array_append(gz, (const guint8 *)zeros, sizeof zeros);
	g_assert_true(read_anew(f, (char *)gz->data, gz->len, &error));
	g_byte_array_append(gz, (const guint8 *)"\x1f", 1);
	g_assert_false(read_anew(f, (char *)gz->data, gz->len, &error));
	g_assert_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN);
	g_clear_error(&error);
}

/* --- refused ---------------------------------------------------------------
 */

static const struct {
	const char *text, *why;
} refused[] = {
    {"", "line 1: no network in the whole file"},
    {"# only\n\n", "line 2: no network"},
    {"hello\n", "line 1: not a format"},
    {"\n\nhello\tworld\n", "line 3: not a format"},
    {"192.0.2.0/24\n", "line 1: not a format"},
    {"192.0.2.0/24\t1\n", "line 1: not four fields"},
    {"192.0.2.0/24\t1\tX\tZZ\n192.0.2.0/24\t1\tX\n", "line 2: not four fields"},
    {"192.0.2.0/24\t1\tX\tZZ\n192.0.2.0/24\t1\tX\tZZ\tX\n",
	"line 2: not four fields"},
    {"192.0.2.0/24\t1\tX\tZZ\tand more\n", "line 1: not a format"},
    {"192.0.2.0/24\t1\t\t\n192.0.2.1/24\t1\t\t\n", "line 2: the network has"},
    {"192.0.2.0/24\t1\t\t\n192.0.2.0/33\t1\t\t\n", "line 2: not a network"},
    {"192.0.2.0/24\tASX\t\t\n", "line 1: not an AS number"},
    {"192.0.2.0/24\t4294967296\t\t\n", "line 1: not an AS number"},
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

static void
test_refused(Fixture *f, gconstpointer unused)
{
	for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
		g_autoptr(GError) error = NULL;

		g_test_message("%zu: %s", i, refused[i].why);
		g_assert_false(read_text(f, refused[i].text, -1, &error));
		g_assert_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN);
		g_test_message("%s", error->message);
		g_assert_nonnull(strstr(error->message, refused[i].why));
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

/* libloc refuses these, and leaks what it refuses. */
static void
test_loc_country(Fixture *f, gconstpointer unused)
{
	static const char *const bad[] = {"XX", "XA", "d1", "D"};
	g_autofree char *good = NULL;
	guint32 networks;
	guint64 n;
	gsize len;

	g_assert_true(g_file_get_contents(LOCATION_DB, &good, &len, NULL));
	memcpy(&networks, good + 36, 4);
	networks = GUINT32_FROM_BE(networks);
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		memcpy(good + networks, bad[i], 2);
		g_assert_false(
		    source_loc_check((guint8 *)good, len, "x", &n, &error));
		g_assert_nonnull(strstr(error->message, "country"));
	}
	memcpy(good + networks, "DE", 2);
	g_assert_true(source_loc_check((guint8 *)good, len, "x", &n, NULL));
}

static void
test_missing(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	SourceInfo info;

	g_assert_false(
	    source_read("/no/such/file", f->set, NULL, &info, &error));
	g_assert_error(error, SOURCE_ERROR, SOURCE_ERROR_MISSING);
}

static void
test_special(Fixture *f, gconstpointer unused)
{
	g_autofree char *fifo = g_build_filename(f->dir, "fifo", NULL);
	const char *const paths[] = {fifo, f->dir};

	g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
	for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autofree char *want =
		    g_strdup_printf("%s: not a regular file", paths[i]);
		g_autoptr(GError) error = NULL;
		SourceInfo info;

		g_assert_false(
		    source_read(paths[i], f->set, NULL, &info, &error));
		g_assert_error(error, SOURCE_ERROR, SOURCE_ERROR_READ);
		g_assert_cmpstr(error->message, ==, want);
	}
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(Fixture *f, gconstpointer unused);
	} tests[] = {
	    {"/source/plain", test_plain},
	    {"/source/iptoasn", test_iptoasn},
	    {"/source/cut", test_cut},
	    {"/source/gzip", test_gzip},
	    {"/source/gzip-tail", test_gzip_tail},
	    {"/source/refused", test_refused},
	    {"/source/loc-damaged", test_loc_damaged},
	    {"/source/loc-country", test_loc_country},
	    {"/source/missing", test_missing},
	    {"/source/special", test_special},
	};

	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
		g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run,
		    tear_down);
	return g_test_run();
}
