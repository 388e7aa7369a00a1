/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.c: the admin's rules, kept, merged and published. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "aside.h"
#include "rules-private.h"

/* --- merging ---------------------------------------------------------------
 */

static void
each_of(const AsndRulesFile *file, AsndRulesEachFunc fn, gpointer data)
{
	for (guint i = file->entries->len; i > 0; i--)
		fn(&g_array_index(file->entries, AsnRuleEntry, i - 1), file,
		    data);
}

void
asnd_rules_each(const AsndRules *r, AsndRulesEachFunc fn, gpointer data)
{
	const GPtrArray *files;

	each_of(r->own, fn, data);
	if (r->dir == NULL)
		return;
	files = asnd_rules_dir_files(r->dir);
	for (guint i = files->len; i > 0; i--)
		each_of(files->pdata[i - 1], fn, data);
}

static void
add_rule(const AsnRuleEntry *e, const AsndRulesFile *file, gpointer data)
{
	AsndRules *r = data;

	if (r->merged->len < ASN_RULES_MAX)
		g_array_append_val(r->merged, e->rule);
}

static void
merge(AsndRules *r, gint64 now)
{
	g_array_set_size(r->merged, 0);
	asnd_rules_each(r, add_rule, r);
	if (r->merged->len == ASN_RULES_MAX)
		g_warning("more than %d rules: the rest is passed over",
		    ASN_RULES_MAX);
	r->count = 0;
	r->next_end = G_MAXINT64;
	for (guint i = 0; i < r->merged->len; i++) {
		const AsnRule *rule = &g_array_index(r->merged, AsnRule, i);

		if (!asn_rule_holds(rule, now))
			continue;
		r->count++;
		if (rule->until != 0)
			r->next_end = MIN(r->next_end, rule->until);
	}
}

/* --- publishing ------------------------------------------------------------
 */

static gboolean
put(const AsndRules *r, GBytes *bytes, GError **error)
{
	int fd = open(r->database_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);
	gboolean ok;

	if (fd < 0) {
		g_set_error(error, G_FILE_ERROR,
		    (gint)g_file_error_from_errno(errno), "%s: %s",
		    r->database_dir, g_strerror(errno));
		return FALSE;
	}
	ok = asn_aside_write(fd, ASN_RULES_FILE, data, len, 0644, error);
	close(fd);
	return ok;
}

/* Only what the milter would take gets its name. */
static gboolean
build_and_put(AsndRules *r, gint64 now, GError **error)
{
	g_autoptr(GBytes) bytes =
	    asn_rules_build((const AsnRule *)(gpointer)r->merged->data,
		r->merged->len, now, error);
	const guint8 *data;
	AsnRules *db;
	gsize len;

	if (bytes == NULL)
		return FALSE;
	data = g_bytes_get_data(bytes, &len);
	db = asn_rules_open_memory(data, len, ASN_RULES_FILE, error);
	if (db == NULL || !put(r, bytes, error)) {
		asn_rules_close(db);
		return FALSE;
	}
	asn_rules_close(r->db);
	r->db = db;
	g_clear_pointer(&r->bytes, g_bytes_unref);
	r->bytes = g_steal_pointer(&bytes);
	return TRUE;
}

/* No rules, and none were published ever. */
static gboolean
is_needless(const AsndRules *r)
{
	g_autofree char *path =
	    g_build_filename(r->database_dir, ASN_RULES_FILE, NULL);

	return r->count == 0 && r->db == NULL && access(path, F_OK) != 0 &&
	       errno == ENOENT;
}

/* One warning when it starts, one message when it is over. */
gboolean
asnd_rules_publish(AsndRules *r, GError **error)
{
	gint64 now = r->now(r->data);
	g_autoptr(GError) why = NULL;

	merge(r, now);
	if (!is_needless(r))
		build_and_put(r, now, &why);
	r->unpublished = why != NULL;
	if (why == NULL && r->why != NULL)
		g_message("the rules are published again");
	if (why != NULL && r->why == NULL)
		g_warning("cannot publish the rules, the old ones stay in "
			  "force: %s",
		    why->message);
	g_free(r->why);
	r->why = why != NULL ? g_strdup(why->message) : NULL;
	if (why != NULL)
		g_propagate_error(error, g_steal_pointer(&why));
	return !r->unpublished;
}

static void
publish_and_tell(AsndRules *r)
{
	if (asnd_rules_publish(r, NULL))
		g_message("%u rules are in force", r->count);
}

void
asnd_rules_tick(AsndRules *r)
{
	if (r->unpublished)
		asnd_rules_publish(r, NULL);
	else if (r->now(r->data) >= r->next_end)
		publish_and_tell(r);
}

/* --- listing ---------------------------------------------------------------
 */

typedef struct {
	const AsnRuleEntry *entry;
	const AsndRulesFile *file;
	guint order;
} Listed;

static void
add_listed(const AsnRuleEntry *e, const AsndRulesFile *file, gpointer data)
{
	GArray *all = data;
	Listed l = {e, file, all->len};

	g_array_append_val(all, l);
}

