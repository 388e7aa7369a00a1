/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c: asnctl, the command line: finds the verb and calls it. */

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <glib.h>

#include "asnctl.h"
#include "escape.h"
#include "output.h"

#define VERSION_LINE "asnctl " ASND_VERSION "\n"

typedef struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} Verb;

static const Verb verbs[] = {
    {"status", asnctl_status, "healthy, or what is wrong and what to do"},
    {"watch", asnctl_watch, "votes and verdicts as they happen"},
    {"import", asnctl_import, "build networks.mmdb: who owns which network"},
    {"check", asnctl_check, "prove database files sound, from end to end"},
    {"lookup", asnctl_lookup,
	"tell who owns an address and why it scores as it does"},
    {"history", asnctl_history, "list the votes behind a score"},
    {"learn", asnctl_learn, "learn mails as spam or ham"},
    {"forget", asnctl_forget, "take votes out of the evidence for good"},
    {"top", asnctl_top, "list where most spam or wanted mail comes from"},
    {"quality", asnctl_quality, "tell what users thought of our flags"},
    {"metrics", asnctl_metrics, "write numbers for Prometheus"},
    {"explain", asnctl_lookup, "the same as lookup"},
    {"networks", asnctl_networks, "list all networks of an AS"},
    {"export", asnctl_export,
	"write what is flagged for Postfix, rbldnsd, nft or a program"},
    {"allow", asnctl_allow, "let mail from there pass, whatever its score"},
    {"block", asnctl_block, "flag mail from there, whatever its score"},
    {"rules", asnctl_rules,
	"list what is allowed and blocked, or take it back"},
    {"replay", asnctl_replay,
	"what would be flagged, on your Maildirs or a recorded stream"},
    {"report", asnctl_report,
	"show what was learned: as a page, in lines, or for a program"},
    {"seal-key", asnctl_seal_key, "make, renew and show the keys of the seal"},
    {NULL, NULL, NULL},
};

/* As a newcomer looks for them. */
typedef struct {
	const char *title;
	const char *verbs[12];
} Group;

static const Group groups[] = {
    {"Seeing what asnd knows and does",
	{"status", "lookup", "explain", "history", "top", "quality", "report",
	    "watch", "metrics"}},
    {"Correcting it", {"learn", "forget", "allow", "block", "rules"}},
    {"Lists of networks", {"networks", "export"}},
    {"Trying it out", {"replay"}},
    {"Databases and keys", {"import", "check", "seal-key"}},
};

static const Verb *
find_verb(const char *name)
{
	for (const Verb *v = verbs; v->name != NULL; v++)
		if (strcmp(name, v->name) == 0)
			return v;
	return NULL;
}

static void
usage(GString *to)
{
	g_string_append(to, "Usage: asnctl VERB [OPTION...]\n");
	for (gsize g = 0; g < G_N_ELEMENTS(groups); g++) {
		g_string_append_printf(to, "\n%s:\n", groups[g].title);
		for (const char *const *name = groups[g].verbs; *name; name++) {
			const Verb *v = find_verb(*name);

			if (v != NULL)
				g_string_append_printf(
				    to, "  %-9s %s\n", v->name, v->summary);
		}
	}
	g_string_append(to, "\n\"asnctl VERB --help\" tells more about one.\n");
}

static int
print_usage(void)
{
	g_autoptr(GString) text = g_string_new(NULL);

	usage(text);
	return output_to_stdout(text->str, text->len);
}

/* What a verb printed by stdio must have arrived, too. */
static int
flush(int code)
{
	errno = 0;
	if (code == EX_IOERR || (fflush(stdout) == 0 && !ferror(stdout)))
		return code;
	g_printerr("%s: standard output: %s\n", g_get_prgname(),
	    errno != 0 ? g_strerror(errno) : "not all could be written");
	return EX_IOERR;
}

static int
run_verb(const Verb *verb, int argc, char **argv)
{
	g_autofree char *name = g_strdup_printf("asnctl %s", verb->name);

	g_set_prgname(name);
	argv[0] = name;
	return flush(verb->run(argc, argv));
}

/* A file that is opened later must not get what is meant for a descriptor that
 * the caller closed: reading there and writing there fail. */
static void
occupy_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			_exit(EX_OSERR);
}

/* Cron, Dovecot and systemd set no locale; names and notes are UTF-8 there,
 * too, and GOption would refuse them in plain C. */
static void
use_locale(void)
{
	if (setlocale(LC_CTYPE, "") == NULL ||
	    strcmp(nl_langinfo(CODESET), "ANSI_X3.4-1968") == 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

int
main(int argc, char **argv)
{
	char shown[ASN_ESCAPE_SIZE];
	const Verb *verb;

	occupy_standard_files();
	use_locale();
	signal(SIGPIPE, SIG_IGN); /* a closed pipe says EPIPE */
	signal(SIGXFSZ, SIG_IGN); /* a failed write says EFBIG */
	g_set_prgname("asnctl");
	if (argc < 2) {
		g_printerr("asnctl: which verb? \"asnctl --help\" lists "
			   "them\n");
		return EX_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_usage();
	if (strcmp(argv[1], "--version") == 0)
		return output_to_stdout(VERSION_LINE, strlen(VERSION_LINE));
	verb = find_verb(argv[1]);
	if (verb != NULL)
		return run_verb(verb, argc - 1, argv + 1);
	g_printerr("asnctl: no verb \"%s\"; \"asnctl --help\" lists them\n",
	    asn_escape_str(shown, argv[1]));
	return EX_USAGE;
}
