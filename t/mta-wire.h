/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mta-wire.h: the mail server's side of the milter protocol, packet by packet
 * (libmilter/mfdef.h, version 6).  Calls block; FALSE and 0: the connection
 * is lost.
 */
#pragma once

#include <glib.h>

typedef struct {
	const char *spec; /* unix:/PATH or inet:PORT@ADDRESS */
	int fd;
	guint32 steps; /* SMFIP_*: what the filter declined */
	GString *in;   /* data of the packet that came last */
} Mta;

/* A connected descriptor, or -1 with errno.  flags: SOCK_NONBLOCK or 0. */
int mta_dial(const char *spec, int flags);
gboolean mta_send_all(Mta *m, const char *p, gsize n);
gboolean mta_send_packet(Mta *m, char command, const char *data, gsize n);
/* The command of the next packet. */
char mta_recv_packet(Mta *m);

/* Offers everything on a connection; takes the answer to that; or connects
 * and does both. */
gboolean mta_offer(Mta *m);
gboolean mta_agree(Mta *m);
gboolean mta_negotiate(Mta *m);

/* Events that the filter may have declined; each waits for its answer unless
 * the filter said that there is none. */
gboolean mta_send_connect(Mta *m, const char *family, const char *addr);
gboolean mta_send_header(Mta *m, const char *name, gsize name_len,
    const char *value, gsize value_len);
