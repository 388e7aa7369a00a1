/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking asnd over D-Bus (units/org.asnd1.xml).  One thread.
 *
 * What goes wrong is said in one line on stderr, with what to do, and is an
 * exit code: 64 asnd refuses what was asked, 69 it knows nothing of it, 74 it
 * failed, 75 it cannot be reached or is busy, 76 it is of another version, 77
 * the caller may not.
 */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#define ASNCTL_BUS_NAME "org.asnd1"
#define ASNCTL_BUS_PATH "/org/asnd1"
#define ASNCTL_BUS_INTERFACE "org.asnd1.Manager"

typedef struct {
	gboolean session;  /* --session */
	gboolean no_start; /* ask the asnd that runs, if one does */
} AsnctlBus;

/* A line for the GOptionEntry table of every verb that asks asnd. */
#define ASNCTL_BUS_OPTION(bus)                                                 \
	{                                                                      \
		"session", 0, 0, G_OPTION_ARG_NONE, &(bus)->session,           \
		    "Ask the asnd on the session bus", NULL                    \
	}

/* args: a floating tuple or NULL; fds may be NULL and stay the caller's.
 * EX_OK: *out, where out is not NULL, is the reply's tuple, the caller's. */
int asnctl_bus_call(const AsnctlBus *bus, const char *method, GVariant *args,
    GUnixFDList *fds, GVariant **out);
/* The same without a word on stderr: *why is the line, to be freed. */
int asnctl_bus_try(const AsnctlBus *bus, const char *method, GVariant *args,
    GUnixFDList *fds, GVariant **out, char **why);
/* The connection, for signals: lives as long as the program.  NULL: there is
 * no bus, and *why says so. */
GDBusConnection *asnctl_bus_connect(const AsnctlBus *bus, char **why);
