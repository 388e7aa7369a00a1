/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c: asnd.conf(5), read whole and refused by line (config.h). */

#include <errno.h>
#include <string.h>

#include "config-values.h"
#include "config.h"
#include "escape.h"

#define FILE_MAX ((gsize)1024 * 1024)

G_DEFINE_QUARK(asn_config_error, asn_config_error)

/* group, key, default, reader, field, min, max.  Numbers are as in the file. */
#define SETTINGS(X)                                                            \
	X("paths", "database-dir", "/var/lib/asnd/db", PATH, database_dir, 0,  \
	    0)                                                                 \
	X("paths", "state-dir", "/var/lib/asnd", PATH, state_dir, 0, 0)        \
	X("paths", "seal-key", "/etc/asnd/seal.key", PATH, seal_key, 0, 0)     \
	X("paths", "watch-socket", "/run/asnd/mailwatch.sock", PATH,           \
	    watch_socket, 0, 0)                                                \
	X("paths", "report-socket", "/run/asnd-report/report.sock", PATH,      \
	    report_socket, 0, 0)                                               \
	X("paths", "sendmail", "/usr/sbin/sendmail", PATH, sendmail, 0, 0)     \
	X("milter", "socket",                                                  \
	    "unix:/var/spool/postfix/asn-milter/milter.sock", SOCKET, socket,  \
	    0, 0)                                                              \
	X("milter", "local-networks", "127.0.0.0/8;::1", NETWORKS,             \
	    local_networks, 0, 0)                                              \
	X("milter", "trusted-relays", "", NETWORKS, trusted_relays, 0, 0)      \
	X("milter", "flag-headers", "", FLAG_HEADERS, flag_headers, 0, 0)      \
	X("milter", "flagged-action", "accept", ACTION, flagged_action, 0, 0)  \
	X("score", "threshold", "0.90", NUMBER, thresholds.threshold, 0.5, 1)  \
	X("score", "evidence", "2", NUMBER, thresholds.evidence, 0, 1000)      \
	X("score", "min-ham", "50", NUMBER, thresholds.min_ham, 0, 1000000)    \
	X("score", "half-life", "60", DAYS, half_life, 1, 3650)                \
	X("mail", "maildirs", "/home/*/Maildir;/var/vmail/*/*/Maildir",        \
	    PATTERNS, maildirs, 0, 0)                                          \
	X("mail", "junk-folders",                                              \
	    ".Junk;.Spam;.Junk E-mail;.Junk Email;.Bulk Mail;.INBOX.Junk;"     \
	    ".INBOX.Spam",                                                     \
	    FOLDERS, junk_folders, 0, 0)                                       \
	X("mail", "trash-folders",                                             \
	    ".Trash;.Deleted Items;.Deleted Messages;.INBOX.Trash", FOLDERS,   \
	    trash_folders, 0, 0)                                               \
	X("mail", "host-names", "", HOSTS, host_names, 0, 0)                   \
	X("mail", "rescan-interval", "300", SECONDS, rescan_interval, 1,       \
	    86400)                                                             \
	X("report", "format", "off", REPORT_FORMAT, report.format, 0, 0)       \
	X("report", "to", "", MAILBOX, report.to, 0, 0)                        \
	X("report", "from", "", MAILBOX, report.from, 0, 0)                    \
	X("report", "delay", "3600", SECONDS, report.delay, 0, 86400)          \
	X("report", "limit", "50", SECONDS, report.limit, 1, 5000)             \
	X("report", "hide",                                                    \
	    "Delivered-To;X-Original-To;X-Delivered-To;Envelope-To;"           \
	    "X-Envelope-To;Return-Path",                                       \
	    FIELDS, report.hide, 0, 0)

#define AS_KEY(g, k, fallback, reader, field, min, max) {g, k, fallback},
#define AS_RULE(g, k, fallback, reader, field, min, max)                       \
	{ASN_VALUE_##reader, G_STRUCT_OFFSET(AsnConfig, field), min, max},

static const AsnConfigKey keys[] = {SETTINGS(AS_KEY)};
static const AsnValueRule rules[] = {SETTINGS(AS_RULE)};
static const char *const groups[] = {
    "paths", "milter", "score", "mail", "report"};

const AsnConfigKey *
asn_config_keys(gsize *n)
{
	*n = G_N_ELEMENTS(keys);
	return keys;
}

/* --- where we are, for errors ------------------------------------------------
 */

typedef struct {
	const char *name; /* of the file */
	guint line;
	const char *group; /* NULL: none opened yet */
	gboolean seen[G_N_ELEMENTS(keys)];
	GKeyFile *file;
	AsnConfig *config;
} Reader;

G_GNUC_PRINTF(3, 4)
static gboolean
refuse(const Reader *r, GError **error, const char *format, ...)
{
	g_autofree char *what = NULL;
	va_list args;

	va_start(args, format);
	what = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, ASN_CONFIG_ERROR, ASN_CONFIG_ERROR_VALUE,
	    "%s:%u: %s", r->name, r->line, what);
	return FALSE;
}