static int
by_rank(gconstpointer a, gconstpointer b)
{
	const Listed *x = a, *y = b;
	int c = asn_subject_cmp(&x->entry->rule.what, &y->entry->rule.what);

	return c ? c : x->order < y->order ? -1 : x->order > y->order;
}

void
asnd_rules_foreach(AsndRules *r, AsndRuleFunc fn, gpointer data)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Listed));
	gint64 now = r->now(r->data);
	const AsnSubject *held = NULL; /* what the last one that holds is for */

	asnd_rules_each(r, add_listed, all);
	g_array_sort(all, by_rank);
	for (guint i = 0; i < all->len; i++) {
		const Listed *l = &g_array_index(all, Listed, i);
		const AsnRule *rule = &l->entry->rule;
		AsndRuleView view = {.entry = l->entry,
		    .file = l->file == r->own ? NULL : l->file->path,
		    .ended = !asn_rule_holds(rule, now)};

		view.hidden = !view.ended && held != NULL &&
			      asn_subject_equal(held, &rule->what);
		if (!view.ended && !view.hidden)
			held = &rule->what;
		fn(&view, data);
	}
}

static void
add_size(const AsnRuleEntry *e, const AsndRulesFile *file, gpointer data)
{
	gsize *size = data;

	*size +=
	    256 + strlen(file->path) + (e->note != NULL ? strlen(e->note) : 0);
}

gsize
asnd_rules_list_size(const AsndRules *r)
{
	gsize size = 0;

	asnd_rules_each(r, add_size, &size);
	return size;
}

const AsnRules *
asnd_rules_published(const AsndRules *r)
{
	return r->db;
}

guint
asnd_rules_count(const AsndRules *r)
{
	return r->count;
}

static char *
trouble_of(const AsndRulesFile *f)
{
	if (f->why != NULL)
		return g_strdup_printf("%s: %s", f->path, f->why);
	if (f->bad > 0)
		return g_strdup_printf(
		    "%s: %u lines are no rules, the log names them", f->path,
		    f->bad);
	return NULL;
}

char *
asnd_rules_trouble(const AsndRules *r)
{
	char *why = trouble_of(r->own);
	const GPtrArray *files;

	if (r->why != NULL) {
		g_free(why);
		return g_strdup_printf("cannot be published: %s", r->why);
	}
	if (why != NULL || r->dir == NULL)
		return why;
	if (asnd_rules_dir_trouble(r->dir) != NULL)
		return g_strdup_printf(ASND_RULES_DIR " cannot be read: %s",
		    asnd_rules_dir_trouble(r->dir));
	files = asnd_rules_dir_files(r->dir);
	for (guint i = 0; why == NULL && i < files->len; i++)
		why = trouble_of(files->pdata[i]);
	return why;
}

/* --- start and end ---------------------------------------------------------
 */

static void
on_dir(gpointer data)
{
	publish_and_tell(data);
}

void
asnd_rules_reload(AsndRules *r)
{
	asnd_rules_file_read(r->own, TRUE);
	if (r->dir != NULL)
		asnd_rules_dir_reload(r->dir);
	publish_and_tell(r);
}

static AsndRules *
read_all(const AsnConfig *config, gint64 (*now)(gpointer data), gpointer data)
{
	AsndRules *r = g_new0(AsndRules, 1);
	g_autofree char *own = NULL, *dir = NULL;

	r->state_dir = g_strdup(config->state_dir);
	r->database_dir = g_strdup(config->database_dir);
	r->now = now;
	r->data = data;
	r->merged = g_array_new(FALSE, FALSE, sizeof(AsnRule));
	own = g_build_filename(config->state_dir, ASND_RULES_FILE, NULL);
	r->own = asnd_rules_file_new(own);
	asnd_rules_file_read(r->own, TRUE);
	if (config->dir == NULL)
		return r;
	dir = g_build_filename(config->dir, ASND_RULES_DIR, NULL);
	r->dir = asnd_rules_dir_new(dir, on_dir, r);
	return r;
}

AsndRules *
asnd_rules_new(
    const AsnConfig *config, gint64 (*now)(gpointer data), gpointer data)
{
	AsndRules *r = read_all(config, now, data);

	asnd_rules_publish(r, NULL);
	if (r->count > 0)
		g_message("%u rules are in force", r->count);
	return r;
}

void
asnd_rules_free(AsndRules *r)
{
	if (r == NULL)
		return;
	asnd_rules_dir_free(r->dir);
	asnd_rules_file_free(r->own);
	g_array_unref(r->merged);
	asn_rules_close(r->db);
	g_clear_pointer(&r->bytes, g_bytes_unref);
	g_free(r->state_dir);
	g_free(r->database_dir);
	g_free(r->why);
	g_free(r);
}

static gint64
no_time(gpointer data)
{
	return 0;
}

gboolean
asnd_rules_test(const AsnConfig *config, GError **error)
{
	AsndRules *r = read_all(config, no_time, NULL);
	g_autofree char *why = asnd_rules_trouble(r);

	asnd_rules_free(r);
	if (why != NULL)
		g_set_error(
		    error, ASN_CONFIG_ERROR, ASN_CONFIG_ERROR_VALUE, "%s", why);
	return why == NULL;
}
