/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listen.c: systemd's socket, or one of our own. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib-unix.h>
#include <systemd/sd-daemon.h>

#include "listen.h"

#define FD_NAME "mailwatch"

static gboolean
fail(GError **error, const char *path, const char *what)
{
	g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(errno),
	    "[paths] watch-socket %s: %s: %s", path, what, g_strerror(errno));
	return FALSE;
}

/* Makes room for bind where an asnd that is gone left its socket. */
static gboolean
remove_stale(const char *path, const struct sockaddr_un *sun, GError **error)
{
	struct stat st;
	int fd, rc;

	if (lstat(path, &st) != 0)
		return errno == ENOENT || fail(error, path, "cannot look");
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return fail(error, path, "something else is there; remove it");
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(error, path, "socket");
	rc = connect(fd, (const struct sockaddr *)sun, sizeof *sun);
	close(fd);
	if (rc == 0 || errno != ECONNREFUSED) {
		if (rc == 0)
			errno = EADDRINUSE;
		return fail(error, path, "another asnd listens; stop it");
	}
	return unlink(path) == 0 || fail(error, path, "cannot remove");
}

/* With the mode from the first moment. */
static int
bind_it(int fd, const struct sockaddr_un *sun)
{
	mode_t mask = umask(0117);
	int rc = bind(fd, (const struct sockaddr *)sun, sizeof *sun);

	umask(mask);
	return rc;
}

static int
make_own(const char *path, char **unlink_path, GError **error)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof sun.sun_path) {
		errno = ENAMETOOLONG;
		fail(error, path, "at most 107 bytes");
		return -1;
	}
	g_strlcpy(sun.sun_path, path, sizeof sun.sun_path);
	if (!remove_stale(path, &sun, error))
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		fail(error, path, "socket");
		return -1;
	}
	if (bind_it(fd, &sun) != 0) {
		fail(error, path, "bind");
		close(fd);
		return -1;
	}
	if (listen(fd, 8) != 0) {
		fail(error, path, "listen");
		unlink(path);
		close(fd);
		return -1;
	}
	*unlink_path = g_strdup(path);
	return fd;
}

/* Of n passed ones; -1: none of them is meant. */
static int
choose(char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], FD_NAME) == 0)
			return SD_LISTEN_FDS_START + i;
	return n == 1 ? SD_LISTEN_FDS_START : -1;
}

static int
take_passed(char *const *names, int n, GError **error)
{
	int fd = choose(names, n);

	if (fd < 0) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
		    "%d sockets were passed and none is named '" FD_NAME
		    "': set FileDescriptorName=" FD_NAME " in the .socket unit",
		    n);
		return -1;
	}
	if (sd_is_socket_unix(fd, SOCK_SEQPACKET, 1, NULL, 0) <= 0) {
		g_set_error_literal(error, G_IO_ERROR,
		    G_IO_ERROR_INVALID_ARGUMENT,
		    "the socket that was passed is not one to listen on for "
		    "packets: the .socket unit needs ListenSequentialPacket=");
		return -1;
	}
	if (!g_unix_set_fd_nonblocking(fd, TRUE, error))
		return -1;
	return fd;
}

int
asnd_listen_open(const char *path, char **unlink_path, GError **error)
{
	g_auto(GStrv) names = NULL;
	int n = sd_listen_fds_with_names(FALSE, &names);

	*unlink_path = NULL;
	if (n < 0) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
		    "LISTEN_FDS and LISTEN_FDNAMES: %s", g_strerror(-n));
		return -1;
	}
	return n > 0 ? take_passed(names, n, error)
		     : make_own(path, unlink_path, error);
}
