/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c: "asnctl watch": votes and verdicts as they happen. */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <glib-unix.h>

#include "asnctl.h"
#include "bus.h"
#include "watch.h"

typedef struct {
	AsnctlBus bus;
	gboolean json, waiting;
	Style style;
	GMainLoop *loop;
	int code;
} Watch;

static void
say(const char *text)
{
	g_printerr("%s: %s\n", g_get_prgname(), text);
}

static void
leave(Watch *w, int code)
{
	w->code = code;
	g_main_loop_quit(w->loop);
}

/* Each line at once: somebody waits for it.  Who reads may go: that is how a
 * pipe ends it. */
static void
put(Watch *w, const GString *line)
{
	const char *data = line->str;
	gsize len = line->len;

	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EPIPE)
			g_printerr("%s: standard output: %s\n", g_get_prgname(),
			    g_strerror(errno));
		if (n < 0) {
			leave(w, errno == EPIPE ? EX_OK : EX_IOERR);
			return;
		}
		data += n;
		len -= (gsize)n;
	}
}

static void
say_left_out(GVariant *dict)
{
	guint64 n;

	if (g_variant_lookup(dict, "left_out", "t", &n))
		g_printerr("%s: %" G_GUINT64_FORMAT
			   " left out: there were too many at once\n",
		    g_get_prgname(), n);
}

static void
on_signal(GDBusConnection *connection, const char *sender, const char *path,
    const char *interface, const char *name, GVariant *args, gpointer data)
{
	gboolean vote = strcmp(name, "VoteCounted") == 0;
	g_autoptr(GString) line = g_string_new(NULL);
	g_autoptr(GVariant) dict = NULL;
	Watch *w = data;

	if ((!vote && strcmp(name, "VerdictSeen") != 0) ||
	    !g_variant_is_of_type(args, G_VARIANT_TYPE("(a{sv})")))
		return;
	dict = g_variant_get_child_value(args, 0);
	say_left_out(dict);
	if (w->json)
		watch_json(line, vote, dict);
	else
		watch_line(line, &w->style, vote, dict);
	put(w, line);
}

/* The bus keeps these signals from others without a word.  asnd looks at the
 * rights first: only who has them is told that nothing is no address. */
static gboolean
may_hear(const Watch *w)
{
	g_autofree char *why = NULL;

	return asnctl_bus_try(&w->bus, "History", g_variant_new("(su)", "", 1),
		   NULL, NULL, &why) != EX_NOPERM;
}

static void
on_appeared(GDBusConnection *connection, const char *name, const char *owner,
    gpointer data)
{
	Watch *w = data;

	if (!may_hear(w)) {
		say("only root and members of the group asnd may watch");
		leave(w, EX_NOPERM);
	} else if (w->waiting) {
		say("asnd is there");
	}
	w->waiting = FALSE;
}

static void
on_vanished(GDBusConnection *connection, const char *name, gpointer data)
{
	Watch *w = data;

	if (connection == NULL)
		return; /* on_closed says it */
	if (!w->waiting)
		say("asnd does not run; waiting for it");
	w->waiting = TRUE;
}

static void
on_closed(
    GDBusConnection *connection, gboolean remote, GError *error, gpointer data)
{
	say("the bus is gone");
	leave(data, EX_TEMPFAIL);
}

static gboolean
on_stop(gpointer data)
{
	leave(data, EX_OK);
	return G_SOURCE_CONTINUE;
}

/* Nobody reads any more. */
static gboolean
on_hangup(gint fd, GIOCondition condition, gpointer data)
{
	leave(data, EX_OK);
	return G_SOURCE_REMOVE;
}

static int
run(Watch *w)
{
	g_autofree char *why = NULL;
	GDBusConnection *bus = asnctl_bus_connect(&w->bus, &why);
	g_autoptr(GString) head = g_string_new(NULL);

	if (bus == NULL) {
		say(why);
		return EX_TEMPFAIL;
	}
	w->style = style_of_stdout();
	w->loop = g_main_loop_new(NULL, FALSE);
	signal(SIGPIPE, SIG_IGN);
	g_unix_signal_add(SIGINT, on_stop, w);
	g_unix_signal_add(SIGTERM, on_stop, w);
	g_unix_fd_add(STDOUT_FILENO, G_IO_ERR | G_IO_HUP, on_hangup, w);
	g_signal_connect(bus, "closed", G_CALLBACK(on_closed), w);
	g_dbus_connection_signal_subscribe(bus, ASNCTL_BUS_NAME,
	    ASNCTL_BUS_INTERFACE, NULL, ASNCTL_BUS_PATH, NULL,
	    G_DBUS_SIGNAL_FLAGS_NONE, on_signal, w, NULL);
	g_bus_watch_name_on_connection(bus, ASNCTL_BUS_NAME,
	    G_BUS_NAME_WATCHER_FLAGS_NONE, on_appeared, on_vanished, w, NULL);
	if (w->style.terminal && !w->json) {
		watch_head(head, &w->style);
		put(w, head);
	}
	g_main_loop_run(w->loop);
	g_main_loop_unref(w->loop);
	return w->code;
}

int
asnctl_watch(int argc, char **argv)
{
	Watch w = {.bus.no_start = TRUE};
	AsnctlBus *bus = &w.bus;
	const GOptionEntry entries[] = {
	    {"json", 0, 0, G_OPTION_ARG_NONE, &w.json,
		"Print one JSON object a line", NULL},
	    ASNCTL_BUS_OPTION(bus),
	    {NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(
	    context, "Votes and verdicts as they happen, a line each.");
	g_option_context_set_description(context,
	    "Goes on until it is interrupted, or nobody reads it any more.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) ||
	    argc > 1) {
		g_printerr("%s: %s; \"asnctl watch --help\" tells more\n",
		    g_get_prgname(),
		    error ? error->message : "no arguments expected");
		return EX_USAGE;
	}
	return run(&w);
}
