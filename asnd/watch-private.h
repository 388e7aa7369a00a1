/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What watch-server.c (the socket), watch-packets.c (what is said) and
 * watch-lost.c (what is not said any more) share.
 */
#pragma once

#include "watch-server.h"

/* A folder of this connection. */
typedef struct {
	guint32 maildir; /* id of the connection */
	gint64 user, folder;
	AsndPlace place;
	GHashTable
	    *listed;   /* hashes of the names named so far; NULL: no listing */
	gboolean away; /* so was one of these mails, as far as was known */
} AsndWatchedFolder;

struct _AsndWatchServer {
	const AsnConfig *config;
	AsndMails *mails;
	AsndWatchHandler handler;
	gpointer data;
	AsndReads *reads;
	guint64 n_reads, seed;
	int listener, fd;
	guint listen_source, pause_source, source, out_source;
	char *unlink_path;
	char *said; /* why it hung up last; NULL: all went well since */
	/* of the connection */
	gboolean greeted, synced;
	gboolean whole;       /* it looked at everything */
	guint32 report;       /* request that is out; 0: none */
	GHashTable *maildirs; /* id -> user id (gint64 *) */
	GHashTable *folders;  /* id -> AsndWatchedFolder */
	GHashTable *
	    returned; /* user ids: Maildirs that came, and were not swept yet */
	GHashTable *by_folder; /* folder id in the evidence -> id (gint64 *) */
	guint64 buf[ASN_WATCH_MAX_PACKET / 8];
};

/* One packet.  NULL: fine; else why the connection must end.  fd: passed
 * descriptor or -1, stays the caller's. */
const char *asnd_watch_packet(
    AsndWatchServer *server, const AsnWatchPacket *packet, int fd);
/* The answer to a report. */
const char *asnd_watch_on_reported(
    AsndWatchServer *server, const AsnWatchPacket *packet);
/* A complete scan: what was seen before and is not there now. */
void asnd_watch_drop_lost(AsndWatchServer *server);
/* AsndFolderFunc: it is there; data: the server. */
gboolean asnd_watch_has_folder(gint64 folder, gpointer data);
/* Sends what may be asked for now.  FALSE: the connection is broken. */
gboolean asnd_watch_ask(AsndWatchServer *server);
