/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was seen: users, folders, mails (one row an inode) and the names they
 * have.  Knows nothing of votes: it keeps where a mail is, where it came
 * from, and what is still to be read or judged.  Main thread only; failures
 * are the store's (asnd_store_failed).
 *
 * A mail is the same when its inode is, as long as a name of it is known to
 * be there, or its name without flags is the old one (an inode number is used
 * again soon after a deletion).  Otherwise it is new, and reading it shows by
 * its seal whether it was seen before.
 */
#pragma once

#include "block.h"
#include "store.h"
#include "votes.h"

/* Vanished mails are remembered this long: a client may delete first and
 * write the copy afterwards. */
#define ASND_GONE_GRACE 600
/* Users whose Maildir is not there any more. */
#define ASND_USER_GRACE (240 * ASND_DAY)

typedef enum {
	ASND_MAIL_WANTED, /* header block to be read (value 0: an index has it)
			   */
	ASND_MAIL_READ,
	ASND_MAIL_SKIPPED, /* old: read when it moves */
	ASND_MAIL_REFUSED, /* asnd-mailwatch would not read it */
	ASND_MAIL_MISSED   /* not found under its name; an entry will tell */
} AsndMailReadState;

typedef struct {
	gint64 id, user, dev, ino, mtime;
	gint64 base; /* hash of its name without flags */
	gint64 folder;
	AsndPlace place;
	guint came_from, seen, flags;
	gint64 arrived;
	AsndMailReadState state;
	gboolean pending; /* to be judged */
	gint64 gone;      /* since when it has no name; 0: it is there */
	gint64 time;
	gint64 due; /* when it is ham; below 0: the Maildir is away, then not */
	gboolean sealed, flagged, has_digest;
	AsnSpamLevel level; /* that decided, says the header */
	gboolean early; /* unchanged since before the installation when first
			   seen (its ctime, which no user can set) */
	gboolean anew;  /* the kind of its folder changed: see votes.h */
	gint64 lost, lost_base; /* folder and base of the name it lost last */
	guint8 digest[16];
	AsnAddr addr; /* family 0: none that counts */
} AsndMailRow;

typedef struct _AsndMails AsndMails;

AsndMails *asnd_mails_new(AsndStore *store, GError **error);
void asnd_mails_free(AsndMails *mails); /* before the store */

/* The id of a Maildir path or folder, made when new.  0: store failed. */
gint64 asnd_mails_user(
    AsndMails *mails, const char *path, gsize len, gint64 now);
gint64 asnd_mails_folder(
    AsndMails *mails, gint64 user, const char *name, gsize len);
/* The same, 0 where there is none. */
gint64 asnd_mails_find_user(AsndMails *mails, const char *path, gsize len);
/* As asnd_mails_user, for a Maildir that is there: who voted by name only, as
 * "user:NAME" (bus-user.c), before it was is this user from now on.  Its mails
 * may still be away. */
gint64 asnd_mails_maildir(
    AsndMails *mails, const char *path, gsize len, gint64 now);
/* This Maildir is not there now; its mails do not become ham meanwhile. */
void asnd_mails_away(AsndMails *mails, gint64 user);
/* So it was last said, and asnd_mails_sweep_user, which ends it, was not called
 * since.  Not kept when asnd ends. */
gboolean asnd_mails_is_away(const AsndMails *mails, gint64 user);
/* What has a name in this folder is not away any more.  Looks at all of them.
 */
void asnd_mails_back(AsndMails *mails, gint64 folder);
/* The same for every user for whom there(user) denies it. */
typedef gboolean (*AsndUserFunc)(gint64 user, gpointer data);
void asnd_mails_away_but(AsndMails *mails, AsndUserFunc there, gpointer data);
/* It is there still. */
void asnd_mails_seen(AsndMails *mails, gint64 user, gint64 now);
/* The path of a user, any bytes, with a NUL behind; NULL: no such.  Free it. */
char *asnd_mails_user_path(AsndMails *mails, gint64 user);
/* Whose a Maildir is, and the Maildirs seen lately that are a uid's. */
void asnd_mails_set_owner(AsndMails *mails, gint64 user, guint32 uid);
GArray *asnd_mails_users_of(AsndMails *mails, guint32 uid, gint64 now);
/* Those of whom name is the directory that holds the Maildir, or the Maildir
 * itself; of "a@b" also a in b.  gint64 ids; g_array_unref. */
