/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch-server.c: the socket on which asnd-mailwatch comes in. */

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>

#include "listen.h"
#include "watch-private.h"

#define BATCH 256         /* packets between two looks at everything else */
#define ACCEPT_PAUSE 1000 /* milliseconds */

static void
free_folder(gpointer data)
{
	AsndWatchedFolder *f = data;

	g_clear_pointer(&f->listed, g_hash_table_unref);
	g_free(f);
}

AsndWatchServer *
asnd_watch_server_new(const AsnConfig *config, AsndMails *mails,
    const AsndWatchHandler *handler, gpointer data)
{
	AsndWatchServer *w = g_new0(AsndWatchServer, 1);

	w->config = config;
	w->mails = mails;
	w->handler = *handler;
	w->data = data;
	w->reads = asnd_reads_new(mails);
	w->seed = ((guint64)g_random_int() << 32) | g_random_int();
	w->listener = w->fd = -1;
	w->maildirs = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	w->folders = g_hash_table_new_full(NULL, NULL, NULL, free_folder);
	w->by_folder =
	    g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	w->returned =
	    g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	return w;
}

void
asnd_watch_server_set_config(AsndWatchServer *w, const AsnConfig *config)
{
	w->config = config;
}

static void
close_connection(AsndWatchServer *w)
{
	if (w->source != 0)
		g_source_remove(w->source);
	if (w->out_source != 0)
		g_source_remove(w->out_source);
	if (w->fd >= 0)
		close(w->fd);
	w->source = w->out_source = 0;
	w->fd = -1;
	w->greeted = w->synced = w->whole = FALSE;
	w->report = 0;
	g_hash_table_remove_all(w->maildirs);
	g_hash_table_remove_all(w->folders);
	g_hash_table_remove_all(w->by_folder);
	g_hash_table_remove_all(w->returned);
	asnd_mails_begin_events(w->mails);
	asnd_reads_reset(w->reads);
}

void
asnd_watch_server_free(AsndWatchServer *w)
{
	if (w == NULL)
		return;
	close_connection(w);
	if (w->listen_source != 0)
		g_source_remove(w->listen_source);
	if (w->pause_source != 0)
		g_source_remove(w->pause_source);
	if (w->listener >= 0)
		close(w->listener);
	if (w->unlink_path != NULL)
		unlink(w->unlink_path);
	g_free(w->unlink_path);
	g_free(w->said);
	asnd_reads_free(w->reads);
	g_hash_table_unref(w->maildirs);
	g_hash_table_unref(w->folders);
	g_hash_table_unref(w->by_folder);
	g_hash_table_unref(w->returned);
	g_free(w);
}

void
asnd_watch_server_hang_up(AsndWatchServer *w, const char *why)
{
	if (w->fd < 0)
		return;
	if (g_strcmp0(w->said, why) != 0)
		g_warning("hanging up on asnd-mailwatch: %s", why);
	g_free(w->said);
	w->said = g_strdup(why);
	close_connection(w);
}

gboolean
asnd_watch_server_idle(const AsndWatchServer *w)
{
	return w->synced && asnd_reads_idle(w->reads);
}

gboolean
asnd_watch_server_connected(const AsndWatchServer *w)
{
	return w->fd >= 0;
}

guint64
asnd_watch_server_reads(const AsndWatchServer *w)
{
	return w->n_reads;
}

/* --- receiving -------------------------------------------------------------
 */

/* Receives and handles one packet.  FALSE: nothing there, or over (*why). */
static gboolean
receive_one(AsndWatchServer *w, const char **why)
{
	AsnWatchPacket packet;
	int fd = -1;
	gssize n = asn_watch_recv(w->fd, w->buf, sizeof w->buf, &fd);

	if (n > 0) {
		*why = asn_watch_parse(w->buf, (gsize)n, &packet)
			   ? asnd_watch_packet(w, &packet, fd)
			   : "a malformed packet";
		if (fd >= 0)
			close(fd);
		return *why == NULL;
	}
	if (n == 0)
		*why = "it left";
	else if (errno != EAGAIN && errno != EINTR)
		*why = g_strerror(errno);
	return FALSE;
}

static gboolean
can_read(gint fd, GIOCondition condition, gpointer data)
{
	AsndWatchServer *w = data;
	const char *why = NULL;
	gboolean more = TRUE;

	for (int i = 0; i < BATCH && more; i++)
		more = receive_one(w, &why);
	if (why == NULL && !asnd_watch_ask(w))
		why = g_strerror(errno);
	if (!w->handler.turn(w->data))
		close_connection(w);
	else if (why != NULL)
		asnd_watch_server_hang_up(w, why);
	else if (asnd_watch_server_idle(w))
		g_clear_pointer(&w->said, g_free);
	/* Closing removed this source. */
	return G_SOURCE_CONTINUE;
}

void
asnd_watch_server_attach(AsndWatchServer *w, int fd)
{
	if (w->fd >= 0)
		g_message("another asnd-mailwatch takes over");
	close_connection(w);
	w->fd = fd;
	g_unix_set_fd_nonblocking(fd, TRUE, NULL);
	w->source =
	    g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, can_read, w);
}

/* --- listening -------------------------------------------------------------
 */

/* Root, ourselves, or the user asnd-mailwatch; looked up each time it
 * connects, which is seldom. */
static gboolean
is_allowed(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	const struct passwd *pw;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return FALSE;
	if (peer.uid == 0 || peer.uid == geteuid())
		return TRUE;
	pw = getpwnam("asnd-mailwatch");
	if (pw != NULL && pw->pw_uid == peer.uid)
		return TRUE;
	g_warning("refused a connection of uid %u: asnd-mailwatch runs as"
		  " user asnd-mailwatch",
	    (guint)peer.uid);
	return FALSE;
}

static void stop_accepting(AsndWatchServer *w, guint msec);

static gboolean
can_accept(gint listener, GIOCondition condition, gpointer data)
{
	AsndWatchServer *w = data;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		/* Out of descriptors or memory: it would fail again at once. */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			stop_accepting(w, ACCEPT_PAUSE);
		return G_SOURCE_CONTINUE;
	}
	if (!is_allowed(fd)) {
		close(fd);
		return G_SOURCE_CONTINUE;
	}
	asnd_watch_server_attach(w, fd);
	g_message("asnd-mailwatch is connected");
	return G_SOURCE_CONTINUE;
}

static void
start_accepting(AsndWatchServer *w)
{
	w->listen_source = g_unix_fd_add(w->listener, G_IO_IN, can_accept, w);
}

static gboolean
pause_is_over(gpointer data)
{
	AsndWatchServer *w = data;

	w->pause_source = 0;
	start_accepting(w);
	return G_SOURCE_REMOVE;
}

static void
stop_accepting(AsndWatchServer *w, guint msec)
{
	if (w->listener < 0)
		return;
	if (w->listen_source != 0)
		g_source_remove(w->listen_source);
	if (w->pause_source != 0)
		g_source_remove(w->pause_source);
	w->listen_source = 0;
	w->pause_source = g_timeout_add(msec, pause_is_over, w);
}

void
asnd_watch_server_pause(AsndWatchServer *w, guint msec)
{
	close_connection(w);
	stop_accepting(w, msec);
}

gboolean
asnd_watch_server_listen(AsndWatchServer *w, GError **error)
{
	w->listener =
	    asnd_listen_open(w->config->watch_socket, &w->unlink_path, error);
	if (w->listener < 0)
		return FALSE;
	start_accepting(w);
	return TRUE;
}
