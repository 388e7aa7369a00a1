/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch-packets.c: what asnd-mailwatch says, and what it is asked. */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <glib-unix.h>

#include "watch-private.h"

#define MAX_MAILDIRS (1u << 20)
#define MAX_FOLDERS (1u << 22)
#define SETTLED 60 /* seconds after which nobody writes a mail any more */

static AsndWatchedFolder *
folder_of(AsndWatchServer *w, guint32 id)
{
	return g_hash_table_lookup(w->folders, GUINT_TO_POINTER(id));
}

/* --- Maildirs and folders --------------------------------------------------
 */

static const char *
on_hello(AsndWatchServer *w, const AsnWatchPacket *p)
{
	const AsnWatchHello *hello = p->fixed;

	if (hello->version != ASN_WATCH_VERSION)
		return "it is of another version: install both from one build";
	w->greeted = TRUE;
	return NULL;
}

static const char *
on_maildir(AsndWatchServer *w, const AsnWatchPacket *p)
{
	const AsnWatchMaildir *m = p->fixed;
	gint64 user;

	if (g_hash_table_size(w->maildirs) >= MAX_MAILDIRS)
		return "too many Maildirs";
	user = asnd_mails_maildir(
	    w->mails, p->name, p->name_len, w->handler.now(w->data));
	asnd_mails_set_owner(w->mails, user, m->uid);
	g_hash_table_insert(
	    w->maildirs, GUINT_TO_POINTER(m->id), asnd_id_new(user));
	g_hash_table_add(w->returned, asnd_id_new(user));
	return NULL;
}

static gboolean
is_of_maildir(gpointer id, gpointer value, gpointer maildir)
{
	const AsndWatchedFolder *f = value;

	return f->maildir == GPOINTER_TO_UINT(maildir);
}

/* It may come back (an automounted home): what was seen is kept. */
static const char *
on_maildir_gone(AsndWatchServer *w, const AsnWatchPacket *p)
{
	const AsnWatchId *id = p->fixed;
	const gint64 *user =
	    g_hash_table_lookup(w->maildirs, GUINT_TO_POINTER(id->id));

	if (user != NULL)
		asnd_mails_away(w->mails, *user);
	g_hash_table_remove(w->maildirs, GUINT_TO_POINTER(id->id));
	g_hash_table_foreach_remove(
	    w->folders, is_of_maildir, GUINT_TO_POINTER(id->id));
	return NULL;
}

static const char *
on_folder(AsndWatchServer *w, const AsnWatchPacket *p)
{
	const AsnWatchFolder *msg = p->fixed;
	const gint64 *user =
	    g_hash_table_lookup(w->maildirs, GUINT_TO_POINTER(msg->maildir));
	AsndWatchedFolder *f;

	if (user == NULL)
		return "a folder of an unknown Maildir";
	if (g_hash_table_size(w->folders) >= MAX_FOLDERS)
		return "too many folders";
	f = g_new0(AsndWatchedFolder, 1);
	f->maildir = msg->maildir;
	f->user = *user;
	f->folder = asnd_mails_folder(w->mails, f->user, p->name, p->name_len);
	f->place = asnd_place(w->config, p->name, p->name_len);
	asnd_mails_set_kind(w->mails, f->folder, f->place);
	f->listed = g_hash_table_new(NULL, NULL);
	g_hash_table_insert(w->folders, GUINT_TO_POINTER(msg->id), f);
	g_hash_table_insert(
	    w->by_folder, asnd_id_new(f->folder), GUINT_TO_POINTER(msg->id));
	return NULL;
}

/* Seeded: a user who chooses names cannot choose collisions. */
static gpointer
name_key(const AsndWatchServer *w, guint cur, const char *name, gsize len)
{
	guint64 h = w->seed ^ cur;

	for (gsize i = 0; i < len; i++)
		h = (h ^ (guint8)name[i]) * 0x100000001b3u;
	h ^= h >> 32;
	return GSIZE_TO_POINTER((gsize)h);
}

typedef struct {
	const AsndWatchServer *server;
	GHashTable *listed;
} Listing;

static gboolean
was_listed(guint cur, const char *name, gsize len, gpointer data)
{
	const Listing *l = data;

	return g_hash_table_contains(
	    l->listed, name_key(l->server, cur, name, len));
}

static const char *
on_folder_listed(AsndWatchServer *w, const AsnWatchPacket *p)
{
	const AsnWatchId *id = p->fixed;
	AsndWatchedFolder *f = folder_of(w, id->id);
	Listing listing;

	if (f == NULL || f->listed == NULL)
		return "a listing of an unknown folder";
	listing = (Listing){w, f->listed};
	asnd_mails_sweep_folder(
	    w->mails, f->folder, was_listed, &listing, w->handler.now(w->data));
	/* Only now it is known which mails came back with their Maildir. */
	if (f->away)
		asnd_mails_back(w->mails, f->folder);
	f->away = FALSE;
	g_clear_pointer(&f->listed, g_hash_table_unref);
	return NULL;
}

