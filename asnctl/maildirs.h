/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading Maildirs offline, with the care of asnd-mailwatch (open-beneath.h):
 * their owners may be hostile, and who reads them may be root.  Only regular
 * files of the Maildir's owner are opened; of each nothing but its header
 * block, at most ASN_HEADER_BLOCK_MAX bytes, is read.  Nothing is written.
 *
 * One thread.  Everything is walked twice: to count, and to read.
 */
#pragma once

#include <glib.h>

/* What is passed over, and counted. */
typedef enum {
	MAILDIRS_NO_MAILDIR, /* a Maildir that cannot be opened or listed */
	MAILDIRS_NO_FOLDER,  /* a folder of one, or another owner's */
	MAILDIRS_TOO_MANY,   /* mails of an endless folder, endless folders */
	MAILDIRS_NO_FILE,    /* no regular file */
	MAILDIRS_NOT_THEIRS, /* another owner's file */
	MAILDIRS_UNREADABLE, /* a file that cannot be read */
	MAILDIRS_N_REFUSED
} MaildirsRefused;

typedef struct _Maildirs Maildirs;

Maildirs *maildirs_new(void);
void maildirs_free(Maildirs *m);
/* All that a pattern of asnd.conf(5) [mail] maildirs matches now. */
void maildirs_add_pattern(Maildirs *m, const char *pattern);
/* One that somebody names.  FALSE with errno: ENOENT also where it is a
 * directory and no Maildir. */
gboolean maildirs_add(Maildirs *m, const char *path);
guint maildirs_number(const Maildirs *m);
const guint64 *maildirs_refused(const Maildirs *m); /* by MaildirsRefused */

typedef struct {
	guint user;         /* 1, 2, ...: which Maildir */
	const char *folder; /* its name on disk; "": INBOX */
	gboolean cur;       /* in cur, not in new */
	const char *name;
	const char *data; /* header block */
	gsize len;
} MaildirsMail;

typedef struct {
	/* FALSE: not worth reading; data is not there yet. */
	gboolean (*look)(const MaildirsMail *mail, gpointer data);
	void (*read)(const MaildirsMail *mail, gpointer data);
	/* done: 0..1.  FALSE: stop. */
	gboolean (*goes_on)(gpointer progress, double done);
	gpointer data, progress;
} MaildirsReader;

/* FALSE: it was stopped. */
gboolean maildirs_read(Maildirs *m, const MaildirsReader *reader);
