/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus.c: asnd on D-Bus: the connection, the name and the table of methods. */

#include <math.h>
#include <string.h>

#include "bus-event.h"
#include "bus-interface.h"
#include "bus-methods.h"
#include "bus-private.h"
#include "daemon-private.h"

#define PAUSE_MIN 5 /* seconds between two tries */
#define PAUSE_MAX 60
#define PRIMARY_OWNER 1 /* of RequestName, D-Bus specification */
#define DO_NOT_QUEUE 4u

typedef struct {
	const char *name;
	AsndBusMethod run;        /* NULL: not supported */
	gboolean may_change_only; /* root and the group of asnd */
} Method;

/* What is not here is refused. */
static const Method methods[] = {
    {"Export", asnd_bus_export, FALSE},
    {"Forget", asnd_bus_forget, TRUE},
    {"ForgetMail", asnd_bus_forget_mail, TRUE},
    {"ForgetUser", asnd_bus_forget_user, TRUE},
    {"GetStatus", asnd_bus_get_status, FALSE},
    {"History", asnd_bus_history, TRUE},
    {"Learn", asnd_bus_learn, TRUE},
    {"Lookup", asnd_bus_lookup, FALSE},
    {"LookupMail", asnd_bus_lookup_mail, FALSE},
    {"ListRules", asnd_bus_list_rules, FALSE},
    {"Networks", asnd_bus_networks, FALSE},
    {"Quality", asnd_bus_quality, FALSE},
    {"RemoveRule", asnd_bus_remove_rule, TRUE},
    {"SetRule", asnd_bus_set_rule, TRUE},
    {"Top", asnd_bus_top, FALSE},
};

AsndBusMethod
asnd_bus_find_method(const char *name, gboolean *may_change_only)
{
	for (guint i = 0; i < G_N_ELEMENTS(methods); i++) {
		if (strcmp(methods[i].name, name) != 0)
			continue;
		*may_change_only = methods[i].may_change_only;
		return methods[i].run;
	}
	return NULL;
}

/* --- the connection --------------------------------------------------------
 */

static void connect_now(AsndBus *bus);

static gboolean
try_again(gpointer data)
{
	AsndBus *bus = data;

	bus->retry = 0;
	connect_now(bus);
	return G_SOURCE_REMOVE;
}

static void
disconnect(AsndBus *bus)
{
	g_clear_pointer(&bus->callers, asnd_bus_callers_free);
	bus->named = FALSE;
	if (bus->connection == NULL)
		return;
	g_signal_handler_disconnect(bus->connection, bus->closed);
	g_dbus_connection_unregister_object(bus->connection, bus->object);
	g_dbus_connection_remove_filter(bus->connection, bus->filter);
	if (!g_dbus_connection_is_closed(bus->connection))
		g_dbus_connection_close(bus->connection, NULL, NULL, NULL);
	g_clear_object(&bus->connection);
}

/* One message until it works again: asnd does its job without. */
static void
trouble(AsndBus *bus, const char *why)
{
	if (!bus->told)
		g_message("asnctl and D-Bus cannot reach asnd, which goes on"
			  " and tries again: %s",
		    why);
	bus->told = TRUE;
	disconnect(bus);
	if (bus->retry == 0)
		bus->retry = g_timeout_add_seconds(bus->pause, try_again, bus);
	bus->pause = MIN(2 * bus->pause, PAUSE_MAX);
}

static void
on_closed(
    GDBusConnection *connection, gboolean remote, GError *error, gpointer data)
{
	trouble(data, error != NULL ? error->message
		      : remote      ? "the bus closed the connection"
				    : "callers' file descriptors cannot"
				      " be closed");
}

