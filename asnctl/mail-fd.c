/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mail-fd.c: the header block of a mail, ready to be passed. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "header-copy.h"
#include "mail-fd.h"
#include "subject.h"

/* Room for a "From " line in front of a whole block. */
#define FROM_MAX 1024

gboolean
mail_fd_is_mail(const char *arg)
{
	AsnSubject subject;
	struct stat st;

	if (strcmp(arg, "-") == 0)
		return TRUE;
	return !asn_subject_parse(arg, &subject, NULL) && stat(arg, &st) == 0;
}

/* A FIFO that nobody writes to is empty, and no reason to wait. */
static int
open_file(const char *file, char **why)
{
	struct stat st;
	int fd;

	if (strcmp(file, "-") == 0)
		return dup(STDIN_FILENO);
	fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		*why = g_strdup(g_strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		*why = g_strdup("it is a directory; name the mails in it");
		close(fd);
		return -1;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

static void
drain(int fd)
{
	char buf[16 * 1024];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0 ||
	    (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return;
	do
		n = read(fd, buf, sizeof buf);
	while (n > 0 || (n < 0 && errno == EINTR));
}

/* CR LF to LF, in place. */
static gsize
end_lines(char *data, gsize len)
{
	gsize to = 0;

	for (gsize i = 0; i < len; i++)
		if (data[i] != '\r' || i + 1 == len || data[i + 1] != '\n')
			data[to++] = data[i];
	return to;
}

/* Reads the block, from after a "From " line on.  *data and *len: in buf. */
static gboolean
read_block(int fd, char *buf, gsize size, const char **data, gsize *len)
{
	gboolean complete;
	const char *lf;

	if (!asn_header_read(fd, ASN_HEADER_HERE, buf, size, len, &complete))
		return FALSE;
	*len = end_lines(buf, *len);
	*data = buf;
	lf = memchr(buf, '\n', MIN(*len, FROM_MAX));
	if (lf != NULL && *len > 5 && memcmp(buf, "From ", 5) == 0) {
		*len -= (gsize)(lf + 1 - buf);
		*data = lf + 1;
	}
	*len = MIN(*len, ASN_HEADER_BLOCK_MAX);
	return TRUE;
}

static int
pass_on(const char *data, gsize len, GUnixFDList **out, char **why)
{
	int fd = asn_header_seal(data, len);

	if (fd < 0) {
		*why = g_strdup_printf(
		    "no memory for its header: %s", g_strerror(errno));
		return EX_OSERR;
	}
	*out = g_unix_fd_list_new_from_array(&fd, 1);
	return EX_OK;
}

int
mail_fd_open(const char *file, GUnixFDList **out, char **why)
{
	const gsize size = ASN_HEADER_BLOCK_MAX + FROM_MAX;
	g_autofree char *buf = g_malloc(size);
	const char *data;
	int fd = open_file(file, why), code = EX_NOINPUT;
	gsize len;

	if (fd < 0 && *why == NULL)
		*why = g_strdup(g_strerror(errno));
	if (fd < 0)
		return EX_NOINPUT;
	if (!read_block(fd, buf, size, &data, &len)) {
		*why = g_strdup(g_strerror(errno));
	} else if (len == 0) {
		*why = g_strdup("it is empty");
		code = EX_DATAERR;
	} else {
		drain(fd);
		code = pass_on(data, len, out, why);
	}
	close(fd);
	return code;
}
