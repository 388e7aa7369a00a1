/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c: asn-milter(8).
 *
 * libmilter stops on SIGHUP and takes seconds to leave, so it runs in a
 * thread of its own, is kept from waiting for signals, and the main thread, the
 * only one that has them unblocked, takes them.
 */

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "databases.h"
#include "descriptors.h"
#include "escape.h"
#include "filter.h"
#include "listen.h"
#include "log-syslog.h"
#include "notify.h"
#include "privilege.h"
#include "seal-keys.h"
#include "status.h"
#include "watchdog.h"

#define STATUS_MS 5000 /* between two looks at what there is to say */
#define LEAVE_MS 500L  /* for messages that are being answered */

static int wake = -1;
static gboolean to_journal, to_syslog;
static volatile sig_atomic_t leave, reload;

/* --- log
 * ------------------------------------------------------------------------- */

static const char *
level_name(GLogLevelFlags level)
{
	if (level & G_LOG_LEVEL_CRITICAL)
		return "critical: ";
	if (level & G_LOG_LEVEL_WARNING)
		return "warning: ";
	return "";
}

/* The journal when stderr is it, else a line on stderr.  Unlike GLib's own
 * writer this shows info, one line a mail, and is safe in many threads: that
 * one calls localtime(3). */
static GLogWriterOutput
write_log(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
	const char *message = "";

	if (level & G_LOG_LEVEL_DEBUG || !(level & G_LOG_LEVEL_MASK))
		return g_log_writer_default(level, fields, n, data);
	if (to_syslog)
		return asn_syslog_write(level, fields, n, data);
	if (to_journal && g_log_writer_journald(level, fields, n, data) ==
			      G_LOG_WRITER_HANDLED)
		return G_LOG_WRITER_HANDLED;
	for (gsize i = 0; i < n; i++)
		if (strcmp(fields[i].key, "MESSAGE") == 0)
			message = fields[i].value;
	dprintf(
	    STDERR_FILENO, "asn-milter: %s%s\n", level_name(level), message);
	return G_LOG_WRITER_HANDLED;
}

/* --- options
 * ----------------------------------------------------------------------- */

static char *config_path, *socket_spec;
static AsnPrivilege privilege; /* --user, --chroot */
static gboolean test_config, show_version;
static gint64 clock_offset;

static const GOptionEntry entries[] = {
    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config_path,
	"Read FILE instead of " ASN_CONFIG_DEFAULT, "FILE"},
    {"socket", 's', 0, G_OPTION_ARG_STRING, &socket_spec,
	"Listen here instead of where systemd or the config says",
	"unix:/PATH|inet:PORT@HOST|inet6:PORT@HOST|fd:N"},
    {"user", 'u', 0, G_OPTION_ARG_STRING, &privilege.user,
	"Started as root: become NAME and give up all else", "NAME"},
    {"chroot", 0, 0, G_OPTION_ARG_FILENAME, &privilege.root,
	"And see nothing but DIR", "DIR"},
    {"syslog", 0, 0, G_OPTION_ARG_NONE, &to_syslog,
	"Log to syslog instead of stderr", NULL},
    {"test-config", 't', 0, G_OPTION_ARG_NONE, &test_config,
	"Check config, key, databases and socket, then leave", NULL},
    {"clock-offset", 0, 0, G_OPTION_ARG_INT64, &clock_offset,
	"For tests: add this to the clock", "SECONDS"},
    {"version", 'V', 0, G_OPTION_ARG_NONE, &show_version, "Show the version",
	NULL},
    {NULL},
};

static gboolean
check_socket(const char *spec)
{
	const char *allowed = asn_config_check_socket(spec);
	char shown[ASN_ESCAPE_SIZE];

	if (allowed != NULL)
		fprintf(stderr, "asn-milter: --socket '%s': %s\n",
		    asn_escape_str(shown, spec), allowed);
	return allowed == NULL;
}

static gboolean
parse_options(int argc, char **argv)
{
	g_autoptr(GOptionContext) context =
	    g_option_context_new("- mail filter that adds asnd's headers");
	g_autoptr(GError) error = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		fprintf(stderr, "asn-milter: %s\n", error->message);
		return FALSE;
	}
	if (argc > 1) {
		fprintf(stderr, "asn-milter: %s: no such argument\n", argv[1]);
		return FALSE;
	}
	return socket_spec == NULL || check_socket(socket_spec);
}

