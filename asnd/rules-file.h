/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One text file of rules (rules-text.h) as it was last read well.
 *
 * Main thread only.  What cannot be read, and lines that are no rule, are told
 * in a warning; the file is not read again before it changes.
 */
#pragma once

#include <sys/stat.h>

#include "rules-text.h"

#define ASND_RULES_FILE_MAX (64 * 1024 * 1024)

typedef struct {
	char *path;
	GArray *entries; /* AsnRuleEntry, in the order of the file */
	guint bad;       /* lines passed over */
	char *why; /* it cannot be read: entries are what it said before */
	struct stat seen; /* the file that was read; st_ino 0: none yet */
} AsndRulesFile;

AsndRulesFile *asnd_rules_file_new(const char *path);
void asnd_rules_file_free(AsndRulesFile *file);
/* Reads it, unless it is what was read before (anew: in any case).  A file
 * that is not there says nothing.  TRUE: entries changed. */
gboolean asnd_rules_file_read(AsndRulesFile *file, gboolean anew);
/* Takes a file that we have written ourselves as read. */
void asnd_rules_file_wrote(AsndRulesFile *file, GArray *entries);
