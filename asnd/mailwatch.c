/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch.c: asnd-mailwatch, options and start. */

#include <locale.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "config.h"
#include "escape.h"
#include "log-syslog.h"
#include "mailwatch-loop.h"
#include "mailwatch-tree.h"
#include "privilege.h"

#define MAX_WATCHES "/proc/sys/fs/inotify/max_user_watches"

static AsnPrivilege privilege = {.read_all = TRUE}; /* --user */

/* --test-config: what would be told to asnd, told to a person. */
static void
print_found(gpointer data, AsnWatchType type, const void *fixed,
    gsize fixed_len, const char *name, int passed)
{
	guint *found = data;
	const AsnWatchMaildir *maildir = fixed;
	const AsnWatchFolder *folder = fixed;
	char shown[ASN_ESCAPE_SIZE];

	if (type == ASN_WATCH_MAILDIR) {
		found[0]++;
		printf("Maildir %u: %s (uid %u)\n", maildir->id,
		    asn_escape_str(shown, name), maildir->uid);
	} else if (type == ASN_WATCH_FOLDER) {
		found[1]++;
		printf("  folder of Maildir %u: %s\n", folder->maildir,
		    *name ? asn_escape_str(shown, name) : "INBOX");
	}
}

static int
test_config(const AsnConfig *config, gboolean may_read)
{
	g_autofree char *limit = NULL;
	guint found[2] = {0};
	MwTree *tree;
	guint needed;

	tree = mw_tree_new(
	    (const char *const *)config->maildirs, TRUE, 0, print_found, found);
	while (mw_scan_step(tree))
		;
	needed = mw_inotify_count(&tree->inotify);
	mw_tree_free(tree);
	if (!g_file_get_contents(MAX_WATCHES, &limit, NULL, NULL))
		limit = g_strdup("unknown");
	g_strchomp(limit);
	printf("%u Maildirs, %u folders, %u inotify watches; "
	       "fs.inotify.max_user_watches is %s%s\n",
	    found[0], found[1], needed, limit,
	    needed > g_ascii_strtoull(limit, NULL, 10) ? ": TOO FEW, raise it"
						       : "");
	if (!may_read)
		printf("Without CAP_DAC_READ_SEARCH: only what uid %u may read "
		       "is shown.\n",
		    getuid());
	return 0;
}

/* Few are needed, but the limit must not be what stops us. */
static void
raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int
run(const char *program, const char *config_path, gboolean test)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *refused =
	    test ? NULL : asn_privilege_refuses(&privilege, program);
	gboolean may_read, ok;

	if (refused != NULL) {
		g_printerr("%s: %s\n", program, refused);
		return EX_USAGE;
	}
	if (!asn_privilege_drop(&privilege, &may_read, &error)) {
		g_printerr("%s: %s\n", program, error->message);
		return EX_NOPERM;
	}
	raise_open_files();
	if (test) {
		AsnConfig *config = asn_config_load(config_path, &error);
		ok = config != NULL;
		if (ok)
			test_config(config, may_read);
		if (ok)
			asn_config_free(config);
	} else {
		if (!may_read)
			g_message("without CAP_DAC_READ_SEARCH: only Maildirs "
				  "that uid %u may read are watched",
			    getuid());
		ok = mw_loop(config_path, &error);
	}
	if (!ok)
		g_printerr("%s: %s\n", program, error->message);
	return ok ? 0 : EX_CONFIG;
}

int
main(int argc, char **argv)
{
	g_autofree char *config_path = NULL;
	gboolean test = FALSE, version = FALSE, to_syslog = FALSE;
	const GOptionEntry entries[] = {
	    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config_path,
		"Configuration (" ASN_CONFIG_DEFAULT ")", "FILE"},
	    {"user", 'u', 0, G_OPTION_ARG_STRING, &privilege.user,
		"Started as root: become NAME and keep one capability", "NAME"},
	    {"syslog", 0, 0, G_OPTION_ARG_NONE, &to_syslog,
		"Log to syslog instead of stderr", NULL},
	    {"test-config", 't', 0, G_OPTION_ARG_NONE, &test,
		"Check it, show what would be watched, and exit", NULL},
	    {"version", 'V', 0, G_OPTION_ARG_NONE, &version,
		"Show the version and exit", NULL},
	    {NULL}};
	g_autoptr(GOptionContext) context = g_option_context_new(
	    "- watch Maildirs and hand header blocks to asnd");
	g_autoptr(GError) error = NULL;

	setlocale(LC_CTYPE, ""); /* numbers stay as in C */
	g_log_set_writer_func(g_log_writer_default, NULL, NULL);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) ||
	    argc != 1) {
		g_printerr("%s: %s\n", argv[0],
		    error ? error->message : "no arguments are taken");
		return EX_USAGE;
	}
	if (version) {
		printf("asnd-mailwatch %s\n", ASND_VERSION);
		return 0;
	}
	umask(077); /* it makes no file */
	if (!test && asn_syslog_open("asnd-mailwatch", to_syslog))
		g_log_set_writer_func(asn_syslog_write, NULL, NULL);
	return run(argv[0], config_path, test);
}
