/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-call.c: a call on the bus from its arrival to its answer. */

#include <stdarg.h>

#include "bus-private.h"

/* What is freed with a call. */
typedef struct {
	AsndBusCall call;
	AsndBusMethod run;
	gboolean may_change_only;
	AsndBusLimit *users; /* where it counts */
	char *user;
	AsndBusLimit *limit; /* of all users; not begun yet */
} Call;

static void
free_call(gpointer data)
{
	Call *c = data;

	if (c->users != NULL)
		asnd_bus_limit_end(c->users, c->user);
	asnd_bus_limit_unref(c->users);
	asnd_bus_limit_unref(c->limit);
	g_free(c->user);
	g_free(c);
}

static void
fail(GDBusMethodInvocation *invocation, const char *name, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	g_dbus_method_invocation_return_dbus_error(invocation, name, valid);
}

void
asnd_bus_return(AsndBusCall *call, GVariant *reply)
{
	g_dbus_method_invocation_return_value(call->invocation, reply);
	free_call(call);
}

void
asnd_bus_fail(AsndBusCall *call, AsndBusError code, const char *format, ...)
{
	static const char *const names[] = {
	    [ASND_BUS_INVALID] = ASND_BUS_NAME ".Error.InvalidArgument",
	    [ASND_BUS_NOT_FOUND] = ASND_BUS_NAME ".Error.NotFound",
	    [ASND_BUS_BUSY] = ASND_BUS_NAME ".Error.Busy",
	    [ASND_BUS_FAILED] = ASND_BUS_NAME ".Error.Failed",
	};
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	fail(call->invocation, names[code], text);
	free_call(call);
}

/* 200 calls a second (bus.c) are a tenth of the loop. */
#define CALLS_PER_MS 2.0

void
asnd_bus_charge(AsndBusCall *call, gint64 since)
{
	const Call *c = (const Call *)call;
	double ms = (double)(g_get_monotonic_time() - since) / 1000;

	if (c->users != NULL && !call->may_change)
		asnd_bus_limit_charge(c->users, c->user, ms * CALLS_PER_MS);
}

int
asnd_bus_take_fd(AsndBusCall *call, GVariant *handle)
{
	GDBusMessage *message =
	    g_dbus_method_invocation_get_message(call->invocation);
	int fd = asnd_bus_fds_take(message, g_variant_get_handle(handle));

	if (fd < 0)
		asnd_bus_fail(call, ASND_BUS_INVALID,
		    "no file descriptor came with the call");
	return fd;
}

/* --- on the way in ---------------------------------------------------------
 */

static void
refuse(Call *c, const char *name, const char *text)
{
	fail(c->call.invocation, name, text);
	free_call(c);
}

/* TRUE: this user may ask once more. */
static gboolean
count_user(Call *c)
{
	if (c->call.uid == 0)
		return TRUE;
	c->user = g_strdup_printf("%u", c->call.uid);
	if (!asnd_bus_limit_begin(c->limit, c->user, g_get_monotonic_time()))
		return FALSE;
	c->users = g_steal_pointer(&c->limit);
	return TRUE;
}

static void
on_rights(const AsndBusRights *rights, gpointer data)
{
	Call *c = data;

	if (rights == NULL) {
		refuse(c, "org.freedesktop.DBus.Error.AccessDenied",
		    "the bus does not tell who calls");
		return;
	}
	c->call.uid = rights->uid;
	c->call.may_change = rights->may_change;
	if (c->may_change_only && !rights->may_change)
		refuse(c, "org.freedesktop.DBus.Error.AccessDenied",
		    "only root and members of the group of asnd may do this");
	else if (!count_user(c))
		refuse(c, ASND_BUS_NAME ".Error.Busy",
		    "too many calls of this user: try again");
	else
		c->run(&c->call);
}

static void
not_supported(AsndBusCall *call)
{
	fail(call->invocation, "org.freedesktop.DBus.Error.NotSupported",
	    "this asnd cannot do that");
	free_call(call);
}

/* The connection went while the bus was asked: nobody hears an answer, but
 * GDBus wants one. */
static void
drop_call(gpointer data)
{
	refuse(data, ASND_BUS_NAME ".Error.Failed", "asnd left the bus");
}

