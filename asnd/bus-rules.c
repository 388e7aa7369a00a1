/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-rules.c: SetRule, RemoveRule and ListRules. */

#include <string.h>

#include "bus-lists.h"
#include "bus-methods.h"
#include "daemon-private.h"
#include "escape.h"

static void
fail(AsndBusCall *call, const GError *error)
{
	AsndBusError code = ASND_BUS_FAILED;

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT))
		code = ASND_BUS_INVALID;
	else if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
		code = ASND_BUS_NOT_FOUND;
	asnd_bus_fail(call, code, "%s", error->message);
}

/* Into the log as the word of that user. */
static void
tell(const AsndBusCall *call, const char *what, const AsnRule *rule)
{
	char text[ASN_RULE_STRLEN];

	g_message("uid %u %s the rule %s", call->uid, what,
	    asn_rule_format(rule, text));
}

void
asnd_bus_set_rule(AsndBusCall *call)
{
	const char *action, *what, *note;
	g_autoptr(GError) error = NULL;
	char shown[ASN_ESCAPE_SIZE];
	AsnRule rule;

	g_variant_get(
	    call->args, "(&s&sx&s)", &action, &what, &rule.until, &note);
	rule.action = asn_rule_action_parse(action, strlen(action));
	if (rule.action == 0) {
		asnd_bus_fail(call, ASND_BUS_INVALID,
		    "\"%s\" is neither allow nor block",
		    asn_escape_str(shown, action));
		return;
	}
	if (!asn_subject_parse(what, &rule.what, &error) ||
	    !asnd_rules_set(call->daemon->rules, &rule, note, &error)) {
		fail(call, error);
		return;
	}
	tell(call, "set", &rule);
	asnd_bus_return(call, NULL);
}

void
asnd_bus_remove_rule(AsndBusCall *call)
{
	g_autoptr(GError) error = NULL;
	char text[ASN_SUBJECT_STRLEN];
	AsnSubject subject;
	const char *what;

	g_variant_get(call->args, "(&s)", &what);
	if (!asn_subject_parse(what, &subject, &error) ||
	    !asnd_rules_remove(call->daemon->rules, &subject, &error)) {
		fail(call, error);
		return;
	}
	g_message("uid %u removed the rule for %s", call->uid,
	    asn_subject_format(&subject, text));
	asnd_bus_return(call, NULL);
}

/* --- ListRules ------------------------------------------------------------ */

static void
put(GVariantBuilder *b, const char *key, GVariant *value)
{
	g_variant_builder_add(b, "{sv}", key, value);
}

typedef struct {
	GVariantBuilder rules;
	gboolean all; /* what the admin notes, too */
} List;

/* The admin's own words, and where they stand. */
static void
put_note(GVariantBuilder *b, const AsndRuleView *view)
{
	if (view->entry->note != NULL)
		put(b, "note", g_variant_new_string(view->entry->note));
	if (view->file != NULL) {
		g_autofree char *valid = g_utf8_make_valid(view->file, -1);

		put(b, "file", g_variant_new_string(valid));
		put(b, "line", g_variant_new_uint32(view->entry->line));
	}
}

static void
put_rule(const AsndRuleView *view, gpointer data)
{
	const AsnRuleEntry *e = view->entry;
	char what[ASN_SUBJECT_STRLEN];
	List *list = data;
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	put(&b, "action",
	    g_variant_new_string(asn_rule_action_name(e->rule.action)));
	put(&b, "what",
	    g_variant_new_string(asn_subject_format(&e->rule.what, what)));
	if (e->rule.until != 0)
		put(&b, "until", g_variant_new_int64(e->rule.until));
	if (list->all)
		put_note(&b, view);
	else
		put(&b, "withheld", g_variant_new_boolean(TRUE));
	put(&b, "in_force",
	    g_variant_new_boolean(!view->ended && !view->hidden));
	if (view->ended)
		put(&b, "ended", g_variant_new_boolean(TRUE));
	if (view->hidden)
		put(&b, "hidden", g_variant_new_boolean(TRUE));
	g_variant_builder_add(&list->rules, "a{sv}", &b);
}

/* Long lists take their time: of all of it at most a tenth goes to callers who
 * may only read. */
void
asnd_bus_list_rules(AsndBusCall *call)
{
	static gint64 not_before; /* monotonic */
	gint64 start = g_get_monotonic_time();
	List list = {.all = call->may_change};

	if (!call->may_change && start < not_before) {
		asnd_bus_fail(
		    call, ASND_BUS_BUSY, "many ask for the rules; try again");
		return;
	}
	if (asnd_rules_list_size(call->daemon->rules) > ASND_LIST_BYTES) {
		asnd_bus_fail(call, ASND_BUS_FAILED,
		    "%u rules are too many for one answer; look into"
		    " " ASND_RULES_DIR " and %s/" ASND_RULES_FILE,
		    asnd_rules_count(call->daemon->rules),
		    call->daemon->config->state_dir);
		return;
	}
	g_variant_builder_init(&list.rules, G_VARIANT_TYPE("aa{sv}"));
	asnd_rules_foreach(call->daemon->rules, put_rule, &list);
	asnd_bus_return(call, g_variant_new("(aa{sv})", &list.rules));
	not_before = start + 10 * (g_get_monotonic_time() - start);
}
