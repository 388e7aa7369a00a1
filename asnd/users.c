/* SPDX-License-Identifier: GPL-2.0-or-later */
/* users.c: users of the evidence by path, name and owner. */

#include <string.h>

#include "mails-private.h"

#define OWNER_DAYS 7 /* a Maildir not seen for longer was given up */

gint64
asnd_mails_find_user(AsndMails *m, const char *path, gsize len)
{
	return asnd_mails_first(m, Q_USER, STEP(m, Q_USER, "b", path, len));
}

char *
asnd_mails_user_path(AsndMails *m, gint64 user)
{
	char *path = NULL;

	if (STEP(m, Q_USER_PATH, "i", user))
		path = g_strndup(sqlite3_column_blob(m->q[Q_USER_PATH], 0),
		    (gsize)sqlite3_column_bytes(m->q[Q_USER_PATH], 0));
	DONE(m, Q_USER_PATH);
	return path;
}

void
asnd_mails_set_owner(AsndMails *m, gint64 user, guint32 uid)
{
	asnd_store_begin(m->store);
	RUN(m, Q_SET_OWNER, "ii", user, (gint64)uid);
}

GArray *
asnd_mails_users_of(AsndMails *m, guint32 uid, gint64 now)
{
	GArray *out = g_array_new(FALSE, FALSE, sizeof(gint64));
	gboolean row = STEP(m, Q_USERS_OF, "ii", (gint64)uid,
	    now - OWNER_DAYS * (gint64)ASND_DAY);

	for (; row; row = asnd_store_next(m->store, m->q[Q_USERS_OF])) {
		gint64 id = sqlite3_column_int64(m->q[Q_USERS_OF], 0);

		g_array_append_val(out, id);
	}
	DONE(m, Q_USERS_OF);
	return out;
}

/* Takes the last component off; the rest is *len long. */
static const char *
last_component(const char *path, gsize *len, gsize *size)
{
	const char *slash = memrchr(path, '/', *len);
	const char *start = slash != NULL ? slash + 1 : path;

	*size = *len - (gsize)(start - path);
	*len = slash != NULL ? (gsize)(slash - path) : 0;
	return start;
}

static gboolean
is_text(const char *p, gsize size, const char *text, gsize len)
{
	return size == len && memcmp(p, text, len) == 0;
}

/* "ann" is /home/ann/Maildir or /var/mail/ann; "ann@example.org" is
 * /var/vmail/example.org/ann/Maildir, too. */
static gboolean
is_of(const char *path, gsize len, const char *name)
{
	const char *at = strrchr(name, '@');

	for (int i = 0; i < 2 && len > 0; i++) {
		gsize size, above_size, above_len;
		const char *part = last_component(path, &len, &size), *above;

		if (is_text(part, size, name, strlen(name)))
			return TRUE;
		above_len = len;
		above = last_component(path, &above_len, &above_size);
		if (at != NULL &&
		    is_text(part, size, name, (gsize)(at - name)) &&
		    is_text(above, above_size, at + 1, strlen(at + 1)))
			return TRUE;
	}
	return FALSE;
}

GArray *
asnd_mails_users_named(AsndMails *m, const char *name)
{
	GArray *out = g_array_new(FALSE, FALSE, sizeof(gint64));
	sqlite3_stmt *s = m->q[Q_USERS_WITH];
	gsize local = strcspn(name, "@");
	g_autofree char *part = g_strdup_printf("/%.*s", (int)local, name);
	gboolean row = STEP(m, Q_USERS_WITH, "b", part, strlen(part));

	for (; row; row = asnd_store_next(m->store, s)) {
		const char *path = sqlite3_column_blob(s, 1);
		gint64 id = sqlite3_column_int64(s, 0);

		if (path != NULL && *path == '/' &&
		    is_of(path, (gsize)sqlite3_column_bytes(s, 1), name))
			g_array_append_val(out, id);
	}
	DONE(m, Q_USERS_WITH);
	return out;
}

/* Who voted as "user:NAME" and is the user of this Maildir; 0: nobody did.  Of
 * several names that fit the longest says most: "ann@example.org", not "ann",
 * who may be another domain's. */
static gint64
find_named(AsndMails *m, const char *path, gsize len)
{
	static const char prefix[] = "user:";
	sqlite3_stmt *s = m->q[Q_NAMED_ONLY];
	gboolean row = STEP(m, Q_NAMED_ONLY, "");
	gsize longest = strlen(prefix);
	gint64 id = 0;

	for (; row; row = asnd_store_next(m->store, s)) {
		gsize size = (gsize)sqlite3_column_bytes(s, 1);
		g_autofree char *name =
		    g_strndup(sqlite3_column_blob(s, 1), size);

		if (size <= longest || !is_of(path, len, name + strlen(prefix)))
			continue;
		longest = size;
		id = sqlite3_column_int64(s, 0);
	}
	DONE(m, Q_NAMED_ONLY);
	return id;
}

gint64
asnd_mails_maildir(AsndMails *m, const char *path, gsize len, gint64 now)
{
	if (asnd_mails_find_user(m, path, len) == 0) {
		gint64 named = find_named(m, path, len);

		asnd_store_begin(m->store);
		if (named != 0)
			RUN(m, Q_SET_PATH, "bi", path, len, named);
	}
	return asnd_mails_user(m, path, len, now);
}

void
asnd_mails_away(AsndMails *m, gint64 user)
{
	asnd_store_begin(m->store);
	RUN(m, Q_AWAY, "i", user);
	g_hash_table_add(m->away, asnd_id_new(user));
}

gboolean
asnd_mails_is_away(const AsndMails *m, gint64 user)
{
	return g_hash_table_contains(m->away, &user);
}

void
asnd_mails_back(AsndMails *m, gint64 folder)
{
	asnd_store_begin(m->store);
	RUN(m, Q_BACK, "i", folder);
}

void
asnd_mails_away_but(AsndMails *m, AsndUserFunc there, gpointer data)
{
	g_autoptr(GArray) away = g_array_new(FALSE, FALSE, sizeof(gint64));
	gboolean row = STEP(m, Q_USERS_DUE, "");

	/* Collect first: the index that is read changes. */
	for (; row; row = asnd_store_next(m->store, m->q[Q_USERS_DUE])) {
		gint64 id = sqlite3_column_int64(m->q[Q_USERS_DUE], 0);

		if (!there(id, data))
			g_array_append_val(away, id);
	}
	DONE(m, Q_USERS_DUE);
	for (guint i = 0; i < away->len; i++)
		asnd_mails_away(m, g_array_index(away, gint64, i));
}

void
asnd_mails_seen(AsndMails *m, gint64 user, gint64 now)
{
	asnd_store_begin(m->store);
	RUN(m, Q_USER_SEEN, "iii", now, user, now);
}
