/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c: asnctl, the command line: finds the verb and calls it. */

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include <glib.h>

#include "asnctl.h"

typedef struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} Verb;

static const Verb verbs[] = {
    {"status", asnctl_status, "healthy, or what is wrong and what to do"},
    {"import", asnctl_import, "build networks.mmdb: who owns which network"},
    {"check", asnctl_check, "prove database files sound, from end to end"},
    {"lookup", asnctl_lookup, "tell what is known of an address or an AS"},
    {"history", asnctl_history, "list the votes behind a score"},
    {"learn", asnctl_learn, "learn mails as spam or ham"},
    {"forget", asnctl_forget, "take votes out of the evidence for good"},
    {"top", asnctl_top, "list where most spam or wanted mail comes from"},
    {"quality", asnctl_quality, "tell what users thought of our flags"},
    {"metrics", asnctl_metrics, "write numbers for Prometheus"},
    {"networks", asnctl_networks, "list all networks of an AS"},
    {"export", asnctl_export,
	"write what is flagged for Postfix, rbldnsd, nft or a program"},
    {"replay", asnctl_replay,
	"measure the score on a recorded stream of mails"},
    {"report", asnctl_report,
	"show what was learned: as a page, in lines, or for a program"},
    {"seal-key", asnctl_seal_key, "make, renew and show the keys of the seal"},
    {NULL, NULL, NULL},
};

static void
usage(FILE *to)
{
	fprintf(to, "Usage: asnctl VERB [OPTION...]\n\nVerbs:\n");
	for (const Verb *v = verbs; v->name != NULL; v++)
		fprintf(to, "  %-10s %s\n", v->name, v->summary);
	fprintf(to, "\n\"asnctl VERB --help\" tells more about one.\n");
}

static int
run_verb(const Verb *verb, int argc, char **argv)
{
	g_autofree char *name = g_strdup_printf("asnctl %s", verb->name);

	g_set_prgname(name);
	argv[0] = name;
	return verb->run(argc, argv);
}

int
main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	signal(SIGXFSZ, SIG_IGN); /* a failed write says EFBIG */
	g_set_prgname("asnctl");
	if (argc < 2) {
		usage(stderr);
		return EX_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return EX_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("asnctl %s\n", ASND_VERSION);
		return EX_OK;
	}
	for (const Verb *v = verbs; v->name != NULL; v++)
		if (strcmp(argv[1], v->name) == 0)
			return run_verb(v, argc - 1, argv + 1);
	fprintf(stderr,
	    "asnctl: no verb \"%.100s\"; \"asnctl --help\" lists them\n",
	    argv[1]);
	return EX_USAGE;
}
