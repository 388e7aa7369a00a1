/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch-protocol.c: the packets between asnd and asnd-mailwatch. */

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "watch-protocol.h"

/* fixed follows the header directly and must be aligned in the packet. */
G_STATIC_ASSERT(sizeof(AsnWatchHeader) == 8);
G_STATIC_ASSERT(sizeof(AsnWatchReport) == 56);

typedef enum { NAME_NONE, NAME_PATH, NAME_FOLDER, NAME_FILE } NameKind;

/* FALSE: no such type. */
static gboolean
shape_of(guint32 type, gsize *fixed_len, NameKind *name)
{
	*name = NAME_NONE;
	switch (type) {
	case ASN_WATCH_HELLO:
		*fixed_len = sizeof(AsnWatchHello);
		return TRUE;
	case ASN_WATCH_MAILDIR:
		*fixed_len = sizeof(AsnWatchMaildir);
		*name = NAME_PATH;
		return TRUE;
	case ASN_WATCH_MAILDIR_GONE:
	case ASN_WATCH_FOLDER_LISTED:
	case ASN_WATCH_FOLDER_GONE:
		*fixed_len = sizeof(AsnWatchId);
		return TRUE;
	case ASN_WATCH_FOLDER:
		*fixed_len = sizeof(AsnWatchFolder);
		*name = NAME_FOLDER;
		return TRUE;
	case ASN_WATCH_ENTRY:
		*fixed_len = sizeof(AsnWatchEntry);
		*name = NAME_FILE;
		return TRUE;
	case ASN_WATCH_GONE:
		*fixed_len = sizeof(AsnWatchGone);
		*name = NAME_FILE;
		return TRUE;
	case ASN_WATCH_SYNC:
		*fixed_len = sizeof(AsnWatchSync);
		return TRUE;
	case ASN_WATCH_BLOCK:
		*fixed_len = sizeof(AsnWatchBlock);
		return TRUE;
	case ASN_WATCH_REPORTED:
		*fixed_len = sizeof(AsnWatchReported);
		return TRUE;
	case ASN_WATCH_READ:
		*fixed_len = sizeof(AsnWatchRead);
		*name = NAME_FILE;
		return TRUE;
	case ASN_WATCH_REPORT:
		*fixed_len = sizeof(AsnWatchReport);
		*name = NAME_FILE;
		return TRUE;
	default:
		return FALSE;
	}
}

/* "." and ".." are names of directories, never of a mail or a folder. */
static gboolean
name_is_single(const char *name, gsize len)
{
	if (len > 255 || memchr(name, '/', len) != NULL)
		return FALSE;
	return !(len == 1 && name[0] == '.') &&
	       !(len == 2 && name[0] == '.' && name[1] == '.');
}

static gboolean
name_is_valid(NameKind kind, const char *name, gsize len)
{
	if (len != 0 && memchr(name, '\0', len) != NULL)
		return FALSE;
	switch (kind) {
	case NAME_NONE:
		return len == 0;
	case NAME_PATH:
		return len >= 1 && len < 4096 && name[0] == '/';
	case NAME_FOLDER:
		return name_is_single(name, len);
	case NAME_FILE:
		return len >= 1 && name_is_single(name, len);
	}
	return FALSE;
}

gboolean
asn_watch_parse(const void *data, gsize len, AsnWatchPacket *out)
{
	const char *bytes = data;
	AsnWatchHeader header;
	gsize fixed_len;
	NameKind kind;

	if (len < sizeof header || len > ASN_WATCH_MAX_PACKET ||
	    (uintptr_t)data % 8 != 0)
		return FALSE;
	memcpy(&header, bytes, sizeof header);
	if (header.size != len || !shape_of(header.type, &fixed_len, &kind) ||
	    len - sizeof header < fixed_len)
		return FALSE;
	out->type = (AsnWatchType)header.type;
	out->fixed = bytes + sizeof header;
	out->name = bytes + sizeof header + fixed_len;
	out->name_len = len - sizeof header - fixed_len;
	return name_is_valid(kind, out->name, out->name_len);
}

static void
attach_fd(struct msghdr *msg, void *control, int fd)
{
	struct cmsghdr *cmsg;

	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(sizeof fd);
	cmsg = CMSG_FIRSTHDR(msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(cmsg), &fd, sizeof fd);
}

static int
send_pieces(int sock, struct iovec *iov, gsize n_iov, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {0};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n_iov};
	gssize n;

	if (fd >= 0)
		attach_fd(&msg, control, fd);
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int
asn_watch_send(int sock, AsnWatchType type, const void *fixed, gsize fixed_len,
    const void *name, gsize name_len, int fd)
{
	AsnWatchHeader header = {.type = type};
	struct iovec iov[3] = {
	    {&header, sizeof header},
	    {(void *)(uintptr_t)fixed, fixed_len},
	    {(void *)(uintptr_t)name, name_len},
	};

	if (fixed_len > ASN_WATCH_MAX_PACKET - sizeof header ||
	    name_len > ASN_WATCH_MAX_PACKET - sizeof header - fixed_len) {
		errno = EMSGSIZE;
		return -1;
	}
	header.size = (guint32)(sizeof header + fixed_len + name_len);
	return send_pieces(sock, iov, G_N_ELEMENTS(iov), fd);
}

int
asn_watch_send_raw(int sock, const void *data, gsize len, int fd)
{
	struct iovec iov = {(void *)(uintptr_t)data, len};

	return send_pieces(sock, &iov, 1, fd);
}

/* Takes the first descriptor and closes all others; returns how many came. */
static guint
take_fds(struct msghdr *msg, int *fd)
{
	guint n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
	     c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (gsize at = 0;
		     at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0);
		     at += sizeof(int)) {
			int got;
			memcpy(&got, CMSG_DATA(c) + at, sizeof got);
			if (n++ == 0)
				*fd = got;
			else
				close(got);
		}
	}
	return n;
}

gssize
asn_watch_recv(int sock, void *buf, gsize size, int *fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof *fd)];
	struct iovec iov = {buf, size};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof control,
	};
	gssize n;

	*fd = -1;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	/* Cut short, or more descriptors than the one that may be there (or
	 * our own table is full): the packet is worth nothing. */
	if (take_fds(&msg, fd) > 1 ||
	    (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
		errno = EBADMSG;
		return -1;
	}
	return n;
}
