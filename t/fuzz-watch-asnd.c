/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-watch-asnd.c: asnd's end of the connection to asnd-mailwatch, with a
 * peer that says anything: packets in any order, with any number, name and
 * descriptor.  The input is a list of those, see play().
 *
 * Covers: asnd/watch-packets.c asnd/watch-server.c asnd/watch-report.c
 * asnd/reads.c asnd/names.c.
 * Longest input: 512
 */

#include <stdlib.h>

#include "fuzz.h"
#include "watch-fixture.h"

#define PEERS_MAX 2 /* of an input: more of them tell nothing new */

/* What asnd asks for and was not answered yet. */
typedef struct {
	guint32 request[ASN_WATCH_MAX_READS];
	guint n;
} Asked;

static Fixture f;
static Asked out;
static GHashTable *said; /* names of entries: asnd remembers them */
static guint reports;    /* asked for and not answered */
static guint peers;      /* since the input began */

static void
on_reported(guint32 request, AsnWatchReportStatus status, gpointer data)
{
	g_assert_cmpuint(reports, >, 0);
	g_assert_cmpint(status, <=, ASN_REPORT_NO_CHANNEL);
	reports--;
}

/* As asnd takes it. */
static void
take_block(AsndMailRow *row, const char *block, gsize len, gpointer data)
{
	static char own[] = "mx";
	static char *const hosts[] = {own, NULL};
	AsndBlock parsed;

	asnd_block_parse(block, len, NULL, &f.config, hosts, &parsed);
	asnd_mails_set_block(f.ev.mails, row, &parsed, FALSE);
	on_block(row, block, len, &f);
}

/* Nothing is ever written: the next input begins with an empty store. */
static gboolean
never_commit(gpointer data)
{
	return TRUE;
}

static GLogWriterOutput
check_log(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer d)
{
	for (gsize i = 0; i < n; i++)
		if (strcmp(fields[i].key, "MESSAGE") == 0)
			g_assert_null(
			    strpbrk((const char *)fields[i].value, "\n\r\033"));
	g_assert_cmpint(level & G_LOG_LEVEL_CRITICAL, ==, 0);
	return G_LOG_WRITER_HANDLED;
}

static void
stop(void)
{
	asnd_watch_server_free(f.server);
	ev_remove_dir(f.ev.dir);
}

static void
start(void)
{
	static const AsndWatchHandler handler = {.now = on_now,
	    .moved = on_moved,
	    .block = take_block,
	    .sync = on_sync,
	    .turn = never_commit,
	    .reported = on_reported};

	/* whose context it is need not be woken */
	g_assert_true(g_main_context_acquire(NULL));
	g_setenv("TMPDIR", fuzz_tmp(), TRUE);
	ev_init(&f.ev, FALSE);
	f.config.junk_folders = junks;
	f.config.trash_folders = trashes;
	f.config.watch_socket = g_build_filename(f.ev.dir, "sock", NULL);
	f.server = asnd_watch_server_new(&f.config, f.ev.mails, &handler, &f);
	asnd_watch_server_set_config(f.server, &f.config);
	g_assert_true(asnd_watch_server_listen(f.server, NULL));
	atexit(stop);
	said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_log_set_writer_func(check_log, NULL, NULL);
}

/* --- what asnd asks ------------------------------------------------------- */

static void
take_question(const AsnWatchPacket *p)
{
	g_autofree char *name = g_strndup(p->name, p->name_len);

	/* only for what it was told of */
	g_assert_true(g_hash_table_contains(said, name));
	if (p->type == ASN_WATCH_REPORT)
		return;
	g_assert_cmpint(p->type, ==, ASN_WATCH_READ);
	g_assert_cmpuint(out.n, <, ASN_WATCH_MAX_READS);
	out.request[out.n++] = ((const AsnWatchRead *)p->fixed)->request;
}

static void
listen_to_asnd(void)
{
	static guint64 buf[ASN_WATCH_MAX_PACKET / 8];
	AsnWatchPacket p;
	gssize n;
	int fd;

	settle();
	while (f.peer >= 0 &&
	       (n = asn_watch_recv(f.peer, buf, sizeof buf, &fd)) > 0) {
		g_assert_cmpint(fd, ==, -1);
		g_assert_true(asn_watch_parse(buf, (gsize)n, &p));
		take_question(&p);
	}
}

