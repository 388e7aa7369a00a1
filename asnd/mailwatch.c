/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch.c: asnd-mailwatch, options and start. */

#include <locale.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "config.h"
#include "escape.h"
#include "mailwatch-loop.h"
#include "mailwatch-privilege.h"
#include "mailwatch-tree.h"

#define MAX_WATCHES "/proc/sys/fs/inotify/max_user_watches"

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

static int
refuse_root(const char *program)
{
	g_printerr("%s does not run as root. It needs a user of its own and "
		   "one capability:\n  setpriv --reuid=asnd-mailwatch "
		   "--regid=asnd-mailwatch --clear-groups "
		   "--inh-caps=-all,+dac_read_search "
		   "--ambient-caps=-all,+dac_read_search "
		   "--bounding-set=-all,+dac_read_search %s\n",
	    program, program);
	return EX_USAGE;
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
	gboolean may_read, ok;

	if (!test && (getuid() == 0 || geteuid() == 0))
		return refuse_root(program);
	if (!mw_privilege_drop(&may_read, &error)) {
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
	gboolean test = FALSE, version = FALSE;
	const GOptionEntry entries[] = {
	    {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config_path,
		"Configuration (" ASN_CONFIG_DEFAULT ")", "FILE"},
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
	return run(argv[0], config_path, test);
}
