/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The connection to asnd.  One packet at most waits here for room in the
 * socket; as long as it does (mw_conn_blocked), nothing more may be sent, and
 * the caller reads neither directories nor inotify.  One thread.
 */
#pragma once

#include "watch-protocol.h"

typedef struct {
	int fd; /* -1: none */
	gboolean blocked, broken;
	AsnWatchType type;
	char fixed[64];
	gsize fixed_len;
	char name[4096];
	gsize name_len;
	int passed; /* descriptor to go with it, or -1 */
} MwConn;

/* What asnd asks for. */
typedef struct {
	AsnWatchType type; /* ASN_WATCH_READ or ASN_WATCH_REPORT */
	union {
		AsnWatchRead read;
		AsnWatchReport report;
	};
	char name[256];
} MwRequest;

/* A connected SOCK_SEQPACKET socket that never blocks, to somebody who may see
 * everybody's mail: root, ourselves, or who owns the directory it is in.  -1
 * with errno: nobody listens; EAGAIN: nobody takes the connection; EPERM:
 * somebody who must not. */
int mw_connect(const char *path);

void mw_conn_init(MwConn *conn);
/* FALSE with errno: nobody listens; EPERM: somebody who must not. */
gboolean mw_conn_open(MwConn *conn, const char *path);
void mw_conn_close(MwConn *conn);
/* Takes passed over.  On a broken connection nothing happens. */
void mw_conn_send(MwConn *conn, AsnWatchType type, const void *fixed,
    gsize fixed_len, const char *name, int passed);
/* Tries the waiting packet again. */
void mw_conn_flush(MwConn *conn);
/* The next request.  FALSE: none now, or the connection is broken (asnd left,
 * or sent nonsense: then *why says what). */
gboolean mw_conn_receive(MwConn *conn, MwRequest *request, const char **why);
