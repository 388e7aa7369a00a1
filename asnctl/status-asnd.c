/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status-asnd.c: what asnd tells of itself, and what that means. */

#include <string.h>

#include "status.h"

#define DAY G_GINT64_CONSTANT(86400)
/* Learning has silently died: asnctl(1) has these numbers, too. */
#define MAIL_COMES (3 * DAY)    /* a mail was seen since then */
#define NO_VOTE (14 * DAY)      /* but no vote */
#define VOTED_ONCE (60 * DAY)   /* though there was one in the time before */
#define NOT_PUBLISHED (2 * DAY) /* asnd does so once a day at least */

void
status_ask_asnd(Status *s)
{
	GVariant *reply = NULL;

	s->bus.no_start = TRUE;
	if (asnctl_bus_try(
		&s->bus, "GetStatus", NULL, NULL, &reply, &s->unreachable) == 0)
		g_variant_get(reply, "(@a{sv})", &s->asnd);
	g_clear_pointer(&reply, g_variant_unref);
}

static double
as_double(GVariant *v)
{
	switch (g_variant_classify(v)) {
	case G_VARIANT_CLASS_UINT32:
		return g_variant_get_uint32(v);
	case G_VARIANT_CLASS_UINT64:
		return (double)g_variant_get_uint64(v);
	case G_VARIANT_CLASS_INT64:
		return (double)g_variant_get_int64(v);
	case G_VARIANT_CLASS_DOUBLE:
		return g_variant_get_double(v);
	default:
		return 0;
	}
}

gint64
status_number(const Status *s, const char *key)
{
	g_autoptr(GVariant) v =
	    s->asnd ? g_variant_lookup_value(s->asnd, key, NULL) : NULL;

	return v != NULL ? (gint64)as_double(v) : 0;
}

gboolean
status_is(const Status *s, const char *key)
{
	gboolean value = FALSE;

	return s->asnd != NULL && g_variant_lookup(s->asnd, key, "b", &value) &&
	       value;
}

char *
status_ago(gint64 now, gint64 when)
{
	static const struct {
		gint64 seconds;
		const char *name;
	} units[] = {{DAY, "day"}, {3600, "hour"}, {60, "minute"}};
	gint64 age = now - when;

	if (when == 0)
		return g_strdup("never");
	for (guint i = 0; i < G_N_ELEMENTS(units); i++) {
		gint64 n = age / units[i].seconds;

		if (n > 0)
			return g_strdup_printf("%" G_GINT64_FORMAT " %s%s ago",
			    n, units[i].name, n == 1 ? "" : "s");
	}
	return g_strdup("just now");
}

static void
judge_troubles(Status *s)
{
	const char *why = NULL;

	if (g_variant_lookup(s->asnd, "store_trouble", "&s", &why))
		status_problem(s, STATUS_BROKEN,
		    g_strdup_printf("nothing is learned, the evidence cannot "
				    "be used: %s",
			why),
		    "make room for it, see \"journalctl -u asnd\"");
	if (g_variant_lookup(s->asnd, "publish_trouble", "&s", &why))
		status_problem(s, STATUS_BROKEN,
		    g_strdup_printf("what is learned does not reach the "
				    "milter: %s",
			why),
		    "make room for it, see \"journalctl -u asnd\"");
	else if (s->now - status_number(s, "published") > NOT_PUBLISHED &&
		 s->now - status_number(s, "since") > NOT_PUBLISHED)
		status_problem(s, STATUS_WARNING,
		    g_strdup("asnd has published nothing for two days"),
		    "systemctl restart asnd");
	if (g_variant_lookup(s->asnd, "rules_trouble", "&s", &why))
		status_problem(s, STATUS_WARNING,
		    g_strdup_printf("the rules are not all in use: %s", why),
		    "mend that file; asnctl rules shows what is in use");
	if (!status_is(s, "seal_key"))
		status_problem(s, STATUS_BROKEN,
		    g_strdup("asnd has no seal key: mail from now on cannot "
			     "vote"),
		    "asnctl seal-key new");
}

static void
judge_watching(Status *s)
{
	if (status_unit_is_down(s, "asnd-mailwatch.service"))
		return;
	if (!status_is(s, "mailwatch"))
		status_problem(s, STATUS_BROKEN,
		    g_strdup("nothing is learned: asnd-mailwatch is not "
			     "connected"),
		    "systemctl restart asnd-mailwatch");
	else if (status_is(s, "all_read") &&
		 status_number(s, "mails_known") == 0)
		status_problem(s, STATUS_WARNING,
		    g_strdup("no mail was found in any Maildir"),
		    "set maildirs in asnd.conf, then \"systemctl reload "
		    "asnd-mailwatch\"");
}

static char *
no_vote(const Status *s, gint64 last)
{
	g_autofree char *ago = status_ago(s->now, last);

	return last == 0
		   ? g_strdup("mail arrives, but no user has ever moved any "
			      "to Junk")
		   : g_strdup_printf("mail arrives, but the last vote was %s: "
				     "learning may have died",
			 ago);
}

/* Mail arrives and is read, but nobody votes who did before. */
static void
judge_votes(Status *s)
{
	gint64 vote = status_number(s, "last_vote");
	gint64 from = vote != 0 ? vote : status_number(s, "installed");
	gboolean once = vote == 0 || s->now - vote <= NO_VOTE + VOTED_ONCE;

	if (s->now - status_number(s, "last_mail") > MAIL_COMES ||
	    s->now - from <= NO_VOTE || !once)
		return;
	status_problem(s, STATUS_WARNING, no_vote(s, vote),
	    "see whether junk-folders in asnd.conf names the users' Junk "
	    "folders");
}

static void
judge_version(Status *s)
{
	const char *version = "";

	if (g_variant_lookup(s->asnd, "version", "&s", &version) &&
	    strcmp(version, ASND_VERSION) != 0)
		status_problem(s, STATUS_WARNING,
		    g_strdup_printf("asnd is still version %s, asnctl is %s",
			version, ASND_VERSION),
		    "systemctl restart asnd");
}

/* A restart of asnd brings no bus; asnd takes its name once there is one. */
static gboolean
has_bus(const Status *s)
{
	g_autofree char *why = NULL;

	return s->bus.session || asnctl_bus_connect(&s->bus, &why) != NULL;
}

static void
judge_silence(Status *s)
{
	g_auto(GStrv) why = g_strsplit(s->unreachable, "; ", 2);

	if (status_unit_is_down(s, "asnd.service") &&
	    status_unit_is_down(s, "asnd.socket"))
		return;
	status_problem(s, STATUS_BROKEN,
	    g_strdup_printf("nothing is learned: %s", why[0]),
	    has_bus(s) ? "systemctl restart asnd; journalctl -u asnd -n 20"
		       : "systemctl start dbus");
}

void
status_judge_asnd(Status *s)
{
	if (s->asnd == NULL) {
		judge_silence(s);
		return;
	}
	judge_troubles(s);
	judge_watching(s);
	judge_votes(s);
	judge_version(s);
}
