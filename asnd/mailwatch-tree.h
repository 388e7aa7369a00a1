/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directories that asnd-mailwatch knows: those above Maildirs (as far as a
 * pattern has wildcards), Maildirs, folders.  No mail is remembered here: asnd
 * does that.  So memory grows with folders, which are capped, not with mails.
 *
 * A tree lives as long as a connection; what it has to say goes to `emit`.
 * Work is cut into steps, each of which emits one packet at most, so that a
 * full socket stops everything and nothing queues up.  One thread.
 *
 *   mailwatch-tree.c   nodes: making, dropping, finding, opening them
 *   mailwatch-scan.c   looking at directories and Maildirs
 *   mailwatch-folder.c looking at folders and listing them
 *   mailwatch-event.c  what inotify says
 *   mailwatch-rest.c   floods
 *   mailwatch-again.c  what cannot be looked at now
 *   mailwatch-mounts.c what is mounted
 *   mailwatch-read.c   header blocks
 *   mailwatch-report.c mails for asnd-report
 */
#pragma once

#include <dirent.h>
#include <glib.h>
#include <sys/stat.h>
#include <time.h>

#include "config.h"
#include "mailwatch-inotify.h"
#include "watch-protocol.h"

#define MW_MAX_FOLDERS 1024    /* in a Maildir */
#define MW_MAX_CHILDREN 100000 /* of a directory above Maildirs */
#define MW_MAX_ENTRIES 250000  /* listed in a folder */

#define MW_MASK_PARENT                                                         \
	(IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |     \
	    IN_MOVE_SELF | IN_DELETE_SELF)
#define MW_MASK_BOX (MW_MASK_PARENT | IN_CLOSE_WRITE)

typedef enum { MW_PARENT, MW_MAILDIR, MW_FOLDER } MwKind;

/* What a Maildir, or a user's directory above it, may still make us do. */
typedef struct {
	double tokens;
	gint64 filled;      /* tokens are as of then; 0: never asked */
	gint64 rest, until; /* the last rest: its length; its end, 0: none */
	gint64 when;        /* the end of the last one, over or not */
} MwBudget;

typedef struct {
	char *text;  /* as configured */
	char *base;  /* its literal part */
	char **rest; /* components after base, at least one; the last is the
			Maildir */
	int base_fd; /* -1: not there */
	MwNode *root;
} MwPattern;

struct MwNode {
	MwKind kind;
	gboolean announced, queued, force, warned, again;
	gboolean charged; /* an event has it listed: that costs */
	char *name;       /* below up; "" for INBOX and for a pattern's root */
	MwNode *up;
	MwPattern *pattern;
	guint depth;          /* MW_PARENT: components of rest above it */
	GHashTable *children; /* name -> MwNode (owned); NULL: a folder */
	guint32 id;           /* Maildirs and folders */
	guint32 uid;          /* owner */
	guint64 dev, ino;     /* not for folders: those are their name */
	GList link;           /* in tree->work */
	MwWatch watch[3];     /* by MwPart; folders have new and cur */
	MwBudget budget;
	struct timespec
	    listed[2]; /* change time of new, cur when last listed */
};

/* One packet out.  fd: -1, or taken over. */
typedef void (*MwEmit)(gpointer data, AsnWatchType type, const void *fixed,
    gsize fixed_len, const char *name, int fd);

typedef struct {
	guint32 type, id;
} MwFarewell;

typedef struct {
	GPtrArray *nodes;  /* not owned; NULL: none */
	GHashTable *since; /* node -> when it failed first, and never went well
			      since (monotonic gint64 *); NULL: none */
	gint64 at, pause;  /* at 0: none waits; pause 0: all is well */
	gint64 calm;       /* when all counts as well; 0: not before a scan */
} MwAgain;

typedef struct {
	MwEmit emit;
	gpointer emit_data;
	gboolean folders_only; /* --test-config: list no mail */
	MwInotify inotify;
	GPtrArray *patterns;
	GHashTable *folders; /* id -> MwNode */
	GHashTable *paths;   /* path -> MwNode: a Maildir two patterns match */
	GQueue work;         /* nodes to look at */
	GPtrArray *resting;  /* nodes, not owned */
	MwAgain again;
	gboolean partial; /* the last SYNC told of places not looked at */
	GArray *gone;     /* MwFarewell to say, in order; first gone_said are */
	guint gone_said;
	guint32 last_id;
	gboolean sync_due;
	gboolean unmounted; /* a watched file system was */
	guint32 overflows, refused;

	MwNode *listing; /* folder being listed; NULL: none */
	DIR *dir;
	MwPart part;
	guint listed_entries;
	gboolean listing_failed;
} MwTree;

/* patterns: NULL-terminated, as asn_config_load lets them pass.  overflows: as
 * counted by an earlier tree. */
MwTree *mw_tree_new(const char *const *patterns, gboolean folders_only,
    guint32 overflows, MwEmit emit, gpointer data);
void mw_tree_free(MwTree *tree);
/* Looks again whether the pattern's base is (still) what it was. */
void mw_pattern_refresh(MwTree *tree, MwPattern *pattern);

/* NULL: too many brothers (warned once). */
MwNode *mw_node_new(MwTree *tree, MwNode *up, MwKind kind, const char *name);
/* Forgets the node and all below; what was announced is said to be gone. */
void mw_node_drop(MwTree *tree, MwNode *node);
/* To be looked at.  force: list folders even if they seem unchanged. */
void mw_node_queue(MwTree *tree, MwNode *node, gboolean force);
MwNode *mw_node_child(const MwNode *node, const char *name);
/* FALSE: too long.  path: PATH_MAX bytes, below the pattern's base. */
gboolean mw_node_path(const MwNode *node, char *path);
/* Absolute, for people and for asnd; the caller frees it. */
char *mw_node_full_path(const MwNode *node);
/* Not for folders.  O_PATH; -1: gone, or something else stands there now
 * (ENOENT, too: ESTALE is what a file server says). */
