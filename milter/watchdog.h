/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proof that the milter answers: a negotiation on its own socket, as Postfix
 * begins one.  A thread of its own, which shares nothing with those of mail
 * and is not waited for at the end.
 */
#pragma once

#include <glib.h>
#include <sys/socket.h>

typedef struct {
	struct sockaddr_storage addr;
	socklen_t len;
} MltOwnSocket;

/* Where the listening descriptor can be reached; before any chroot(2) to root
 * (NULL: none).  FALSE: from in there it
 * cannot, but the service manager wants signs of life. */
gboolean mlt_own_socket_init(
    MltOwnSocket *own, int listener, const char *root, GError **error);

/* Connects, negotiates (SMFIC_OPTNEG) and leaves (SMFIC_QUIT), all within ms
 * milliseconds (a quarter more while connections wait for descriptors, which
 * this does not); a full backlog is tried again until then.  NULL, or what went
 * wrong, a constant.  Allocates nothing; one thread. */
const char *mlt_watchdog_probe(const MltOwnSocket *own, guint ms);

/* Pings the service manager after each probe that went well, for ever, if it
 * wants that (WATCHDOG_USEC).  own must outlive the process. */
void mlt_watchdog_start(const MltOwnSocket *own);
