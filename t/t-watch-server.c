/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-watch-server.c: watch-server.h, against a scripted asnd-mailwatch. */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "evidence.h"
#include "watch-server.h"

typedef struct {
	Evidence ev;
	AsnConfig config;
	AsndWatchServer *server;
	int peer;
	guint moved, blocks, syncs, turns;
	gboolean store_ok;
	char last_block[64];
	gint64 last_mail;
} Fixture;

static gint64
on_now(gpointer data)
{
	return ((Fixture *)data)->ev.now;
}

static void
on_moved(AsndMailRow *row, gpointer data)
{
	Fixture *f = data;

	f->moved++;
	row->pending = FALSE;
	asnd_mails_save(f->ev.mails, row);
}

static void
on_block(AsndMailRow *row, const char *block, gsize len, gpointer data)
{
	Fixture *f = data;

	f->blocks++;
	f->last_mail = row->id;
	memset(f->last_block, 0, sizeof f->last_block);
	memcpy(f->last_block, block, MIN(len, sizeof f->last_block - 1));
	row->state = ASND_MAIL_READ;
	row->pending = FALSE;
	asnd_mails_save(f->ev.mails, row);
}

static void
on_sync(const AsnWatchSync *sync, gpointer data)
{
	((Fixture *)data)->syncs++;
}

static gboolean
on_turn(gpointer data)
{
	Fixture *f = data;

	f->turns++;
	return f->store_ok && asnd_store_commit(f->ev.store);
}

static char junk[] = ".Junk", trash[] = ".Trash";
static char *junks[] = {junk, NULL}, *trashes[] = {trash, NULL};

static void
connect_peer(Fixture *f)
{
	int fds[2];

	g_assert_cmpint(
	    socketpair(
		AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
	    ==, 0);
	f->peer = fds[1];
	asnd_watch_server_attach(f->server, fds[0]);
}

static void
set_up(Fixture *f, gconstpointer data)
{
	static const AsndWatchHandler handler = {
	    on_now, on_moved, on_block, on_sync, on_turn};

	ev_init(&f->ev, FALSE);
	f->store_ok = TRUE;
	f->config.junk_folders = junks;
	f->config.trash_folders = trashes;
	f->config.watch_socket = g_build_filename(f->ev.dir, "sock", NULL);
	f->server = asnd_watch_server_new(&f->config, f->ev.mails, &handler, f);
	connect_peer(f);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	asnd_watch_server_free(f->server);
	close(f->peer);
	g_free(f->config.watch_socket);
	ev_clear(&f->ev);
}

/* Lets the server work off what was sent. */
static void
settle(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void
say(Fixture *f, AsnWatchType type, const void *fixed, gsize len,
    const char *name, int fd)
{
	while (asn_watch_send(f->peer, type, fixed, len, name,
		   name ? strlen(name) : 0, fd) != 0) {
		g_assert_cmpint(errno, ==, EAGAIN);
		settle();
	}
}

static void
hello(Fixture *f)
{
	AsnWatchHello h = {ASN_WATCH_VERSION};
	AsnWatchMaildir m = {.id = 7, .uid = 1000};

	say(f, ASN_WATCH_HELLO, &h, sizeof h, NULL, -1);
	say(f, ASN_WATCH_MAILDIR, &m, sizeof m, "/v/a/Maildir", -1);
}

static void
folder(Fixture *f, guint32 id, const char *name)
{
	AsnWatchFolder msg = {.id = id, .maildir = 7};

	say(f, ASN_WATCH_FOLDER, &msg, sizeof msg, name, -1);
}

static void
listed(Fixture *f, guint32 id)
{
	AsnWatchId msg = {id};

	say(f, ASN_WATCH_FOLDER_LISTED, &msg, sizeof msg, NULL, -1);
}

/* scan: it was listed; else something happened to it. */
static void
entry(Fixture *f, guint32 folder_id, guint64 ino, const char *name, guint8 scan)
{
	AsnWatchEntry e = {.dev = 1,
	    .ino = ino,
	    .mtime = EV_NOW - 100,
	    .ctime = EV_NOW - 100,
	    .scan = scan,
	    .folder = folder_id,
	    .cur = 1};

	say(f, ASN_WATCH_ENTRY, &e, sizeof e, name, -1);
}

static void
sync_now(Fixture *f)
{
	AsnWatchSync s = {0};

	say(f, ASN_WATCH_SYNC, &s, sizeof s, NULL, -1);
}

/* The next READ that asnd sent; FALSE: none. */
static gboolean
asked(Fixture *f, AsnWatchRead *read, char name[256])
{
	static guint64 buf[ASN_WATCH_MAX_PACKET / 8];
	AsnWatchPacket p;
	gssize n;
	int fd;

	settle();
	n = asn_watch_recv(f->peer, buf, sizeof buf, &fd);
	if (n <= 0)
		return FALSE;
	g_assert_true(asn_watch_parse(buf, (gsize)n, &p));
	g_assert_cmpint(p.type, ==, ASN_WATCH_READ);
	memcpy(read, p.fixed, sizeof *read);
	memcpy(name, p.name, p.name_len);
	name[p.name_len] = '\0';
	return TRUE;
}

static int
memfd(const char *text, int seals)
{
	int fd = memfd_create("block", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	gsize len = strlen(text);

	g_assert_cmpint(write(fd, text, len), ==, (gssize)len);
	g_assert_cmpint(fcntl(fd, F_ADD_SEALS, seals), ==, 0);
	return fd;
}

#define SEALED (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void
answer(Fixture *f, guint32 request, guint32 status, const char *text, int seals,
    gint64 len)
{
	AsnWatchBlock b = {.request = request,
	    .status = status,
	    .len = len >= 0 ? (guint64)len : strlen(text),
	    .complete = 1};
	int fd = text ? memfd(text, seals) : -1;

	say(f, ASN_WATCH_BLOCK, &b, sizeof b, NULL, fd);
	if (fd >= 0)
		close(fd);
	settle();
}

#define CONNECTED() asnd_watch_server_connected(f->server)

static void
assert_hung_up(Fixture *f)
{
	settle();
	g_assert_false(CONNECTED());
	g_test_assert_expected_messages();
}

static void
expect(const char *text)
{
	g_autofree char *pattern = g_strdup_printf("hanging up on*%s*", text);

	g_test_expect_message("asnd", G_LOG_LEVEL_WARNING, pattern);
}

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
	answer(f, r.request, ASN_WATCH_REFUSED, NULL, 0, 0);
	entry(f, 1, 100, "a", 1);
	g_assert_false(asked(f, &r, name));
	g_assert_true(CONNECTED());
	g_assert_cmpuint(f->blocks, ==, 0);
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

/* --- nonsense ---------------------------------------------------------------
 */

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

#define ADD(name, fn)                                                          \
	g_test_add("/watch-server/" name, Fixture, NULL, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("scan", test_scan);
	ADD("read-fails", test_read_fails);
	ADD("flood", test_flood);
	ADD("no-greeting", test_no_greeting);
	ADD("version", test_version);
	ADD("unknown-ids", test_unknown_ids);
	ADD("malformed", test_malformed);
	ADD("bad-blocks", test_bad_blocks);
	ADD("store-fails", test_store_fails);
	ADD("replaced", test_replaced);
	ADD("listen", test_listen);
	ADD("stale", test_stale);
	ADD("not-a-socket", test_not_a_socket);
	return g_test_run();
}
