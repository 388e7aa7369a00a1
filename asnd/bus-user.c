/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-user.c: which user of the evidence a caller means. */

#include <string.h>

#include "bus-mail.h"
#include "daemon-private.h"
#include "escape.h"

#define NAME_MAX_LEN 255

static gint64
known(AsndBusCall *call, const char *path, gsize len, gboolean make)
{
	AsndDaemon *d = call->daemon;
	gint64 id;

	if (make)
		id = asnd_mails_user(d->mails, path, len, asnd_daemon_now(d));
	else
		id = asnd_mails_find_user(d->mails, path, len);
	if (id == 0 && make)
		asnd_bus_fail(
		    call, ASND_BUS_FAILED, "the evidence cannot be written");
	return id;
}

/* Several Maildirs fit. */
static gint64
fail_several(AsndBusCall *call, const char *who, const GArray *ids)
{
	AsndMails *mails = call->daemon->mails;
	g_autofree char *one =
	    asnd_mails_user_path(mails, g_array_index(ids, gint64, 0));
	g_autofree char *two =
	    asnd_mails_user_path(mails, g_array_index(ids, gint64, 1));
	char a[ASN_ESCAPE_SIZE], b[ASN_ESCAPE_SIZE];

	asnd_bus_fail(call, ASND_BUS_NOT_FOUND,
	    "%s has several Maildirs (%s, %s%s): say which", who,
	    asn_escape_str(a, one), asn_escape_str(b, two),
	    ids->len > 2 ? ", ..." : "");
	return 0;
}

/* Who owns just one Maildir, else "uid:N". */
static gint64
caller(AsndBusCall *call, gboolean make)
{
	g_autoptr(GArray) ids = asnd_mails_users_of(
	    call->daemon->mails, call->uid, asnd_daemon_now(call->daemon));
	g_autofree char *name = g_strdup_printf("uid:%u", call->uid);
	gint64 id;

	if (ids->len == 1)
		return g_array_index(ids, gint64, 0);
	if (ids->len > 1)
		return fail_several(call, name, ids);
	id = known(call, name, strlen(name), make);
	if (id == 0 && !make)
		asnd_bus_fail(
		    call, ASND_BUS_NOT_FOUND, "no vote of %s is known", name);
	return id;
}

static gboolean
is_uid(const char *name)
{
	if (!g_str_has_prefix(name, "uid:") || name[4] == '\0' ||
	    strlen(name) > 14)
		return FALSE;
	return strspn(name + 4, "0123456789") == strlen(name + 4);
}

static gboolean
is_name(const char *name)
{
	if (strlen(name) > NAME_MAX_LEN || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return FALSE;
	for (const char *p = name; *p != '\0'; p++)
		if (*p == '/' || g_ascii_iscntrl(*p))
			return FALSE;
	return TRUE;
}

static gint64
by_name(AsndBusCall *call, const char *name, gboolean make)
{
	AsndMails *mails = call->daemon->mails;
	g_autoptr(GArray) ids = NULL;
	g_autofree char *virtual = NULL;
	char shown[ASN_ESCAPE_SIZE];
	gint64 id;

	if (g_str_has_prefix(name, "user:"))
		name += 5;
	else
		ids = asnd_mails_users_named(mails, name);
	if (ids != NULL && ids->len == 1)
		return g_array_index(ids, gint64, 0);
	if (ids != NULL && ids->len > 1)
		return fail_several(call, asn_escape_str(shown, name), ids);
	virtual = g_strconcat("user:", name, NULL);
	id = known(call, virtual, strlen(virtual), make);
	if (id == 0 && !make)
		asnd_bus_fail(call, ASND_BUS_NOT_FOUND,
		    "no user \"%s\" is known", asn_escape_str(shown, name));
	return id;
}

static gint64
by_path(AsndBusCall *call, const char *path, gboolean make)
{
	gsize len = strlen(path);
	char shown[ASN_ESCAPE_SIZE];
	gint64 id;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len == 1 || len >= PATH_MAX || strstr(path, "//") != NULL ||
	    strstr(path, "/../") != NULL || strstr(path, "/./") != NULL) {
		asnd_bus_fail(call, ASND_BUS_NOT_FOUND,
		    "\"%s\" is not how a Maildir is called: write its whole"
		    " path, without \"..\"",
		    asn_escape_str(shown, path));
		return 0;
	}
	id = known(call, path, len, make);
	if (id == 0 && !make)
		asnd_bus_fail(call, ASND_BUS_NOT_FOUND,
		    "no Maildir \"%s\" is known", asn_escape_str(shown, path));
	return id;
}

gint64
asnd_bus_user(AsndBusCall *call, const char *name, gboolean make)
{
	char shown[ASN_ESCAPE_SIZE];

	if (*name == '\0')
		return caller(call, make);
	if (*name == '/')
		return by_path(call, name, make);
	if (!is_name(name)) {
		asnd_bus_fail(call, ASND_BUS_NOT_FOUND,
		    "\"%s\" is neither a user nor the path of a Maildir",
		    asn_escape_str(shown, name));
		return 0;
	}
	if (is_uid(name)) {
		gint64 id = known(call, name, strlen(name), make);

		if (id == 0 && !make)
			asnd_bus_fail(call, ASND_BUS_NOT_FOUND,
			    "no vote of %s is known", name);
		return id;
	}
	return by_name(call, name, make);
}
