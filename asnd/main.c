/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c: asnd(8), options, signals and the loop. */

#include <locale.h>
#include <signal.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <glib-unix.h>

#include "bus.h"
#include "daemon.h"
#include "log-syslog.h"
#include "notify.h"
#include "privilege.h"

static char *config_path;
static gint64 clock_offset;
static AsnPrivilege privilege; /* --user */
static gboolean only_test, session, show_version, to_syslog;

static const GOptionEntry options[] = {
    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config_path,
	"Configuration (default: " ASN_CONFIG_DEFAULT ")", "FILE"},
    {"user", 'u', 0, G_OPTION_ARG_STRING, &privilege.user,
	"Started as root: become NAME and give up all else", "NAME"},
    {"syslog", 0, 0, G_OPTION_ARG_NONE, &to_syslog,
	"Log to syslog instead of stderr", NULL},
    {"test-config", 't', 0, G_OPTION_ARG_NONE, &only_test,
	"Check configuration, keys and databases, and leave", NULL},
    {"session", 0, 0, G_OPTION_ARG_NONE, &session,
	"Answer on the session bus instead of the system bus", NULL},
    {"clock-offset", 0, 0, G_OPTION_ARG_INT64, &clock_offset,
	"Add to the wall clock (for tests)", "SECONDS"},
    {"version", 'V', 0, G_OPTION_ARG_NONE, &show_version, "Print the version",
	NULL},
    {NULL},
};

typedef struct {
	GMainLoop *loop;
	AsndDaemon *daemon;
	AsnConfig *config;
	int status;
} Main;

static gboolean
on_stop(gpointer data)
{
	Main *m = data;

	g_main_loop_quit(m->loop);
	return G_SOURCE_CONTINUE;
}

static gboolean
on_reload(gpointer data)
{
	Main *m = data;

	g_autoptr(GError) error = NULL;
	AsnConfig *config;

	asn_notify_reloading();
	config = asn_config_load(config_path, &error);
	if (config == NULL)
		g_warning(
		    "the old configuration stays in use: %s", error->message);
	asnd_daemon_reload(m->daemon, config);
	if (config != NULL) {
		asn_config_free(m->config);
		m->config = config;
	}
	asn_notify_ready();
	return G_SOURCE_CONTINUE;
}

/* A new process finds and sets aside what is damaged. */
static void
on_fatal(gpointer data)
{
	Main *m = data;

	g_critical("the evidence file is damaged or gone: leaving, so that"
		   " the next start makes it good");
	m->status = EX_IOERR;
	g_main_loop_quit(m->loop);
}

/* SIG_BLOCK: a reload during the start waits; SIG_UNBLOCK: now it may come. */
static void
hold_reloads(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(how, &set, NULL);
}

/* Takes config over. */
static int
run(AsnConfig *config)
{
	Main m = {.loop = g_main_loop_new(NULL, FALSE), .config = config};
	g_autoptr(GError) error = NULL;

	/* Checking the evidence may take long: until there is a loop, SIGTERM
	 * just kills.  SQLite and renames leave nothing half-written. */
	hold_reloads(SIG_BLOCK);
	m.daemon = asnd_daemon_new(config, clock_offset, &error);
	if (m.daemon == NULL) {
		g_critical("cannot start: %s", error->message);
		g_main_loop_unref(m.loop);
		asn_config_free(config);
		return error->domain == ASN_CONFIG_ERROR ? EX_CONFIG
							 : EX_UNAVAILABLE;
	}
	asnd_daemon_on_fatal(m.daemon, on_fatal, &m);
	g_unix_signal_add(SIGTERM, on_stop, &m);
	g_unix_signal_add(SIGINT, on_stop, &m);
	g_unix_signal_add(SIGHUP, on_reload, &m);
	g_unix_signal_add(SIGUSR1, on_reload, &m);
	hold_reloads(SIG_UNBLOCK);
	asnd_bus_start(m.daemon, session);
	asn_notify_ready();
	g_main_loop_run(m.loop);
	asn_notify_stopping();
	asnd_daemon_free(m.daemon);
	asn_config_free(m.config);
	g_main_loop_unref(m.loop);
	return m.status;
}

/* Takes config over. */
static int
test(AsnConfig *config)
{
	g_autoptr(GError) error = NULL;
	gboolean ok = asnd_daemon_test(config, &error);

	asn_config_free(config);
	if (ok)
		return 0;
	g_printerr("asnd: %s\n", error->message);
	return EX_CONFIG;
}

static gboolean
parse(int *argc, char ***argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context,
	    "Learns from the mail that users move into and out of junk.");
	g_option_context_add_main_entries(context, options, NULL);
	if (g_option_context_parse(context, argc, argv, &error) && *argc == 1)
		return TRUE;
	g_printerr("asnd: %s; see asnd --help\n",
	    error ? error->message : "no arguments expected");
	return FALSE;
}

/* Nothing is open yet: asnd needs root for nothing.  0, or the exit code. */
static int
prepare(void)
{
	g_autofree char *refused =
	    only_test ? NULL : asn_privilege_refuses(&privilege, "asnd");
	g_autoptr(GError) error = NULL;

	to_syslog = !only_test && asn_syslog_open("asnd", to_syslog);
	g_log_set_writer_func(
	    to_syslog ? asn_syslog_write : g_log_writer_default, NULL, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a failed write says EFBIG */
	umask(027);               /* the evidence is nobody else's business */
	if (refused != NULL) {
		g_printerr("asnd: %s\n", refused);
		return EX_USAGE;
	}
	if (only_test || asn_privilege_drop(&privilege, NULL, &error))
		return 0;
	g_critical("%s", error->message);
	return EX_NOPERM;
}

int
main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	AsnConfig *config;
	int status;

	setlocale(LC_CTYPE, ""); /* numbers stay as in C */
	if (!parse(&argc, &argv))
		return EX_USAGE;
	if (show_version) {
		g_print("asnd %s\n", ASND_VERSION);
		return 0;
	}
	status = prepare();
	if (status != 0)
		return status;
	config = asn_config_load(config_path, &error);
	if (config == NULL) {
		g_printerr("asnd: %s\n", error->message);
		return EX_CONFIG;
	}
	return only_test ? test(config) : run(config);
}