/* Letters to insert, drop or change (Levenshtein); inputs are short. */
static guint
distance(const char *a, const char *b)
{
	guint row[64];
	gsize n = MIN(strlen(b), G_N_ELEMENTS(row) - 1);

	for (guint j = 0; j <= n; j++)
		row[j] = j;
	for (gsize i = 0; i < G_N_ELEMENTS(row) && a[i] != '\0'; i++) {
		guint diagonal = row[0];
		row[0] = (guint)i + 1;
		for (gsize j = 1; j <= n; j++) {
			guint change = diagonal + (a[i] != b[j - 1]);
			diagonal = row[j];
			row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[n];
}

/* "; did you mean [group] key?" or "". */
static char *
suggest(const char *group, const char *word)
{
	guint best = 3;
	char *text = g_strdup("");

	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		const char *known = group ? keys[i].key : keys[i].group;
		guint d = distance(word, known);
		gboolean here =
		    group == NULL || strcmp(group, keys[i].group) == 0;

		if (here ? d >= best : d > 0 || best < 3)
			continue;
		best = d;
		g_free(text);
		if (group == NULL)
			text = g_strdup_printf("; did you mean [%s]?", known);
		else
			text = g_strdup_printf(
			    "; did you mean [%s] %s?", keys[i].group, known);
	}
	return text;
}

/* --- lines -------------------------------------------------------------------
 */

static gboolean
open_group(Reader *r, char *line, GError **error)
{
	char shown[ASN_ESCAPE_SIZE];
	g_autofree char *hint = NULL;
	gsize n = strlen(line);

	if (n < 3 || line[n - 1] != ']')
		return refuse(r, error, "'%s': a group is '[name]'",
		    asn_escape_str(shown, line));
	line[n - 1] = '\0';
	for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
		if (strcmp(line + 1, groups[i]) == 0) {
			r->group = groups[i];
			return TRUE;
		}
	}
	hint = suggest(NULL, line + 1);
	return refuse(r, error,
	    "[%s]: no such group (there are [paths], [milter], [score], "
	    "[mail] and [report])%s",
	    asn_escape_str(shown, line + 1), hint);
}

static gboolean
read_value(Reader *r, gsize i, GError **error)
{
	char shown[ASN_ESCAPE_SIZE];
	g_autofree char *raw =
	    g_key_file_get_value(r->file, r->group, keys[i].key, NULL);
	g_autofree char *allowed = NULL;

	allowed = asn_value_read(
	    &rules[i], r->file, r->group, keys[i].key, r->config);
	if (allowed == NULL)
		return TRUE;
	return refuse(r, error, "[%s] %s: '%s': %s", r->group, keys[i].key,
	    asn_escape_str(shown, raw), allowed);
}

static gboolean
read_key(Reader *r, const char *line, GError **error)
{
	char shown[ASN_ESCAPE_SIZE];
	const char *equals = strchr(line, '=');
	g_autofree char *key = NULL, *hint = NULL;

	if (equals == NULL)
		return refuse(r, error,
		    "'%s': a line is 'key = value', '[group]' or '# comment'",
		    asn_escape_str(shown, line));
	key = g_strchomp(g_strndup(line, (gsize)(equals - line)));
	if (r->group == NULL)
		return refuse(r, error, "%s: no [group] before this key",
		    asn_escape_str(shown, key));
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (strcmp(keys[i].group, r->group) != 0 ||
		    strcmp(keys[i].key, key) != 0)
			continue;
		if (r->seen[i])
			return refuse(
			    r, error, "[%s] %s: given twice", r->group, key);
		r->seen[i] = TRUE;
		g_key_file_set_value(r->file, r->group, key,
		    equals + 1 + strspn(equals + 1, " \t"));
		return read_value(r, i, error);
	}
	hint = suggest(r->group, key);
	return refuse(r, error, "[%s] %s: no such key%s", r->group,
	    asn_escape_str(shown, key), hint);
}

