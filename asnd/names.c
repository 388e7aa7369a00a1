/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.c: names come and go; which of them are one mail. */

#include <string.h>

#include "mails-private.h"

/* FNV-1a (public domain) of the name without flags. */
static gint64
hash_base(const char *name, gsize len)
{
	guint64 h = 0xcbf29ce484222325u;

	len = asnd_mail_base(name, len);
	for (gsize i = 0; i < len; i++)
		h = (h ^ (guint8)name[i]) * 0x100000001b3u;
	return (gint64)h;
}

/* This name is no more.  Returns the mail that had it, 0: none. */
static gint64
drop_name(AsndMails *m, gint64 folder, guint cur, const char *name, gsize len,
    gint64 now)
{
	gboolean more;
	gint64 id;

	asnd_store_begin(m->store);
	id = asnd_mails_first(m, Q_ENTRY_DEL,
	    STEP(m, Q_ENTRY_DEL, "idb", folder, (int)cur, name, len));
	if (id == 0)
		return 0;
	more = STEP(m, Q_ENTRY_OF, "i", id);
	DONE(m, Q_ENTRY_OF);
	if (!more)
		RUN(m, Q_GONE, "ii", now, id);
	return id;
}

void
asnd_mails_name_gone(AsndMails *m, gint64 folder, guint cur, const char *name,
    gsize len, gint64 now)
{
	gint64 id = drop_name(m, folder, cur, name, len, now);

	if (id == 0)
		return;
	RUN(m, Q_LOST, "iii", folder, hash_base(name, len), id);
	m->just_lost[m->n_lost++ % MAILS_JUST_LOST] = id;
}

void
asnd_mails_begin_events(AsndMails *m)
{
	memset(m->just_lost, 0, sizeof m->just_lost);
}

static gboolean
just_lost(const AsndMails *m, gint64 id)
{
	for (guint i = 0; i < MAILS_JUST_LOST; i++)
		if (m->just_lost[i] == id)
			return TRUE;
	return FALSE;
}

/* When a mail that nobody knew came to its folder.  Seen as it happens: now.
 * Found by a listing, its ctime would be that of the last rename, and opening
 * a folder renames: what a filter delivered into Junk while nobody watched
 * would look as if a user had moved it.  A name starts with the second that
 * it was made in (maildir(5)), also when an IMAP server copied it there;
 * without that, the time of delivery. */
static gint64
arrival(const AsndMailEntry *e)
{
	gint64 made = 0;
	gsize i;

	if (e->live)
		return e->ctime;
	for (i = 0; i < e->name_len && i < 12 && g_ascii_isdigit(e->name[i]);
	     i++)
		made = made * 10 + (e->name[i] - '0');
	if (i == 0 || i == e->name_len || e->name[i] != '.')
		made = e->mtime;
	return MIN(made, e->ctime);
}

static void
insert(AsndMails *m, const AsndMailEntry *e, gint64 oldest, AsndMailRow *row)
{
	memset(row, 0, sizeof *row);
	row->user = e->user;
	row->dev = e->dev;
	row->ino = e->ino;
	row->mtime = e->mtime;
	row->base = hash_base(e->name, e->name_len);
	row->folder = e->folder;
	row->place = e->place;
	row->seen = e->place;
	row->flags = asnd_mail_flags(e->name, e->name_len);
	row->arrived = arrival(e);
	row->pending = TRUE;
	row->early = e->ctime <= asnd_store_install_time(m->store);
	/* Old mail is worth reading once somebody does something to it. */
	if (e->mtime < oldest && !e->live)
		row->state = ASND_MAIL_SKIPPED;
	RUN(m, Q_INSERT, "iiiiiidddidd", row->user, row->dev, row->ino,
	    row->mtime, row->base, row->folder, (int)row->place, (int)row->seen,
	    (int)row->flags, row->arrived, (int)row->state, row->early);
	row->id = asnd_mails_inserted(m);
	m->known++;
}

/* Does the mail have a name in this folder that differs by its flags only, or
 * did it lose one just now?  A rename tells first what went, then what came; a
 * listing does not, and what it went from may be long ago. */
