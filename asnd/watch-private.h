/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What watch-server.c (the socket) and watch-packets.c (what is said) share.
 */
#pragma once

#include "watch-server.h"

/* A folder of this connection. */
typedef struct {
	guint32 maildir; /* id of the connection */
	gint64 user, folder;
	AsndPlace place;
	GHashTable
	    *listed; /* hashes of the names named so far; NULL: no listing */
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
	/* of the connection */
	gboolean greeted, synced;
	gboolean whole; /* it looked at everything */
	guint32 report; /* request that is out; 0: none */
	GHashTable *maildirs;  /* id -> user id (gint64 *) */
	GHashTable *folders;   /* id -> AsndWatchedFolder */
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
/* Sends what may be asked for now.  FALSE: the connection is broken. */
gboolean asnd_watch_ask(AsndWatchServer *server);