static const char *
on_folder_gone(AsndWatchServer *w, const AsnWatchPacket *p)
{
	const AsnWatchId *id = p->fixed;
	AsndWatchedFolder *f = folder_of(w, id->id);

	if (f == NULL)
		return NULL;
	asnd_mails_sweep_folder(
	    w->mails, f->folder, NULL, NULL, w->handler.now(w->data));
	g_hash_table_remove(w->folders, GUINT_TO_POINTER(id->id));
	return NULL;
}

/* --- names -----------------------------------------------------------------
 */

static const char *
on_entry(AsndWatchServer *w, const AsnWatchPacket *p)
{
	const AsnWatchEntry *e = p->fixed;
	AsndWatchedFolder *f = folder_of(w, e->folder);
	gint64 now = w->handler.now(w->data);
	AsndMailEntry entry;
	AsndMailRow row;

	if (f == NULL || e->cur > 1)
		return "a name in an unknown folder";
	entry = (AsndMailEntry){
	    .user = f->user,
	    .folder = f->folder,
	    .place = f->place,
	    .name = p->name,
	    .name_len = p->name_len,
	    .cur = e->cur,
	    .dev = (gint64)e->dev,
	    .ino = (gint64)e->ino,
	    .mtime = e->mtime,
	    .ctime = MIN(e->ctime, now),
	    .live = !e->scan,
	};
	asnd_mails_entry(w->mails, &entry, now - ASND_WINDOW, &row);
	if (f->listed != NULL)
		g_hash_table_add(
		    f->listed, name_key(w, e->cur, p->name, p->name_len));
	f->away |= row.due < 0;
	if (row.id == 0)
		return NULL; /* the store failed: the turn ends it */
	if (row.state == ASND_MAIL_WANTED)
		asnd_reads_wanted(w->reads, &row, !e->scan);
	else if (row.pending && row.state == ASND_MAIL_READ)
		w->handler.moved(&row, w->data);
	return NULL;
}

static const char *
on_gone(AsndWatchServer *w, const AsnWatchPacket *p)
{
	const AsnWatchGone *g = p->fixed;
	AsndWatchedFolder *f = folder_of(w, g->folder);

	if (f == NULL || g->cur > 1)
		return "a name gone from an unknown folder";
	if (f->listed != NULL)
		g_hash_table_remove(
		    f->listed, name_key(w, g->cur, p->name, p->name_len));
	asnd_mails_name_gone(w->mails, f->folder, g->cur, p->name, p->name_len,
	    w->handler.now(w->data));
	return NULL;
}

static const char *
on_sync(AsndWatchServer *w, const AsnWatchPacket *p)
{
	const AsnWatchSync *sync = p->fixed;

	/* What it could not look at yet is not lost. */
	if (sync->unseen == 0)
		asnd_watch_drop_lost(w);
	w->synced = TRUE;
	asnd_reads_again(w->reads);
	w->handler.sync(sync, w->data);
	return NULL;
}

/* --- header blocks ---------------------------------------------------------
 */

/* Maps what asnd-mailwatch hands over, which must not change any more. */
static const char *
map_block(int fd, guint64 len, void **out)
{
	const int sealed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
	struct stat st;

	*out = NULL;
	if (seals < 0 || (seals & sealed) != sealed)
		return "a header block that is not sealed";
	if (fstat(fd, &st) != 0 || len > ASN_WATCH_BLOCK_MAX ||
	    st.st_size != (off_t)len)
		return "a header block of another size than announced";
	if (len == 0)
		return NULL;
	*out = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (*out == MAP_FAILED) {
		*out = NULL;
		return "a header block that cannot be mapped";
	}
	return NULL;
}

/* Up to the empty line.  What was written into its place, instead of being
 * moved there, may have been read too early; asnd-mailwatch cannot know: it
 * saw the end of the file. */
static gboolean
is_whole(const char *block, guint64 len)
{
	if (len == ASN_WATCH_BLOCK_MAX)
		return TRUE;
	if (len == 0 || block[--len] != '\n')
		return FALSE;
	if (len > 0 && block[len - 1] == '\r')
		len--;
	return len == 0 || block[len - 1] == '\n';
}

/* again: what happened to it while it was read is tried at once.  What was not
 * found under its name stays wanted until something happens to it or a scan is
 * complete: in the midst of one, a name from before it may have been asked for.
 */
static void
not_read(AsndWatchServer *w, AsndMailRow *row, guint32 status, gboolean again)
{
	if (row->state != ASND_MAIL_WANTED)
		return;
	if (again) {
		asnd_reads_wanted(w->reads, row, TRUE);
		return;
	}
	if (status == ASN_WATCH_MOVED)
		return;
	row->state =
	    status == ASN_WATCH_REFUSED ? ASND_MAIL_REFUSED : ASND_MAIL_MISSED;
	asnd_mails_save(w->mails, row);
}

