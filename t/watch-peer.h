/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A scripted asnd: listens, starts the real asnd-mailwatch, checks every
 * packet and keeps what asnd would know of Maildirs, folders and mails.
 * For tests: a failure aborts.  One thread.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

#include "watch-protocol.h"

typedef struct {
	guint32 id, maildir;
	char *name;
	GHashTable *mails; /* "cur/NAME" or "new/NAME" -> PeerMail */
	guint listed;      /* times */
	gboolean listing;
} PeerFolder;

typedef struct {
	AsnWatchEntry entry;
	gboolean unnamed; /* not named yet in the listing under way */
	guint named;      /* times */
} PeerMail;

typedef struct {
	char *dir;     /* scratch, holds all of it */
	char *pattern; /* as configured */
	char *socket, *config, *log;
	int listener, sock, log_fd;
	GPid pid;
	uid_t run_as; /* 0: as we are; else by setpriv with the capability */
	gboolean no_inotify;  /* seccomp: inotify_add_watch gives ENOSPC */
	guint rescan;         /* seconds */
	GHashTable *maildirs; /* id -> path */
	GHashTable *folders;  /* id -> PeerFolder */
	guint syncs, packets, maildirs_gone, folders_gone;
	AsnWatchSync sync;
	guint32 request;
	AsnWatchBlock block; /* the last one */
	gboolean block_due;
	GBytes *block_bytes; /* its content, or NULL */
	AsnWatchReported reported; /* the last one */
	gboolean report_due;
	const char *more_config; /* lines after the rest; NULL: none */
} Peer;

/* pattern: relative to the scratch directory, e.g. "home/X/Maildir". */
Peer *peer_new(const char *pattern);
/* Kills it if it runs, removes all files. */
void peer_free(Peer *p);

/* Listens anew at the same place. */
void peer_listen(Peer *p);
void peer_start(Peer *p);  /* config, process, connection, HELLO */
void peer_accept(Peer *p); /* just the last two */
void peer_stop(Peer *p);   /* SIGTERM; asserts that it leaves well */
/* Hangs up; what was known is forgotten. */
void peer_hang_up(Peer *p);
/* Waits until it hangs up. */
void peer_wait_closed(Peer *p);
/* Applies packets for up to ms milliseconds; FALSE: none came. */
gboolean peer_pump(Peer *p, int ms);

/* Pumps until cond holds; 30 seconds at most. */
#define peer_wait(p, cond)                                                     \
	do {                                                                   \
		gint64 until_ = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;  \
		while (!(cond)) {                                              \
			peer_pump(p, 50);                                      \
			if (g_get_monotonic_time() > until_)                   \
				peer_give_up(p, #cond, __FILE__, __LINE__);    \
		}                                                              \
	} while (0)
void peer_give_up(
    Peer *p, const char *what, const char *file, int line) G_GNUC_NORETURN;

/* path of the Maildir relative to the scratch directory; NULL: not known. */
PeerFolder *peer_folder(Peer *p, const char *maildir, const char *name);
/* name with its "cur/" or "new/"; NULL: not known. */
PeerMail *peer_mail(
    Peer *p, const char *maildir, const char *folder, const char *name);
/* Asks for the block as the entry stands, waits for the answer. */
void peer_read(Peer *p, PeerFolder *folder, gboolean cur, const char *name,
    guint64 dev, guint64 ino);
/* Asks only. */
void peer_post_read(Peer *p, PeerFolder *folder, gboolean cur, const char *name,
    guint64 dev, guint64 ino);
/* The same for a known mail; p->block and p->block_bytes tell. */
void peer_read_mail(
    Peer *p, const char *maildir, const char *folder, const char *name);
/* Has a known mail handed to asnd-report, as of 192.0.2.7 at 1800000000. */
AsnWatchReportStatus peer_report(
    Peer *p, const char *maildir, const char *folder, const char *name);
/* Sends bytes as they are. */
void peer_send_raw(Peer *p, const void *data, gsize len);
/* How often text stands in what it logged. */
guint peer_logged(Peer *p, const char *text);

/* Files below the scratch directory; printf formats give the path. */
char *peer_path(Peer *p, const char *format, ...) G_GNUC_PRINTF(2, 3);
void peer_maildir(Peer *p, const char *path); /* with cur, new, tmp */
void peer_write(Peer *p, const char *path, const char *text);
void peer_rename(Peer *p, const char *from, const char *to);
void peer_remove(Peer *p, const char *path); /* with all below */
/* With all below it. */
void peer_chown(Peer *p, const char *path, uid_t uid, mode_t mode);
