/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-lookup.c: asnctl lookup on databases made here. */

#include <glib/gstdio.h>
#include <string.h>
#include <sysexits.h>

#include "mmdb-write.h"
#include "reputation.h"

typedef struct {
	char *dir;
} Fixture;

static AsnNetwork
network(const char *text)
{
	AsnNetwork net;

	g_assert_true(asn_network_parse(text, strlen(text), &net));
	return net;
}

static void
save(const char *dir, const char *name, GBytes *bytes)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	g_autoptr(GError) error = NULL;
	gsize len;
	const char *data = g_bytes_get_data(bytes, &len);

	g_file_set_contents(path, data, (gssize)len, &error);
	g_assert_no_error(error);
}

/* --- networks.mmdb
 * ------------------------------------------------------------ */

static void
put_key(AsnMmdbWriter *w, const char *text)
{
	asn_mmdb_put_shared_string(w, text, strlen(text));
}

static void
add_network(AsnMmdbWriter *w, const char *text, guint32 asn, const char *org,
    const char *country)
{
	AsnNetwork net = network(text);
	guint32 at;
	g_autoptr(GError) error = NULL;

	at = asn_mmdb_writer_tell(w);
	asn_mmdb_put_map(w, org ? 4 : 3);
	put_key(w, "autonomous_system_number");
	asn_mmdb_put_uint32(w, asn);
	if (org != NULL) {
		put_key(w, "autonomous_system_organization");
		put_key(w, org);
	}
	put_key(w, "country");
	put_key(w, country);
	put_key(w, "prefix_length");
	asn_mmdb_put_uint16(w, net.len);
	asn_mmdb_writer_add(w, &net, at, &error);
	g_assert_no_error(error);
}

static void
save_networks(const char *dir)
{
	const AsnMmdbWriterOptions options = {
	    .database_type = ASN_NETWORKS_TYPE,
	    .description = "test",
	    .build_epoch = 1700000000};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&options);
	g_autoptr(GError) error = NULL;

	add_network(w, "192.0.2.0/24", 64496, "Example\033[31m Networks", "AA");
	add_network(w, "198.51.100.0/25", 64496, NULL, "BB");
	add_network(w, "2001:db8::/32", 64497, "Other", "BB");
	g_autoptr(GBytes) bytes = asn_mmdb_writer_finish(w, &error);
	g_assert_no_error(error);
	save(dir, ASN_NETWORKS_FILE, bytes);
	asn_mmdb_writer_free(w);
}

/* --- reputation.mmdb
 * ---------------------------------------------------------- */

static AsnOriginKey
key_of(const char *addr)
{
	AsnOriginKey key = {
	    .prefix = network("192.0.2.0/24"), .asn = 64496, .country = "AA"};

	g_assert_true(asn_addr_parse(addr, strlen(addr), &key.addr));
	return key;
}

static void
save_reputation(const char *dir)
{
	AsnModel *model = asn_model_new(&asn_model_defaults);
	const double now = (double)g_get_real_time() / 1e6;
	const AsnReputationBuild b = {
	    .base_id = 3, .weights_time = (gint64)now};
	AsnOriginKey bad = key_of("192.0.2.7"), good = {.country = "CC"};
	g_autoptr(GError) error = NULL;

	g_assert_true(asn_addr_parse("203.0.113.1", 11, &good.addr));
	for (guint i = 0; i < 60; i++)
		asn_model_learn(model, &good, now, FALSE, 1, 1);
	for (guint i = 0; i < 20; i++)
		asn_model_learn(model, &bad, now, TRUE, 1, 1 + i % 2);
	g_autoptr(GBytes) base = asn_reputation_build_base(model, &b, &error);
	g_assert_no_error(error);
	save(dir, ASN_REPUTATION_FILE, base);
	asn_model_advance(model);
	bad = key_of("192.0.2.9");
	asn_model_learn(model, &bad, now, TRUE, 1, 1);
	g_autoptr(GBytes) recent =
	    asn_reputation_build_recent(model, &b, &error);
	g_assert_no_error(error);
	save(dir, ASN_RECENT_FILE, recent);
	asn_model_free(model);
}

