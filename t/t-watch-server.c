/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-watch-server.c: watch-server.h, against a scripted asnd-mailwatch. */

#include "watch-fixture.h"

/* --- what it does ----------------------------------------------------------
 */

static void
test_scan(Fixture *f, gconstpointer data)
{
	AsnWatchRead r;
	char name[256];

	hello(f);
	folder(f, 1, "");
	entry(f, 1, 100, "a:2,S", 1);
	entry(f, 1, 101, "b:2,S", 1);
	listed(f, 1);
	sync_now(f);
	g_assert_true(asked(f, &r, name));
	g_assert_cmpstr(name, ==, "a:2,S");
	g_assert_cmpuint(r.ino, ==, 100);
	g_assert_cmpuint(r.folder, ==, 1);
	g_assert_cmpuint(r.cur, ==, 1);
	answer(f, r.request, ASN_WATCH_OK, "Subject: a\n\n", SEALED, -1);
	g_assert_cmpstr(f->last_block, ==, "Subject: a\n\n");
	g_assert_false(asnd_watch_server_idle(f->server));
	g_assert_true(asked(f, &r, name));
	g_assert_cmpstr(name, ==, "b:2,S");
	answer(f, r.request, ASN_WATCH_OK, "", SEALED, -1);
	g_assert_false(asked(f, &r, name));
	g_assert_true(asnd_watch_server_idle(f->server));
	g_assert_cmpuint(f->blocks, ==, 2);
	g_assert_cmpuint(f->syncs, ==, 1);
	/* the same again, after a restart of asnd-mailwatch: nothing is read */
	close(f->peer);
	expect("it left");
	assert_hung_up(f);
	connect_peer(f);
	hello(f);
	folder(f, 9, "");
	entry(f, 9, 101, "b:2,S", 1);
	listed(f, 9);
	sync_now(f);
	g_assert_false(asked(f, &r, name));
	g_assert_true(asnd_watch_server_idle(f->server));
	g_assert_cmpuint(asnd_watch_server_reads(f->server), ==, 2);
	/* and what was not listed has no name any more */
	f->ev.now += ASND_GONE_GRACE + 1;
	asnd_mails_purge(f->ev.mails, f->ev.now);
	g_assert_cmpint(asnd_mails_count(f->ev.mails), ==, 1);
	/* a move of what was read is told at once */
	folder(f, 10, ".Junk");
	listed(f, 10);
	AsnWatchGone gone = {.folder = 9, .cur = 1};
	say(f, ASN_WATCH_GONE, &gone, sizeof gone, "b:2,S", -1);
	entry(f, 10, 101, "b:2,S", 0);
	settle();
	g_assert_cmpuint(f->moved, ==, 1);
}

/* A folder that went while asnd-mailwatch was away is not told of. */
static void
test_folder_lost(Fixture *f, gconstpointer data)
{
	AsnWatchRead r;
	char name[256];

	hello(f);
	folder(f, 1, "");
	entry(f, 1, 100, "a:2,S", 1);
	listed(f, 1);
	folder(f, 2, ".Old");
	entry(f, 2, 101, "b:2,S", 1);
	listed(f, 2);
	sync_now(f);
	while (asked(f, &r, name))
		;
	close(f->peer);
	expect("it left");
	assert_hung_up(f);
	connect_peer(f);
	hello(f);
	folder(f, 9, "");
	entry(f, 9, 100, "a:2,S", 1);
	listed(f, 9);
	settle();
	f->ev.now += ASND_GONE_GRACE + 1;
	asnd_mails_purge(f->ev.mails, f->ev.now);
	g_assert_cmpint(asnd_mails_count(f->ev.mails), ==, 2);
	/* nor may it be the one that could not be looked at */
	sync_but(f, 1);
	settle();
	f->ev.now += ASND_GONE_GRACE + 1;
	asnd_mails_purge(f->ev.mails, f->ev.now);
	g_assert_cmpint(asnd_mails_count(f->ev.mails), ==, 2);
	sync_now(f);
	settle();
	f->ev.now += ASND_GONE_GRACE + 1;
	asnd_mails_purge(f->ev.mails, f->ev.now);
	g_assert_cmpint(asnd_mails_count(f->ev.mails), ==, 1);
}