GArray *asnd_mails_users_named(AsndMails *mails, const char *name);
/* What kind of folder it is now.  Where that changed since it was seen last,
 * its mails are to be judged anew. */
void asnd_mails_set_kind(AsndMails *mails, gint64 folder, AsndPlace kind);
/* When the user last cast a spam vote, 0: never. */
gint64 asnd_mails_last_spam(AsndMails *mails, gint64 user);
/* Raises it. */
void asnd_mails_set_last_spam(AsndMails *mails, gint64 user, gint64 when);
/* The n-th most recent of these times (0 first); 0: there are fewer. */
gint64 asnd_mails_nth_reporter(AsndMails *mails, guint n);

/* A name that appeared or was listed. */
typedef struct {
	gint64 user, folder;
	AsndPlace place;
	const char *name;
	gsize name_len;
	guint cur;
	gint64 dev, ino, mtime, ctime;
	gboolean live; /* something happened to it; else it was listed */
} AsndMailEntry;
/* Returns what is known now; row->id 0: the store failed.  row->pending and
 * row->state say what is to be done.  oldest: mails written before it are
 * not worth reading until they move. */
void asnd_mails_entry(AsndMails *mails, const AsndMailEntry *entry,
    gint64 oldest, AsndMailRow *row);
/* Another asnd-mailwatch: what went before is not what comes now. */
void asnd_mails_begin_events(AsndMails *mails);
/* A name that went. */
void asnd_mails_name_gone(AsndMails *mails, gint64 folder, guint cur,
    const char *name, gsize len, gint64 now);
/* Every name of the folder that still(...) denies is gone.  still NULL: all. */
typedef gboolean (*AsndStillFunc)(
    guint cur, const char *name, gsize len, gpointer data);
void asnd_mails_sweep_folder(AsndMails *mails, gint64 folder,
    AsndStillFunc still, gpointer data, gint64 now);
typedef gboolean (*AsndFolderFunc)(gint64 folder, gpointer data);
/* Every name in folders of this user for which known(folder) denies it. */
void asnd_mails_sweep_user(AsndMails *mails, gint64 user, AsndFolderFunc known,
    gpointer data, gint64 now);

gboolean asnd_mails_get(AsndMails *mails, gint64 id, AsndMailRow *row);
void asnd_mails_save(AsndMails *mails, const AsndMailRow *row);
/* Takes over what a header block said; row is not saved yet.  first_run: the
 * order of reading says nothing about where the mail was first. */
void asnd_mails_set_block(AsndMails *mails, AsndMailRow *row,
    const AsndBlock *block, gboolean first_run);

/* One name of a mail, in a folder for which known(folder) holds.  name:
 * ASND_NAME_MAX bytes.  FALSE: none. */
#define ASND_NAME_MAX 255
gboolean asnd_mails_name(AsndMails *mails, gint64 id, AsndFolderFunc known,
    gpointer data, gint64 *folder, guint *cur, char *name, gsize *len);

/* Up to n ids, in order of id above `after`: to be read; to be judged, of one
 * user; ham that is due, of users who reported after `since`. */
guint asnd_mails_wanted(AsndMails *mails, gint64 after, gint64 *ids, guint n);
guint asnd_mails_pending(
    AsndMails *mails, gint64 user, gint64 after, gint64 *ids, guint n);
guint asnd_mails_due(
    AsndMails *mails, gint64 now, gint64 since, gint64 *ids, guint n);
/* Everything that was read and not judged, by time of mail, junk first. */
GArray *asnd_mails_all_pending(AsndMails *mails);

/* Mails that wait to be judged, or for the day that makes them ham, wait no
 * more: those of which of(...) says so, of one user, or with this digest. */
typedef gboolean (*AsndAddrFunc)(const AsnAddr *addr, gpointer data);
void asnd_mails_settle(AsndMails *mails, AsndAddrFunc of, gpointer data);
void asnd_mails_settle_user(AsndMails *mails, gint64 user);
void asnd_mails_settle_digest(AsndMails *mails, const guint8 digest[16]);

/* Forget mails gone for ASND_GONE_GRACE. */
void asnd_mails_purge(AsndMails *mails, gint64 now);
/* What one user had who was not seen for ASND_USER_GRACE. */
void asnd_mails_purge_users(AsndMails *mails, gint64 now);
/* How many mails are known. */
gint64 asnd_mails_count(AsndMails *mails);
/* The same at no cost: as of the last count, and what came and went since. */
gint64 asnd_mails_known(const AsndMails *mails);
