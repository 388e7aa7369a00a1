/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.c: sd_notify(3), what we say with it. */

#include <string.h>

#include <systemd/sd-daemon.h>

#include "notify.h"

#define EXTEND_USEC ((gint64)60 * G_USEC_PER_SEC)
#define EXTEND_EVERY ((gint64)5 * G_USEC_PER_SEC)

guint
asn_notify_interval(void)
{
	guint64 usec = 0;

	if (sd_watchdog_enabled(FALSE, &usec) <= 0)
		return 0;
	return (guint)CLAMP(usec / 3 / 1000, 1, 3600000);
}

void
asn_notify_alive(void)
{
	sd_notify(FALSE, "WATCHDOG=1");
}

void
asn_notify_status(const char *status)
{
	static char last[512];
	char line[sizeof last];

	g_strlcpy(line, status, sizeof line);
	g_strdelimit(line, "\n\r", ' '); /* a line is an assignment */
	if (strcmp(line, last) == 0)
		return;
	memcpy(last, line, sizeof last);
	sd_notifyf(FALSE, "STATUS=%s", line);
}

void
asn_notify_ready(void)
{
	sd_notify(FALSE, "READY=1");
}

/* systemd 253 matches the answer to a Type=notify-reload by the time. */
void
asn_notify_reloading(void)
{
	sd_notifyf(FALSE, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT,
	    g_get_monotonic_time());
}

void
asn_notify_stopping(void)
{
	sd_notify(FALSE, "STOPPING=1");
}

void
asn_notify_extend(guint more)
{
	static gint64 said, until;
	gint64 now = g_get_monotonic_time();
	gint64 usec = EXTEND_USEC + (gint64)more * G_USEC_PER_SEC;

	/* Never less than what was asked for before. */
	if ((said != 0 && now - said < EXTEND_EVERY) || now + usec < until)
		return;
	said = now;
	until = now + usec;
	sd_notifyf(FALSE, "EXTEND_TIMEOUT_USEC=%" G_GINT64_FORMAT, usec);
}
