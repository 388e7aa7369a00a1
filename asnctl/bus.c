/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus.c: asks asnd over D-Bus. */

#include <string.h>
#include <sysexits.h>

#include "bus.h"

#define TIMEOUT 120000 /* milliseconds; asnd answers or says Busy */
#define START "start it with \"systemctl start asnd\""

GDBusConnection *
asnctl_bus_connect(const AsnctlBus *bus, char **why)
{
	static GDBusConnection *kept;
	g_autoptr(GError) error = NULL;

	if (kept != NULL)
		return kept;
	kept = g_bus_get_sync(
	    bus->session ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM, NULL,
	    &error);
	if (kept != NULL)
		g_dbus_connection_set_exit_on_close(kept, FALSE);
	else
		*why = g_strdup_printf(
		    "asnd cannot be reached: the %s bus: %s%s",
		    bus->session ? "session" : "system", error->message,
		    bus->session ? "" : "; \"systemctl start dbus\" starts it");
	return kept;
}

typedef struct {
	const char *name;
	int code;
	const char *text; /* NULL: what asnd says */
} Fault;

static const Fault faults[] = {
    {"org.asnd1.Error.InvalidArgument", EX_USAGE, NULL},
    {"org.asnd1.Error.NotFound", EX_UNAVAILABLE, NULL},
    {"org.asnd1.Error.Busy", EX_TEMPFAIL, NULL},
    {"org.asnd1.Error.Failed", EX_IOERR, NULL},
    {"org.freedesktop.DBus.Error.AccessDenied", EX_NOPERM,
	"only root and members of the group asnd may do this"},
    {"org.freedesktop.DBus.Error.NotSupported", EX_PROTOCOL,
	"this asnd cannot do that; install asnd and asnctl of one version"},
    {"org.freedesktop.DBus.Error.UnknownMethod", EX_PROTOCOL,
	"asnd is of another version; restart it with \"systemctl restart "
	"asnd\""},
    {"org.freedesktop.DBus.Error.InvalidArgs", EX_PROTOCOL,
	"asnd is of another version; restart it with \"systemctl restart "
	"asnd\""},
    {"org.freedesktop.DBus.Error.LimitsExceeded", EX_TEMPFAIL,
	"the bus is busy; try again"},
};

/* One line, whatever was in it. */
static char *
one_line(const char *text)
{
	char *line = g_utf8_make_valid(text, -1);

	for (char *p = line; *p != '\0'; p++)
		if (g_ascii_iscntrl(*p))
			*p = ' ';
	return line;
}

static int
explain(GError *error, char **why)
{
	g_autofree char *name = g_dbus_error_get_remote_error(error);

	g_dbus_error_strip_remote_error(error);
	for (guint i = 0; name != NULL && i < G_N_ELEMENTS(faults); i++) {
		const Fault *f = &faults[i];

		if (strcmp(name, f->name) != 0)
			continue;
		*why = one_line(f->text != NULL ? f->text : error->message);
		return f->code;
	}
	if (name != NULL && (g_str_has_suffix(name, ".ServiceUnknown") ||
				g_str_has_suffix(name, ".NameHasNoOwner")))
		*why = g_strdup("asnd does not run; " START);
	else if (name != NULL && strstr(name, ".Spawn.") != NULL)
		*why = g_strdup("asnd cannot be started; \"systemctl status "
				"asnd\" tells why");
	else {
		g_autofree char *text = one_line(error->message);

		*why = g_strdup_printf(
		    "asnd does not answer: %s; \"systemctl status asnd\" may "
		    "tell why",
		    text);
	}
	return EX_TEMPFAIL;
}

int
asnctl_bus_try(const AsnctlBus *bus, const char *method, GVariant *args,
    GUnixFDList *fds, GVariant **out, char **why)
{
	g_autoptr(GVariant) sunk = args ? g_variant_ref_sink(args) : NULL;
	GDBusConnection *connection = asnctl_bus_connect(bus, why);
	g_autoptr(GVariant) reply = NULL;
	g_autoptr(GError) error = NULL;

	if (connection == NULL)
		return EX_TEMPFAIL;
	reply = g_dbus_connection_call_with_unix_fd_list_sync(connection,
	    ASNCTL_BUS_NAME, ASNCTL_BUS_PATH, ASNCTL_BUS_INTERFACE, method,
	    sunk, NULL,
	    bus->no_start ? G_DBUS_CALL_FLAGS_NO_AUTO_START
			  : G_DBUS_CALL_FLAGS_NONE,
	    TIMEOUT, fds, NULL, NULL, &error);
	if (reply == NULL)
		return explain(error, why);
	if (out != NULL)
		*out = g_steal_pointer(&reply);
	return EX_OK;
}

int
asnctl_bus_call(const AsnctlBus *bus, const char *method, GVariant *args,
    GUnixFDList *fds, GVariant **out)
{
	g_autofree char *why = NULL;
	int code = asnctl_bus_try(bus, method, args, fds, out, &why);

	if (why != NULL)
		g_printerr("%s: %s\n", g_get_prgname(), why);
	return code;
}
