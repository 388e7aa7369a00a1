/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crash-open.c: opens what a crash left, as asnd and asn-milter do at their
 * start.
 *
 *   crash-open < DIRECTORIES
 *
 * A line in is a directory with state/ and db/ in it; a line out is "ok", or
 * what is wrong with it.  What asnd changes at its start is then changed there.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "learn.h"
#include "networks.h"
#include "publish.h"
#include "rules.h"

static gboolean
open_evidence(const char *dir, GError **error)
{
	g_autofree char *state = g_build_filename(dir, "state", NULL);
	g_autofree char *db = g_build_filename(dir, "db", NULL);
	gint64 now = g_get_real_time() / G_USEC_PER_SEC;
	AsndStore *store = asnd_store_open(state, now, error);
	AsndMails *mails = store ? asnd_mails_new(store, error) : NULL;
	AsndJournal *journal =
	    mails ? asnd_journal_new(store, &asn_model_defaults, error) : NULL;
	AsndPublisher *publisher =
	    journal ? asnd_publisher_new(db, store, error) : NULL;
	gboolean ok = publisher != NULL;

	if (ok && asnd_store_was_rebuilt(store) != NULL) {
		g_set_error(error, G_FILE_ERROR, 0, "the evidence was lost");
		ok = FALSE;
	}
	asnd_publisher_free(publisher);
	asnd_journal_free(journal);
	asnd_mails_free(mails);
	asnd_store_close(store);
	return ok;
}

static int
open_db(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, "db", name, NULL);

	return open(path, O_RDONLY | O_CLOEXEC);
}

static gboolean
open_reputation(const char *dir, GError **error)
{
	int base = open_db(dir, ASN_REPUTATION_FILE);
	int recent = open_db(dir, ASN_RECENT_FILE);
	AsnReputation *r;

	if (base >= 0) {
		r = asn_reputation_open(base, recent, dir, error);
		asn_reputation_close(r);
	}
	if (base >= 0)
		close(base);
	if (recent >= 0)
		close(recent);
	return *error == NULL;
}

static gboolean
open_others(const char *dir, GError **error)
{
	int fd = open_db(dir, ASN_NETWORKS_FILE);

	if (fd >= 0) {
		asn_networks_close(asn_networks_open(fd, dir, error));
		close(fd);
	}
	fd = *error == NULL ? open_db(dir, ASN_RULES_FILE) : -1;
	if (fd >= 0) {
		asn_rules_close(asn_rules_open(fd, dir, error));
		close(fd);
	}
	return *error == NULL;
}

int
main(void)
{
	char line[4096];

	while (fgets(line, sizeof line, stdin) != NULL) {
		GError *error = NULL;

		line[strcspn(line, "\n")] = '\0';
		if (open_reputation(line, &error) &&
		    open_others(line, &error) && open_evidence(line, &error))
			puts("ok");
		else
			puts(error->message);
		g_clear_error(&error);
		fflush(stdout);
	}
	return 0;
}
