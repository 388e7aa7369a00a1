/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnd on D-Bus (units/org.asnd1.xml): what a handler of a method sees.
 *
 * A handler runs on the main loop, between two batches of mail: what takes
 * longer than a millisecond or touches a caller's file belongs into a thread
 * (GTask).  It answers now, or keeps the call and answers later; every call is
 * answered exactly once, by asnd_bus_return or asnd_bus_fail, which free it.
 * When the caller or the bus is gone the answer goes nowhere.  Everything here
 * is for the main thread but for asnd_bus_close_fd.
 *
 * asnd needs no bus: without one it works on and tries again.
 */
#pragma once

#include <gio/gio.h>

#include "daemon.h"

typedef struct _AsndBus AsndBus;

#define ASND_BUS_NAME "org.asnd1"
#define ASND_BUS_PATH "/org/asnd1"
#define ASND_BUS_INTERFACE "org.asnd1.Manager"

/* org.asnd1.Error.InvalidArgument, .NotFound, .Busy, .Failed */
typedef enum {
	ASND_BUS_INVALID,   /* the caller's mistake: say what would be right */
	ASND_BUS_NOT_FOUND, /* nothing is known of it */
	ASND_BUS_BUSY,      /* try again */
	ASND_BUS_FAILED     /* asnd could not: say what the admin can do */
} AsndBusError;

typedef struct _AsndBusCall {
	AsndDaemon *daemon;
	GVariant *args;      /* a tuple of the types that the XML says */
	const char *sender;  /* unique name */
	guint32 uid;         /* of the caller, says the bus */
	gboolean may_change; /* root, asnd, or of the group asnd */
	GDBusMethodInvocation *invocation; /* for bus*.c */
} AsndBusCall;

/* One for each method; bus-methods.h declares them, bus.c has the table. */
typedef void (*AsndBusMethod)(AsndBusCall *call);

/* reply: a floating tuple, or NULL for a method that returns nothing. */
void asnd_bus_return(AsndBusCall *call, GVariant *reply);
/* One line, without a full stop; text from outside goes through asn_escape. */
void asnd_bus_fail(AsndBusCall *call, AsndBusError code, const char *format,
    ...) G_GNUC_PRINTF(3, 4);
/* Takes what a caller who may only read has used of the loop since then
 * (monotonic) out of what he may still ask. */
void asnd_bus_charge(AsndBusCall *call, gint64 since);
/* The descriptor that an argument of type h names: the handler's, to be given
 * to asnd_bus_close_fd.  -1: there is none, and the call has failed.  It may
 * be anything, on a file system that never answers: only a thread may do more
 * to it than fcntl, fstat and close included. */
int asnd_bus_take_fd(AsndBusCall *call, GVariant *handle);
/* Closes a caller's descriptor where a stalling file system stalls nobody.
 * Any thread. */
void asnd_bus_close_fd(int fd);

/* args: a floating tuple, freed also where nobody is there to hear it.  A flood
 * is cut: see bus-signal.c. */
void asnd_bus_emit(AsndDaemon *daemon, const char *signal, GVariant *args);
/* A property of the XML has another value now. */
void asnd_bus_property_changed(
    AsndDaemon *daemon, const char *property, GVariant *value);

/* Connects to the system bus (session: to the session bus) in the background,
 * again and again where there is none. */
void asnd_bus_start(AsndDaemon *daemon, gboolean session);
void asnd_bus_stop(AsndDaemon *daemon);
