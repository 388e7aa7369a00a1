/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pass-fd.c: passes asnd one descriptor of whatever kind, for t/2322.
 *
 *   pass-fd HOW PATH [CLASS USER]
 *
 * HOW: file, write-only, path-only (O_PATH), directory, fifo (of PATH), pipe,
 * socket, listener, epoll, memfd, sealed (with the content of PATH).  With
 * CLASS it calls Learn, else LookupMail; HOW vanish calls Learn and is gone
 * before the answer.  Prints "ok", or the error's name and text, and what it
 * took in milliseconds.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "header-copy.h"

static int
memory(const char *path, gboolean sealed)
{
	g_autofree char *data = NULL;
	gsize len;
	int fd;

	if (!g_file_get_contents(path, &data, &len, NULL))
		return -1;
	if (sealed)
		return asn_header_seal(data, len);
	fd = memfd_create("mail", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, data, len) != (ssize_t)len)
		return -1;
	return fd;
}

static int
pair(gboolean is_pipe)
{
	int fds[2];

	if ((is_pipe ? pipe(fds) : socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) !=
	    0)
		return -1;
	return fds[0]; /* the other end stays open and silent */
}

static int
make(const char *how, const char *path)
{
	if (strcmp(how, "write-only") == 0)
		return open(path, O_WRONLY);
	if (strcmp(how, "path-only") == 0)
		return open(path, O_PATH);
	if (strcmp(how, "fifo") == 0)
		return open(path, O_RDWR);
	if (strcmp(how, "pipe") == 0)
		return pair(TRUE);
	if (strcmp(how, "socket") == 0)
		return pair(FALSE);
	if (strcmp(how, "listener") == 0)
		return socket(AF_UNIX, SOCK_STREAM, 0);
	if (strcmp(how, "epoll") == 0)
		return epoll_create1(0);
	if (strcmp(how, "memfd") == 0)
		return memory(path, FALSE);
	if (strcmp(how, "sealed") == 0)
		return memory(path, TRUE);
	return open(path, O_RDONLY);
}

static GDBusMessage *
message(int fd, char **argv, int argc)
{
	GDBusMessage *m =
	    g_dbus_message_new_method_call("org.asnd1", "/org/asnd1",
		"org.asnd1.Manager", argc > 4 ? "Learn" : "LookupMail");
	g_autoptr(GUnixFDList) fds = g_unix_fd_list_new_from_array(&fd, 1);

	g_dbus_message_set_unix_fd_list(m, fds);
	g_dbus_message_set_body(
	    m, argc > 4 ? g_variant_new("(shs)", argv[3], 0, argv[4])
			: g_variant_new("(h)", 0));
	return m;
}

static void
tell(GDBusMessage *reply, GError *error, gint64 start)
{
	g_autofree char *name = NULL;
	double took = (double)(g_get_monotonic_time() - start) / 1000;

	if (reply != NULL)
		g_dbus_message_to_gerror(reply, &error);
	if (error == NULL) {
		printf("ok %.0f\n", took);
		return;
	}
	name = g_dbus_error_get_remote_error(error);
	g_dbus_error_strip_remote_error(error);
	printf(
	    "%s: %s %.0f\n", name ? name : "no answer", error->message, took);
}

int
main(int argc, char **argv)
{
	g_autoptr(GDBusConnection) c = NULL;
	g_autoptr(GDBusMessage) m = NULL, reply = NULL;
	GError *error = NULL;
	gint64 start;
	int fd = argc > 2 ? make(argv[1], argv[2]) : -1;

	if (fd < 0) {
		perror("pass-fd");
		return 2;
	}
	c = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &error);
	if (c == NULL) {
		fprintf(stderr, "pass-fd: %s\n", error->message);
		return 2;
	}
	m = message(fd, argv, argc);
	start = g_get_monotonic_time();
	if (strcmp(argv[1], "vanish") == 0) {
		g_dbus_connection_send_message(
		    c, m, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, &error);
		g_dbus_connection_flush_sync(c, NULL, NULL);
		_exit(0);
	}
	reply = g_dbus_connection_send_message_with_reply_sync(
	    c, m, G_DBUS_SEND_MESSAGE_FLAGS_NONE, 20000, NULL, NULL, &error);
	tell(reply, error, start);
	return 0;
}
