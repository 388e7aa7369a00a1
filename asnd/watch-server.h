/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnd's end of watch-protocol.h: listens, lets one asnd-mailwatch in (a new
 * one replaces the old), keeps names and folders in AsndMails, asks for the
 * header blocks that are wanted, and tells the handler what there is to judge.
 *
 * The peer holds a privilege, so it is ours, but every number it sends is
 * checked all the same; nonsense ends the connection, and the next scan tells
 * everything again.  Main thread only.
 */
#pragma once

#include "reads.h"

typedef struct {
	/* Wall clock, seconds. */
	gint64 (*now)(gpointer data);
	/* A mail that is new, moved or has new flags, and was read. */
	void (*moved)(AsndMailRow *row, gpointer data);
	/* The header block of a mail; valid during the call. */
	void (*block)(
	    AsndMailRow *row, const char *block, gsize len, gpointer data);
	/* A scan is complete. */
	void (*sync)(const AsnWatchSync *sync, gpointer data);
	/* After every batch of packets: commit, publish.  FALSE: the evidence
	 * cannot be written; the handler has said so and paused the server. */
	gboolean (*turn)(gpointer data);
	/* What became of a report; may be NULL. */
	void (*reported)(guint32 request, AsnWatchReportStatus status,
	    gpointer data);
} AsndWatchHandler;

typedef struct _AsndWatchServer AsndWatchServer;

/* config and mails must outlive it; handler is copied. */
AsndWatchServer *asnd_watch_server_new(const AsnConfig *config,
    AsndMails *mails, const AsndWatchHandler *handler, gpointer data);
/* Another configuration, for what comes from now on; the socket stays. */
void asnd_watch_server_set_config(
    AsndWatchServer *server, const AsnConfig *config);
void asnd_watch_server_free(AsndWatchServer *server);
/* Listens on systemd's socket or on config->watch_socket (listen.h). */
gboolean asnd_watch_server_listen(AsndWatchServer *server, GError **error);
/* Takes over a connected socket (what accept does; and for tests). */
void asnd_watch_server_attach(AsndWatchServer *server, int fd);
/* Once a day: the Maildirs that are there were seen now. */
void asnd_watch_server_seen(AsndWatchServer *server, gint64 now);
/* Ends the connection; asnd-mailwatch will come again. */
void asnd_watch_server_hang_up(AsndWatchServer *server, const char *why);
/* Ends the connection, without a word, and lets nobody in for so many
 * milliseconds: whoever comes waits in the socket's queue. */
void asnd_watch_server_pause(AsndWatchServer *server, guint msec);
/* A scan is complete, and every mail that is wanted was read. */
gboolean asnd_watch_server_idle(const AsndWatchServer *server);
/* Asks asnd-mailwatch to hand this mail to asnd-report; handler.reported gets
 * the answer with this request (not 0).  One at a time.  FALSE: not now. */
gboolean asnd_watch_server_report(
    AsndWatchServer *server, const AsndMailRow *mail, guint32 request);
gboolean asnd_watch_server_reporting(const AsndWatchServer *server);
gboolean asnd_watch_server_connected(const AsndWatchServer *server);
/* Header blocks received since the start. */
guint64 asnd_watch_server_reads(const AsndWatchServer *server);
