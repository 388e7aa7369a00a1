/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-watch-mailwatch.c: asnd-mailwatch, which sees everybody's mail, with an
 * asnd that asks for anything, and with events of any name.
 *
 * Beside the Maildir stand files that no pattern names; links of the user's
 * lead there.  Not one byte of those may come out.  The input is a list of
 * packets and events, see play().
 *
 * Covers: asnd/mailwatch-conn.c asnd/mailwatch-read.c asnd/mailwatch-report.c
 * asnd/mailwatch-event.c.
 * Longest input: 256
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <glib/gstdio.h>

#include "fuzz.h"
#include "mailwatch-conn.h"
#include "mailwatch-tree.h"
#include "report-channel.h"

#define CANARY "CANARY"
#define BODY "BODY" /* of a mail: for asnd-report alone */
#define FOLDERS 8
#define STEPS_MAX 24 /* of an input: more of them tell nothing new */

static char *dir;
static MwTree *tree;
static AsnConfig *config;
static int reporter = -1;
static guint answers;
static gboolean told; /* of an event */
static struct {
	guint32 id;
	guint64 dev, ino[8];
} known; /* a folder and the mails in it */

/* --- the files ------------------------------------------------------------ */

static void
put(const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
make_dir(const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
}

static void
make_link(const char *to, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	g_assert_cmpint(symlink(to, path), ==, 0);
}

static void
make_fifo(const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	g_assert_cmpint(mkfifo(path, 0600), ==, 0);
}

static void
remove_tree(const char *path)
{
	g_autoptr(GDir) all = g_dir_open(path, 0, NULL);
	const char *name;

	while (all != NULL && (name = g_dir_read_name(all)) != NULL) {
		g_autofree char *one = g_build_filename(path, name, NULL);

		if (g_file_test(one, G_FILE_TEST_IS_DIR) &&
		    !g_file_test(one, G_FILE_TEST_IS_SYMLINK))
			remove_tree(one);
		else
			g_unlink(one);
	}
	g_rmdir(path);
}

static void
stop(void)
{
	remove_tree(dir);
}

static void
make_files(void)
{
	dir = fuzz_make_dir();
	atexit(stop);
	make_dir("u/Maildir/cur");
	make_dir("u/Maildir/new");
	make_dir("u/Maildir/.Junk/cur");
	make_dir("u/Maildir/.Junk/new");
	make_dir("secret/cur");
	put("secret/cur/x", CANARY "\n\n");
	put("u/Maildir/cur/a", "Subject: a\n\n" BODY "\n");
	put("u/Maildir/new/b:2,S", "Subject: b\r\n\r\n" BODY "\r\n");
	put("u/Maildir/.Junk/cur/c", "Subject: c\n\n" BODY "\n");
	put("u/Maildir/.Junk/new/d", "Subject: d");
	put("u/Maildir/tmp", CANARY "\n\n");
	make_link("../../../secret/cur/x", "u/Maildir/cur/link");
	make_link("../../../secret/cur/x", "u/Maildir/.Junk/cur/link");
	make_link("../../secret", "u/Maildir/.Linked");
	make_fifo("u/Maildir/cur/fifo");
	make_dir("u/Maildir/cur/dir");
}

/* --- what comes out ------------------------------------------------------- */

static void
check_content(int fd, guint64 len)
{
	g_autofree char *text = g_malloc(len + 1);
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	g_assert_true((seals & F_SEAL_WRITE) != 0);
	g_assert_cmpint(fstat(fd, &st), ==, 0);
	g_assert_cmpint(st.st_size, ==, (off_t)len);
	g_assert_cmpint(pread(fd, text, len, 0), ==, (ssize_t)len);
	g_assert_null(memmem(text, len, CANARY, strlen(CANARY)));
	g_assert_null(memmem(text, len, BODY, strlen(BODY)));
	g_assert_true(g_str_has_prefix(text, "Subject: "));
}

/* Each packet is one that asnd takes. */
static void
check_packet(
    AsnWatchType type, const void *fixed, gsize fixed_len, const char *name)
{
	_Alignas(8) static char packet[ASN_WATCH_MAX_PACKET];
	gsize name_len = name ? strlen(name) : 0;
	AsnWatchHeader h = {type, (guint32)(sizeof h + fixed_len + name_len)};
	AsnWatchPacket p;

	memcpy(packet, &h, sizeof h);
	memcpy(packet + sizeof h, fixed, fixed_len);
	memcpy(packet + sizeof h + fixed_len, name ? name : "", name_len);
	g_assert_true(asn_watch_parse(packet, h.size, &p));
	g_assert_cmpint(type, <, ASN_WATCH_READ);
}

static void
emit(gpointer data, AsnWatchType type, const void *fixed, gsize fixed_len,
    const char *name, int fd)
{
	const AsnWatchBlock *b = fixed;
	const AsnWatchEntry *e = fixed;
	const AsnWatchFolder *f = fixed;

	check_packet(type, fixed, fixed_len, name);
	answers += type == ASN_WATCH_BLOCK || type == ASN_WATCH_REPORTED;
	if (type == ASN_WATCH_FOLDER && strcmp(name, ".Junk") == 0)
		known.id = f->id;
	if (type == ASN_WATCH_ENTRY) {
		known.dev = e->dev;
		known.ino[(guchar)name[0] & 7] = e->ino;
	}
	g_assert_cmpint(
	    fd >= 0, ==, type == ASN_WATCH_BLOCK && b->status == ASN_WATCH_OK);
	if (fd < 0)
		return;
	check_content(fd, b->len);
	close(fd);
}

/* asnd-report gets mails, and no other file. */
static void
check_reported(void)
{
	char buf[256], text[64] = "";
	int peer = accept4(reporter, NULL, NULL, SOCK_NONBLOCK), fd = -1;

	if (peer < 0)
		return;
	if (asn_watch_recv(peer, buf, sizeof buf, &fd) > 0 && fd >= 0) {
		g_assert_cmpint(pread(fd, text, sizeof text - 1, 0), >=, 0);
		g_assert_true(g_str_has_prefix(text, "Subject: "));
		g_assert_cmpint(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
	}
	if (fd >= 0)
		close(fd);
	close(peer);
}

/* --- asnd-mailwatch ------------------------------------------------------- */

static GLogWriterOutput
check_log(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer d)
{
	g_assert_cmpint(level & G_LOG_LEVEL_CRITICAL, ==, 0);
	for (gsize i = 0; i < n; i++)
		if (strcmp(fields[i].key, "MESSAGE") == 0)
			g_assert_null(
			    strpbrk((const char *)fields[i].value, "\n\r\033"));
	return G_LOG_WRITER_HANDLED;
}

static void
listen_for_reports(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	g_strlcpy(sa.sun_path, path, sizeof sa.sun_path);
	reporter = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	g_assert_cmpint(
	    bind(reporter, (struct sockaddr *)&sa, sizeof sa), ==, 0);
	g_assert_cmpint(listen(reporter, 8), ==, 0);
}

/* One who listens, and none. */
static void
find_asnd(void)
{
	g_autofree char *too_long = g_strnfill(200, 'x');
	MwConn conn;
	int peer;

	mw_conn_init(&conn);
	g_assert_false(mw_conn_open(&conn, dir));
	g_assert_false(mw_conn_open(&conn, too_long));
	g_assert_true(mw_conn_open(&conn, config->report_socket));
	mw_conn_close(&conn);
	peer = accept(reporter, NULL, NULL);
	g_assert_cmpint(peer, >=, 0);
	close(peer);
}

static void
start(void)
{
	g_autofree char *pattern = NULL, *text = NULL;
	const char *patterns[2] = {NULL, NULL};

	make_files();
	g_log_set_writer_func(check_log, NULL, NULL);
	text = g_strdup_printf("[paths]\nreport-socket = %s/report\n[report]\n"
			       "format = arf\nto = a@b.example\n"
			       "from = c@d.example\n",
	    dir);
	config = asn_config_parse(text, strlen(text), "c", NULL);
	listen_for_reports(config->report_socket);
	pattern = g_build_filename(dir, "*", "Maildir", NULL);
	patterns[0] = pattern;
	tree = mw_tree_new(patterns, FALSE, 0, emit, NULL);
	while (mw_scan_step(tree))
		;
	g_assert_cmpuint(known.id, !=, 0);
	find_asnd();
}

/* --- the script ----------------------------------------------------------- */

/* Of a file that is there, or any bytes. */
static char *
some_name(FuzzInput *in, char stop)
{
	static const char *const names[] = {
	    "a", "b:2,S", "c", "d", "link", "fifo", "dir", "tmp", "..", "x"};
	static const char *const boxes[] = {"cur", "new"};
	guint which = fuzz_byte(in);
	gsize len;
	const char *raw;

	if (which >= 150 && which < 160)
		return g_strdup(boxes[which % G_N_ELEMENTS(boxes)]);
	if (which < 160)
		return g_strdup(names[which % G_N_ELEMENTS(names)]);
	raw = fuzz_bytes(in, which - 159u, &len);
	return g_strndup(raw, len);
}

static void
ask_read(int sock, FuzzInput *in)
{
	guint how = fuzz_byte(in);
	AsnWatchRead r = {.dev = known.dev,
	    .folder = how & 1 ? known.id : fuzz_byte(in) % FOLDERS,
	    .cur = how >> 1 & 3,
	    .request = how};
	g_autofree char *name = some_name(in, 0);

	r.ino = how & 8 ? known.ino[(guchar)name[0] & 7] : fuzz_byte(in);
	asn_watch_send(sock, ASN_WATCH_READ, &r, sizeof r, name, strlen(name),
	    how & 0xc0 ? -1 : sock);
}

static void
ask_report(int sock, FuzzInput *in)
{
	guint how = fuzz_byte(in);
	AsnWatchReport r = {.dev = known.dev,
	    .folder = how & 1 ? known.id : fuzz_byte(in) % FOLDERS,
	    .cur = how >> 1 & 3,
	    .request = how};
	g_autofree char *name = some_name(in, 0);

	r.ino = known.ino[(guchar)name[0] & 7];
	asn_watch_send(
	    sock, ASN_WATCH_REPORT, &r, sizeof r, name, strlen(name), -1);
}

static void
ask_raw(int sock, FuzzInput *in)
{
	gsize len;
	const char *raw = fuzz_bytes(in, fuzz_byte(in), &len);

	if (len > 0)
		asn_watch_send_raw(sock, raw, len, -1);
}

/* As the kernel tells it: a name without '/' of at most 255 bytes. */
static void
tell_event(FuzzInput *in)
{
	static const guint32 masks[] = {IN_CREATE, IN_MOVED_TO, IN_MOVED_FROM,
	    IN_DELETE, IN_ATTRIB, IN_CLOSE_WRITE, IN_MOVE_SELF, IN_DELETE_SELF,
	    IN_Q_OVERFLOW, IN_CREATE | IN_ISDIR, IN_DELETE | IN_ISDIR,
	    IN_MOVED_FROM | IN_ISDIR};
	struct inotify_event *event = (void *)tree->inotify.buffer;
	guint which = fuzz_byte(in);
	g_autofree char *name = NULL;

	told = TRUE;
	memset(event, 0, sizeof *event + 256);
	event->wd = (int)(fuzz_byte(in) % 12);
	event->mask = which >= 250 ? IN_IGNORED
		      : which >= 180 && which < 192
			  ? IN_ATTRIB | IN_ISDIR
			  : masks[which % G_N_ELEMENTS(masks)];
	if (which < 192) {
		name = some_name(in, 0);
		g_strdelimit(name, "/", '_');
		g_strlcpy(event->name, name, 256);
		event->len = *name != '\0' ? 256 : 0;
	}
	tree->inotify.at = 0;
	tree->inotify.filled = sizeof *event + event->len;
}

static gboolean
obey(MwConn *conn)
{
	const char *why = NULL;
	MwRequest r;
	guint before = answers;
	gboolean good;

	if (!mw_conn_receive(conn, &r, &why)) {
		g_assert_cmpint(conn->broken, ==, why != NULL);
		return FALSE;
	}
	g_assert_true(strlen(r.name) <= 255 && strchr(r.name, '/') == NULL);
	good = r.type == ASN_WATCH_READ
		   ? mw_read(tree, &r.read, r.name)
		   : mw_report(tree, &r.report, r.name, config);
	/* one answer each, and no answer for what was never named */
	g_assert_cmpuint(answers - before, ==, good ? 1 : 0);
	if (r.type == ASN_WATCH_REPORT)
		check_reported();
	return good;
}

/* What asnd-mailwatch itself sends arrives, or waits. */
static void
say_something(MwConn *conn, FuzzInput *in)
{
	const AsnWatchGone gone = {.folder = 1};
	g_autofree char *name = some_name(in, 0);
	guint times = fuzz_byte(in) % 16;

	for (guint i = 0; i < times && !conn->blocked && !conn->broken; i++)
		mw_conn_send(conn, ASN_WATCH_GONE, &gone, sizeof gone, name,
		    i == 0 ? dup(reporter) : -1);
	if (conn->blocked)
		mw_conn_flush(conn);
}

static void
play(FuzzInput *in, MwConn *conn, int sock)
{
	gboolean overflow;

	for (guint step = 0;
	     step < STEPS_MAX && in->p < in->end && !conn->broken; step++) {
		guint kind = fuzz_byte(in);

		if (kind < 96)
			ask_read(sock, in);
		else if (kind < 144)
			ask_report(sock, in);
		else if (kind < 224)
			tell_event(in);
		else if (kind < 240)
			ask_raw(sock, in);
		else if (kind < 250)
			say_something(conn, in);
		else
			shutdown(sock, SHUT_RDWR);
		while (obey(conn))
			;
		for (guint n = 0; n < 64 && (mw_event_step(tree, &overflow) ||
						mw_scan_step(tree));
		     n++)
			;
	}
}

/* Whatever it was told, it finds all of it again; what asnd asks changes
 * nothing. */
static void
look_again(void)
{
	if (told)
		mw_scan_all(tree);
	told = FALSE;
	while (mw_scan_step(tree))
		;
	g_assert_cmpuint(g_hash_table_size(tree->folders), ==, 2);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	FuzzInput in = {data, data + size};
	MwConn conn;
	int fds[2];

	if (tree == NULL)
		start();
	mw_conn_init(&conn);
	g_assert_cmpint(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), ==, 0);
	/* so that it is soon full */
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &(int){4096}, sizeof(int));
	conn.fd = fds[0];
	play(&in, &conn, fds[1]);
	mw_conn_close(&conn);
	close(fds[1]);
	look_again();
	return 0;
}
