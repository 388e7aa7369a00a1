/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnd's end of the watch protocol with a scripted asnd-mailwatch on the other.
 */
#pragma once

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

static inline gint64
on_now(gpointer data)
{
	return ((Fixture *)data)->ev.now;
}

static inline void
on_moved(AsndMailRow *row, gpointer data)
{
	Fixture *f = data;

	f->moved++;
	row->pending = FALSE;
	asnd_mails_save(f->ev.mails, row);
}

static inline void
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

static inline void
on_sync(const AsnWatchSync *sync, gpointer data)
{
	((Fixture *)data)->syncs++;
}

static inline gboolean
on_turn(gpointer data)
{
	Fixture *f = data;

	f->turns++;
	return f->store_ok && asnd_store_commit(f->ev.store);
}

static char junk[] = ".Junk", trash[] = ".Trash";
static char *junks[] = {junk, NULL}, *trashes[] = {trash, NULL};

static inline void
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

static inline void
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

static inline void
tear_down(Fixture *f, gconstpointer data)
{
	asnd_watch_server_free(f->server);
	close(f->peer);
	g_free(f->config.watch_socket);
	ev_clear(&f->ev);
}

/* Lets the server work off what was sent. */
static inline void
settle(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static inline void
say(Fixture *f, AsnWatchType type, const void *fixed, gsize len,
    const char *name, int fd)
{
	while (asn_watch_send(f->peer, type, fixed, len, name,
		   name ? strlen(name) : 0, fd) != 0) {
		g_assert_cmpint(errno, ==, EAGAIN);
		settle();
	}
}

static inline void
hello(Fixture *f)
{
	AsnWatchHello h = {ASN_WATCH_VERSION};
	AsnWatchMaildir m = {.id = 7, .uid = 1000};

	say(f, ASN_WATCH_HELLO, &h, sizeof h, NULL, -1);
	say(f, ASN_WATCH_MAILDIR, &m, sizeof m, "/v/a/Maildir", -1);
}

static inline void
folder(Fixture *f, guint32 id, const char *name)
{
	AsnWatchFolder msg = {.id = id, .maildir = 7};

	say(f, ASN_WATCH_FOLDER, &msg, sizeof msg, name, -1);
}

static inline void
listed(Fixture *f, guint32 id)
{
	AsnWatchId msg = {id};

	say(f, ASN_WATCH_FOLDER_LISTED, &msg, sizeof msg, NULL, -1);
}

/* scan: it was listed; else something happened to it. */
static inline void
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

static inline void
sync_but(Fixture *f, guint32 unseen)
{
	AsnWatchSync s = {.unseen = unseen};

	say(f, ASN_WATCH_SYNC, &s, sizeof s, NULL, -1);
}

static inline void
sync_now(Fixture *f)
{
	sync_but(f, 0);
}

/* The next READ that asnd sent; FALSE: none. */
static inline gboolean
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

static inline int
memfd(const char *text, int seals)
{
	int fd = memfd_create("block", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	gsize len = strlen(text);

	g_assert_cmpint(write(fd, text, len), ==, (gssize)len);
	g_assert_cmpint(fcntl(fd, F_ADD_SEALS, seals), ==, 0);
	return fd;
}

#define SEALED (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static inline void
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

static inline void
assert_hung_up(Fixture *f)
{
	settle();
	g_assert_false(CONNECTED());
	g_test_assert_expected_messages();
}

static inline void
expect(const char *text)
{
	g_autofree char *pattern = g_strdup_printf("hanging up on*%s*", text);

	g_test_expect_message("asnd", G_LOG_LEVEL_WARNING, pattern);
}
