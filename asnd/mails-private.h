/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What mails.c, names.c and lists.c share: the statements.  Nobody else
 * includes this.
 */
#pragma once

#include "mails.h"

typedef enum {
	Q_BY_NAME,
	Q_BY_INODE,
	Q_BY_ID,
	Q_INSERT,
	Q_UPDATE,
	Q_DISPLACE,
	Q_ENTRY_ADD,
	Q_ENTRY_DEL,
	Q_ENTRY_OF,
	Q_ENTRY_LIST,
	Q_NAMES,
	Q_GONE,
	Q_LOST,
	Q_SEEN_DIGEST,
	Q_WANTED,
	Q_PENDING,
	Q_DUE,
	Q_ALL_PENDING,
	Q_WAITING,
	Q_SETTLE,
	Q_SETTLE_USER,
	Q_SETTLE_DIGEST,
	Q_PURGE,
	Q_COUNT,
	Q_USER,
	Q_USER_ADD,
	Q_USER_SEEN,
	Q_AWAY,
	Q_BACK,
	Q_USERS_DUE,
	Q_USER_PATH,
	Q_SET_OWNER,
	Q_USERS_OF,
	Q_USERS_WITH,
	Q_NAMED_ONLY,
	Q_SET_PATH,
	Q_FOLDER,
	Q_FOLDER_ADD,
	Q_FOLDERS_OF,
	Q_KIND,
	Q_SET_KIND,
	Q_MAILS_KIND,
	Q_LAST_SPAM,
	Q_SET_LAST_SPAM,
	Q_NTH_REPORTER,
	Q_OLD_USER,
	Q_OLD_ENTRIES,
	Q_OLD_MAILS,
	Q_OLD_FOLDERS,
	N_QUERIES
} Query;

/* The two events of a rename stand side by side, but for those of others. */
#define MAILS_JUST_LOST 1024

struct _AsndMails {
	AsndStore *store;
	sqlite3_stmt *q[N_QUERIES];
	gint64 known;     /* asnd_mails_known */
	GHashTable *away; /* user ids (gint64 *) */
	/* Mails that lost a name last, of this connection; a ring. */
	gint64 just_lost[MAILS_JUST_LOST];
	guint n_lost;
};

#define STEP(m, query, ...)                                                    \
	asnd_store_step((m)->store, (m)->q[query], __VA_ARGS__)
#define RUN(m, query, ...)                                                     \
	asnd_store_run((m)->store, (m)->q[query], __VA_ARGS__)
#define DONE(m, query) asnd_store_done((m)->q[query])

/* First column of the first row, 0 without one; ends the statement. */
gint64 asnd_mails_first(AsndMails *m, Query query, gboolean row);
/* The id of the row just inserted, 0: the store failed. */
gint64 asnd_mails_inserted(AsndMails *m);
/* The row a statement stands on; ends the statement. */
gboolean asnd_mails_load(
    AsndMails *m, Query query, gboolean have, AsndMailRow *row);
