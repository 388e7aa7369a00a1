/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between maildirs.c (which there are) and maildirs-read.c (what is in them).
 */
#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include "maildirs.h"

/* Opened anew every time: a thousand of them need no thousand descriptors. */
typedef struct {
	char *base; /* absolute: for asn_open_base */
	char *path; /* below it */
	uid_t uid;
	dev_t dev;
	ino_t ino;
} Maildir;

struct _Maildirs {
	GArray *list; /* Maildir */
	GHashTable *known;
	guint64 refused[MAILDIRS_N_REFUSED];
};

/* For reading what the O_PATH descriptor fd holds; NULL with errno. */
DIR *maildirs_list(int fd, const struct stat *st);