static gboolean
is_flag_change(AsndMails *m, const AsndMailEntry *e, const AsndMailRow *row)
{
	gint64 base = hash_base(e->name, e->name_len);
	sqlite3_stmt *s = m->q[Q_NAMES];
	gboolean found, more;

	if (e->live && row->lost == e->folder && row->lost_base == base &&
	    just_lost(m, row->id))
		return TRUE;
	more = STEP(m, Q_NAMES, "i", row->id);
	for (found = FALSE; more && !found; more = asnd_store_next(m->store, s))
		found = sqlite3_column_int64(s, 0) == e->folder &&
			hash_base(sqlite3_column_blob(s, 2),
			    (gsize)sqlite3_column_bytes(s, 2)) == base;
	DONE(m, Q_NAMES);
	return found;
}

/* What may be a vote more than before.  Deleted, or a draft, it was none
 * whatever came of it: that is over, too. */
static gboolean
tells_more(guint before, guint flags)
{
	return (flags & ~before) != 0 ||
	       (before & ~flags & ASND_MAIL_NO_VOTE) != 0;
}

/* A known mail under a new name: moved, copied, or only its flags changed.
 * The last folder that it came to is where it is: a client that knows no MOVE
 * copies (a hard link), then flags the old name as deleted, then removes it. */
static void
renamed(AsndMails *m, const AsndMailEntry *e, AsndMailRow *row)
{
	guint flags = asnd_mail_flags(e->name, e->name_len);
	gboolean moved = row->folder != e->folder;

	if (moved && is_flag_change(m, e, row))
		return;
	if (moved) {
		/* From here on a name there is a move back. */
		RUN(m, Q_LOST, "iii", (gint64)0, (gint64)0, row->id);
		row->came_from = row->seen;
		row->seen |= e->place;
		row->place = e->place;
		row->folder = e->folder;
		row->arrived = e->ctime;
		row->due = 0;
		row->pending = TRUE;
	} else if (row->place == ASND_PLACE_OTHER &&
		   tells_more(row->flags, flags)) {
		/* How it came here was judged: a copy may have been since. */
		if (!row->pending && !(row->flags & ASND_MAIL_NO_VOTE))
			row->came_from = 0;
		row->pending = TRUE;
	}
	row->flags = flags;
	row->base = hash_base(e->name, e->name_len);
	row->gone = 0;
	if (row->state == ASND_MAIL_MISSED || row->state == ASND_MAIL_REFUSED ||
	    (row->state == ASND_MAIL_SKIPPED && moved))
		row->state = ASND_MAIL_WANTED;
	asnd_mails_save(m, row);
}

static gboolean
same_mail(const AsndMailEntry *e, const AsndMailRow *row)
{
	return row->mtime == e->mtime &&
	       (row->gone == 0 || row->base == hash_base(e->name, e->name_len));
}

/* A listed name that was known: nothing happened, as a rule. */
static gboolean
known_name(AsndMails *m, const AsndMailEntry *e, AsndMailRow *row)
{
	gboolean again;

	if (!asnd_mails_load(m, Q_BY_NAME,
		STEP(m, Q_BY_NAME, "idb", e->folder, (int)e->cur, e->name,
		    e->name_len),
		row))
		return FALSE;
	if (row->ino != e->ino || row->mtime != e->mtime) {
		/* Another file has taken the name. */
		drop_name(m, e->folder, e->cur, e->name, e->name_len, e->ctime);
		return FALSE;
	}
	/* It may have been read while it was still being written. */
	again =
	    row->state == ASND_MAIL_MISSED ||
	    (e->live && row->state == ASND_MAIL_READ && row->addr.family == 0);
	/* Device numbers may change with a reboot. */
	if (row->dev != e->dev || again) {
		row->dev = e->dev;
		if (again)
			row->state = ASND_MAIL_WANTED;
		asnd_mails_save(m, row);
	}
	return TRUE;
}

void
asnd_mails_entry(
    AsndMails *m, const AsndMailEntry *e, gint64 oldest, AsndMailRow *row)
{
	gboolean have;

	if (known_name(m, e, row))
		return;
	have = asnd_mails_load(m, Q_BY_INODE,
	    STEP(m, Q_BY_INODE, "iii", e->user, e->ino, e->dev), row);
	asnd_store_begin(m->store);
	if (have && same_mail(e, row)) {
		renamed(m, e, row);
	} else {
		if (have)
			RUN(m, Q_DISPLACE, "ii", e->ctime, row->id);
		insert(m, e, oldest, row);
	}
	RUN(m, Q_ENTRY_ADD, "idbi", e->folder, (int)e->cur, e->name,
	    e->name_len, row->id);
}