static gboolean
read_line(Reader *r, char *line, GError **error)
{
	char shown[ASN_ESCAPE_SIZE];

	g_strstrip(line);
	if (*line == '\0' || *line == '#')
		return TRUE;
	if (!g_utf8_validate(line, -1, NULL))
		return refuse(
		    r, error, "'%s': not UTF-8", asn_escape_str(shown, line));
	return *line == '[' ? open_group(r, line, error)
			    : read_key(r, line, error);
}

static void
read_defaults(Reader *r)
{
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autofree char *wrong = NULL;
		g_key_file_set_value(
		    r->file, keys[i].group, keys[i].key, keys[i].fallback);
		wrong = asn_value_read(
		    &rules[i], r->file, keys[i].group, keys[i].key, r->config);
		g_assert(wrong == NULL); /* our own table */
	}
}

static void
keep_values(Reader *r)
{
	r->config->values = g_new0(char *, G_N_ELEMENTS(keys) + 1);
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		r->config->values[i] = g_key_file_get_value(
		    r->file, keys[i].group, keys[i].key, NULL);
}

char *
asn_config_differ(
    const AsnConfig *a, const AsnConfig *b, const char *const *wanted)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);

	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autofree char *name =
		    g_strdup_printf("[%s] %s", keys[i].group, keys[i].key);

		if (g_strv_contains(wanted, name) &&
		    strcmp(a->values[i], b->values[i]) != 0)
			g_ptr_array_add(found, g_steal_pointer(&name));
	}
	g_ptr_array_add(found, NULL);
	return found->len > 1 ? g_strjoinv(", ", (char **)found->pdata) : NULL;
}

/* What one key cannot tell. */
static gboolean
check_report(const Reader *r, GError **error)
{
	const AsnReportConfig *report = &r->config->report;

	if (report->format == ASN_REPORT_OFF ||
	    (*report->to != '\0' && *report->from != '\0'))
		return TRUE;
	g_set_error(error, ASN_CONFIG_ERROR, ASN_CONFIG_ERROR_VALUE,
	    "%s: [report] format needs 'to' and 'from', each a mail address",
	    r->name);
	return FALSE;
}

AsnConfig *
asn_config_parse(const char *text, gsize len, const char *name, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	Reader r = {.name = name, .line = 1, .file = file};
	g_autofree char *copy = g_strndup(text, len);
	g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
	gboolean ok = TRUE;

	r.config = g_new0(AsnConfig, 1);
	read_defaults(&r);
	for (guint i = 0; ok && lines[i] != NULL; i++) {
		r.line = i + 1;
		ok = read_line(&r, lines[i], error);
	}
	if (ok && strlen(copy) != len)
		ok = refuse(&r, error, "NUL byte in the file");
	ok = ok && check_report(&r, error);
	if (ok) {
		keep_values(&r);
		return r.config;
	}
	asn_config_free(r.config);
	return NULL;
}

static AsnConfig *
load(const char *path, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) why = NULL;
	gsize len = 0;

	if (g_file_get_contents(
		path ? path : ASN_CONFIG_DEFAULT, &text, &len, &why)) {
		if (len <= FILE_MAX)
			return asn_config_parse(
			    text, len, path ? path : ASN_CONFIG_DEFAULT, error);
		g_set_error(error, ASN_CONFIG_ERROR, ASN_CONFIG_ERROR_READ,
		    "%s: larger than 1 MiB, no configuration",
		    path ? path : ASN_CONFIG_DEFAULT);
		return NULL;
	}
	if (path == NULL &&
	    g_error_matches(why, G_FILE_ERROR, G_FILE_ERROR_NOENT))
		return asn_config_parse("", 0, ASN_CONFIG_DEFAULT, error);
	g_set_error(
	    error, ASN_CONFIG_ERROR, ASN_CONFIG_ERROR_READ, "%s", why->message);
	return NULL;
}

AsnConfig *
asn_config_load(const char *path, GError **error)
{
	AsnConfig *config = load(path, error);

	if (config != NULL)
		config->dir =
		    g_path_get_dirname(path ? path : ASN_CONFIG_DEFAULT);
	return config;
}

void
asn_config_free(AsnConfig *config)
{
	if (config == NULL)
		return;
	for (gsize i = 0; i < G_N_ELEMENTS(rules); i++)
		asn_value_clear(&rules[i], config);
	g_strfreev(config->values);
	g_free(config->dir);
	g_free(config);
}
