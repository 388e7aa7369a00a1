/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-config.c: config.h and escape.h */

#include <glib/gstdio.h>
#include <string.h>

#include "config.h"
#include "escape.h"

static AsnConfig *
parse(const char *text, GError **error)
{
	return asn_config_parse(text, strlen(text), "t.conf", error);
}

static void
test_defaults(void)
{
	GError *error = NULL;
	AsnConfig *c = parse("", &error);
	AsnAddr lo;

	g_assert_no_error(error);
	g_assert_cmpstr(c->database_dir, ==, "/var/lib/asnd/db");
	g_assert_cmpstr(
	    c->socket, ==, "unix:/var/spool/postfix/asn-milter/milter.sock");
	g_assert_cmpfloat(c->thresholds.threshold, ==, 0.9);
	g_assert_cmpfloat(c->thresholds.evidence, ==, 2);
	g_assert_cmpfloat(c->thresholds.min_ham, ==, 50);
	g_assert_cmpfloat(c->half_life, ==, 60 * 86400);
	g_assert_cmpuint(c->rescan_interval, ==, 300);
	g_assert_cmpint(c->flagged_action, ==, ASN_ACTION_ACCEPT);
	g_assert_cmpuint(c->local_networks.n, ==, 2);
	g_assert_cmpuint(c->trusted_relays.n, ==, 0);
	g_assert_true(asn_addr_parse("::1", 3, &lo));
	g_assert_true(asn_network_list_contains(&c->local_networks, &lo));
	g_assert_nonnull(c->flag_headers);
	g_assert_null(c->flag_headers[0]);
	g_assert_nonnull(c->host_names);
	g_assert_null(c->host_names[0]);
	g_assert_cmpstr(c->maildirs[1], ==, "/var/vmail/*/*/Maildir");
	g_assert_null(c->maildirs[2]);
	asn_config_free(c);
	asn_config_free(NULL);
}

static void
test_values(void)
{
	GError *error = NULL;
	AsnConfig *c = parse("# comment\r\n"
			     "[milter]\r\n"
			     "  socket = inet:10025@127.0.0.1  \n"
			     "local-networks = 10.0.0.0/8 ; 2001:db8::/32;\n"
			     "flag-headers=X-Spam-Flag: YES;"
			     "X-Spam-ASN: AS{asn} {prefix}\\; {score};\n"
			     "flagged-action=defer\n"
			     "\n"
			     "[mail]\n"
			     "maildirs=/a/..b/*/.Maildir/\n"
			     "junk-folders=.Junk E-mail\n"
			     "rescan-interval=1\n"
			     "[score]\n"
			     "half-life=0030.5\n"
			     "[milter]\n"
			     "trusted-relays=192.0.2.1",
	    &error);

	g_assert_no_error(error);
	g_assert_cmpstr(c->socket, ==, "inet:10025@127.0.0.1");
	g_assert_cmpuint(c->local_networks.n, ==, 2);
	g_assert_cmpuint(c->local_networks.nets[1].len, ==, 32);
	g_assert_cmpuint(c->trusted_relays.n, ==, 1);
	g_assert_cmpstr(c->flag_headers[0], ==, "X-Spam-Flag: YES");
	g_assert_cmpstr(
	    c->flag_headers[1], ==, "X-Spam-ASN: AS{asn} {prefix}; {score}");
	g_assert_null(c->flag_headers[2]);
	g_assert_cmpint(c->flagged_action, ==, ASN_ACTION_DEFER);
	g_assert_cmpstr(c->maildirs[0], ==, "/a/..b/*/.Maildir/");
	g_assert_cmpstr(c->junk_folders[0], ==, ".Junk E-mail");
	g_assert_null(c->junk_folders[1]);
	g_assert_cmpfloat(c->half_life, ==, 30.5 * 86400);
	asn_config_free(c);
}

