/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules-text.c: rules as lines of text. */

#include <gio/gio.h>
#include <string.h>

#include "escape.h"
#include "rules-date.h"
#include "rules-text.h"

#define BOM "\xef\xbb\xbf"

static void
clear_entry(gpointer entry)
{
	AsnRuleEntry *e = entry;

	g_free(e->note);
}

GArray *
asn_rule_entries_new(void)
{
	GArray *entries = g_array_new(FALSE, FALSE, sizeof(AsnRuleEntry));

	g_array_set_clear_func(entries, clear_entry);
	return entries;
}

/* --- notes ---------------------------------------------------------------- */

static gboolean
is_control(gunichar c)
{
	return g_unichar_iscntrl(c) || c == 0x2028 || c == 0x2029;
}

gboolean
asn_rule_check_note(const char *note, GError **error)
{
	const char *wrong = NULL;

	if (strlen(note) > ASN_RULE_NOTE_MAX)
		wrong = "longer than 200 bytes";
	else if (!g_utf8_validate(note, -1, NULL))
		wrong = "not UTF-8";
	for (const char *p = note; wrong == NULL && *p != '\0';
	     p += g_utf8_skip[(guchar)*p])
		if (is_control(g_utf8_get_char(p)))
			wrong = "more than one line, or has control characters";
	if (wrong != NULL)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
		    "the note is %s; write one short line", wrong);
	return wrong == NULL;
}

/* A comment of any kind as a note; NULL when nothing is left. */
static char *
tame_note(const char *text, gsize len)
{
	g_autofree char *valid = g_utf8_make_valid(text, (gssize)len);
	GString *out = g_string_new(NULL);

	for (const char *p = valid; *p != '\0'; p += g_utf8_skip[(guchar)*p]) {
		gunichar c = g_utf8_get_char(p);
		gsize before = out->len;

		/* White space in front is not of the note, nor of its length.
		 */
		if (out->len == 0 && (is_control(c) || c == ' '))
			continue;
		g_string_append_unichar(out, is_control(c) ? ' ' : c);
		if (out->len > ASN_RULE_NOTE_MAX) {
			g_string_truncate(out, before);
			break;
		}
	}
	g_strstrip(out->str);
	return g_string_free(out, *out->str == '\0');
}

/* --- a line --------------------------------------------------------------- */

/* The words of a line, cut out of a copy of it. */
typedef struct {
	char copy[ASN_RULE_LINE_MAX];
	char *word[5]; /* one more than a rule can have */
	guint n;
} Words;

static void
split(const char *text, gsize len, Words *w)
{
	gboolean inside = FALSE;

	memcpy(w->copy, text, len);
	w->copy[len] = '\0';
	w->n = 0;
	for (char *p = w->copy; *p != '\0'; p++) {
		if (g_ascii_isspace(*p)) {
			*p = '\0';
			inside = FALSE;
		} else if (!inside) {
			inside = TRUE;
			if (w->n < G_N_ELEMENTS(w->word))
				w->word[w->n++] = p;
		}
	}
}

static gboolean
fail(GError **error, const char *what, const char *why)
{
	char shown[ASN_ESCAPE_SIZE];

	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
	    "%s%s%s%s; a rule is: allow|block ADDRESS|NETWORK|ASn [until DATE] "
	    "[# note]",
	    what ? "\"" : "", what ? asn_escape_str(shown, what) : "",
	    what ? "\" " : "", why);
	return FALSE;
}

static gboolean
parse_words(const Words *w, AsnRule *out, GError **error)
{
	const AsnUntilRules any = {0};

	out->action = asn_rule_action_parse(w->word[0], strlen(w->word[0]));
	if (out->action == 0)
		return fail(error, w->word[0], "is neither allow nor block");
	if (w->n < 2)
		return fail(error, NULL, "it names nobody");
	if (!asn_subject_parse(w->word[1], &out->what, error) ||
	    !asn_rule_check_subject(&out->what, error))
		return FALSE;
	if (w->n == 2)
		return TRUE;
	if (g_ascii_strcasecmp(w->word[2], "until") != 0)
		return fail(error, w->word[2],
		    "stands where \"until\" or a "
		    "\"#\" would");
	if (w->n == 3)
		return fail(error, NULL, "no date follows \"until\"");
	if (w->n > 4)
		return fail(error, w->word[4], "stands behind the date");
	return asn_until_parse(w->word[3], &any, &out->until, error);
}

/* 1: a rule, 0: none, -1: error. */
static int
parse_line(const char *text, gsize len, AsnRuleEntry *out, GError **error)
{
	const char *hash = memchr(text, '#', len);
	gsize rule_len = hash ? (gsize)(hash - text) : len;
	Words w;

	if (rule_len >= sizeof w.copy || memchr(text, 0, rule_len) != NULL) {
		fail(error, NULL, "it is no text, or far too long");
		return -1;
	}
	split(text, rule_len, &w);
	if (w.n == 0)
		return 0;
	if (!parse_words(&w, &out->rule, error))
		return -1;
	if (hash != NULL)
		out->note = tame_note(hash + 1, len - rule_len - 1);
	return 1;
}

guint
asn_rules_parse(
    const char *text, gsize len, GArray *out, AsnRuleBadFunc bad, gpointer data)
{
	const char *end = text + len;
	guint line = 0, n_bad = 0;

	if (len >= strlen(BOM) && memcmp(text, BOM, strlen(BOM)) == 0)
		text += strlen(BOM);
	while (text < end) {
		const char *eol = memchr(text, '\n', (gsize)(end - text));
		AsnRuleEntry entry = {.line = line + 1};
		g_autoptr(GError) error = NULL;
		int found;

		line++;
		if (eol == NULL)
			eol = end;
		found = parse_line(text, (gsize)(eol - text), &entry, &error);
		if (found > 0)
			g_array_append_val(out, entry);
		else if (found < 0) {
			n_bad++;
			bad(line, error->message, data);
		}
		text = eol < end ? eol + 1 : end;
	}
	return n_bad;
}

void
asn_rule_write(GString *out, const AsnRuleEntry *entry)
{
	const AsnRule *r = &entry->rule;
	char what[ASN_SUBJECT_STRLEN], until[ASN_UNTIL_SIZE];

	g_string_append_printf(out, "%s %s", asn_rule_action_name(r->action),
	    asn_subject_format(&r->what, what));
	if (r->until != 0)
		g_string_append_printf(
		    out, " until %s", asn_until_format(r->until, until));
	if (entry->note != NULL)
		g_string_append_printf(out, " # %s", entry->note);
	g_string_append_c(out, '\n');
}
