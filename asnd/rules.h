/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The admin's rules: those that asnctl set, kept in state_dir/rules, and those
 * of rules.d beside the configuration; together published as rules.mmdb.
 *
 * The evidence is no part of it: rules outlive a corrupt one.  Main thread
 * only.  What cannot be read or published is said in one warning, and the state
 * of before stays.
 */
#pragma once

#include "config.h"
#include "rules-text.h"

#define ASND_RULES_FILE "rules"
#define ASND_RULES_DIR "rules.d"
/* Kept that long after it ended, so that an admin sees it. */
#define ASND_RULES_KEEP ((gint64)30 * 86400)
#define ASND_RULES_OWN_MAX 100000

typedef struct _AsndRules AsndRules;

/* Reads and publishes.  now: the wall clock, in seconds. */
AsndRules *asnd_rules_new(
    const AsnConfig *config, gint64 (*now)(gpointer data), gpointer data);
void asnd_rules_free(AsndRules *rules);
/* Reads all files anew. */
void asnd_rules_reload(AsndRules *rules);
/* Now and then: publishes when a rule has ended, or could not be published. */
void asnd_rules_tick(AsndRules *rules);

/* In force when TRUE is returned; a rule of ours for the same is replaced.
 * note may be NULL.
 * G_IO_ERROR_INVALID_ARGUMENT: no such rule can be; G_IO_ERROR_FAILED: it could
 * not be kept, or not be published yet, as the message says. */
gboolean asnd_rules_set(
    AsndRules *rules, const AsnRule *rule, const char *note, GError **error);
/* Also G_IO_ERROR_NOT_FOUND: none of ours; the message tells where it is. */
gboolean asnd_rules_remove(
    AsndRules *rules, const AsnSubject *what, GError **error);

/* One rule as it is listed; pointers live during the call. */
typedef struct {
	const AsnRuleEntry *entry;
	const char *file; /* path; NULL: asnctl set it */
	gboolean ended;
	gboolean hidden; /* another rule for the same comes first */
} AsndRuleView;
typedef void (*AsndRuleFunc)(const AsndRuleView *view, gpointer data);
/* In the order of asn_subject_cmp, of several for the same the one that holds
 * first. */
void asnd_rules_foreach(AsndRules *rules, AsndRuleFunc fn, gpointer data);
/* About how many bytes that would be in an answer on the bus. */
gsize asnd_rules_list_size(const AsndRules *rules);

/* What is published, for lookups; NULL: nothing yet.  Until the main loop
 * runs again. */
const AsnRules *asnd_rules_published(const AsndRules *rules);
/* How many hold now, and what is wrong in one line (free it); NULL: all well.
 */
guint asnd_rules_count(const AsndRules *rules);
char *asnd_rules_trouble(const AsndRules *rules);

/* For --test-config: reads all.  FALSE: a line is no rule, or a file cannot be
 * read; each was named in a warning. */
gboolean asnd_rules_test(const AsnConfig *config, GError **error);