static const struct {
	const char *text, *error; /* error: what the message must start with */
} refused[] = {
    {"[milter]\n\nsokcet=unix:/x\n", "t.conf:3: [milter] sokcet: no such key; "
				     "did you mean [milter] socket?"},
    {"[miltr]\n",
	"t.conf:1: [miltr]: no such group (there are [paths], [milter], "
	"[score], [mail] and [report]); did you mean [milter]?"},
    {"[milter]\nthreshold=0.9",
	"t.conf:2: [milter] threshold: no such key; did you mean [score] "
	"threshold?"},
    {"[milter]\nzzzzzzzzzzzzz=1",
	"t.conf:2: [milter] zzzzzzzzzzzzz: no such key"},
    {"socket=unix:/x", "t.conf:1: socket: no [group] before this key"},
    {"[milter\n", "t.conf:1: '[milter': a group is '[name]'"},
    {"[milter]\nhello\n", "t.conf:2: 'hello': a line is 'key = value'"},
    {"[milter]\nsocket=unix:/a\nsocket=unix:/b",
	"t.conf:3: [milter] socket: given twice"},
    {"[milter]\nsocket=tcp:1",
	"t.conf:2: [milter] socket: 'tcp:1': allowed are"},
    {"[milter]\nsocket=nocolon", "t.conf:2: [milter] socket: 'nocolon'"},
    {"[milter]\nsocket=unix:relative", "t.conf:2: [milter] socket: '"},
    {"[milter]\nsocket=inet:0@h", "t.conf:2: [milter] socket: '"},
    {"[milter]\nsocket=inet:25", "t.conf:2: [milter] socket: '"},
    {"[milter]\nsocket=inet:65536@h", "t.conf:2: [milter] socket: '"},
    {"[milter]\nsocket=fd:", "t.conf:2: [milter] socket: '"},
    {"[milter]\nsocket=", "t.conf:2: [milter] socket: ''"},
    {"[milter]\nlocal-networks=10.0.0.1/8",
	"t.conf:2: [milter] local-networks: '10.0.0.1/8': '10.0.0.1/8' has "
	"bits beyond its length; write '10.0.0.0/8'"},
    {"[milter]\nlocal-networks=10.0.0.0/8;x\xc3\xa4",
	"t.conf:2: [milter] local-networks: '10.0.0.0/8;x\\xc3\\xa4': "
	"'x\\xc3\\xa4' is no address or network"},
    {"[milter]\nflagged-action=drop",
	"t.conf:2: [milter] flagged-action: 'drop': allowed are accept, defer "
	"and reject"},
    {"[milter]\nflag-headers=X-ASN-Spam: Yes",
	"t.conf:2: [milter] flag-headers: 'X-ASN-Spam: Yes': X-ASN and "
	"X-ASN-*"},
    {"[milter]\nflag-headers=X-Foo: {asm}", "t.conf:2: [milter] flag-headers"},
    {"[milter]\nflag-headers=X-Foo: {", "t.conf:2: [milter] flag-headers"},
    {"[milter]\nflag-headers=X Foo: a", "t.conf:2: [milter] flag-headers"},
    {"[milter]\nflag-headers=X-Foo:", "t.conf:2: [milter] flag-headers"},
    {"[milter]\nflag-headers=X-Foo: a\\nBcc: b",
	"t.conf:2: [milter] flag-headers"},
    {"[milter]\nflag-headers=X-Foo: a\\q",
	"t.conf:2: [milter] flag-headers: 'X-Foo: a\\x5cq': no such escape"},
    {"[paths]\ndatabase-dir=var", "t.conf:2: [paths] database-dir: 'var': an "
				  "absolute path is needed"},
    {"[score]\nthreshold=1.01", "t.conf:2: [score] threshold: '1.01': allowed "
				"is a number from 0.5 to 1"},
    {"[score]\nthreshold=nan", "t.conf:2: [score] threshold: 'nan'"},
    {"[score]\nthreshold=0x1", "t.conf:2: [score] threshold: '0x1'"},
    {"[score]\nthreshold=0.9.", "t.conf:2: [score] threshold: '0.9.'"},
    {"[score]\nthreshold=0,9", "t.conf:2: [score] threshold: '0,9'"},
    {"[score]\nevidence=-1", "t.conf:2: [score] evidence: '-1'"},
    {"[score]\nhalf-life=0",
	"t.conf:2: [score] half-life: '0': allowed is a number of days from 1"},
    {"[mail]\nrescan-interval=1.5",
	"t.conf:2: [mail] rescan-interval: '1.5': allowed is a whole number"},
    {"[mail]\nrescan-interval=99999999999999999999999999",
	"t.conf:2: [mail] rescan-interval"},
    {"[mail]\njunk-folders=a/b", "t.conf:2: [mail] junk-folders: 'a/b'"},
    {"[mail]\nmaildirs=~/Maildir", "t.conf:2: [mail] maildirs: '~/Maildir'"},
    {"[mail]\nmaildirs=/a/../b", "t.conf:2: [mail] maildirs: '/a/../b': '.' "
				 "and '..' are not allowed in a pattern"},
    {"[mail]\nmaildirs=/a;/./b", "t.conf:2: [mail] maildirs: '/a;/./b': '.' "},
    {"[mail]\nmaildirs=/a/..", "t.conf:2: [mail] maildirs: '/a/..': '.' "},
    {"[mail]\nmaildirs=/", "t.conf:2: [mail] maildirs: '/': allowed are"},
    {"[mail]\nmaildirs=//", "t.conf:2: [mail] maildirs: '//': allowed are"},
    {"[milter]\ntrusted-relays=192.0.2.1;0.0.0.0/0",
	"t.conf:2: [milter] trusted-relays: '192.0.2.1;0.0.0.0/0': '0.0.0.0/0' "
	"is every address there is; name only networks of your own"},
    {"[milter]\ntrusted-relays=::/0",
	"t.conf:2: [milter] trusted-relays: '::/0': '::/0' is every address"},
    {"[milter]\ntrusted-relays=203.0.113.0/0",
	"t.conf:2: [milter] trusted-relays: '203.0.113.0/0': '203.0.113.0/0' "
	"is every"},
    {"[milter]\nlocal-networks=::ffff:0.0.0.0/96",
	"t.conf:2: [milter] local-networks: '::ffff:0.0.0.0/96': "
	"'::ffff:0.0.0.0/96' is every"},
    {"[mail]\nhost-names=a b", "t.conf:2: [mail] host-names: 'a b'"},
    {"[mail]\nhost-names=\xff", "t.conf:2: 'host-names=\\xff': not UTF-8"},
    {"[report]\nto=a(b@example.org",
	"t.conf:2: [report] to: 'a(b@example.org'"},
    {"[report]\nto=a@exa_mple.org", "t.conf:2: [report] to: 'a@exa_mple.org'"},
    {"[report]\nhide=Sub ject", "t.conf:2: [report] hide: 'Sub ject': allowed "
				"are names of header fields"},
};

