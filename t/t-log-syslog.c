/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-log-syslog.c: log-syslog.h; with a syslog of our own. */

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <glib.h>

#include "log-syslog.h"

static char opened[64], said[256];
static int priority, facility;

/* In place of libc's, whichever of them the headers choose. */
#undef syslog

void
openlog(const char *ident, int option, int wanted)
{
	g_strlcpy(opened, ident, sizeof opened);
	facility = wanted;
}

void
syslog(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof said, format, args);
	va_end(args);
	priority = level;
}

#if __USE_FORTIFY_LEVEL > 0
void
__syslog_chk(int level, int flag, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof said, format, args);
	va_end(args);
	priority = level;
}
#endif

static void
test_levels(void)
{
	static const struct {
		GLogLevelFlags level;
		int priority;
	} cases[] = {
	    {G_LOG_LEVEL_CRITICAL, LOG_ERR},
	    {G_LOG_LEVEL_WARNING, LOG_WARNING},
	    {G_LOG_LEVEL_MESSAGE, LOG_NOTICE},
	    {G_LOG_LEVEL_INFO, LOG_INFO},
	};
	const GLogField fields[] = {
	    {"PRIORITY", "4", -1}, {"MESSAGE", "100%s of it", -1}};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		said[0] = '\0';
		asn_syslog_write(cases[i].level, fields, 2, NULL);
		g_assert_cmpstr(said, ==, "100%s of it");
		g_assert_cmpint(priority, ==, cases[i].priority);
	}
	said[0] = '\0';
	asn_syslog_write(G_LOG_LEVEL_DEBUG, fields, 2, NULL);
	g_assert_cmpstr(said, ==, "");
}

static void
test_when(void)
{
	int kept = dup(STDERR_FILENO);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	gboolean for_null, for_file, for_closed;

	g_assert_true(asn_syslog_open("asked", TRUE));
	g_assert_cmpstr(opened, ==, "asked");
	g_assert_cmpint(facility, ==, LOG_MAIL);
	dup2(null, STDERR_FILENO);
	for_null = asn_syslog_open("null", FALSE);
	dup2(file, STDERR_FILENO);
	for_file = asn_syslog_open("file", FALSE);
	close(STDERR_FILENO);
	for_closed = asn_syslog_open("closed", FALSE);
	dup2(kept, STDERR_FILENO);
	g_assert_true(for_null);
	g_assert_false(for_file);
	g_assert_true(for_closed);
	g_assert_cmpstr(opened, ==, "closed");
	close(kept);
	close(null);
	close(file);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/log-syslog/levels", test_levels);
	g_test_add_func("/log-syslog/when", test_when);
	return g_test_run();
}
