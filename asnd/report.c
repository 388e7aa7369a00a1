/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.c: asnd-report(8), reports one mail to an abuse desk. */

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <gmime/gmime.h>

#include "config.h"
#include "log-syslog.h"
#include "privilege.h"
#include "report-compose.h"
#include "report-send.h"
#include "watch-protocol.h"

#define RECEIVE_SECONDS 10
#define SEND_SECONDS 60

static char *config_path;
static AsnPrivilege privilege; /* --user */
static gboolean only_test, show_version, to_syslog;

static const GOptionEntry options[] = {
    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config_path,
	"Configuration (default: " ASN_CONFIG_DEFAULT ")", "FILE"},
    {"user", 'u', 0, G_OPTION_ARG_STRING, &privilege.user,
	"Started as root: become NAME and give up all else", "NAME"},
    {"syslog", 0, 0, G_OPTION_ARG_NONE, &to_syslog,
	"Log to syslog instead of stderr", NULL},
    {"test-config", 't', 0, G_OPTION_ARG_NONE, &only_test,
	"Check the configuration, say what is reported, and leave", NULL},
    {"version", 'V', 0, G_OPTION_ARG_NONE, &show_version, "Print the version",
	NULL},
    {NULL},
};

/* --- what asnd-mailwatch hands over ----------------------------------------
 */

/* The mail's descriptor, -1: there is none to be had (*why says why). */
static int
receive(int sock, AsnReport *what, const char **why)
{
	_Alignas(8) char buf[ASN_WATCH_MAX_PACKET];
	struct pollfd ready = {.fd = sock, .events = POLLIN};
	gssize n;
	int fd = -1;

	*why = "nothing came";
	if (poll(&ready, 1, RECEIVE_SECONDS * 1000) != 1)
		return -1;
	n = asn_watch_recv(sock, buf, sizeof buf, &fd);
	*why = "standard input is not the socket of asnd-mailwatch";
	if (n < 0)
		return -1;
	if (n == sizeof *what)
		memcpy(what, buf, sizeof *what);
	*why = "a packet that is not of this version: install all of one build";
	if (fd >= 0 && n == sizeof *what &&
	    what->version == ASN_REPORT_VERSION &&
	    (what->client.family == 4 || what->client.family == 6))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* At most ASND_REPORT_MAX bytes; *size: of the whole file.  NULL: no regular
 * file, or it cannot be read. */
static char *
read_mail(int fd, gsize *len, guint64 *size)
{
	struct stat st;
	g_autofree char *data = NULL;
	gsize max;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
		return NULL;
	*size = (guint64)st.st_size;
	max = (gsize)MIN(*size, ASND_REPORT_MAX);
	data = g_malloc(max + 1);
	for (*len = 0; *len < max;) {
		gssize n = pread(fd, data + *len, max - *len, (off_t)*len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return NULL;
		if (n == 0) { /* it became shorter */
			*size = *len;
			break;
		}
		*len += (gsize)n;
	}
	return g_steal_pointer(&data);
}

/* --- one report ------------------------------------------------------------
 */

static int
give_up(const char *client, const char *why)
{
	g_warning("not reported: client=%s: %s", client, why);
	return EX_DATAERR;
}

static int
report(const AsnConfig *config, int fd, const AsnReport *what)
{
	AsndSendmail how = {config->sendmail, config->report.from,
	    config->report.to, SEND_SECONDS};
	char client[ASN_ADDR_STRLEN];
	g_autoptr(AsndReportMail) mail = NULL;
	g_autoptr(GByteArray) letter = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *data = NULL;
	guint64 size = 0;
	gsize len = 0;

	asn_addr_format(&what->client, client);
	data = read_mail(fd, &len, &size);
	if (data == NULL)
		return give_up(client, "the mail cannot be read");
	mail = asnd_report_mail_new(
	    data, len, size, config->report.hide, &what->client);
	if (mail == NULL)
		return give_up(client, "it has no header, or too large a one");
	letter = asnd_report_compose(
	    mail, what, &config->report, g_get_real_time() / G_USEC_PER_SEC);
	if (letter == NULL)
		return give_up(client, "it is too large for this format");
	if (!asnd_report_send(&how, letter->data, letter->len, &error)) {
		g_warning(
		    "not reported: client=%s: %s", client, error->message);
		return EX_TEMPFAIL;
	}
	g_message("reported: client=%s to=%s bytes=%u%s", client,
	    config->report.to, letter->len,
	    mail->too_large ? " (the header only)" : "");
	return 0;
}

static int
run(const AsnConfig *config)
{
	const char *why;
	AsnReport what;
	int fd, status;

	if (config->report.format == ASN_REPORT_OFF) {
		g_warning("nothing is reported: [report] format is off");
		return EX_CONFIG;
	}
	fd = receive(STDIN_FILENO, &what, &why);
	if (fd < 0) {
		g_warning("nothing is reported: %s", why);
		return EX_PROTOCOL;
	}
	g_mime_init();
	status = report(config, fd, &what);
	g_mime_shutdown();
	close(fd);
	return status;
}

/* --- start -----------------------------------------------------------------
 */

static int
test(const AsnConfig *config)
{
	static const char *const formats[] = {
	    [ASN_REPORT_OFF] = "off",
	    [ASN_REPORT_ARF] = "ARF",
	    [ASN_REPORT_SPAMCOP] = "SpamCop",
	};
	const AsnReportConfig *r = &config->report;

	if (r->format == ASN_REPORT_OFF) {
		printf("Nothing is reported: [report] format is off.\n");
		return 0;
	}
	printf("Format %s, from <%s> to <%s>, after %u s, at most %u a day, "
	       "through %s.\n",
	    formats[r->format], r->from, r->to, r->delay, r->limit,
	    config->sendmail);
	if (access(config->sendmail, X_OK) == 0)
		return 0;
	fprintf(stderr, "asnd-report: %s: %s\n", config->sendmail,
	    g_strerror(errno));
	return EX_UNAVAILABLE;
}

static gboolean
parse(int *argc, char ***argv)
{
	g_autoptr(GOptionContext) context =
	    g_option_context_new("- report one mail to an abuse desk");
	g_autoptr(GError) error = NULL;

	g_option_context_add_main_entries(context, options, NULL);
	if (g_option_context_parse(context, argc, argv, &error) && *argc == 1)
		return TRUE;
	g_printerr("asnd-report: %s; see asnd-report --help\n",
	    error ? error->message : "no arguments expected");
	return FALSE;
}

/* 0, or the exit code. */
static int
prepare(void)
{
	g_autofree char *refused =
	    only_test ? NULL : asn_privilege_refuses(&privilege, "asnd-report");
	g_autoptr(GError) error = NULL;

	to_syslog = !only_test && asn_syslog_open("asnd-report", to_syslog);
	g_log_set_writer_func(
	    to_syslog ? asn_syslog_write : g_log_writer_default, NULL, NULL);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (refused != NULL) {
		g_printerr("asnd-report: %s\n", refused);
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
		printf("asnd-report %s\n", ASND_VERSION);
		return 0;
	}
	status = prepare();
	if (status != 0)
		return status;
	config = asn_config_load(config_path, &error);
	if (config == NULL) {
		g_printerr("asnd-report: %s\n", error->message);
		return EX_CONFIG;
	}
	status = only_test ? test(config) : run(config);
	asn_config_free(config);
	return status;
}