/* --- what it is told ------------------------------------------------------ */

/* Often one of a few, so that names meet again. */
static char *
some_name(FuzzInput *in)
{
	static const char *const names[] = {"1795217323.a", "1795217323.a:2,",
	    "1795217323.a:2,S", "2.b:2,ST", "3.c", "3.c:2,RS"};
	guint which = fuzz_byte(in);
	gsize len;
	const char *raw;

	if (which < 128)
		return g_strdup(names[which % G_N_ELEMENTS(names)]);
	raw = fuzz_bytes(in, which - 127u, &len);
	return g_strndup(raw, len);
}

static void
tell(AsnWatchType type, const void *fixed, gsize len, const char *name, int fd)
{
	asn_watch_send(
	    f.peer, type, fixed, len, name, name ? strlen(name) : 0, fd);
}

static void
tell_maildir(FuzzInput *in)
{
	AsnWatchMaildir m = {fuzz_byte(in) & 3, (guint32)fuzz_number(in, 1)};
	g_autofree char *name = some_name(in);
	g_autofree char *path = g_strconcat("/v/", name, "/Maildir", NULL);

	tell(ASN_WATCH_MAILDIR, &m, sizeof m, path, -1);
}

static void
tell_folder(FuzzInput *in)
{
	static const char *const names[] = {
	    "", ".Junk", ".Trash", ".Work", ".Junk.2025"};
	AsnWatchFolder msg = {fuzz_byte(in) & 7, fuzz_byte(in) & 3};
	guint which = fuzz_byte(in);
	g_autofree char *raw = which >= 128 ? some_name(in) : NULL;

	tell(ASN_WATCH_FOLDER, &msg, sizeof msg,
	    raw ? raw : names[which % G_N_ELEMENTS(names)], -1);
}

static void
tell_entry(FuzzInput *in)
{
	guint how = fuzz_byte(in);
	AsnWatchEntry e = {.dev = 1,
	    .ino = fuzz_byte(in) & 15,
	    .folder = how & 7,
	    .cur = how >> 3 & 1,
	    .scan = how >> 4 & 1,
	    .mtime = f.ev.now - 100,
	    .ctime = f.ev.now - 100};
	char *name = some_name(in);

	if (how & 32) {
		e.mtime = (gint64)fuzz_number(in, 8);
		e.ctime = (gint64)fuzz_number(in, 8);
		e.cur = (guint8)fuzz_byte(in);
	}
	tell(ASN_WATCH_ENTRY, &e, sizeof e, name, -1);
	g_hash_table_add(said, name);
}

static void
tell_gone(FuzzInput *in)
{
	guint how = fuzz_byte(in);
	AsnWatchGone g = {.folder = how & 7, .cur = how >> 3 & 3};
	g_autofree char *name = some_name(in);

	tell(ASN_WATCH_GONE, &g, sizeof g, name, -1);
}

/* The header block of one of those asked for, or of none. */
static void
tell_block(FuzzInput *in)
{
	guint how = fuzz_byte(in), which = fuzz_byte(in);
	AsnWatchBlock b = {.status = how & 3, .complete = how >> 2 & 1};
	g_autofree char *text = fuzz_text(in, 0);
	gsize len = strlen(text);
	int fd = -1;

	if (out.n > 0 && which < 224) {
		which %= out.n;
		b.request = out.request[which];
		out.request[which] = out.request[--out.n];
	}
	b.len = how & 8 ? fuzz_number(in, 3) : len;
	if (b.status == ASN_WATCH_OK && !(how & 16)) {
		fd = fuzz_memfd(text, len);
		fcntl(fd, F_ADD_SEALS, how & 32 ? F_SEAL_WRITE : SEALED);
	}
	tell(ASN_WATCH_BLOCK, &b, sizeof b, NULL, fd);
	if (fd >= 0)
		close(fd);
}

static void
tell_id(FuzzInput *in, AsnWatchType type)
{
	AsnWatchId id = {fuzz_byte(in) & 7};

	tell(type, &id, sizeof id, NULL, -1);
}

/* asnd wants a mail reported, and what comes back. */
static void
want_report(FuzzInput *in)
{
	AsndMailRow row;

	if (asnd_mails_get(f.ev.mails, fuzz_byte(in) & 7, &row) &&
	    asnd_watch_server_report(f.server, &row, 9))
		reports++;
	g_assert_cmpint(
	    asnd_watch_server_reporting(f.server), ==, reports != 0);
}