/* --- --test-config
 * --------------------------------------------------------------------- */

static int
run_test(AsnConfig *config)
{
	g_autofree char *path = asn_seal_keys_path(config);
	g_autoptr(GError) error = NULL;
	AsnSealKeys *keys = asn_seal_keys_load(path, &error);
	gboolean ok = error == NULL;

	printf(
	    "ok config %s\n", config_path ? config_path : ASN_CONFIG_DEFAULT);
	if (error != NULL)
		printf("FAILED %s\n", error->message);
	else
		printf("%s %s\n",
		    keys ? "ok" : "not there, so mail gets no seal:", path);
	asn_seal_keys_free(keys);
	ok &= mlt_databases_test(config->database_dir);
	ok &= mlt_listen_test(socket_spec, config->socket);
	asn_config_free(config);
	return ok ? EX_OK : EX_UNAVAILABLE;
}

/* --- running
 * ------------------------------------------------------------------------------
 */

static void
on_signal(int sig)
{
	guint64 one = 1;
	int saved = errno;

	if (sig == SIGHUP || sig == SIGUSR1)
		reload = 1;
	else
		leave = 1;
	if (write(wake, &one, sizeof one) < 0)
		leave = 1; /* cannot be: an eventfd that is never full */
	errno = saved;
}

/* Before any other thread is made, so that all inherit the blocked set. */
static void
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* In place of libc's, for libmilter's thread alone, which has all of them
 * blocked: it takes none.  Else whoever looks first gets one, and a SIGHUP
 * right after the start could end the milter. */
int
sigwait(const sigset_t *set, int *sig)
{
	for (;;)
		pause();
}