static void
set_up(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	f->dir = g_dir_make_tmp("t-lookup-XXXXXX", &error);
	g_assert_no_error(error);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	static const char *const names[] = {ASN_NETWORKS_FILE,
	    ASN_REPUTATION_FILE, ASN_RECENT_FILE, "asnd.conf"};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path =
		    g_build_filename(f->dir, names[i], NULL);
		g_unlink(path);
	}
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->dir);
}

/* Runs asnctl lookup --db DIR ARGUMENTS; returns its exit code. */
static int
lookup(const Fixture *f, const char *arguments, char **out, char **err)
{
	g_autofree char *asnctl =
	    g_test_build_filename(G_TEST_BUILT, "..", "asnctl", "asnctl", NULL);
	g_autofree char *command = g_strdup_printf("'%s' lookup --db '%s' %s",
	    asnctl, f ? f->dir : "/nonexistent", arguments);
	g_autoptr(GError) error = NULL;
	int status;

	g_spawn_command_line_sync(command, out, err, &status, &error);
	g_assert_no_error(error);
	g_assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
assert_has(const char *text, const char *const *parts)
{
	for (; *parts != NULL; parts++)
		if (!g_regex_match_simple(*parts, text, G_REGEX_MULTILINE, 0))
			g_error("no \"%s\" in:\n%s", *parts, text);
}

static void
test_address(Fixture *f, gconstpointer data)
{
	static const char *const parts[] = {"^192\\.0\\.2\\.7$",
	    "holder +AS64496 Example\\\\x1b\\[31m Networks$", "country +AA$",
	    "prefix +192\\.0\\.2\\.0/24$",
	    "^  all mail +\\* +[0-9.]+ +[0-9.]+ +0\\.\\d{4} +[-+][0-9.]+$",
	    "^  AS +AS64496 ",
	    "^  address +192\\.0\\.2\\.7/32 +20\\.00 +0\\.00 ",
	    "score +0\\.99\\d\\d$", "flagged +yes ",
	    "decided by  (AS|prefix|block|address) ", "evidence +20\\.00 ",
	    "one user's reports are enough", "warm +yes",
	    "effective different sources, not mail counts",
	    "databases +networks 2023-11-14T22:13:20Z, reputation 20", NULL};
	g_autofree char *out = NULL, *err = NULL;

	save_networks(f->dir);
	save_reputation(f->dir);
	g_assert_cmpint(lookup(f, "192.0.2.7", &out, &err), ==, EX_OK);
	g_assert_cmpstr(err, ==, "");
	assert_has(out, parts);
	/* Not a terminal: no colour. */
	g_assert_null(strchr(out, '\033'));
}

static void
test_as(Fixture *f, gconstpointer data)
{
	static const char *const parts[] = {"^AS64496$",
	    "holder +AS64496 Example",
	    "country +AA +256 IPv4 addresses, 0 IPv6 networks",
	    "^ +BB +128 IPv4 addresses", "for a new address there", "^AS64499$",
	    "no known network belongs to it", NULL};
	g_autofree char *out = NULL, *err = NULL;

	save_networks(f->dir);
	save_reputation(f->dir);
	g_assert_cmpint(lookup(f, "AS64496 as64499", &out, &err), ==, EX_OK);
	assert_has(out, parts);
	g_assert_null(strstr(out, "block"));
}

static void
test_json(Fixture *f, gconstpointer data)
{
	static const char *const parts[] = {
	    "^\\{\"address\": \"192.0.2.9\", \"asn\": 64496, \"holder\": "
	    "\"Example\\\\u001b\\[31m Networks\", \"country\": \"AA\", "
	    "\"prefix\": \"192.0.2.0/24\", \"known\": true, \"levels\": \\[",
	    "\\{\"level\": \"address\", \"key\": \"192.0.2.9/32\", \"spam\": "
	    "(0\\.9999|1)[0-9]*, \"ham\": 0, \"theta\": 0\\.\\d+, \"change\": "
	    "[-0-9.e]+, \"enough_reporters\": true\\}\\]",
	    "\"flag\": true", "\"threshold\": 0.9, ",
	    "^\\{\"asn\": 64497, .*\"countries\": \\[\\{\"country\": \"BB\"",
	    NULL};
	g_autofree char *out = NULL, *err = NULL;

	save_networks(f->dir);
	save_reputation(f->dir);
	g_assert_cmpint(
	    lookup(f, "--json 192.0.2.9 AS64497", &out, &err), ==, EX_OK);
	assert_has(out, parts);
	g_assert_cmpstr(err, ==, "");
}

static void
test_missing(Fixture *f, gconstpointer data)
{
	static const char *const none[] = {"networks\\.mmdb: .*asnctl import",
	    "reputation\\.mmdb: .*no score", NULL};
	static const char *const owner[] = {"holder +AS64496", NULL};
	static const char *const score[] = {"^  address +192\\.0\\.2\\.7/32",
	    "networks missing, reputation 20", NULL};
	static const char *const broken[] = {
	    "recent\\.mmdb: offset \\d+: ", NULL};
	g_autofree char *path = g_build_filename(f->dir, ASN_RECENT_FILE, NULL);
	g_autofree char *networks =
	    g_build_filename(f->dir, ASN_NETWORKS_FILE, NULL);
	g_autofree char *out = NULL, *err = NULL;

	g_assert_cmpint(lookup(f, "192.0.2.7", &out, &err), ==, EX_NOINPUT);
	assert_has(err, none);
	g_clear_pointer(&out, g_free);
	g_clear_pointer(&err, g_free);

	save_networks(f->dir);
	g_assert_cmpint(lookup(f, "192.0.2.7", &out, &err), ==, EX_NOINPUT);
	assert_has(out, owner);
	assert_has(err, none + 1);
	g_clear_pointer(&out, g_free);
	g_clear_pointer(&err, g_free);

	save_reputation(f->dir);
	g_assert_true(g_file_set_contents(path, "x", 1, NULL));
	g_assert_cmpint(lookup(f, "192.0.2.7", &out, &err), ==, EX_DATAERR);
	assert_has(err, broken);
	g_clear_pointer(&out, g_free);
	g_clear_pointer(&err, g_free);

	g_unlink(networks);
	g_unlink(path);
	g_assert_cmpint(lookup(f, "192.0.2.7", &out, &err), ==, EX_NOINPUT);
	assert_has(out, score);
}

/* What is broken is there: it is not called missing. */
static void
test_broken(Fixture *f, gconstpointer data)
{
	static const char *const files[] = {
	    ASN_NETWORKS_FILE, ASN_REPUTATION_FILE};
	static const char *const shown[] = {"networks broken, reputation 20",
	    "networks 20.*, reputation broken"};

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path =
		    g_build_filename(f->dir, files[i], NULL);
		g_autofree char *reason = g_strdup_printf(
		    "^asnctl lookup: /.*/%s: offset \\d+: \\w", files[i]);
		const char *const out_parts[] = {shown[i], NULL};
		const char *const err_parts[] = {reason, NULL};
		g_autofree char *out = NULL, *err = NULL;

		save_networks(f->dir);
		save_reputation(f->dir);
		g_assert_true(g_file_set_contents(path, "x", 1, NULL));
		g_assert_cmpint(
		    lookup(f, "192.0.2.7", &out, &err), ==, EX_DATAERR);
		assert_has(out, out_parts);
		assert_has(err, err_parts);
	}
}

static void
test_bad_use(Fixture *f, gconstpointer data)
{
	static const struct {
		const char *arguments;
		int code;
	} cases[] = {
	    {"", EX_USAGE},
	    {"192.0.2.256", EX_USAGE},
	    {"AS0", EX_USAGE},
	    {"192.0.2.1/24", EX_USAGE},
	    {"--nonsense 192.0.2.1", EX_USAGE},
	    {"192.0.2.1 mail.example.org", EX_USAGE},
	    {"--config /nonexistent/asnd.conf 192.0.2.1", EX_CONFIG},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *out = NULL, *err = NULL;

		g_test_message("%s", cases[i].arguments);
		g_assert_cmpint(lookup(f, cases[i].arguments, &out, &err), ==,
		    cases[i].code);
		g_assert_cmpstr(out, ==, "");
		g_assert_true(g_str_has_prefix(err, "asnctl lookup: "));
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, fn)                                                          \
	g_test_add("/lookup/" path, Fixture, NULL, set_up, fn, tear_down)
	ADD("address", test_address);
	ADD("as", test_as);
	ADD("json", test_json);
	ADD("missing", test_missing);
	ADD("broken", test_broken);
	ADD("bad-use", test_bad_use);
	return g_test_run();
}
