/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listen.c: systemd's socket, a given descriptor, a unix or an inet one. */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include <libmilter/mfapi.h>

#include "listen.h"

#define FD_SEARCH 1024

static gboolean
fail(GError **error, const char *spec, const char *why)
{
	g_set_error(
	    error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: %s", spec, why);
	return FALSE;
}

/* The file of a unix socket, NULL for other kinds. */
static const char *
unix_path(const char *spec)
{
	return g_str_has_prefix(spec, "unix:") ? spec + 5 : NULL;
}

/* 0: somebody answers; else errno. */
static int
probe(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd, result;

	if (g_strlcpy(sa.sun_path, path, sizeof sa.sun_path) >=
	    sizeof sa.sun_path)
		return ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	result =
	    connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 ? 0 : errno;
	close(fd);
	return result == EAGAIN ? 0 : result; /* backlog full: alive */
}

/* What a killed milter left behind goes; anything else stays and is said. */
static gboolean
clear_stale(const char *spec, const char *path, GError **error)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? TRUE
				       : fail(error, spec, g_strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return fail(error, spec,
		    "there is something else than a socket; remove it or "
		    "choose another path");
	if (probe(path) != ECONNREFUSED)
		return fail(error, spec,
		    "another process answers on this socket; stop it first");
	return unlink(path) == 0 ? TRUE : fail(error, spec, g_strerror(errno));
}

static gboolean
check_descriptor(const char *spec, GError **error)
{
	int fd = (int)g_ascii_strtoll(spec + 3, NULL, 10);

	if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0)
		return TRUE;
	return fail(error, spec, "no listening stream socket");
}

static gboolean
open_it(const char *spec, GError **error)
{
	g_autofree char *copy = g_strdup(spec);
	gboolean fd = g_str_has_prefix(spec, "fd:");
	mode_t mask = umask(0117); /* unix socket: 0660 */
	gboolean ok = smfi_setconn(copy) == MI_SUCCESS &&
		      smfi_opensocket(FALSE) == MI_SUCCESS;
	int saved = errno;

	umask(mask);
	if (ok)
		return TRUE;
	if (fd)
		return fail(error, spec,
		    "this libmilter takes no passed descriptor (Debian's "
		    "does); give --socket and disable the .socket unit");
	return fail(error, spec,
	    saved ? g_strerror(saved) : "cannot be opened by libmilter");
}

static const char *
choose(const char *wanted, const char *configured)
{
	if (wanted == NULL && sd_listen_fds(0) > 0)
		return "fd:3"; /* SD_LISTEN_FDS_START */
	return wanted ? wanted : configured;
}

/* libmilter keeps its descriptor to itself, but no other one listens.  -1:
 * there is none. */
static int
find_listener(const char *spec)
{
	if (g_str_has_prefix(spec, "fd:"))
		return (int)g_ascii_strtoll(spec + 3, NULL, 10);
	for (int fd = 3; fd < FD_SEARCH; fd++)
		if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0)
			return fd;
	return -1;
}

gboolean
mlt_listen_open(
    MltListen *l, const char *wanted, const char *configured, GError **error)
{
	const char *path;

	*l = (MltListen){0};
	l->spec = g_strdup(choose(wanted, configured));
	path = unix_path(l->spec);
	if (path != NULL && !clear_stale(l->spec, path, error))
		return FALSE;
	if (g_str_has_prefix(l->spec, "fd:") &&
	    !check_descriptor(l->spec, error))
		return FALSE;
	if (!open_it(l->spec, error))
		return FALSE;
	l->fd = find_listener(l->spec);
	if (path != NULL)
		l->unlink_path = g_strdup(path);
	return TRUE;
}

void
mlt_listen_close(MltListen *l)
{
	if (l->unlink_path != NULL)
		unlink(l->unlink_path);
	g_clear_pointer(&l->unlink_path, g_free);
	g_clear_pointer(&l->spec, g_free);
}

/* --- --test-config -----------------------------------------------------------
 */

static gboolean
test_unix(const char *spec, const char *path, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *why = NULL;
	struct stat st;
	int answer = probe(path);

	if (answer == 0)
		return TRUE;
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return fail(error, spec,
			    "something else than a socket is there");
		if (answer != ECONNREFUSED)
			return fail(error, spec, g_strerror(answer));
	} else if (errno == ENOTDIR) {
		return fail(error, spec, g_strerror(errno));
	}
	if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0)
		return TRUE;
	why = g_strdup_printf("directory %s: %s", dir, g_strerror(errno));
	return fail(error, spec, why);
}

/* 0, or errno. */
static int
try_bind(const struct addrinfo *ai)
{
	int on = 1, result = 0;
	int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) != 0)
		result = errno;
	close(fd);
	return result;
}

/* To the first address, as libmilter does; a literal may stand in brackets. */
static gboolean
test_inet(const char *spec, GError **error)
{
	g_auto(GStrv) part =
	    g_strsplit(strchr(spec, ':') + 1, "@", 2); /* port, host */
	gboolean v6 = g_str_has_prefix(spec, "inet6:");
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *ai = NULL;
	char *host = part[1];
	gsize n;
	int wrong;

	g_assert(host != NULL); /* see asn_config_check_socket */
	n = strlen(host);
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		host++;
		hints.ai_flags = AI_NUMERICHOST;
	}
	hints.ai_family = v6 ? AF_INET6 : AF_INET;
	wrong = getaddrinfo(host, part[0], &hints, &ai);
	if (wrong != 0)
		return fail(error, spec, gai_strerror(wrong));
	wrong = try_bind(ai);
	freeaddrinfo(ai);
	return wrong == 0 ? TRUE : fail(error, spec, g_strerror(wrong));
}

gboolean
mlt_listen_test(const char *wanted, const char *configured)
{
	const char *spec = choose(wanted, configured);
	g_autoptr(GError) error = NULL;
	const char *path = unix_path(spec);
	gboolean ok;

	g_assert(spec != NULL); /* the config has a default */
	if (path != NULL)
		ok = test_unix(spec, path, &error);
	else if (g_str_has_prefix(spec, "fd:"))
		ok = check_descriptor(spec, &error);
	else
		ok = test_inet(spec, &error);
	if (ok)
		printf("ok %s\n", spec);
	else
		printf("FAILED %s\n", error->message);
	return ok;
}
