/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-caller.c: who calls, as the bus knows it, and what they may do. */

#include <unistd.h>

#include "bus-private.h"

#define CACHED 256 /* callers */

typedef struct {
	AsndBusRightsFunc fn;
	GDestroyNotify drop;
	gpointer data;
} Waiting;

/* A unique name is never used again while the bus lives, so what it says of
 * one stays true. */
typedef struct {
	AsndBusCallers *callers;
	char *sender;
	gboolean known;
	AsndBusRights rights;
	GArray *waiting; /* Waiting */
	GList link;      /* in order, while known */
} Caller;

struct _AsndBusCallers {
	GDBusConnection *connection;
	GCancellable *cancel;
	GHashTable *by_name; /* Caller */
	GQueue order;        /* of the known, oldest first */
};

static void
free_caller(gpointer data)
{
	Caller *c = data;

	for (guint i = 0; i < c->waiting->len; i++) {
		Waiting *w = &g_array_index(c->waiting, Waiting, i);

		w->drop(w->data);
	}
	g_array_unref(c->waiting);
	g_free(c->sender);
	g_free(c);
}

AsndBusCallers *
asnd_bus_callers_new(GDBusConnection *connection)
{
	AsndBusCallers *cs = g_new0(AsndBusCallers, 1);

	cs->connection = connection;
	cs->cancel = g_cancellable_new();
	cs->by_name =
	    g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_caller);
	g_queue_init(&cs->order);
	return cs;
}

void
asnd_bus_callers_free(AsndBusCallers *cs)
{
	if (cs == NULL)
		return;
	g_cancellable_cancel(cs->cancel);
	g_object_unref(cs->cancel);
	g_hash_table_unref(cs->by_name);
	g_free(cs);
}

static gboolean
has_gid(GVariant *gids, guint32 gid)
{
	gsize n;
	const guint32 *list =
	    g_variant_get_fixed_array(gids, &n, sizeof(guint32));

	for (gsize i = 0; i < n; i++)
		if (list[i] == gid)
			return TRUE;
	return FALSE;
}

AsndBusRights
asnd_bus_rights_of(GVariant *credentials, guint32 own_uid, guint32 own_gid)
{
	AsndBusRights r = {.uid = G_MAXUINT32};
	g_autoptr(GVariant) gids = g_variant_lookup_value(
	    credentials, "UnixGroupIDs", G_VARIANT_TYPE("au"));

	if (!g_variant_lookup(credentials, "UnixUserID", "u", &r.uid))
		return r;
	r.may_change = r.uid == 0 || r.uid == own_uid ||
		       (gids != NULL && own_gid != 0 && has_gid(gids, own_gid));
	return r;
}

static void
tell_all(Caller *c, const AsndBusRights *rights)
{
	g_autoptr(GArray) waiting = c->waiting;

	c->waiting = g_array_new(FALSE, FALSE, sizeof(Waiting));
	for (guint i = 0; i < waiting->len; i++) {
		Waiting *w = &g_array_index(waiting, Waiting, i);

		w->fn(rights, w->data);
	}
}

static void
remember(Caller *c)
{
	AsndBusCallers *cs = c->callers;

	c->known = TRUE;
	c->link.data = c;
	g_queue_push_tail_link(&cs->order, &c->link);
	if (cs->order.length > CACHED) {
		Caller *old = g_queue_pop_head_link(&cs->order)->data;

		g_hash_table_remove(cs->by_name, old->sender);
	}
}

static void
on_credentials(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) reply = g_dbus_connection_call_finish(
	    G_DBUS_CONNECTION(source), result, &error);
	g_autoptr(GVariant) dict = NULL;
	Caller *c = data;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return; /* and c is gone */
	if (reply == NULL) {
		tell_all(c, NULL);
		g_hash_table_remove(c->callers->by_name, c->sender);
		return;
	}
	dict = g_variant_get_child_value(reply, 0);
	c->rights = asnd_bus_rights_of(dict, geteuid(), getegid());
	remember(c);
	tell_all(c, &c->rights);
}

static Caller *
new_caller(AsndBusCallers *cs, const char *sender)
{
	Caller *c = g_new0(Caller, 1);

	c->callers = cs;
	c->sender = g_strdup(sender);
	c->waiting = g_array_new(FALSE, FALSE, sizeof(Waiting));
	g_hash_table_insert(cs->by_name, c->sender, c);
	g_dbus_connection_call(cs->connection, "org.freedesktop.DBus",
	    "/org/freedesktop/DBus", "org.freedesktop.DBus",
	    "GetConnectionCredentials", g_variant_new("(s)", sender),
	    G_VARIANT_TYPE("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, -1, cs->cancel,
	    on_credentials, c);
	return c;
}

void
asnd_bus_callers_ask(AsndBusCallers *cs, const char *sender,
    AsndBusRightsFunc fn, GDestroyNotify drop, gpointer data)
{
	Waiting w = {fn, drop, data};
	Caller *c = g_hash_table_lookup(cs->by_name, sender);

	if (c != NULL && c->known) {
		fn(&c->rights, data);
		return;
	}
	if (c == NULL)
		c = new_caller(cs, sender);
	g_array_append_val(c->waiting, w);
}
