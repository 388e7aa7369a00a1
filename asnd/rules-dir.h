/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of rules.d, read when they change.
 *
 * Main thread only.
 */
#pragma once

#include "rules-file.h"

typedef struct _AsndRulesDir AsndRulesDir;

/* Reads path/[star].rules and watches path, which need not be there.  changed
 * is called, from the main loop, when that made a difference. */
AsndRulesDir *asnd_rules_dir_new(
    const char *path, void (*changed)(gpointer data), gpointer data);
void asnd_rules_dir_free(AsndRulesDir *dir);
/* Reads all anew. */
void asnd_rules_dir_reload(AsndRulesDir *dir);
/* AsndRulesFile, in the order of their names; owned by dir. */
const GPtrArray *asnd_rules_dir_files(const AsndRulesDir *dir);
/* Why it cannot be listed: its files are those of before.  NULL: it can. */
const char *asnd_rules_dir_trouble(const AsndRulesDir *dir);
