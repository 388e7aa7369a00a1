/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-watch-accept.c: watch-server.h; when nobody can be let in. */

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "evidence.h"
#include "watch-server.h"

typedef struct {
	Evidence ev;
	AsnConfig config;
	AsndWatchServer *server;
	int peer;
} Fixture;

static gboolean
on_turn(gpointer data)
{
	return TRUE;
}

static void
set_up(Fixture *f, gconstpointer data)
{
	static const AsndWatchHandler handler = {.turn = on_turn};
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	g_autoptr(GError) error = NULL;

	ev_init(&f->ev, FALSE);
	f->config.watch_socket = g_build_filename(f->ev.dir, "sock", NULL);
	f->server = asnd_watch_server_new(&f->config, f->ev.mails, &handler, f);
	g_assert_true(asnd_watch_server_listen(f->server, &error));
	g_assert_no_error(error);
	f->peer = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	g_strlcpy(sun.sun_path, f->config.watch_socket, sizeof sun.sun_path);
	g_assert_cmpint(
	    connect(f->peer, (struct sockaddr *)&sun, sizeof sun), ==, 0);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	asnd_watch_server_free(f->server);
	close(f->peer);
	g_free(f->config.watch_socket);
	ev_clear(&f->ev);
}

static void
wait_for_connection(Fixture *f)
{
	gint64 end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

	while (!asnd_watch_server_connected(f->server)) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_main_context_iteration(NULL, TRUE);
	}
}

/* No descriptor is left: it is tried again later, not all the time. */
static void
test_no_descriptor(Fixture *f, gconstpointer data)
{
	struct rlimit old, limit;
	GArray *held = g_array_new(FALSE, FALSE, sizeof(int));
	guint turns = 0;
	int fd;

	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &old), ==, 0);
	limit = old;
	limit.rlim_cur = MIN(old.rlim_cur, 64);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
	while ((fd = fcntl(f->peer, F_DUPFD_CLOEXEC, 0)) >= 0)
		g_array_append_val(held, fd);
	while (turns < 1000 && g_main_context_iteration(NULL, FALSE))
		turns++;
	for (guint i = 0; i < held->len; i++)
		close(g_array_index(held, int, i));
	g_array_unref(held);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &old), ==, 0);
	g_assert_cmpuint(turns, <, 10);
	g_assert_false(asnd_watch_server_connected(f->server));
	wait_for_connection(f);
}

/* Whoever is there must leave, and comes in when the pause is over. */
static void
test_pause(Fixture *f, gconstpointer data)
{
	gint64 from;

	wait_for_connection(f);
	from = g_get_monotonic_time();
	asnd_watch_server_pause(f->server, 1000);
	asnd_watch_server_pause(f->server, 200);
	g_assert_false(asnd_watch_server_connected(f->server));
	tear_down(f, NULL);
	set_up(f, NULL);
	asnd_watch_server_pause(f->server, 200);
	wait_for_connection(f);
	g_assert_cmpint(g_get_monotonic_time() - from, >=, 200000);
}

#define ADD(name, fn)                                                          \
	g_test_add("/watch-accept/" name, Fixture, NULL, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("no-descriptor", test_no_descriptor);
	ADD("pause", test_pause);
	return g_test_run();
}
