/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the bus share: bus.c (connection and name), bus-call.c
 * (a call from its arrival to its answer), bus-caller.c (who calls),
 * bus-fd.c (descriptors), bus-signal.c and bus-status.c.  Main thread only,
 * but for what says otherwise.
 */
#pragma once

#include "bus-limit.h"
#include "bus.h"

/* --- bus-caller.c ----------------------------------------------------------
 */
typedef struct _AsndBusCallers AsndBusCallers;
typedef struct {
	guint32 uid;
	gboolean may_change;
} AsndBusRights;

AsndBusCallers *asnd_bus_callers_new(GDBusConnection *connection);
/* Whoever still waits is not called any more. */
void asnd_bus_callers_free(AsndBusCallers *callers);
/* Calls fn, now or later, with the rights of sender; NULL: it is gone. */
typedef void (*AsndBusRightsFunc)(const AsndBusRights *rights, gpointer data);
void asnd_bus_callers_ask(AsndBusCallers *callers, const char *sender,
    AsndBusRightsFunc fn, GDestroyNotify drop, gpointer data);
/* What a reply of GetConnectionCredentials means (a{sv}).  own_gid 0 gives
 * no rights: root's group is not asnd's. */
AsndBusRights asnd_bus_rights_of(
    GVariant *credentials, guint32 own_uid, guint32 own_gid);

/* --- bus-fd.c ----------------------------------------------------------------
 */
/* Takes the descriptors out of a message that came in; they go to
 * asnd_bus_close_fd with it unless a handler takes them.  Returns how many
 * there were.  Any thread. */
guint asnd_bus_fds_hold(GDBusMessage *message);
/* The i-th of them, which the caller now owns; -1: none. */
int asnd_bus_fds_take(GDBusMessage *message, gint32 i);
/* Waits until few of them are yet to be closed, for a second at most.  FALSE:
 * a file system stalls, and no more should be taken.  GDBus's own thread. */
gboolean asnd_bus_fds_settle(void);

/* --- bus-call.c --------------------------------------------------------------
 */
/* Where a call comes in; data is the AsndBus. */
void asnd_bus_on_call(GDBusConnection *connection, const char *sender,
    const char *path, const char *interface, const char *method, GVariant *args,
    GDBusMethodInvocation *invocation, gpointer data);
/* Cheap refusal, in GDBus's own thread, before anything is queued. */
GDBusMessage *asnd_bus_filter(GDBusConnection *connection,
    GDBusMessage *message, gboolean incoming, gpointer data);

/* --- bus-status.c
 * --------------------------------------------------------------
 */
GVariant *asnd_bus_get_property(AsndDaemon *daemon, const char *name);

/* --- bus-signal.c
 * --------------------------------------------------------------
 */
typedef struct _AsndBusSignals AsndBusSignals;
AsndBusSignals *asnd_bus_signals_new(void);
void asnd_bus_signals_free(AsndBusSignals *signals);

/* One more that nobody is told of by itself. */
void asnd_bus_left_out(AsndDaemon *daemon, const char *signal);

/* --- bus-event.c
 * --------------------------------------------------------------
 */
GArray *asnd_bus_events_new(void);

/* --- bus.c -------------------------------------------------------------------
 */
struct _AsndBus {
	AsndDaemon *daemon;
	gboolean session;
	GDBusConnection *connection; /* NULL: not on a bus */
	GCancellable *cancel;
	gulong closed;
	guint object, filter, retry, pause; /* pause: seconds */
	gboolean named, told;
	AsndBusLimit *senders; /* shared with GDBus's thread */
	AsndBusLimit *users;
	AsndBusCallers *callers;
	AsndBusSignals *signals;
	GArray *events; /* of bus-event.c, not committed yet */
	double score;   /* in the header of the mail being judged */
	gboolean warming;
};
/* The handler of a method, NULL: there is none yet.  *may_change_only. */
AsndBusMethod asnd_bus_find_method(const char *name, gboolean *may_change_only);
