/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log-syslog.c: GLib's messages to syslog(3). */

#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "log-syslog.h"

static gboolean
nobody_reads_stderr(void)
{
	struct stat err, null;

	if (fstat(STDERR_FILENO, &err) != 0)
		return TRUE;
	return stat("/dev/null", &null) == 0 && S_ISCHR(err.st_mode) &&
	       err.st_rdev == null.st_rdev;
}

gboolean
asn_syslog_open(const char *ident, gboolean asked)
{
	if (!asked && !nobody_reads_stderr())
		return FALSE;
	/* The connection is made now: a chroot may lack /dev/log. */
	openlog(ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
	return TRUE;
}

GLogWriterOutput
asn_syslog_write(
    GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
	int priority = level & G_LOG_LEVEL_ERROR      ? LOG_CRIT
		       : level & G_LOG_LEVEL_CRITICAL ? LOG_ERR
		       : level & G_LOG_LEVEL_WARNING  ? LOG_WARNING
		       : level & G_LOG_LEVEL_MESSAGE  ? LOG_NOTICE
						      : LOG_INFO;

	if (level & G_LOG_LEVEL_DEBUG)
		return G_LOG_WRITER_HANDLED;
	for (gsize i = 0; i < n; i++)
		if (strcmp(fields[i].key, "MESSAGE") == 0)
			syslog(priority, "%s", (const char *)fields[i].value);
	return G_LOG_WRITER_HANDLED;
}