void
asnd_mails_sweep_folder(
    AsndMails *m, gint64 folder, AsndStillFunc still, gpointer data, gint64 now)
{
	g_autoptr(GPtrArray) lost =
	    g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	sqlite3_stmt *s = m->q[Q_ENTRY_LIST];
	gboolean row = STEP(m, Q_ENTRY_LIST, "i", folder);

	/* Collect first: deleting under a running SELECT is undefined. */
	for (; row; row = asnd_store_next(m->store, s)) {
		guint8 cur = (guint8)sqlite3_column_int(s, 0);
		const char *name = sqlite3_column_blob(s, 1);
		gsize len = (gsize)sqlite3_column_bytes(s, 1);
		GByteArray *a;

		if (still != NULL && still(cur, name, len, data))
			continue;
		a = g_byte_array_append(g_byte_array_new(), &cur, 1);
		g_byte_array_append(a, (const guint8 *)name, (guint)len);
		g_ptr_array_add(lost, g_byte_array_free_to_bytes(a));
	}
	DONE(m, Q_ENTRY_LIST);
	for (guint i = 0; i < lost->len; i++) {
		gsize len;
		const char *p = g_bytes_get_data(lost->pdata[i], &len);

		/* When it went nobody knows: not just before what comes. */
		drop_name(m, folder, (guint8)p[0], p + 1, len - 1, now);
	}
}

void
asnd_mails_sweep_user(
    AsndMails *m, gint64 user, AsndFolderFunc known, gpointer data, gint64 now)
{
	g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(gint64));
	gboolean row = STEP(m, Q_FOLDERS_OF, "i", user);

	for (; row; row = asnd_store_next(m->store, m->q[Q_FOLDERS_OF])) {
		gint64 id = sqlite3_column_int64(m->q[Q_FOLDERS_OF], 0);

		if (!known(id, data))
			g_array_append_val(lost, id);
	}
	DONE(m, Q_FOLDERS_OF);
	for (guint i = 0; i < lost->len; i++)
		asnd_mails_sweep_folder(
		    m, g_array_index(lost, gint64, i), NULL, NULL, now);
	g_hash_table_remove(m->away, &user);
}

gboolean
asnd_mails_name(AsndMails *m, gint64 id, AsndFolderFunc known, gpointer data,
    gint64 *folder, guint *cur, char *name, gsize *len)
{
	sqlite3_stmt *s = m->q[Q_NAMES];
	gboolean row = STEP(m, Q_NAMES, "i", id), found = FALSE;

	for (; row && !found; row = asnd_store_next(m->store, s)) {
		*folder = sqlite3_column_int64(s, 0);
		*len = (gsize)sqlite3_column_bytes(s, 2);
		if (*len > ASND_NAME_MAX || !known(*folder, data))
			continue;
		*cur = (guint)sqlite3_column_int(s, 1);
		memcpy(name, sqlite3_column_blob(s, 2), *len);
		found = TRUE;
	}
	DONE(m, Q_NAMES);
	return found;
}

/* Where the same seal was seen, beside this inode. */
static guint
seen_elsewhere(AsndMails *m, const AsndMailRow *row)
{
	sqlite3_stmt *s = m->q[Q_SEEN_DIGEST];
	gboolean more = STEP(m, Q_SEEN_DIGEST, "ibi", row->user, row->digest,
	    sizeof row->digest, row->id);
	guint seen = 0;

	for (; more; more = asnd_store_next(m->store, s))
		seen |= (guint)sqlite3_column_int(s, 0);
	DONE(m, Q_SEEN_DIGEST);
	return seen;
}

void
asnd_mails_set_block(
    AsndMails *m, AsndMailRow *row, const AsndBlock *block, gboolean first_run)
{
	row->state = ASND_MAIL_READ;
	row->has_digest = TRUE;
	memcpy(row->digest, block->digest, sizeof row->digest);
	row->addr = block->addr;
	row->time = block->time;
	row->sealed = block->sealed;
	row->flagged = block->flagged;
	row->level = block->level;
	/* A user's filter may deliver flagged mail twice: still no act. */
	if (!first_run && !row->anew &&
	    !(row->flagged && row->arrived - row->time <= ASND_DIRECT))
		row->came_from |= seen_elsewhere(m, row);
	row->seen |= row->came_from;
}