/* Another file has its inode number by now (Q_DISPLACE). */
static gboolean
is_displaced(const AsndMailRow *row)
{
	return row->ino == -row->id && row->dev == 0;
}

static const char *
on_block(AsndWatchServer *w, const AsnWatchPacket *p, int fd)
{
	const AsnWatchBlock *b = p->fixed;
	gboolean again = FALSE;
	gint64 mail = asnd_reads_answered(w->reads, b->request, &again);
	const char *wrong = NULL;
	AsndMailRow row;
	void *block = NULL;

	if (mail == 0)
		return "a header block that nobody asked for";
	if (b->status == ASN_WATCH_OK &&
	    (wrong = map_block(fd, b->len, &block)) != NULL)
		return wrong;
	if (!asnd_mails_get(w->mails, mail, &row) || is_displaced(&row)) {
		/* Forgotten meanwhile; whose block this is nobody knows. */
	} else if (b->status == ASN_WATCH_OK &&
		   (is_whole(block, b->len) ||
		       w->handler.now(w->data) - row.mtime >= SETTLED)) {
		w->n_reads++;
		w->handler.block(
		    &row, block ? block : "", (gsize)b->len, w->data);
	} else {
		not_read(w, &row, b->status, again);
	}
	if (b->status == ASN_WATCH_OK && block != NULL)
		munmap(block, (size_t)b->len);
	return NULL;
}

/* One READ.  FALSE with errno. */
static gboolean
ask_one(AsndWatchServer *w, const AsndMailRow *row, guint32 request)
{
	AsnWatchRead msg = {.dev = (guint64)row->dev,
	    .ino = (guint64)row->ino,
	    .request = request};
	char name[ASND_NAME_MAX];
	gsize len;
	gint64 folder;
	guint cur;

	if (!asnd_mails_name(w->mails, row->id, asnd_watch_has_folder, w,
		&folder, &cur, name, &len)) {
		AsndMailRow missed = *row;

		asnd_reads_answered(w->reads, request, NULL);
		missed.state = ASND_MAIL_MISSED;
		/* Before the scan is complete its folder may come yet. */
		if (w->synced)
			asnd_mails_save(w->mails, &missed);
		return TRUE;
	}
	msg.folder =
	    GPOINTER_TO_UINT(g_hash_table_lookup(w->by_folder, &folder));
	msg.cur = (guint8)cur;
	return asn_watch_send(
		   w->fd, ASN_WATCH_READ, &msg, sizeof msg, name, len, -1) == 0;
}

static gboolean
can_write(gint fd, GIOCondition condition, gpointer data)
{
	AsndWatchServer *w = data;

	w->out_source = 0;
	if (!asnd_watch_ask(w))
		asnd_watch_server_hang_up(w, g_strerror(errno));
	return G_SOURCE_REMOVE;
}

gboolean
asnd_watch_ask(AsndWatchServer *w)
{
	AsndMailRow row;
	guint32 request;

	if (w->fd < 0 || w->out_source != 0)
		return TRUE;
	while (asnd_reads_next(w->reads, &row, &request)) {
		if (ask_one(w, &row, request))
			continue;
		if (errno != EAGAIN)
			return FALSE;
		asnd_reads_put_back(w->reads, request);
		w->out_source = g_unix_fd_add(w->fd, G_IO_OUT, can_write, w);
		return TRUE;
	}
	return TRUE;
}

/* --- one packet ------------------------------------------------------------
 */

const char *
asnd_watch_packet(AsndWatchServer *w, const AsnWatchPacket *p, int fd)
{
	if (!w->greeted && p->type != ASN_WATCH_HELLO)
		return "no greeting";
	switch (p->type) {
	case ASN_WATCH_HELLO:
		return on_hello(w, p);
	case ASN_WATCH_MAILDIR:
		return on_maildir(w, p);
	case ASN_WATCH_MAILDIR_GONE:
		return on_maildir_gone(w, p);
	case ASN_WATCH_FOLDER:
		return on_folder(w, p);
	case ASN_WATCH_FOLDER_LISTED:
		return on_folder_listed(w, p);
	case ASN_WATCH_FOLDER_GONE:
		return on_folder_gone(w, p);
	case ASN_WATCH_ENTRY:
		return on_entry(w, p);
	case ASN_WATCH_GONE:
		return on_gone(w, p);
	case ASN_WATCH_SYNC:
		return on_sync(w, p);
	case ASN_WATCH_BLOCK:
		return on_block(w, p, fd);
	case ASN_WATCH_REPORTED:
		return asnd_watch_on_reported(w, p);
	case ASN_WATCH_READ:
	case ASN_WATCH_REPORT:
		break;
	}
	return "a message that only asnd sends";
}
