/* SPDX-License-Identifier: GPL-2.0-or-later */
/* header-copy.c: a mail up to its first empty line. */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "header-copy.h"

#define CHUNK ((gsize)16 * 1024)

typedef struct {
	gboolean line_start, cr; /* at the start of a line; a CR followed it */
} EmptyLine;

/* The length of data up to and with the first empty line ("\n" or "\r\n" at
 * the start of a line), 0: not there.  State goes on over chunks. */
static gsize
find_empty_line(EmptyLine *state, const char *data, gsize len)
{
	for (gsize i = 0; i < len; i++) {
		if (data[i] == '\n') {
			if (state->line_start)
				return i + 1;
			state->line_start = TRUE;
			state->cr = FALSE;
		} else if (data[i] == '\r' && state->line_start && !state->cr) {
			state->cr = TRUE;
		} else {
			state->line_start = FALSE;
		}
	}
	return 0;
}

gboolean
asn_header_read(
    int fd, gint64 at, char *buf, gsize size, gsize *len, gboolean *complete)
{
	EmptyLine state = {.line_start = TRUE};

	*len = 0;
	*complete = FALSE;
	/* Every turn takes at least one byte, or ends. */
	while (*len < size) {
		gsize want = MIN(CHUNK, size - *len), found;
		ssize_t n = at < 0 ? read(fd, buf + *len, want)
				   : pread(fd, buf + *len, want,
					 (off_t)(at + (gint64)*len));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FALSE;
		found = find_empty_line(&state, buf + *len, (gsize)n);
		*complete = n == 0 || found != 0;
		*len += found != 0 ? found : (gsize)n;
		if (*complete)
			break;
	}
	return TRUE;
}

int
asn_header_seal(const char *data, gsize len)
{
	int fd = memfd_create("asnd-header", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	gsize at = 0;

	while (fd >= 0 && at < len) {
		ssize_t n = write(fd, data + at, len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += (gsize)n;
	}
	if (fd >= 0 && at == len &&
	    fcntl(fd, F_ADD_SEALS,
		F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
		return fd;
	if (fd >= 0) {
		int saved = errno;

		close(fd);
		errno = saved;
	}
	return -1;
}
