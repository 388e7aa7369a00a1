/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge-headers.c: is each X-ASN-Spam what a reputation that was valid then
 * gives?
 *
 *   judge-headers KEEP_DIR NETWORKS.mmdb CONFIG SLACK < LINES
 *
 * KEEP_DIR is what keep-published.so kept.  A line is "TIME ADDRESS VALUE": the
 * time of the seal, the client, X-ASN-Spam.  It is right when a reputation
 * gives just that value that was valid in that second, or no more than SLACK
 * seconds from it: a new one is taken up a moment later, and time(2), which is
 * in the seal, may be some ticks behind the clock of who published.
 * Reputations: each base alone, and with each recent that belongs to it. Prints
 * every line that is wrong, and then REPUTATIONS published, MAILS judged, WRONG
 * wrong, at most N.NNN s late
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy.h"

typedef struct {
	AsnReputation *reputation;
	double from, until; /* seconds */
} Generation;

static GArray *generations;

static void
check(gboolean ok, const char *what, const GError *error)
{
	if (ok)
		return;
	fprintf(stderr, "judge-headers: %s: %s\n", what,
	    error ? error->message : g_strerror(errno));
	exit(2);
}

static int
open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	check(fd >= 0, path, NULL);
	return fd;
}

/* `from` is when it came; what was there before is replaced by it. */
static void
add(AsnReputation *reputation, double from)
{
	Generation g = {reputation, from, G_MAXDOUBLE};

	g_array_append_val(generations, g);
}

/* Until the next is there.  A base alone is valid as long as it is the base:
 * its recent may come a moment later, or be looked at in between. */
static void
set_ends(void)
{
	double end = G_MAXDOUBLE, base_end = G_MAXDOUBLE;

	for (guint i = generations->len; i > 0; i--) {
		Generation *g = &g_array_index(generations, Generation, i - 1);

		if (asn_reputation_has_recent(g->reputation)) {
			g->until = end;
		} else {
			g->until = base_end;
			base_end = g->from;
		}
		end = g->from;
	}
}

static void
load(const char *dir, const char *name, AsnReputation **base)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	double from = g_ascii_strtod(strchr(name, '-') + 1, NULL) / 1e6;
	GError *error = NULL;
	AsnReputation *r;
	int fd = open_file(path);

	if (g_str_has_suffix(name, ASN_REPUTATION_FILE))
		r = *base = asn_reputation_open(fd, -1, path, &error);
	else
		r = *base ? asn_reputation_with_recent(*base, fd, &error)
			  : NULL;
	close(fd);
	check(error == NULL, path, error);
	if (r != NULL)
		add(r, from);
}

static int
is_kept(const struct dirent *entry)
{
	return g_ascii_isdigit(entry->d_name[0]);
}

static void
load_all(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_kept, alphasort);
	AsnReputation *base = NULL;

	check(n > 0, dir, NULL);
	for (int i = 0; i < n; i++)
		load(dir, names[i]->d_name, &base);
	set_ends();
}

static gboolean
gives(const Generation *g, const AsnNetworks *networks, const MltPolicy *policy,
    const MltFacts *facts, gint64 t, const char *value)
{
	MltSnapshot snapshot = {networks, g->reputation, NULL};
	static MltDecision d;

	mlt_policy_decide(policy, &snapshot, facts, t, &d);
	for (guint i = 0; i < d.n; i++)
		if (strcmp(d.header[i].name, ASN_HEADER_SPAM) == 0)
			return strcmp(d.header[i].value, value) == 0;
	return FALSE;
}

/* Seconds by which the best one came too late or had been replaced; infinite:
 * none ever gave it.  */
static double
judge(const AsnNetworks *networks, const MltPolicy *policy,
    const MltFacts *facts, gint64 t, const char *value)
{
	double best = HUGE_VAL;

	for (guint i = generations->len; i > 0 && best > 0; i--) {
		const Generation *g =
		    &g_array_index(generations, Generation, i - 1);
		double off = MAX(g->from - (double)t - 1, (double)t - g->until);

		off = MAX(0, off);
		if (off < best && gives(g, networks, policy, facts, t, value))
			best = off;
	}
	return best;
}

int
main(int argc, char **argv)
{
	MltPolicy policy = {NULL, NULL};
	double late = 0, slack;
	guint mails = 0, wrong = 0;
	GError *error = NULL;
	AsnNetworks *networks;
	char line[4096];

	check(argc == 5, "four arguments, see the source", NULL);
	generations = g_array_new(FALSE, FALSE, sizeof(Generation));
	load_all(argv[1]);
	networks = asn_networks_open(open_file(argv[2]), argv[2], &error);
	check(networks != NULL, argv[2], error);
	policy.config = asn_config_load(argv[3], &error);
	check(policy.config != NULL, argv[3], error);
	slack = g_ascii_strtod(argv[4], NULL);
	while (fgets(line, sizeof line, stdin) != NULL) {
		g_auto(GStrv) part = g_strsplit(g_strchomp(line), " ", 3);
		MltFacts facts = {0};
		double mine;

		check(
		    g_strv_length(part) == 3 &&
			asn_addr_parse(part[1], strlen(part[1]), &facts.client),
		    line, NULL);
		mine = judge(networks, &policy, &facts,
		    g_ascii_strtoll(part[0], NULL, 10), part[2]);
		mails++;
		late = MAX(late, mine);
		if (mine <= slack)
			continue;
		wrong++;
		printf("wrong by %.3f s: %s %s %s\n", mine, part[0], part[1],
		    part[2]);
	}
	printf("%u published, %u judged, %u wrong, at most %.3f s late\n",
	    generations->len, mails, wrong, late);
	return wrong == 0 ? 0 : 1;
}