/* A Maildir whose file system is not mounted, or that we may not look into. */
static void
test_maildir_empty(Fixture *f, gconstpointer data)
{
	AsnWatchRead r;
	AsndMailRow row;
	char name[256];

	hello(f);
	folder(f, 1, "");
	entry(f, 1, 100, "a:2,S", 1);
	listed(f, 1);
	sync_now(f);
	while (asked(f, &r, name))
		;
	close(f->peer);
	expect("it left");
	assert_hung_up(f);
	connect_peer(f);
	hello(f);
	sync_now(f);
	settle();
	f->ev.now += ASND_GONE_GRACE + 1;
	asnd_mails_purge(f->ev.mails, f->ev.now);
	g_assert_true(asnd_mails_get(f->ev.mails, 1, &row));
	g_assert_cmpint(row.gone, ==, 0);
}

static void
test_read_fails(Fixture *f, gconstpointer data)
{
	AsnWatchRead r;
	char name[256];

	hello(f);
	folder(f, 1, "");
	entry(f, 1, 100, "a", 1);
	g_assert_true(asked(f, &r, name));
	answer(f, r.request, ASN_WATCH_MOVED, NULL, 0, 0);
	g_assert_false(asked(f, &r, name));
	/* asked again when it turns up */
	entry(f, 1, 100, "a", 1);
	g_assert_true(asked(f, &r, name));
	/* or when a scan is complete: it may have another name since */
	answer(f, r.request, ASN_WATCH_MOVED, NULL, 0, 0);
	g_assert_false(asked(f, &r, name));
	folder(f, 1, "");
	entry(f, 1, 100, "b", 1);
	g_assert_true(asked(f, &r, name));
	g_assert_cmpstr(name, ==, "a");
	answer(f, r.request, ASN_WATCH_MOVED, NULL, 0, 0);
	g_assert_false(asked(f, &r, name));
	listed(f, 1);
	sync_now(f);
	g_assert_true(asked(f, &r, name));
	g_assert_cmpstr(name, ==, "b");
	answer(f, r.request, ASN_WATCH_REFUSED, NULL, 0, 0);
	entry(f, 1, 100, "b", 1);
	g_assert_false(asked(f, &r, name));
	g_assert_true(CONNECTED());
	g_assert_cmpuint(f->blocks, ==, 0);
}

/* The file got another time while its block was on the way: whether it is that
 * of the old file or of the new one nobody knows. */
static void
test_read_displaced(Fixture *f, gconstpointer data)
{
	const AsnWatchEntry other = {.dev = 1,
	    .ino = 100,
	    .mtime = EV_NOW - 50,
	    .ctime = EV_NOW - 50,
	    .folder = 1,
	    .cur = 1};
	AsnWatchRead first, second;
	char name[256];

	hello(f);
	folder(f, 1, "");
	entry(f, 1, 100, "a", 0);
	g_assert_true(asked(f, &first, name));
	say(f, ASN_WATCH_ENTRY, &other, sizeof other, "a", -1);
	answer(f, first.request, ASN_WATCH_OK, "A: b\n\n", SEALED, -1);
	g_assert_cmpuint(f->blocks, ==, 0);
	g_assert_true(asked(f, &second, name));
	answer(f, second.request, ASN_WATCH_OK, "A: b\n\n", SEALED, -1);
	g_assert_cmpuint(f->blocks, ==, 1);
}

/* Never more than ASN_WATCH_MAX_READS are out; one user's flood does not
 * keep another waiting. */
