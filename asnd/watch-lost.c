/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch-lost.c: which of what was seen before is there now. */

#include "watch-private.h"

gboolean
asnd_watch_has_folder(gint64 folder, gpointer data)
{
	AsndWatchServer *w = data;
	gpointer id;

	return g_hash_table_lookup_extended(w->by_folder, &folder, NULL, &id) &&
	       g_hash_table_contains(w->folders, id);
}

static gboolean
is_there(gint64 user, gpointer users)
{
	return g_hash_table_contains(users, &user);
}

/* asnd-mailwatch cannot tell of folders that went while it, or their Maildir,
 * was away.  A Maildir that is not there may come back; one that shows no
 * folder, not even INBOX, is not mounted yet, or not for us to see. */
void
asnd_watch_drop_lost(AsndWatchServer *w)
{
	g_autoptr(GHashTable) users =
	    g_hash_table_new(g_int64_hash, g_int64_equal);
	gint64 now = w->handler.now(w->data);
	GHashTableIter i;
	gpointer value;

	g_hash_table_iter_init(&i, w->folders);
	while (g_hash_table_iter_next(&i, NULL, &value)) {
		AsndWatchedFolder *f = value;

		if (g_hash_table_contains(w->returned, &f->user))
			g_hash_table_add(users, &f->user);
	}
	g_hash_table_iter_init(&i, users);
	while (g_hash_table_iter_next(&i, &value, NULL)) {
		asnd_mails_sweep_user(
		    w->mails, *(gint64 *)value, asnd_watch_has_folder, w, now);
		g_hash_table_remove(w->returned, value);
	}
	if (w->whole)
		return;
	w->whole = TRUE;
	asnd_mails_away_but(w->mails, is_there, users);
}

void
asnd_watch_server_seen(AsndWatchServer *w, gint64 now)
{
	GHashTableIter i;
	gpointer user;

	g_hash_table_iter_init(&i, w->maildirs);
	while (g_hash_table_iter_next(&i, NULL, &user))
		asnd_mails_seen(w->mails, *(gint64 *)user, now);
}
