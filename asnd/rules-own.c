/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules-own.c: the rules that asnctl sets, and their file. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "aside.h"
#include "rules-private.h"

#define HEADING                                                                \
	"# Rules that asnctl set; it changes them, and asnd writes this file"  \
	" anew.\n# Rules of your own go into rules.d beside asnd.conf.\n"

/* --- our own file ----------------------------------------------------------
 */

static void
count_bad(guint line, const char *why, gpointer data)
{
}

/* What is written must read as the same. */
static gboolean
check_text(const GString *text, const GArray *entries, GError **error)
{
	g_autoptr(GArray) again = asn_rule_entries_new();
	gboolean ok = asn_rules_parse(
			  text->str, text->len, again, count_bad, NULL) == 0 &&
		      again->len == entries->len;

	for (guint i = 0; ok && i < again->len; i++) {
		const AsnRule *a = &g_array_index(again, AsnRuleEntry, i).rule;
		const AsnRule *b =
		    &g_array_index(entries, AsnRuleEntry, i).rule;

		ok = a->action == b->action && a->until == b->until &&
		     asn_subject_equal(&a->what, &b->what);
	}
	if (!ok)
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED,
		    "the rules cannot be written as text");
	return ok;
}

static gboolean
write_text(const AsndRules *r, const GString *text, GError **error)
{
	int fd = open(r->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_autoptr(GError) why = NULL;
	gboolean ok;

	if (fd < 0) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s",
		    r->state_dir, g_strerror(errno));
		return FALSE;
	}
	ok = asn_aside_write(
	    fd, ASND_RULES_FILE, text->str, text->len, 0640, &why);
	close(fd);
	if (!ok)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
		    "the rule cannot be kept: %s", why->message);
	return ok;
}

static gboolean
write_own(AsndRules *r, GArray *entries, GError **error)
{
	g_autoptr(GString) text = g_string_new(HEADING);

	for (guint i = 0; i < entries->len; i++)
		asn_rule_write(text, &g_array_index(entries, AsnRuleEntry, i));
	if (!check_text(text, entries, error) || !write_text(r, text, error))
		return FALSE;
	asnd_rules_file_wrote(r->own, entries);
	return TRUE;
}

/* Nothing of it may get lost when it is written anew. */
static gboolean
own_is_whole(AsndRules *r, GError **error)
{
	asnd_rules_file_read(r->own, FALSE);
	if (r->own->why != NULL)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s",
		    r->own->path, r->own->why);
	else if (r->own->bad > 0)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
		    "%u lines of %s are no rules, asnd's log names them; "
		    "correct or remove them first",
		    r->own->bad, r->own->path);
	return r->own->why == NULL && r->own->bad == 0;
}

/* All of ours but those for `what`, and those that ended long ago.  *n: how
 * many were for it. */
static GArray *
without(const AsndRules *r, const AsnSubject *what, gint64 now, guint *n)
{
	GArray *out = asn_rule_entries_new();

	*n = 0;
	for (guint i = 0; i < r->own->entries->len; i++) {
		AsnRuleEntry e =
		    g_array_index(r->own->entries, AsnRuleEntry, i);

		if (asn_subject_equal(&e.rule.what, what)) {
			++*n;
			continue;
		}
		if (e.rule.until != 0 && now - e.rule.until > ASND_RULES_KEEP)
			continue;
		e.note = g_strdup(e.note);
		g_array_append_val(out, e);
	}
	return out;
}

static int
by_subject(gconstpointer a, gconstpointer b)
{
	const AsnRuleEntry *x = a, *y = b;

	return asn_subject_cmp(&x->rule.what, &y->rule.what);
}

static gboolean
keep_and_publish(AsndRules *r, GArray *entries, GError **error)
{
	g_autoptr(GError) why = NULL;

	if (!write_own(r, entries, error))
		return FALSE;
	if (asnd_rules_publish(r, &why))
		return TRUE;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
	    "it is kept, but not in force yet: the rules cannot be published: "
	    "%s",
	    why->message);
	return FALSE;
}

static gboolean
check_new(
    const AsndRules *r, const AsnRule *rule, const char *note, GError **error)
{
	gint64 now = r->now(r->data);

	if (!asn_rule_check_subject(&rule->what, error))
		return FALSE;
	if (note != NULL && !asn_rule_check_note(note, error))
		return FALSE;
	if (rule->until < 0 || rule->until > ASN_RULE_UNTIL_MAX ||
	    !asn_rule_holds(rule, now)) {
		g_set_error_literal(error, G_IO_ERROR,
		    G_IO_ERROR_INVALID_ARGUMENT,
		    "the end of the rule is past, or no date; 0 is for ever");
		return FALSE;
	}
	return TRUE;
}

gboolean
asnd_rules_set(
    AsndRules *r, const AsnRule *rule, const char *note, GError **error)
{
	g_autofree char *stripped =
	    note != NULL ? g_strstrip(g_strdup(note)) : NULL;
	AsnRuleEntry entry = {.rule = *rule};
	g_autoptr(GArray) entries = NULL;
	guint n;

	if (!check_new(r, rule, stripped, error) || !own_is_whole(r, error))
		return FALSE;
	entries = without(r, &rule->what, r->now(r->data), &n);
	if (entries->len >= ASND_RULES_OWN_MAX) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
		    "there are %d rules already; write the rest into a file "
		    "of rules.d",
		    ASND_RULES_OWN_MAX);
		return FALSE;
	}
	if (stripped != NULL && *stripped != '\0')
		entry.note = g_steal_pointer(&stripped);
	g_array_append_val(entries, entry);
	g_array_sort(entries, by_subject);
	return keep_and_publish(r, entries, error);
}

/* --- taking one back -------------------------------------------------------
 */

typedef struct {
	const AsnSubject *what;
	const AsndRulesFile *own;
	const AsndRulesFile *file; /* where it is */
	guint line;
} Elsewhere;

static void
look_elsewhere(const AsnRuleEntry *e, const AsndRulesFile *file, gpointer data)
{
	Elsewhere *w = data;

	if (w->file != NULL || file == w->own ||
	    !asn_subject_equal(&e->rule.what, w->what))
		return;
	w->file = file;
	w->line = e->line;
}

static gboolean
not_found(const AsndRules *r, const AsnSubject *what, GError **error)
{
	Elsewhere w = {.what = what, .own = r->own};
	char text[ASN_SUBJECT_STRLEN];

	asn_subject_format(what, text);
	asnd_rules_each(r, look_elsewhere, &w);
	if (w.file != NULL)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
		    "the rule for %s stands in %s:%u; remove that line", text,
		    w.file->path, w.line);
	else
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
		    "there is no rule for %s; \"asnctl rules\" lists all",
		    text);
	return FALSE;
}

gboolean
asnd_rules_remove(AsndRules *r, const AsnSubject *what, GError **error)
{
	g_autoptr(GArray) entries = NULL;
	guint n;

	if (!own_is_whole(r, error))
		return FALSE;
	entries = without(r, what, r->now(r->data), &n);
	if (n == 0)
		return not_found(r, what, error);
	return keep_and_publish(r, entries, error);
}
