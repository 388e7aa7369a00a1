/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status-files.c: the databases, as anyone who may read them sees them. */

#include <errno.h>
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include "open-databases.h"
#include "rules.h"
#include "status.h"

#define WEEK ((gint64)7 * 86400)
#define OLD_NETWORKS (5 * WEEK)
#define OLD_REPUTATION ((gint64)3 * 86400) /* asnd writes one a day */

/* One that is not sound has a problem, which is taken. */
static void
note_file(Status *s, StatusFile *file, const char *why, char *problem,
    const char *cure)
{
	file->state = why != NULL ? why : problem != NULL ? "broken" : "ok";
	if (problem != NULL)
		status_problem(s,
		    g_str_equal(file->state, "broken") ? STATUS_BROKEN
						       : STATUS_WARNING,
		    problem, cure);
}

static void
look_at_networks(Status *s)
{
	AsnNetworks *networks = NULL;
	char *problem = NULL;
	const char *why = NULL;

	asn_open_networks(s->config->database_dir, &networks, &problem, &why);
	note_file(s, &s->networks, why, problem, "asnctl import");
	if (networks == NULL)
		return;
	s->networks.built =
	    (gint64)asn_mmdb_meta(asn_networks_mmdb(networks))->build_epoch;
	if (s->now - s->networks.built > OLD_NETWORKS)
		status_problem(s, STATUS_WARNING,
		    g_strdup_printf("networks.mmdb is %" G_GINT64_FORMAT
				    " weeks old: who owns what has changed",
			(s->now - s->networks.built) / WEEK),
		    "location update; asnctl import");
	asn_networks_close(networks);
}

/* Where nothing was learnt yet, or asnd does not run, which was told: a restart
 * would help nothing. */
static const char *
cure_of_reputation(const Status *s, const char *why)
{
	gint64 votes =
	    status_number(s, "spam_votes") + status_number(s, "ham_votes");

	return g_strcmp0(why, "missing") == 0 && votes == 0
		   ? "nothing to do here: asnd writes it once it runs, and at "
		     "least daily"
		   : "systemctl restart asnd";
}

static void
look_at_reputation(Status *s)
{
	AsnReputation *reputation = NULL;
	char *problem = NULL;
	const char *why = NULL;

	asn_open_reputation(
	    s->config->database_dir, &reputation, &problem, &why);
	note_file(s, &s->reputation, why, problem, cure_of_reputation(s, why));
	if (reputation == NULL)
		return;
	s->reputation.built = asn_reputation_weights_time(reputation);
	if (s->now - s->reputation.built > OLD_REPUTATION)
		status_problem(s, STATUS_WARNING,
		    g_strdup_printf("reputation.mmdb is %" G_GINT64_FORMAT
				    " days old: asnd writes one a day",
			(s->now - s->reputation.built) / 86400),
		    "systemctl restart asnd");
	asn_reputation_close(reputation);
}

/* It need not be there: asnd publishes it with the first rule. */
static void
look_at_rules(Status *s)
{
	g_autofree char *path =
	    g_build_filename(s->config->database_dir, ASN_RULES_FILE, NULL);
	g_autoptr(GError) error = NULL;
	AsnRules *rules;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		s->rules.state = errno == ENOENT ? "missing" : "unreadable";
		return;
	}
	rules = asn_rules_open(fd, path, &error);
	close(fd);
	s->rules.state = rules != NULL ? "ok" : "broken";
	if (rules == NULL)
		status_problem(s, STATUS_BROKEN, g_strdup(error->message),
		    "systemctl restart asnd");
	asn_rules_close(rules);
}

void
status_look_at_files(Status *s)
{
	look_at_rules(s);
	look_at_networks(s);
	look_at_reputation(s);
}
