/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lists.c: which mails wait for what. */

#include <string.h>

#include "mails-private.h"

/* Ids of a statement that was just stepped. */
static guint
collect(AsndMails *m, Query query, gboolean row, gint64 *ids, guint n)
{
	guint i = 0;

	for (; row && i < n; row = asnd_store_next(m->store, m->q[query]))
		ids[i++] = sqlite3_column_int64(m->q[query], 0);
	DONE(m, query);
	return i;
}

guint
asnd_mails_wanted(AsndMails *m, gint64 after, gint64 *ids, guint n)
{
	return collect(
	    m, Q_WANTED, STEP(m, Q_WANTED, "id", after, (int)n), ids, n);
}

guint
asnd_mails_pending(
    AsndMails *m, gint64 user, gint64 after, gint64 *ids, guint n)
{
	return collect(m, Q_PENDING,
	    STEP(m, Q_PENDING, "iid", user, after, (int)n), ids, n);
}

guint
asnd_mails_due(AsndMails *m, gint64 now, gint64 since, gint64 *ids, guint n)
{
	return collect(
	    m, Q_DUE, STEP(m, Q_DUE, "iid", since, now, (int)n), ids, n);
}

GArray *
asnd_mails_all_pending(AsndMails *m)
{
	GArray *out = g_array_new(FALSE, FALSE, sizeof(gint64));
	gboolean row = STEP(m, Q_ALL_PENDING, "");

	for (; row; row = asnd_store_next(m->store, m->q[Q_ALL_PENDING])) {
		gint64 id = sqlite3_column_int64(m->q[Q_ALL_PENDING], 0);

		g_array_append_val(out, id);
	}
	DONE(m, Q_ALL_PENDING);
	return out;
}

void
asnd_mails_settle(AsndMails *m, AsndAddrFunc of, gpointer data)
{
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(gint64));
	sqlite3_stmt *s = m->q[Q_WAITING];
	gboolean row = STEP(m, Q_WAITING, "");

	/* Collect first: the indexes that are read change. */
	for (; row; row = asnd_store_next(m->store, s)) {
		gint64 id = sqlite3_column_int64(s, 0);
		AsnAddr addr;

		if (sqlite3_column_bytes(s, 1) != sizeof addr)
			continue;
		memcpy(&addr, sqlite3_column_blob(s, 1), sizeof addr);
		if (addr.family != 0 && of(&addr, data))
			g_array_append_val(ids, id);
	}
	DONE(m, Q_WAITING);
	asnd_store_begin(m->store);
	for (guint i = 0; i < ids->len; i++)
		RUN(m, Q_SETTLE, "i", g_array_index(ids, gint64, i));
}

void
asnd_mails_settle_user(AsndMails *m, gint64 user)
{
	asnd_store_begin(m->store);
	RUN(m, Q_SETTLE_USER, "i", user);
}

void
asnd_mails_settle_digest(AsndMails *m, const guint8 digest[16])
{
	asnd_store_begin(m->store);
	RUN(m, Q_SETTLE_DIGEST, "b", digest, (gsize)16);
}

void
asnd_mails_purge(AsndMails *m, gint64 now)
{
	asnd_store_begin(m->store);
	RUN(m, Q_PURGE, "i", now - ASND_GONE_GRACE);
	m->known -= asnd_store_changed(m->store);
}

void
asnd_mails_purge_users(AsndMails *m, gint64 now)
{
	gint64 user;

	/* One at a time: a Maildir may hold a million. */
	user = asnd_mails_first(
	    m, Q_OLD_USER, STEP(m, Q_OLD_USER, "i", now - ASND_USER_GRACE));
	if (user == 0)
		return;
	asnd_store_begin(m->store);
	RUN(m, Q_OLD_ENTRIES, "i", user);
	RUN(m, Q_OLD_MAILS, "i", user);
	m->known -= asnd_store_changed(m->store);
	RUN(m, Q_OLD_FOLDERS, "i", user);
	/* The user stays: the journal names it.  Not asked again for a while.
	 */
	RUN(m, Q_USER_SEEN, "iii", now, user, now);
}

gint64
asnd_mails_count(AsndMails *m)
{
	m->known = asnd_mails_first(m, Q_COUNT, STEP(m, Q_COUNT, ""));
	return m->known;
}

gint64
asnd_mails_known(const AsndMails *m)
{
	return MAX(0, m->known);
}