static void
test_refused(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
		GError *error = NULL;

		g_test_message("case %" G_GSIZE_FORMAT, i);
		g_assert_null(parse(refused[i].text, &error));
		g_assert_error(error, ASN_CONFIG_ERROR, ASN_CONFIG_ERROR_VALUE);
		if (!g_str_has_prefix(error->message, refused[i].error))
			g_assert_cmpstr(error->message, ==, refused[i].error);
		g_error_free(error);
	}
}

/* As many entries as there may be, and one more; those without text are none.
 */
static void
test_many(void)
{
	static const struct {
		const char *key, *entry, *wrong;
	} cases[] = {
	    {"[milter]\ntrusted-relays=", "192.0.2.1;",
		"at most 1000 networks"},
	    {"[mail]\njunk-folders=", ".Junk;", "at most 1000 entries"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) text = g_string_new(cases[i].key);
		g_autoptr(GError) error = NULL;
		AsnConfig *c;

		for (guint n = 0; n < 1000; n++)
			g_string_append(text, cases[i].entry);
		g_string_append(text, " ; ;");
		c = parse(text->str, &error);
		g_assert_no_error(error);
		g_assert_cmpuint(i == 0 ? c->trusted_relays.n
					: g_strv_length(c->junk_folders),
		    ==, 1000);
		asn_config_free(c);
		g_string_append(text, cases[i].entry);
		g_assert_null(parse(text->str, &error));
		g_assert_nonnull(strstr(error->message, cases[i].wrong));
	}
}

