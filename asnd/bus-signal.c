/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-signal.c: signals, and no flood of them. */

#include <string.h>

#include "bus-private.h"
#include "daemon-private.h"

#define SOON 200 /* milliseconds between two ReputationChanged */

/* A user may move a thousand mails at once, and everybody who listens would be
 * woken for each.  What is left out is counted, and the next signal of the
 * kind tells how many, as left_out. */
static const AsndBusRates rates = {.burst = 100, .rate = 50};

typedef struct {
	const char *name;
	guint64 left_out;
} Left;

struct _AsndBusSignals {
	AsndBusLimit *limit;
	Left left[2];
	GVariant *reputation; /* the last one, where it waits */
	guint timer;
	AsndDaemon *daemon;
};

AsndBusSignals *
asnd_bus_signals_new(void)
{
	AsndBusSignals *s = g_new0(AsndBusSignals, 1);

	s->limit = asnd_bus_limit_new(&rates);
	s->left[0].name = "VoteCounted";
	s->left[1].name = "VerdictSeen";
	return s;
}

void
asnd_bus_signals_free(AsndBusSignals *s)
{
	if (s->timer != 0)
		g_source_remove(s->timer);
	g_clear_pointer(&s->reputation, g_variant_unref);
	asnd_bus_limit_unref(s->limit);
	g_free(s);
}

static void
broadcast(
    AsndBus *bus, const char *interface, const char *signal, GVariant *args)
{
	g_dbus_connection_emit_signal(bus->connection, NULL, ASND_BUS_PATH,
	    interface, signal, args, NULL);
}

static gboolean
reputation_is_due(gpointer data)
{
	AsndBusSignals *s = data;
	AsndBus *bus = s->daemon->bus;
	g_autoptr(GVariant) args = g_steal_pointer(&s->reputation);

	s->timer = 0;
	if (args == NULL || !bus->named)
		return G_SOURCE_REMOVE;
	broadcast(bus, ASND_BUS_INTERFACE, "ReputationChanged", args);
	s->timer = g_timeout_add(SOON, reputation_is_due, s);
	return G_SOURCE_REMOVE;
}

/* Each one makes those before it worthless, but the last one must come. */
static void
reputation_changed(AsndDaemon *d, GVariant *args)
{
	AsndBusSignals *s = d->bus->signals;

	if (s->timer == 0) {
		broadcast(
		    d->bus, ASND_BUS_INTERFACE, "ReputationChanged", args);
		s->daemon = d;
		s->timer = g_timeout_add(SOON, reputation_is_due, s);
		return;
	}
	g_clear_pointer(&s->reputation, g_variant_unref);
	s->reputation = g_variant_ref(args);
}

static Left *
left_of(AsndBusSignals *s, const char *signal)
{
	for (guint i = 0; i < G_N_ELEMENTS(s->left); i++)
		if (strcmp(s->left[i].name, signal) == 0)
			return &s->left[i];
	return NULL;
}

void
asnd_bus_left_out(AsndDaemon *d, const char *signal)
{
	Left *left = left_of(d->bus->signals, signal);

	g_assert(left != NULL); /* one of those that may be */
	left->left_out++;
}

/* (a{sv}) with what was left out before it. */
static GVariant *
with_left_out(GVariant *args, guint64 n)
{
	g_autoptr(GVariant) dict = g_variant_get_child_value(args, 0);
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	for (gsize i = 0; i < g_variant_n_children(dict); i++) {
		g_autoptr(GVariant) entry = g_variant_get_child_value(dict, i);

		g_variant_builder_add_value(&b, entry);
	}
	g_variant_builder_add(&b, "{sv}", "left_out", g_variant_new_uint64(n));
	return g_variant_new("(a{sv})", &b);
}

void
asnd_bus_emit(AsndDaemon *d, const char *signal, GVariant *floating)
{
	g_autoptr(GVariant) args = g_variant_ref_sink(floating);
	AsndBus *bus = d->bus;
	Left *left;

	if (bus == NULL || !bus->named)
		return;
	left = left_of(bus->signals, signal);
	if (left == NULL) {
		reputation_changed(d, args);
		return;
	}
	if (!asnd_bus_limit_begin(
		bus->signals->limit, signal, g_get_monotonic_time())) {
		left->left_out++;
		return;
	}
	asnd_bus_limit_end(bus->signals->limit, signal);
	broadcast(bus, ASND_BUS_INTERFACE, signal,
	    left->left_out == 0 ? args : with_left_out(args, left->left_out));
	left->left_out = 0;
}

void
asnd_bus_property_changed(
    AsndDaemon *d, const char *property, GVariant *floating)
{
	g_autoptr(GVariant) value = g_variant_ref_sink(floating);
	GVariantBuilder b;

	if (d->bus == NULL || !d->bus->named)
		return;
	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&b, "{sv}", property, value);
	broadcast(d->bus, "org.freedesktop.DBus.Properties",
	    "PropertiesChanged",
	    g_variant_new("(sa{sv}as)", ASND_BUS_INTERFACE, &b, NULL));
}
