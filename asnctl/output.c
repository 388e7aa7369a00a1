/* SPDX-License-Identifier: GPL-2.0-or-later */
/* output.c: writes what a verb made. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sysexits.h>
#include <unistd.h>

#include "aside.h"
#include "output.h"

int
output_to_stdout(const char *data, gsize len)
{
	signal(SIGPIPE, SIG_IGN); /* EPIPE says it */
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			g_printerr("%s: standard output: %s\n", g_get_prgname(),
			    g_strerror(errno));
			return EX_IOERR;
		}
		data += n;
		len -= (gsize)n;
	}
	return EX_OK;
}

int
output_to_file(const char *path, const char *data, gsize len)
{
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *base = g_path_get_basename(path);
	g_autoptr(GError) error = NULL;
	gboolean ok;
	int fd;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		g_printerr(
		    "%s: %s: %s\n", g_get_prgname(), dir, g_strerror(errno));
		return EX_CANTCREAT;
	}
	ok = asn_aside_write(fd, base, data, len, 0644, &error);
	close(fd);
	if (ok)
		return EX_OK;
	g_printerr("%s: %s: %s\n", g_get_prgname(), dir, error->message);
	return EX_CANTCREAT;
}