static void
test_nul(void)
{
	GError *error = NULL;

	g_assert_null(asn_config_parse("[milter]\n\0x", 11, "t.conf", &error));
	g_assert_cmpstr(error->message, ==, "t.conf:2: NUL byte in the file");
	g_error_free(error);
}

static void
test_load(void)
{
	g_autofree char *dir = g_dir_make_tmp("t-config-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "asnd.conf", NULL);
	g_autofree char *start = g_strdup_printf("%s:1: ", path);
	GError *error = NULL;
	AsnConfig *c;

	g_assert_null(asn_config_load(path, &error));
	g_assert_error(error, ASN_CONFIG_ERROR, ASN_CONFIG_ERROR_READ);
	g_assert_nonnull(strstr(error->message, path));
	g_clear_error(&error);

	g_assert_true(g_file_set_contents(path, "x", -1, NULL));
	g_assert_null(asn_config_load(path, &error));
	g_assert_true(g_str_has_prefix(error->message, start));
	g_clear_error(&error);

	g_assert_true(
	    g_file_set_contents(path, "[score]\nevidence=3", -1, NULL));
	c = asn_config_load(path, &error);
	g_assert_no_error(error);
	g_assert_cmpfloat(c->thresholds.evidence, ==, 3);
	asn_config_free(c);
	g_unlink(path);
	g_rmdir(dir);
}

/* The table that the manual is held against: every default reads back as
 * what no file at all gives. */
static void
test_keys(void)
{
	gsize n;
	const AsnConfigKey *keys = asn_config_keys(&n);
	g_autoptr(GString) text = g_string_new(NULL);
	GError *error = NULL;

	g_assert_cmpuint(n, ==, 26);
	for (gsize i = 0; i < n; i++)
		g_string_append_printf(text, "[%s]\n%s=%s\n", keys[i].group,
		    keys[i].key, keys[i].fallback);
	AsnConfig *c = parse(text->str, &error);
	g_assert_no_error(error);
	asn_config_free(c);
}

static void
test_escape(void)
{
	char buf[ASN_ESCAPE_SIZE], all[101];

	g_assert_cmpstr(asn_escape(buf, "a\n\\\x7f\xff\0b", 7), ==,
	    "a\\x0a\\x5c\\x7f\\xff\\x00b");
	g_assert_cmpstr(asn_escape_str(buf, NULL), ==, "");
	memset(all, '\r', sizeof all);
	g_assert_cmpuint(
	    strlen(asn_escape(buf, all, sizeof all)), ==, sizeof buf - 1);
	g_assert_true(g_str_has_suffix(buf, "\\x0d..."));
	g_assert_cmpuint(strlen(asn_escape(buf, all, 100)), ==, 400);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/config/defaults", test_defaults);
	g_test_add_func("/config/values", test_values);
	g_test_add_func("/config/refused", test_refused);
	g_test_add_func("/config/many", test_many);
	g_test_add_func("/config/nul", test_nul);
	g_test_add_func("/config/load", test_load);
	g_test_add_func("/config/keys", test_keys);
	g_test_add_func("/escape", test_escape);
	return g_test_run();
}
