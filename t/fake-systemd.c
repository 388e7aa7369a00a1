/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-systemd.c: what systemd says of units, for tests of asnctl status.
 *
 *   fake-systemd UNIT=ACTIVE:SUB...
 *
 * On the bus of DBUS_SYSTEM_BUS_ADDRESS, until it is killed.  A unit that is
 * not named is not found.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gio/gio.h>

static const char xml[] =
    "<node><interface name='org.freedesktop.systemd1.Manager'>"
    "<method name='ListUnitsByNames'><arg type='as' direction='in'/>"
    "<arg type='a(ssssssouso)' direction='out'/></method>"
    "</interface></node>";
static char **units;

static void
add(GVariantBuilder *b, const char *name)
{
	const char *load = "not-found";
	char *active = NULL, *sub = NULL;

	for (char **u = units; *u != NULL; u++) {
		gsize n = strlen(name);

		if (strncmp(*u, name, n) != 0 || (*u)[n] != '=')
			continue;
		load = "loaded";
		active = g_strndup(*u + n + 1, strcspn(*u + n + 1, ":"));
		sub = g_strdup(strchr(*u, ':') + 1);
	}
	g_variant_builder_add(b, "(ssssssouso)", name, name, load,
	    active ? active : "inactive", sub ? sub : "dead", "",
	    "/org/freedesktop/systemd1/unit/x", 0, "", "/");
	g_free(active);
	g_free(sub);
}

static void
on_call(GDBusConnection *c, const char *sender, const char *path,
    const char *interface, const char *method, GVariant *args,
    GDBusMethodInvocation *invocation, gpointer data)
{
	g_autofree const char **names = NULL;
	GVariantBuilder b;

	g_variant_get(args, "(^a&s)", &names);
	g_variant_builder_init(&b, G_VARIANT_TYPE("a(ssssssouso)"));
	for (const char **n = names; *n != NULL; n++)
		add(&b, *n);
	g_dbus_method_invocation_return_value(
	    invocation, g_variant_new("(a(ssssssouso))", &b));
}

int
main(int argc, char **argv)
{
	static const GDBusInterfaceVTable vtable = {on_call};
	g_autoptr(GError) error = NULL;
	GDBusConnection *c = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &error);

	units = argv + 1;
	if (c == NULL ||
	    g_dbus_connection_register_object(c, "/org/freedesktop/systemd1",
		g_dbus_node_info_new_for_xml(xml, NULL)->interfaces[0], &vtable,
		NULL, NULL, &error) == 0) {
		fprintf(stderr, "fake-systemd: %s\n", error->message);
		return 1;
	}
	g_bus_own_name_on_connection(c, "org.freedesktop.systemd1",
	    G_BUS_NAME_OWNER_FLAGS_NONE, NULL, NULL, NULL, NULL);
	g_main_loop_run(g_main_loop_new(NULL, FALSE));
	return 0;
}