static void
tell_reported(FuzzInput *in)
{
	AsnWatchReported r = {fuzz_byte(in) & 15, fuzz_byte(in) & 7};

	tell(ASN_WATCH_REPORTED, &r, sizeof r, NULL, -1);
}

static void
tell_raw(FuzzInput *in)
{
	_Alignas(8) char packet[256] = {0};
	AsnWatchPacket p;
	gsize len;
	const char *raw = fuzz_bytes(in, fuzz_byte(in), &len);

	memcpy(packet, raw, len);
	if (asn_watch_parse(packet, len, &p) && p.type == ASN_WATCH_ENTRY)
		g_hash_table_add(said, g_strndup(p.name, p.name_len));
	asn_watch_send_raw(f.peer, packet, len, -1);
}

static void
new_peer(gboolean greets)
{
	const AsnWatchHello h = {ASN_WATCH_VERSION};

	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	peers++;
	if (f.peer >= 0)
		close(f.peer);
	f.peer = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	g_strlcpy(sa.sun_path, f.config.watch_socket, sizeof sa.sun_path);
	g_assert_cmpint(
	    connect(f.peer, (struct sockaddr *)&sa, sizeof sa), ==, 0);
	settle();
	g_assert_true(asnd_watch_server_connected(f.server));
	out.n = reports = 0;
	if (greets)
		tell(ASN_WATCH_HELLO, &h, sizeof h, NULL, -1);
}

static void
tell_hello(FuzzInput *in)
{
	const AsnWatchHello h = {fuzz_byte(in) & 3};

	tell(ASN_WATCH_HELLO, &h, sizeof h, NULL, -1);
}

/* Returns its kind. */
static guint
tell_one(FuzzInput *in)
{
	guint kind = fuzz_byte(in);
	const AsnWatchSync sync = {1, 2, 3, 4, kind & 1};

	if (kind < 96)
		tell_entry(in);
	else if (kind < 112)
		tell_maildir(in);
	else if (kind < 136)
		tell_folder(in);
	else if (kind < 176)
		tell_block(in);
	else if (kind < 200)
		tell_gone(in);
	else if (kind < 208)
		tell_id(in, ASN_WATCH_FOLDER_LISTED);
	else if (kind < 214)
		tell_id(in, ASN_WATCH_FOLDER_GONE);
	else if (kind < 220)
		tell_id(in, ASN_WATCH_MAILDIR_GONE);
	else if (kind < 228)
		tell(ASN_WATCH_SYNC, &sync, sizeof sync, NULL, -1);
	else if (kind < 234)
		f.ev.now += (gint64)fuzz_number(in, 2);
	else if (kind < 238)
		want_report(in);
	else if (kind < 240) { /* as after a disk that was full */
		asnd_watch_server_pause(f.server, 0);
		settle();
	} else if (kind < 246)
		tell_reported(in);
	else if (kind < 248)
		tell_hello(in);
	else if (kind < 252)
		tell_raw(in);
	else
		new_peer(kind < 254);
	return kind;
}

static void
play(FuzzInput *in)
{
	while (in->p < in->end && peers <= PEERS_MAX) {
		/* mostly several at once, as from a folder that is listed */
		for (guint n = 0; n < 8 && in->p < in->end; n++)
			if (tell_one(in) % 4 == 0 ||
			    !asnd_watch_server_connected(f.server))
				break;
		listen_to_asnd();
		if (asnd_watch_server_idle(f.server))
			g_assert_cmpuint(out.n, ==, 0);
		if (!asnd_watch_server_connected(f.server))
			new_peer(TRUE);
	}
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	FuzzInput in = {data, data + size};
	gboolean fatal;

	if (f.server == NULL) {
		f.peer = -1;
		start();
	}
	f.ev.now = EV_NOW;
	g_hash_table_remove_all(said);
	peers = 0;
	new_peer(TRUE);
	play(&in);
	g_assert_null(asnd_store_failed(f.ev.store, &fatal));
	g_assert_cmpuint(asnd_watch_server_reads(f.server), ==, f.blocks);
	asnd_watch_server_hang_up(f.server, "the input is over");
	g_assert_false(asnd_watch_server_idle(f.server));
	asnd_store_rollback(f.ev.store);
	return 0;
}
