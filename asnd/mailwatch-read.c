/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-read.c: a sealed copy of a header block. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mailwatch-tree.h"
#include "open-beneath.h"

#define CHUNK (16 * 1024)

typedef struct {
	gboolean line_start, cr; /* at the start of a line; a CR followed it */
} EmptyLine;

/* The length of data up to and with the first empty line ("\n" or "\r\n" at
 * the start of a line), 0: not there.  State goes on over chunks.  This is
 * all that is ever looked at in a mail. */
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

/* Into buf (ASN_WATCH_BLOCK_MAX).  FALSE: cannot be read. */
static gboolean
read_block(int fd, char *buf, gsize *len, gboolean *complete)
{
	EmptyLine state = {.line_start = TRUE};

	*len = 0;
	*complete = FALSE;
	while (*len < ASN_WATCH_BLOCK_MAX) {
		gsize want = MIN(CHUNK, ASN_WATCH_BLOCK_MAX - *len), found;
		ssize_t n = read(fd, buf + *len, want);
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

/* A memfd of exactly these bytes that nobody can change any more; -1. */
static int
seal_block(const char *data, gsize len)
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
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Opens for reading what was asked for, or says why not. */
static AsnWatchStatus
open_mail(const MwNode *folder, const AsnWatchRead *request, const char *name,
    int *reading)
{
	struct stat st;
	int fd = mw_folder_open_mail(
	    folder, request->cur ? MW_CUR : MW_NEW, name, &st);

	if (fd < 0)
		return errno == ENOENT || errno == ESTALE ? ASN_WATCH_MOVED
							  : ASN_WATCH_REFUSED;
	if (!mw_mail_is_good(folder, &st)) {
		close(fd);
		return ASN_WATCH_REFUSED;
	}
	if (st.st_dev != request->dev || st.st_ino != request->ino) {
		close(fd);
		return ASN_WATCH_MOVED;
	}
	*reading = asn_reopen_read(fd, 0, &st);
	close(fd);
	return *reading < 0 ? ASN_WATCH_REFUSED : ASN_WATCH_OK;
}

static AsnWatchStatus
make_block(const MwNode *folder, const AsnWatchRead *request, const char *name,
    AsnWatchBlock *block, int *memfd)
{
	static char buf[ASN_WATCH_BLOCK_MAX];
	gboolean complete;
	AsnWatchStatus status;
	int fd = -1;
	gsize len;

	status = open_mail(folder, request, name, &fd);
	if (status != ASN_WATCH_OK)
		return status;
	if (read_block(fd, buf, &len, &complete))
		*memfd = seal_block(buf, len);
	close(fd);
	if (*memfd < 0)
		return ASN_WATCH_REFUSED;
	block->len = len;
	block->complete = complete != FALSE;
	return ASN_WATCH_OK;
}

gboolean
mw_read(MwTree *tree, const AsnWatchRead *request, const char *name)
{
	MwNode *folder = g_hash_table_lookup(
	    tree->folders, GUINT_TO_POINTER(request->folder));
	AsnWatchBlock block = {
	    .request = request->request,
	    .status = ASN_WATCH_MOVED,
	};
	int memfd = -1;

	if (request->folder == 0 || request->folder > tree->last_id)
		return FALSE;
	if (folder != NULL)
		block.status =
		    make_block(folder, request, name, &block, &memfd);
	tree->emit(tree->emit_data, ASN_WATCH_BLOCK, &block, sizeof block, NULL,
	    memfd);
	return TRUE;
}
