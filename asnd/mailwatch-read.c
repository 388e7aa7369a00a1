/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-read.c: a sealed copy of a header block. */

#include <errno.h>
#include <unistd.h>

#include "header-copy.h"
#include "mailwatch-tree.h"
#include "open-beneath.h"

AsnWatchStatus
mw_open_mail(const MwNode *folder, const MwMail *mail, int *reading)
{
	struct stat st;
	int fd = mw_folder_open_mail(folder, mail->part, mail->name, &st);

	if (fd < 0)
		return errno == ENOENT ? ASN_WATCH_MOVED : ASN_WATCH_REFUSED;
	if (!mw_mail_is_good(folder, &st)) {
		close(fd);
		errno = EPERM;
		return ASN_WATCH_REFUSED;
	}
	if (st.st_dev != mail->dev || st.st_ino != mail->ino) {
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
	const MwMail mail = {
	    request->cur ? MW_CUR : MW_NEW, name, request->dev, request->ino};
	gboolean complete;
	AsnWatchStatus status;
	int fd = -1, error;
	gsize len;

	status = mw_open_mail(folder, &mail, &fd);
	if (status != ASN_WATCH_OK)
		return status;
	if (asn_header_read(
		fd, ASN_HEADER_HERE, buf, sizeof buf, &len, &complete))
		*memfd = asn_header_seal(buf, len);
	error = errno;
	close(fd);
	errno = error;
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
	/* The listing that comes again has it asked for again. */
	if (block.status == ASN_WATCH_REFUSED && mw_again(tree, folder, errno))
		block.status = ASN_WATCH_MOVED;
	tree->emit(tree->emit_data, ASN_WATCH_BLOCK, &block, sizeof block, NULL,
	    memfd);
	return TRUE;
}