void
asnd_bus_on_call(GDBusConnection *connection, const char *sender,
    const char *path, const char *interface, const char *method, GVariant *args,
    GDBusMethodInvocation *invocation, gpointer data)
{
	AsndBus *bus = data;
	gboolean may_change_only = TRUE;
	AsndBusMethod run = asnd_bus_find_method(method, &may_change_only);
	Call *c;

	if (sender == NULL || bus->callers == NULL) {
		fail(invocation, "org.freedesktop.DBus.Error.AccessDenied",
		    "asnd answers on a message bus only");
		return;
	}
	c = g_new0(Call, 1);
	c->call = (AsndBusCall){.daemon = bus->daemon,
	    .args = args,
	    .sender = sender,
	    .uid = G_MAXUINT32,
	    .invocation = invocation};
	c->run = run != NULL ? run : not_supported;
	c->may_change_only = may_change_only;
	c->limit = asnd_bus_limit_ref(bus->users);
	asnd_bus_callers_ask(bus->callers, sender, on_rights, drop_call, c);
}

/* --- GDBus's own thread ----------------------------------------------------
 */

typedef struct {
	AsndBusLimit *limit;
	char *sender;
} Ticket;

static void
end_ticket(gpointer data)
{
	Ticket *t = data;

	asnd_bus_limit_end(t->limit, t->sender);
	asnd_bus_limit_unref(t->limit);
	g_free(t->sender);
	g_free(t);
}

/* As long as the message lives, the call counts: GDBus holds it until the
 * answer is out, whoever gives it. */
static gboolean
take_ticket(AsndBusLimit *limit, GDBusMessage *message, const char *sender)
{
	Ticket *t;

	if (!asnd_bus_limit_begin(limit, sender, g_get_monotonic_time()))
		return FALSE;
	t = g_new(Ticket, 1);
	t->limit = asnd_bus_limit_ref(limit);
	t->sender = g_strdup(sender);
	g_object_set_data_full(G_OBJECT(message), "asnd-ticket", t, end_ticket);
	return TRUE;
}

static void
answer_error(GDBusConnection *connection, GDBusMessage *message,
    const char *name, const char *text)
{
	g_autoptr(GDBusMessage) reply = NULL;

	if (g_dbus_message_get_flags(message) &
	    G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED)
		return;
	reply = g_dbus_message_new_method_error_literal(message, name, text);
	g_dbus_connection_send_message(
	    connection, reply, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
}

static gboolean
is_answer(GDBusMessage *message)
{
	GDBusMessageType type = g_dbus_message_get_message_type(message);

	return type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN ||
	       type == G_DBUS_MESSAGE_TYPE_ERROR;
}

/* Here it leaves for the bus. */
static GDBusMessage *
on_way_out(AsndBusLimit *limit, GDBusMessage *message)
{
	const char *to = g_dbus_message_get_destination(message);

	if (to != NULL && is_answer(message))
		asnd_bus_limit_sent(limit, to);
	return message;
}

/* FALSE: no answer to it may be queued, not even an error. */
static gboolean
may_answer(AsndBusLimit *limit, GDBusMessage *message, const char *sender)
{
	return (g_dbus_message_get_flags(message) &
		   G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED) ||
	       asnd_bus_limit_queue(limit, sender, g_get_monotonic_time());
}

/* Of a call; no method needs more, and the bus lets 32 MiB through. */
#define ARGUMENTS_MAX ((gsize)64 * 1024)

static gsize
size_of_arguments(GDBusMessage *message)
{
	GVariant *body = g_dbus_message_get_body(message);

	return body != NULL ? g_variant_get_size(body) : 0;
}

GDBusMessage *
asnd_bus_filter(GDBusConnection *connection, GDBusMessage *message,
    gboolean incoming, gpointer data)
{
	const char *sender = g_dbus_message_get_sender(message);
	const char *name = ASND_BUS_NAME ".Error.Busy", *text = NULL;

	if (!incoming)
		return on_way_out(data, message);
	if (asnd_bus_fds_hold(message) > 1) {
		name = ASND_BUS_NAME ".Error.InvalidArgument";
		text = "at most one file descriptor comes with a call";
	}
	/* Whoever passed them goes on doing so: leave the bus for a while. */
	if (!asnd_bus_fds_settle())
		g_dbus_connection_close(connection, NULL, NULL, NULL);
	if (g_dbus_message_get_message_type(message) !=
		G_DBUS_MESSAGE_TYPE_METHOD_CALL ||
	    sender == NULL)
		return message;
	if (!may_answer(data, message, sender)) {
		g_object_unref(message);
		return NULL;
	}
	if (size_of_arguments(message) > ARGUMENTS_MAX) {
		name = ASND_BUS_NAME ".Error.InvalidArgument";
		text = "arguments of more than 64 KiB";
	}
	if (text == NULL && !take_ticket(data, message, sender))
		text = "too many calls: try again";
	if (text == NULL)
		return message;
	answer_error(connection, message, name, text);
	g_object_unref(message);
	return NULL;
}
