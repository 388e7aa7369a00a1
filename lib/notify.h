/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a daemon tells the service manager (sd_notify(3)), which NOTIFY_SOCKET
 * and WATCHDOG_USEC name.  Without them nothing happens.  Main thread only,
 * but for asn_notify_alive, which any thread may call.
 */
#pragma once

#include <glib.h>

/* Milliseconds between two pings, a third of what the manager waits; 0: it
 * waits for none. */
guint asn_notify_interval(void);
/* The watchdog's ping: call it only when what the process exists for was
 * proven to work. */
void asn_notify_alive(void);

/* One line for a person.  Sent when it differs from the last one. */
void asn_notify_status(const char *status);
/* The start is complete, or the reload that asn_notify_reloading began. */
void asn_notify_ready(void);
void asn_notify_reloading(void);
void asn_notify_stopping(void);
/* The start takes longer and goes forward: asks for a minute and `more`
 * seconds; every few seconds at most, so it may be called often. */
void asn_notify_extend(guint more);