static void
test_flood(Fixture *f, gconstpointer data)
{
	AsnWatchMaildir other = {.id = 8};
	AsnWatchFolder inbox = {.id = 2, .maildir = 8};
	AsnWatchRead r;
	char name[256];
	guint n = 0, seen = 0;

	hello(f);
	folder(f, 1, "");
	for (guint i = 0; i < 5000; i++) {
		g_autofree char *file = g_strdup_printf("flood-%u", i);

		entry(f, 1, 1000 + i, file, 0);
	}
	say(f, ASN_WATCH_MAILDIR, &other, sizeof other, "/v/b/Maildir", -1);
	say(f, ASN_WATCH_FOLDER, &inbox, sizeof inbox, "", -1);
	entry(f, 2, 99999, "other", 0);
	settle();
	GQueue out = G_QUEUE_INIT;
	while (asked(f, &r, name)) {
		g_queue_push_tail(&out, g_memdup2(&r, sizeof r));
		n++;
	}
	g_assert_cmpuint(n, ==, ASN_WATCH_MAX_READS);
	while (!g_queue_is_empty(&out)) {
		g_autofree AsnWatchRead *one = g_queue_pop_head(&out);

		answer(f, one->request, ASN_WATCH_OK, "A: b\n\n", SEALED, -1);
		while (asked(f, &r, name)) {
			n++;
			if (strcmp(name, "other") == 0)
				seen = n;
			g_queue_push_tail(&out, g_memdup2(&r, sizeof r));
		}
		g_assert_cmpuint(
		    g_queue_get_length(&out), <=, ASN_WATCH_MAX_READS);
	}
	/* first the mails of the flood that were out and its share */
	g_assert_cmpuint(seen, <=, 64 + 64 + 1);
	g_assert_cmpuint(seen, >, 0);
	g_assert_cmpuint(f->blocks, ==, 5001);
}

/* --- what it does when something goes ---------------------------------------
 */

static void
test_store_fails(Fixture *f, gconstpointer data)
{
	/* the handler says why */
	f->store_ok = FALSE;
	hello(f);
	assert_hung_up(f);
}

static void
test_replaced(Fixture *f, gconstpointer data)
{
	int old = f->peer;
	char c;

	hello(f);
	settle();
	g_test_expect_message(
	    "asnd", G_LOG_LEVEL_MESSAGE, "another asnd-mailwatch*");
	connect_peer(f);
	g_test_assert_expected_messages();
	g_assert_cmpint(recv(old, &c, 1, 0), ==, 0);
	close(old);
	hello(f);
	settle();
	g_assert_true(CONNECTED());
}

/* --- the socket -------------------------------------------------------------
 */

static int
try_connect(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	g_strlcpy(sun.sun_path, path, sizeof sun.sun_path);
	g_assert_cmpint(
	    connect(fd, (struct sockaddr *)&sun, sizeof sun), ==, 0);
	return fd;
}

static void
test_listen(Fixture *f, gconstpointer data)
{
	static const AsndWatchHandler handler = {
	    on_now, on_moved, on_block, on_sync, on_turn};
	g_autoptr(GError) error = NULL;
	const char *path = f->config.watch_socket;
	AsndWatchServer *second;
	struct stat st;
	int fd;

	g_assert_true(asnd_watch_server_listen(f->server, &error));
	g_assert_no_error(error);
	g_assert_cmpint(stat(path, &st), ==, 0);
	g_assert_cmpuint(st.st_mode & 07777, ==, 0660);
	/* in use: refused, and left alone */
	second = asnd_watch_server_new(&f->config, f->ev.mails, &handler, f);
	g_assert_false(asnd_watch_server_listen(second, &error));
	g_assert_nonnull(strstr(error->message, "another asnd listens"));
	g_clear_error(&error);
	asnd_watch_server_free(second);
	g_assert_cmpint(stat(path, &st), ==, 0);
	/* our own uid may come in, and replaces the one that is there */
	g_test_expect_message("asnd", G_LOG_LEVEL_MESSAGE, "another*");
	g_test_expect_message("asnd", G_LOG_LEVEL_MESSAGE, "*is connected");
	fd = try_connect(path);
	settle();
	g_test_assert_expected_messages();
	close(f->peer);
	f->peer = fd;
	hello(f);
	settle();
	g_assert_true(CONNECTED());
}