static void
on_named(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) reply = g_dbus_connection_call_finish(
	    G_DBUS_CONNECTION(source), result, &error);
	AsndBus *bus = data;
	guint32 code = 0;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
	    (reply == NULL && g_dbus_connection_is_closed(bus->connection)))
		return; /* on_closed says it */
	if (reply == NULL) {
		trouble(bus, error->message);
		return;
	}
	g_variant_get(reply, "(u)", &code);
	if (code != PRIMARY_OWNER) {
		trouble(bus, "another process has the name " ASND_BUS_NAME);
		return;
	}
	bus->named = TRUE;
	bus->pause = PAUSE_MIN;
	if (bus->told)
		g_message("D-Bus reaches asnd again");
	bus->told = FALSE;
}

static GVariant *
get_property(GDBusConnection *connection, const char *sender, const char *path,
    const char *interface, const char *name, GError **error, gpointer data)
{
	AsndBus *bus = data;

	return asnd_bus_get_property(bus->daemon, name);
}

static void
use_connection(AsndBus *bus, GDBusConnection *connection)
{
	static const GDBusInterfaceVTable vtable = {
	    .method_call = asnd_bus_on_call,
	    .get_property = get_property,
	};

	bus->connection = connection;
	bus->callers = asnd_bus_callers_new(connection);
	bus->closed =
	    g_signal_connect(connection, "closed", G_CALLBACK(on_closed), bus);
	bus->filter = g_dbus_connection_add_filter(connection, asnd_bus_filter,
	    asnd_bus_limit_ref(bus->senders),
	    (GDestroyNotify)asnd_bus_limit_unref);
	bus->object = g_dbus_connection_register_object(connection,
	    ASND_BUS_PATH, (gpointer)(guintptr)&org_asnd1_manager_interface,
	    &vtable, bus, NULL, NULL);
	g_dbus_connection_call(connection, "org.freedesktop.DBus",
	    "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
	    g_variant_new("(su)", ASND_BUS_NAME, DO_NOT_QUEUE),
	    G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, -1, bus->cancel,
	    on_named, bus);
}

static void
on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	GDBusConnection *connection =
	    g_dbus_connection_new_for_address_finish(result, &error);

	if (connection != NULL)
		use_connection(data, connection);
	else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		trouble(data, error->message);
}

/* In GLib's threads: a bus that hangs stalls nobody. */
static void
connect_now(AsndBus *bus)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *address = g_dbus_address_get_for_bus_sync(
	    bus->session ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM, NULL,
	    &error);

	if (address == NULL) {
		trouble(bus, error->message);
		return;
	}
	g_dbus_connection_new_for_address(address,
	    G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
		G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
	    NULL, bus->cancel, on_connected, bus);
}

/* --- start and end ---------------------------------------------------------
 */

void
asnd_bus_start(AsndDaemon *daemon, gboolean session)
{
	static const AsndBusRates sender = {
	    .burst = 100, .rate = 100, .pending = 16, .pending_all = 128};
	static const AsndBusRates user = {
	    .burst = 200, .rate = 200, .pending = 32, .pending_all = 0};
	AsndBus *bus = g_new0(AsndBus, 1);

	bus->daemon = daemon;
	bus->session = session;
	bus->pause = PAUSE_MIN;
	bus->cancel = g_cancellable_new();
	bus->senders = asnd_bus_limit_new(&sender);
	bus->users = asnd_bus_limit_new(&user);
	bus->signals = asnd_bus_signals_new();
	bus->events = asnd_bus_events_new();
	bus->score = NAN;
	bus->warming = asnd_daemon_warming_up(daemon);
	daemon->bus = bus;
	asnd_bus_observe(daemon);
	connect_now(bus);
}

void
asnd_bus_stop(AsndDaemon *daemon)
{
	AsndBus *bus = g_steal_pointer(&daemon->bus);

	if (bus == NULL)
		return;
	g_cancellable_cancel(bus->cancel);
	if (bus->retry != 0)
		g_source_remove(bus->retry);
	disconnect(bus);
	g_object_unref(bus->cancel);
	asnd_bus_signals_free(bus->signals);
	g_array_unref(bus->events);
	asnd_bus_limit_unref(bus->senders);
	asnd_bus_limit_unref(bus->users);
	g_free(bus);
}
