/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status-files.c: the databases, as anyone who may read them sees them. */

#include <sysexits.h>

#include "open-databases.h"
#include "status.h"

#define WEEK (7 * 86400)
#define OLD_NETWORKS (5 * WEEK)
#define OLD_REPUTATION (3 * 86400) /* asnd writes one a day */

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

static void
look_at_reputation(Status *s)
{
	AsnReputation *reputation = NULL;
	char *problem = NULL;
	const char *why = NULL;

	asn_open_reputation(
	    s->config->database_dir, &reputation, &problem, &why);
	note_file(s, &s->reputation, why, problem, "systemctl restart asnd");
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

void
status_look_at_files(Status *s)
{
	look_at_networks(s);
	look_at_reputation(s);
}
