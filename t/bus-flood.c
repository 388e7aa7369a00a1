/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus-flood.c: a hostile client of asnd for t/2300-bus.t.
 *
 *   bus-flood KIND SECONDS
 *
 * As fast as the bus takes them, without ever waiting for one answer:
 *   good     GetStatus and properties
 *   denied   what only the group may call
 *   nonsense wrong signatures, paths, interfaces and members, huge strings
 *   fds      LookupMail with a directory, a pipe, a socket, a device, many
 *            descriptors, or none where one is named
 *   vanish   connects, calls, and leaves, again and again
 * Prints how many calls went out, how many answers and refusals came in.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#define MANAGER "org.asnd1.Manager"

static guint64 sent, answered, refused;
static char *huge;

static GDBusMessage *
count(GDBusConnection *c, GDBusMessage *message, gboolean incoming, gpointer d)
{
	GDBusMessageType type = g_dbus_message_get_message_type(message);

	if (!incoming)
		return message;
	answered += type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN;
	refused += type == G_DBUS_MESSAGE_TYPE_ERROR;
	return message;
}

static GDBusConnection *
join(void)
{
	g_autoptr(GError) error = NULL;
	GDBusConnection *c = g_dbus_connection_new_for_address_sync(
	    getenv("DBUS_SYSTEM_BUS_ADDRESS"),
	    G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
		G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
	    NULL, NULL, &error);

	if (c == NULL) {
		fprintf(stderr, "bus-flood: %s\n", error->message);
		return NULL;
	}
	g_dbus_connection_add_filter(c, count, NULL, NULL);
	return c;
}

static void
call(GDBusConnection *c, const char *path, const char *interface,
    const char *member, GVariant *body, GUnixFDList *fds)
{
	g_autoptr(GDBusMessage) m = g_dbus_message_new_method_call(
	    "org.asnd1", path, interface, member);

	if (body != NULL)
		g_dbus_message_set_body(m, body);
	if (fds != NULL)
		g_dbus_message_set_unix_fd_list(m, fds);
	if (sent % 3 == 0)
		g_dbus_message_set_flags(
		    m, G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED);
	g_dbus_connection_send_message(
	    c, m, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
	sent++;
}

static void
good(GDBusConnection *c, guint64 i)
{
	if (i % 2 == 0)
		call(c, "/org/asnd1", MANAGER, "GetStatus", NULL, NULL);
	else
		call(c, "/org/asnd1", "org.freedesktop.DBus.Properties",
		    "GetAll", g_variant_new("(s)", MANAGER), NULL);
}

static void
denied(GDBusConnection *c, guint64 i)
{
	static const char *const members[] = {
	    "Forget", "ForgetUser", "RemoveRule"};

	if (i % 4 == 3)
		call(c, "/org/asnd1", MANAGER, "History",
		    g_variant_new("(su)", "192.0.2.1", G_MAXUINT32), NULL);
	else
		call(c, "/org/asnd1", MANAGER, members[i % 4],
		    g_variant_new("(s)", "192.0.2.0/24"), NULL);
}

static void
nonsense(GDBusConnection *c, guint64 i)
{
	static const char *const paths[] = {"/org/asnd1", "/", "/org/asnd1/x"};
	GVariant *deep = g_variant_new_string("deep");

	for (int n = 0; n < 30; n++)
		deep = g_variant_new_variant(deep);
	switch (i % 6) {
	case 0:
		call(c, paths[i % 3], MANAGER, "Lookup",
		    g_variant_new("(s)", huge), NULL);
		break;
	case 1:
		call(c, "/org/asnd1", MANAGER, "Lookup",
		    g_variant_new("(u)", 7), NULL);
		break;
	case 2:
		call(c, "/org/asnd1", MANAGER, "Export",
		    g_variant_new_parsed("('json', @as [], {'rule': %v})",
			g_variant_new_variant(g_steal_pointer(&deep))),
		    NULL);
		break;
	case 3:
		call(c, paths[i % 3], "org.asnd1.Nothing", "Nothing", NULL,
		    NULL);
		break;
	case 4:
		call(c, "/org/asnd1", MANAGER, "Nothing",
		    g_variant_new("(s)", "\xc3\xa9\t\n"), NULL);
		break;
	default:
		call(c, "/org/asnd1", "org.freedesktop.DBus.Properties", "Set",
		    g_variant_new(
			"(ssv)", MANAGER, "Votes", g_variant_new_uint64(7)),
		    NULL);
	}
	if (deep != NULL)
		g_variant_unref(g_variant_ref_sink(deep));
}

static void
fds(GDBusConnection *c, guint64 i)
{
	static int odd[4] = {-1};
	int pair[2];
	GUnixFDList *list = g_unix_fd_list_new();

	if (odd[0] < 0) {
		odd[0] = open("/", O_RDONLY | O_DIRECTORY);
		if (pipe(pair) == 0)
			odd[1] = pair[0];
		odd[2] = socket(AF_UNIX, SOCK_STREAM, 0);
		odd[3] = open("/dev/zero", O_RDONLY);
	}
	if (i % 6 < 4)
		g_unix_fd_list_append(list, odd[i % 6], NULL);
	for (guint n = 0; i % 6 == 4 && n < 8; n++)
		g_unix_fd_list_append(list, odd[n % 4], NULL);
	call(c, "/org/asnd1", MANAGER, "LookupMail",
	    g_variant_new("(h)", i % 6 == 5 ? 12 : 0), list);
	g_object_unref(list);
}

static void
vanish(GDBusConnection *unused, guint64 i)
{
	GDBusConnection *c = join();

	if (c == NULL)
		return;
	for (guint n = 0; n < 20; n++)
		good(c, n);
	g_dbus_connection_flush_sync(c, NULL, NULL);
	g_dbus_connection_close_sync(c, NULL, NULL);
	g_object_unref(c);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(GDBusConnection *c, guint64 i);
	} kinds[] = {{"good", good}, {"denied", denied}, {"nonsense", nonsense},
	    {"fds", fds}, {"vanish", vanish}};
	gint64 end;
	GDBusConnection *c;

	if (argc != 3)
		return 64;
	end = g_get_monotonic_time() +
	      (gint64)(g_ascii_strtod(argv[2], NULL) * 1e6);
	huge = g_strnfill(100000, 'x');
	c = join();
	if (c == NULL)
		return 1;
	for (guint k = 0; k < G_N_ELEMENTS(kinds); k++) {
		if (strcmp(kinds[k].name, argv[1]) != 0)
			continue;
		for (guint64 i = 0; g_get_monotonic_time() < end; i++) {
			kinds[k].run(c, i);
			/* Or all of it stays in our own memory. */
			if (i % 64 == 63 &&
			    !g_dbus_connection_flush_sync(c, NULL, NULL))
				break;
		}
	}
	printf("%" G_GUINT64_FORMAT " calls, %" G_GUINT64_FORMAT
	       " answers, %" G_GUINT64_FORMAT " refusals\n",
	    sent, answered, refused);
	return 0;
}
