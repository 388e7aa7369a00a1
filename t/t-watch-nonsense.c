/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-watch-nonsense.c: watch-server.h, against a peer that lies. */

#include "watch-fixture.h"

static void
test_no_greeting(Fixture *f, gconstpointer data)
{
	expect("no greeting");
	sync_now(f);
	assert_hung_up(f);
}

static void
test_version(Fixture *f, gconstpointer data)
{
	AsnWatchHello h = {ASN_WATCH_VERSION + 1};

	expect("another version");
	say(f, ASN_WATCH_HELLO, &h, sizeof h, NULL, -1);
	assert_hung_up(f);
}

static void
test_unknown_ids(Fixture *f, gconstpointer data)
{
	hello(f);
	expect("unknown folder");
	entry(f, 77, 1, "a", 1);
	assert_hung_up(f);
	close(f->peer);
	connect_peer(f);
	hello(f);
	AsnWatchFolder msg = {.id = 1, .maildir = 8};
	expect("unknown Maildir");
	say(f, ASN_WATCH_FOLDER, &msg, sizeof msg, "", -1);
	assert_hung_up(f);
	close(f->peer);
	connect_peer(f);
	hello(f);
	expect("unknown folder");
	listed(f, 3);
	assert_hung_up(f);
}

/* Each is well formed, and nothing that an asnd-mailwatch says. */
static void
test_unsaid(Fixture *f, gconstpointer data)
{
	const AsnWatchMaildir maildir = {.id = 8, .uid = 1000};
	const AsnWatchGone gone = {.folder = 3},
			   neither = {.folder = 1, .cur = 2};
	const AsnWatchReported nobody = {.request = 1};
	const AsnWatchRead ask = {.request = 1, .folder = 1};
	const struct {
		const char *why, *name;
		AsnWatchType type;
		const void *fixed;
		gsize len;
	} cases[] = {
	    {"malformed", "home/a", ASN_WATCH_MAILDIR, &maildir,
		sizeof maildir},
	    {"gone from an unknown folder", "a", ASN_WATCH_GONE, &gone,
		sizeof gone},
	    {"nobody asked for", NULL, ASN_WATCH_REPORTED, &nobody,
		sizeof nobody},
	    {"only asnd sends", "a", ASN_WATCH_READ, &ask, sizeof ask},
	    /* not right behind the other one: said once */
	    {"gone from an unknown folder", "a", ASN_WATCH_GONE, &neither,
		sizeof neither},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		hello(f);
		folder(f, 1, "");
		expect(cases[i].why);
		say(f, cases[i].type, cases[i].fixed, cases[i].len,
		    cases[i].name, -1);
		assert_hung_up(f);
		close(f->peer);
		connect_peer(f);
	}
}

static void
test_malformed(Fixture *f, gconstpointer data)
{
	hello(f);
	settle();
	expect("malformed");
	g_assert_cmpint(send(f->peer, "nonsense", 8, 0), ==, 8);
	assert_hung_up(f);
}

static void
test_bad_blocks(Fixture *f, gconstpointer data)
{
	static const struct {
		const char *warning;
		guint32 request_off;
		int seals;
		gint64 len;
		gboolean no_fd;
	} bad[] = {
	    {"nobody asked for", 1000, SEALED, -1, FALSE},
	    {"not sealed", 0, 0, -1, FALSE},
	    {"not sealed", 0, F_SEAL_SHRINK | F_SEAL_GROW, -1, FALSE},
	    {"not sealed", 0, F_SEAL_WRITE | F_SEAL_GROW, -1, FALSE},
	    {"not sealed", 0, 0, 5, TRUE},
	    {"another size", 0, SEALED, 3, FALSE},
	    {"another size", 0, SEALED, ASN_WATCH_BLOCK_MAX + 1, FALSE},
	};
	AsnWatchRead r;
	char name[256];

	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		hello(f);
		folder(f, 1, "");
		entry(f, 1, 100, "a", 1);
		g_assert_true(asked(f, &r, name));
		/* said once in a row */
		if (i == 0 || strcmp(bad[i].warning, bad[i - 1].warning) != 0)
			expect(bad[i].warning);
		answer(f, r.request + bad[i].request_off, ASN_WATCH_OK,
		    bad[i].no_fd ? NULL : "A: b\n\n", bad[i].seals, bad[i].len);
		assert_hung_up(f);
		g_assert_cmpuint(f->blocks, ==, 0);
		close(f->peer);
		connect_peer(f);
	}
	/* and it is asked for again */
	hello(f);
	folder(f, 1, "");
	entry(f, 1, 100, "a", 1);
	g_assert_true(asked(f, &r, name));
}

#define ADD(name, fn)                                                          \
	g_test_add(                                                            \
	    "/watch-nonsense/" name, Fixture, NULL, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("no-greeting", test_no_greeting);
	ADD("version", test_version);
	ADD("unknown-ids", test_unknown_ids);
	ADD("unsaid", test_unsaid);
	ADD("malformed", test_malformed);
	ADD("bad-blocks", test_bad_blocks);
	return g_test_run();
}
