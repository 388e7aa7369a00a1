/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inotify for directories that may be known under several names at once (two
 * patterns that overlap, a rename seen from both ends).  A watch belongs to an
 * inode and needs no descriptor.  Where none can be had (the user's limit) or
 * it does not tell all (network file systems), the directory is marked
 * `polled`.  One thread.
 */
#pragma once

#include <glib.h>
#include <sys/inotify.h>

typedef struct MwNode MwNode;

typedef enum { MW_DIR, MW_NEW, MW_CUR } MwPart;

/* Embedded in its node; wd -1: not watched. */
typedef struct MwWatch {
	MwNode *node;
	struct MwWatch *next; /* the same inode under another name */
	int wd;
	guint8 part; /* MwPart */
	gboolean polled;
} MwWatch;

typedef struct {
	int fd;            /* -1: counting only, or no instance to be had */
	GHashTable *by_wd; /* wd -> MwWatch, the first of its list */
	gboolean counting; /* --test-config: adds nothing, counts */
	guint counted;
	gboolean warned;  /* about the limit */
	guint failed;     /* not added since mw_inotify_renew */
	gboolean blind;   /* warned: the kernel does not tell */
	gsize at, filled; /* unread part of buffer */
	char *buffer;
} MwInotify;

void mw_inotify_init(MwInotify *in, gboolean counting);
void mw_inotify_clear(MwInotify *in);
/* Everything that could not be watched is about to be added again. */
void mw_inotify_renew(MwInotify *in);
/* That is done: says so where there is a watch for all of it now. */
void mw_inotify_renewed(MwInotify *in);

/* Watches the directory behind dir_fd (O_PATH is enough).  A watch that
 * already has that inode stays; one with another moves over.  Sets polled. */
void mw_inotify_add(MwInotify *in, MwWatch *watch, int dir_fd, guint32 mask);
void mw_inotify_drop(MwInotify *in, MwWatch *watch);
/* The kernel dropped this one itself (IN_IGNORED). */
void mw_inotify_forget(MwInotify *in, int wd);
MwWatch *mw_inotify_find(MwInotify *in, int wd);
guint mw_inotify_count(const MwInotify *in);

/* No event waits to be read. */
gboolean mw_inotify_is_drained(const MwInotify *in);
/* The kernel has exactly the watches that are known here.  Also TRUE where it
 * cannot be asked (a warning says so), or there is no instance. */
gboolean mw_inotify_matches(MwInotify *in);
/* The next event, valid until the next call; NULL: none now. */
const struct inotify_event *mw_inotify_next(MwInotify *in);
/* fstatfs(2) f_type: others may change this file system behind our kernel's
 * back, so inotify alone does not tell all. */
gboolean mw_fs_needs_polling(gint64 f_type);
