/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules as lines of text, in rules.d and in asnd's own file:
 *
 *   allow|block WHAT [until DATE] [# note]
 *
 * White space separates, empty lines and what follows a '#' say nothing to
 * asnd.  Any thread.
 */
#pragma once

#include "rules.h"

#define ASN_RULE_NOTE_MAX 200 /* bytes */
#define ASN_RULE_LINE_MAX 4096
#define ASN_RULES_MAX 1000000 /* in all: 64 MB of rules.mmdb */

typedef struct {
	AsnRule rule;
	char *note; /* UTF-8, one line; NULL: none */
	guint line; /* 1.. */
} AsnRuleEntry;

/* GArray of AsnRuleEntry, which it frees. */
GArray *asn_rule_entries_new(void);

/* why: one line of ASCII. */
typedef void (*AsnRuleBadFunc)(guint line, const char *why, gpointer data);
/* Appends the rules of a file to out.  bad: called for each line that is none
 * (it is passed over).  Returns how many those were. */
guint asn_rules_parse(const char *text, gsize len, GArray *out,
    AsnRuleBadFunc bad, gpointer data);
/* Appends the line, with its end, that reads as this entry. */
void asn_rule_write(GString *out, const AsnRuleEntry *entry);

/* May it be a note?  One line of UTF-8 without control characters, at most
 * ASN_RULE_NOTE_MAX bytes.  FALSE: G_IO_ERROR_INVALID_ARGUMENT. */
gboolean asn_rule_check_note(const char *note, GError **error);
