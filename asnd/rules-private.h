/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rules.c (all rules, merged and published) and rules-own.c (those that
 * asnctl sets) share.
 */
#pragma once

#include "rules-dir.h"
#include "rules.h"

struct _AsndRules {
	char *state_dir, *database_dir;
	gint64 (*now)(gpointer data);
	gpointer data;
	AsndRulesFile *own;
	AsndRulesDir *dir; /* NULL: the configuration is no file */
	GArray *merged;    /* AsnRule: of all files, what comes first first */
	AsnRules *db;      /* what is published, over bytes */
	GBytes *bytes;
	guint count;     /* in merged, that hold */
	gint64 next_end; /* of a published rule; G_MAXINT64: none */
	gboolean unpublished;
	char *why; /* it could not be */
};

/* Called with each entry, what comes first first: the last line of a file, the
 * last file of rules.d, and ours before all. */
typedef void (*AsndRulesEachFunc)(
    const AsnRuleEntry *entry, const AsndRulesFile *file, gpointer data);

void asnd_rules_each(
    const AsndRules *rules, AsndRulesEachFunc fn, gpointer data);
/* Merges and publishes; one warning when that begins to fail. */
gboolean asnd_rules_publish(AsndRules *rules, GError **error);
