/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status-host.c: what is around asnd: systemd, the milter, Postfix, inotify. */

#include <string.h>

#include "status.h"

/* What asn-postfix looks for; with another one, Postfix may be elsewhere. */
#define OUR_SOCKET "unix:/var/spool/postfix/asn-milter/milter.sock"
#define SYSTEMD "org.freedesktop.systemd1"

enum { MILTER_SOCKET, MILTER, ASND_SOCKET, ASND, MAILWATCH, IMPORT };
static const char *const names[STATUS_UNITS] = {
    [MILTER_SOCKET] = "asn-milter.socket",
    [MILTER] = "asn-milter.service",
    [ASND_SOCKET] = "asnd.socket",
    [ASND] = "asnd.service",
    [MAILWATCH] = "asnd-mailwatch.service",
    [IMPORT] = "asnd-import.path",
};

/* --- systemd --------------------------------------------------------------
 */

static GVariant *
list_units(const Status *s)
{
	g_autofree char *why = NULL;
	GDBusConnection *bus = asnctl_bus_connect(&s->bus, &why);
	GVariantBuilder b;

	/* A user's systemd is not the one that runs services of the host. */
	if (bus == NULL || s->bus.session)
		return NULL;
	g_variant_builder_init(&b, G_VARIANT_TYPE("as"));
	for (guint i = 0; i < STATUS_UNITS; i++)
		g_variant_builder_add(&b, "s", names[i]);
	return g_dbus_connection_call_sync(bus, SYSTEMD,
	    "/org/freedesktop/systemd1", SYSTEMD ".Manager", "ListUnitsByNames",
	    g_variant_new("(as)", &b), G_VARIANT_TYPE("(a(ssssssouso))"),
	    G_DBUS_CALL_FLAGS_NO_AUTO_START, 5000, NULL, NULL);
}

static void
take_unit(Status *s, GVariant *unit)
{
	const char *name, *load, *active, *sub;

	g_variant_get_child(unit, 0, "&s", &name);
	g_variant_get_child(unit, 2, "&s", &load);
	g_variant_get_child(unit, 3, "&s", &active);
	g_variant_get_child(unit, 4, "&s", &sub);
	for (guint i = 0; i < STATUS_UNITS; i++) {
		StatusUnit *u = &s->units[i];

		if (strcmp(names[i], name) != 0 || u->load != NULL)
			continue;
		u->load = g_strdup(load);
		u->active = g_strdup(active);
		u->sub = g_strdup(sub);
		/* Else they are somebody else's: a container, a demo. */
		s->systemd |= strcmp(load, "loaded") == 0;
	}
}

static gboolean
is_active(const StatusUnit *u)
{
	return g_strcmp0(u->active, "active") == 0 ||
	       g_strcmp0(u->active, "activating") == 0 ||
	       g_strcmp0(u->active, "reloading") == 0;
}

static void
judge_failed(Status *s)
{
	for (guint i = 0; i < STATUS_UNITS; i++) {
		g_autofree char *cure = g_strdup_printf(
		    "journalctl -u %s -n 20; systemctl restart %s", names[i],
		    names[i]);

		if (g_strcmp0(s->units[i].active, "failed") == 0)
			status_problem(s,
			    i == IMPORT ? STATUS_WARNING : STATUS_BROKEN,
			    g_strdup_printf("%s has failed", names[i]), cure);
	}
}

static gboolean
is_down(const Status *s, guint unit)
{
	return !is_active(&s->units[unit]) &&
	       g_strcmp0(s->units[unit].active, "failed") != 0;
}

gboolean
status_unit_is_down(const Status *s, const char *name)
{
	for (guint i = 0; s->systemd && i < STATUS_UNITS; i++)
		if (strcmp(names[i], name) == 0)
			return !is_active(&s->units[i]);
	return FALSE;
}

static void
judge_units(Status *s)
{
	judge_failed(s);
	if (is_down(s, MILTER_SOCKET) && is_down(s, MILTER))
		status_problem(s, STATUS_BROKEN,
		    g_strdup("asn-milter is off: mail gets no header"),
		    "systemctl enable --now asn-milter.socket");
	if (is_down(s, ASND_SOCKET) && is_down(s, ASND))
		status_problem(s, STATUS_BROKEN, g_strdup("asnd is off"),
		    "systemctl enable --now asnd.socket");
	if (is_down(s, MAILWATCH))
		status_problem(s, STATUS_BROKEN,
		    g_strdup("asnd-mailwatch is off: nothing is learned"),
		    "systemctl enable --now asnd-mailwatch");
	if (is_down(s, IMPORT))
		status_problem(s, STATUS_WARNING,
		    g_strdup("networks.mmdb is not refreshed: "
			     "asnd-import.path is off"),
		    "systemctl enable --now asnd-import.path");
}

void
status_look_at_units(Status *s)
{
	g_autoptr(GVariant) reply = list_units(s), list = NULL;

	for (guint i = 0; i < STATUS_UNITS; i++)
		s->units[i].name = names[i];
	if (reply == NULL)
		return;
	list = g_variant_get_child_value(reply, 0);
	for (gsize i = 0; i < g_variant_n_children(list); i++) {
		g_autoptr(GVariant) unit = g_variant_get_child_value(list, i);

		take_unit(s, unit);
	}
	if (s->systemd)
		judge_units(s);
}

/* --- Postfix --------------------------------------------------------------
 */

void
status_look_at_postfix(Status *s)
{
	g_autofree char *program = g_find_program_in_path("asn-postfix");
	g_autofree char *out = NULL, *err = NULL;
	char *argv[] = {program, (char[]){"status"}, NULL};

	s->postfix = "unknown";
	if (program == NULL ||
	    !g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out,
		&err, NULL, NULL) ||
	    out == NULL)
		return;
	if (g_str_has_prefix(out, "asn-milter: enabled")) {
		s->postfix = "enabled";
	} else if (g_str_has_prefix(out, "asn-milter: not enabled") &&
		   strcmp(s->config->socket, OUR_SOCKET) == 0) {
		s->postfix = "disabled";
		status_problem(s, STATUS_BROKEN,
		    g_strdup("Postfix does not ask asn-milter: mail gets no "
			     "header"),
		    "asn-postfix enable && systemctl reload postfix");
	}
}

/* --- inotify ----------------------------------------------------------------
 */

void
status_look_at_watches(Status *s)
{
	g_autofree char *text = NULL;
	guint64 used = (guint64)status_number(s, "watches");
	gint64 polled = status_number(s, "polled");

	if (!g_file_get_contents(
		"/proc/sys/fs/inotify/max_user_watches", &text, NULL, NULL))
		return;
	s->watch_limit = g_ascii_strtoull(text, NULL, 10);
	if (s->watch_limit == 0 || used < s->watch_limit / 10 * 8)
		return;
	status_problem(s, STATUS_WARNING,
	    g_strdup_printf("%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
			    " inotify watches are used; beyond them folders "
			    "are only polled (%" G_GINT64_FORMAT " now)",
		used, s->watch_limit, polled),
	    "raise the sysctl fs.inotify.max_user_watches");
}