static void
test_stale(Fixture *f, gconstpointer data)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	g_autoptr(GError) error = NULL;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	g_strlcpy(sun.sun_path, f->config.watch_socket, sizeof sun.sun_path);
	g_assert_cmpint(bind(fd, (struct sockaddr *)&sun, sizeof sun), ==, 0);
	listen(fd, 1);
	close(fd); /* as kill -9 leaves it */
	g_assert_true(asnd_watch_server_listen(f->server, &error));
	g_assert_no_error(error);
}

/* Who takes nothing for a while is asked again when there is room. */
static void
test_full(Fixture *f, gconstpointer data)
{
	const guint n = 60;
	const int least = 1;
	g_autofree char *tail = g_strnfill(200, 'x');
	AsnWatchRead r;
	char name[256];
	int fds[2];

	expect("for a test");
	asnd_watch_server_hang_up(f->server, "for a test");
	close(f->peer);
	g_assert_cmpint(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), ==, 0);
	g_assert_cmpint(
	    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof least), ==,
	    0);
	f->peer = fds[1];
	asnd_watch_server_attach(f->server, fds[0]);
	hello(f);
	folder(f, 1, "");
	for (guint i = 0; i < n; i++) {
		g_snprintf(name, sizeof name, "%u%s", i, tail);
		entry(f, 1, 100 + i, name, 1);
	}
	settle();
	g_assert_false(asnd_watch_server_idle(f->server));
	for (guint i = 0; i < n; i++) {
		g_assert_true(asked(f, &r, name));
		answer(f, r.request, ASN_WATCH_OK, "A: b\n\n", SEALED, -1);
	}
	g_assert_false(asked(f, &r, name));
	g_assert_true(CONNECTED());
	g_assert_cmpuint(f->blocks, ==, n);
}

/* None fits: no socket, and it is said how long it may be. */
static void
test_no_place(Fixture *f, gconstpointer data)
{
	g_autofree char *tail = g_strnfill(120, 'x');
	const char *places[] = {tail, "no-such/sock"};
	const char *why[] = {"107 bytes", "No such file"};

	for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autoptr(GError) error = NULL;

		g_free(f->config.watch_socket);
		f->config.watch_socket =
		    g_build_filename(f->ev.dir, places[i], NULL);
		g_assert_false(asnd_watch_server_listen(f->server, &error));
		g_assert_nonnull(strstr(error->message, why[i]));
		g_assert_nonnull(
		    strstr(error->message, f->config.watch_socket));
	}
}

static void
test_not_a_socket(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	const char *path = f->config.watch_socket;

	g_assert_true(g_file_set_contents(path, "precious", -1, NULL));
	g_assert_false(asnd_watch_server_listen(f->server, &error));
	g_assert_nonnull(strstr(error->message, "something else"));
	g_assert_true(g_file_test(path, G_FILE_TEST_IS_REGULAR));
}

/* What goes on failing is said once, until a scan went well. */
static void
test_said_once(Fixture *f, gconstpointer data)
{
	for (int i = 0; i < 3; i++) {
		hello(f);
		settle();
		close(f->peer);
		if (i == 0)
			expect("it left");
		assert_hung_up(f);
		connect_peer(f);
	}
	hello(f);
	sync_now(f);
	settle();
	close(f->peer);
	expect("it left");
	assert_hung_up(f);
	connect_peer(f);
}

#define ADD(name, fn)                                                          \
	g_test_add("/watch-server/" name, Fixture, NULL, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("scan", test_scan);
	ADD("folder-lost", test_folder_lost);
	ADD("maildir-empty", test_maildir_empty);
	ADD("read-fails", test_read_fails);
	ADD("read-displaced", test_read_displaced);
	ADD("flood", test_flood);
	ADD("store-fails", test_store_fails);
	ADD("replaced", test_replaced);
	ADD("listen", test_listen);
	ADD("stale", test_stale);
	ADD("full", test_full);
	ADD("no-place", test_no_place);
	ADD("not-a-socket", test_not_a_socket);
	ADD("said-once", test_said_once);
	return g_test_run();
}