static void
take_signals(void)
{
	static const int ours[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t set;

	sigemptyset(&set);
	for (gsize i = 0; i < G_N_ELEMENTS(ours); i++) {
		sigaction(ours[i], &sa, NULL);
		sigaddset(&set, ours[i]);
	}
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static gpointer
run_libmilter(gpointer data)
{
	int *result = data;

	*result = smfi_main();
	leave = 2;
	on_signal(SIGTERM);
	return NULL;
}

/* What libmilter has in hand is answered; then out, at once. */
static void
drain(MltFilter *filter)
{
	gint64 until = g_get_monotonic_time() + LEAVE_MS * 1000;
	guint quiet = 0;

	/* Idle several looks in a row: libmilter writes its last answer after
	 * the callback has returned. */
	while (quiet < 5 && g_get_monotonic_time() < until) {
		quiet = g_atomic_int_get(&filter->busy) == 0 ? quiet + 1 : 0;
		g_usleep(5000);
	}
}

static void
say_status(MltFilter *filter)
{
	g_autofree char *status = mlt_status(filter);

	asn_notify_status(status);
}

/* The new rules, or NULL in *config, after a warning. */
static void
load_anew(AsnConfig **config, AsnSealKeys **keys)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = NULL;

	*keys = NULL;
	/* None in the chroot is no reason to go back to the defaults. */
	*config = asn_config_load(config_path == NULL && privilege.root != NULL
				      ? ASN_CONFIG_DEFAULT
				      : config_path,
	    &error);
	if (*config != NULL) {
		path = asn_seal_keys_path(*config);
		*keys = asn_seal_keys_load(path, &error);
	}
	if (error != NULL) {
		g_warning("the old configuration and keys stay in use: %s",
		    error->message);
		g_clear_pointer(config, asn_config_free);
	} else if (*keys == NULL) {
		g_warning("%s: not there, so mail gets no seal", path);
	}
}

static void
reload_all(
    MltFilter *filter, const AsnConfig *at_start, MltDatabases *databases)
{
	static const char *const fixed[] = {
	    "[paths] database-dir", "[milter] socket", NULL};
	g_autofree char *changed = NULL;
	AsnConfig *config;
	AsnSealKeys *keys;

	reload = 0;
	asn_notify_reloading();
	load_anew(&config, &keys);
	if (config != NULL) {
		changed = asn_config_differ(at_start, config, fixed);
		mlt_filter_set_rules(filter, config, keys);
	}
	if (changed != NULL)
		g_warning(
		    "changed, but only a restart takes it up: %s", changed);
	mlt_databases_reload(databases);
	say_status(filter);
	asn_notify_ready();
}

static int
serve(MltFilter *filter, const MltOwnSocket *own)
{
	MltRules *first = mlt_filter_rules(filter);
	const AsnConfig *config = first->config;
	g_autoptr(GError) error = NULL;
	struct pollfd fd = {.fd = wake, .events = POLLIN};
	MltDatabases *databases = mlt_databases_start(
	    &filter->snapshots, config->database_dir, &error);
	int result = MI_SUCCESS;

	if (databases == NULL) {
		g_critical("%s", error->message);
		return EX_OSERR;
	}
	g_thread_unref(g_thread_new("libmilter", run_libmilter, &result));
	say_status(filter);
	asn_notify_ready();
	mlt_watchdog_start(own);
	take_signals(); /* after the last thread was made: see block_signals */
	while (!leave) {
		guint64 count;

		if (poll(&fd, 1, STATUS_MS) > 0 &&
		    read(wake, &count, sizeof count) < 0)
			break;
		say_status(filter);
		if (reload && !leave)
			reload_all(filter, config, databases);
	}
	asn_notify_stopping();
	drain(filter);
	mlt_rules_unref(first);
	if (result == MI_SUCCESS)
		return EX_OK;
	g_critical("libmilter gave up");
	return EX_SOFTWARE;
}

/* The socket is there and the key is read: nothing more needs root. */
static gboolean
give_up_root(const MltListen *listen, GError **error)
{
	if (listen->unlink_path != NULL &&
	    !asn_privilege_give(&privilege, listen->unlink_path, error))
		return FALSE;
	return asn_privilege_drop(&privilege, NULL, error);
}

static int
start(AsnConfig *config)
{
	static MltFilter filter = {.lock = PTHREAD_MUTEX_INITIALIZER};
	g_autofree char *path = asn_seal_keys_path(config);
	g_autoptr(GError) error = NULL;
	AsnSealKeys *keys = asn_seal_keys_load(path, &error);
	static MltOwnSocket own;
	MltListen listen;
	int status;

	if (error != NULL) {
		g_critical("%s", error->message);
		asn_config_free(config);
		return EX_CONFIG;
	}
	if (keys == NULL)
		g_warning("%s: not there, so mail gets no seal", path);
	mlt_filter_set_rules(&filter, config, keys);
	filter.clock_offset = clock_offset;
	wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	block_signals();
	mlt_descriptors_init();
	if (wake < 0 || !mlt_filter_register(&filter)) {
		g_critical("cannot start: %s", g_strerror(errno));
		return EX_OSERR;
	}
	if (!mlt_listen_open(&listen, socket_spec, config->socket, &error)) {
		g_critical("%s", error->message);
		return EX_UNAVAILABLE;
	}
	if (!mlt_own_socket_init(&own, listen.fd, privilege.root, &error) ||
	    !give_up_root(&listen, &error)) {
		g_critical("%s", error->message);
		return EX_NOPERM;
	}
	g_message("asn-milter %s listens on %s", ASND_VERSION, listen.spec);
	status = serve(&filter, &own);
	mlt_listen_close(&listen);
	return status;
}

/* FALSE: not as who we are, which was said. */
static gboolean
prepare(void)
{
	g_autofree char *refused =
	    test_config ? NULL
			: asn_privilege_refuses(&privilege, "asn-milter");

	umask(077); /* it makes no file but its socket */
	if (refused != NULL)
		fprintf(stderr, "asn-milter: %s\n", refused);
	to_syslog = !test_config && asn_syslog_open("asn-milter", to_syslog);
	return refused == NULL;
}

int
main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	AsnConfig *config;
	int status;

	to_journal = g_log_writer_is_journald(STDERR_FILENO);
	g_log_set_writer_func(write_log, NULL, NULL);
	if (!parse_options(argc, argv))
		return EX_USAGE;
	if (show_version) {
		printf("asn-milter %s\n", ASND_VERSION);
		return EX_OK;
	}
	if (!prepare())
		return EX_USAGE;
	config = asn_config_load(config_path, &error);
	if (config == NULL) {
		fprintf(stderr, "asn-milter: %s\n", error->message);
		return EX_CONFIG;
	}
	status = test_config ? run_test(config) : start(config);
	fflush(NULL);
	/* Not exit(): libmilter's threads still run, and what they use must
	 * not be torn down under them. */
	_exit(status);
}