int mw_node_open(const MwNode *node, struct stat *st);
/* Of a folder or one of its boxes: the owner's directory, or -1. */
int mw_folder_open(const MwNode *folder, MwPart part, struct stat *st);
/* A mail for looking only; st not yet judged.  -1 with errno. */
int mw_folder_open_mail(
    const MwNode *folder, MwPart part, const char *name, struct stat *st);
/* A regular file of the Maildir's owner. */
gboolean mw_mail_is_good(const MwNode *folder, const struct stat *st);

void mw_emit(MwTree *tree, AsnWatchType type, const void *fixed,
    gsize fixed_len, const char *name);
void mw_emit_entry(const MwTree *tree, const MwNode *folder, MwPart part,
    const char *name, const struct stat *st, gboolean scan);

/* mailwatch-folder.c ----------------------------------------------------- */

void mw_look_at_folder(MwTree *tree, MwNode *folder);
/* Lists one more mail of tree->listing. */
void mw_list_step(MwTree *tree);
/* The folder is being listed no more. */
void mw_listing_stop(MwTree *tree);
/* A DIR of its own for the directory that fd holds; NULL with errno. */
DIR *mw_open_listing(int fd, const struct stat *st);
/* Warns with errno, or has it tried again (mw_again). */
void mw_cannot_list(MwTree *tree, MwNode *node);

/* mailwatch-scan.c ------------------------------------------------------- */

/* One step; FALSE: nothing left to do. */
gboolean mw_scan_step(MwTree *tree);
/* Everything anew, SYNC after it. */
void mw_scan_all(MwTree *tree);
/* What inotify does not cover, SYNC after it. */
void mw_scan_polled(MwTree *tree);
/* How many folders that is. */
guint32 mw_count_polled(const MwTree *tree);
/* Name below a directory above Maildirs: there, gone, or another one. */
void mw_check_child(MwTree *tree, MwNode *parent, const char *name);
/* Not ".", "..", cur, new, tmp. */
gboolean mw_is_folder_name(const char *name);

/* mailwatch-again.c ------------------------------------------------------ */

/* A look at node, or at something in it, failed with this errno.  FALSE: that
 * tells what is there, or it is 0.  TRUE: it tells nothing, we or the file
 * system lack something: all stays as it was known, and node is looked at again
 * after a pause, which grows.  One warning until all went well. */
gboolean mw_again(MwTree *tree, MwNode *node, int error);
/* Node is looked at now. */
void mw_again_forget(MwTree *tree, MwNode *node);
/* Node is freed. */
void mw_again_freed(MwTree *tree, MwNode *node);
/* When mw_again_turn is due (monotonic), G_MAXINT64: never. */
gint64 mw_again_next(const MwTree *tree);
/* Nodes that wait for it, but for those that have been failing for an hour. */
guint mw_again_count(const MwTree *tree);
/* TRUE: a pause is over, there is something to scan, SYNC after it. */
gboolean mw_again_turn(MwTree *tree, gint64 now);
/* A scan ended: it went well where nothing fails for a while, as asnd now asks
 * for mails. */
void mw_again_scanned(MwTree *tree);
void mw_again_clear(MwTree *tree);

/* mailwatch-rest.c ------------------------------------------------------- */

/* All users share one queue of events and one asnd.  Whoever makes more of
 * them than that bears has a rest: nothing of that Maildir is watched or
 * listed for some seconds, longer each time, and then all of it is looked at
 * again, so that nothing is missed. */

#define MW_COST_EVENT 1.0
#define MW_COST_DIRECTORY 20.0 /* that comes or goes */
#define MW_COST_LISTED 0.05    /* a name in it */

/* TRUE: its rest began; node is not watched any more. */
gboolean mw_rest_charge(MwTree *tree, MwNode *node, double cost);
/* It, or what it is in, has a rest. */
gboolean mw_rest_covers(const MwNode *node);
/* The node is about to be freed. */
void mw_rest_forget(MwTree *tree, MwNode *node);
/* Whose rest is over is looked at again, SYNC after it where asnd waits for
 * it.  TRUE: there is some. */
gboolean mw_rest_end(MwTree *tree, gint64 now);
/* When that will be; monotonic time, G_MAXINT64: nobody has one. */
gint64 mw_rest_next(const MwTree *tree);

/* mailwatch-event.c ------------------------------------------------------ */

/* Handles one event; FALSE: there is none now. */
gboolean mw_event_step(MwTree *tree, gboolean *overflow);

/* mailwatch-read.c ------------------------------------------------------- */

/* Answers with one BLOCK.  FALSE: an id that was never given. */
gboolean mw_read(MwTree *tree, const AsnWatchRead *request, const char *name);
/* Which file it must be. */
typedef struct {
	MwPart part;
	const char *name;
	guint64 dev, ino;
} MwMail;
/* *fd: the mail, for reading, where it is ASN_WATCH_OK. */
AsnWatchStatus mw_open_mail(const MwNode *folder, const MwMail *mail, int *fd);

/* mailwatch-report.c ----------------------------------------------------- */

/* Hands the mail to asnd-report, where config has reporting on and the mail is
 * in a junk folder, and answers with one REPORTED.  Never waits.  FALSE: an id
 * that was never given. */
gboolean mw_report(MwTree *tree, const AsnWatchReport *request,
    const char *name, const AsnConfig *config);
