/* SPDX-License-Identifier: GPL-2.0-or-later */
/* open-databases.c: opens the databases for who asks them one question. */

#include <errno.h>
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include "open-databases.h"

/* A descriptor, or -1 with errno. */
static int
open_file(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static int
not_there(const char *dir, const char *name, const char *what_to_do,
    char **problem, const char **why)
{
	if (why != NULL)
		*why = errno == ENOENT ? "missing" : "unreadable";
	*problem = g_strdup_printf(
	    "%s/%s: %s: %s", dir, name, g_strerror(errno), what_to_do);
	return EX_NOINPUT;
}

int
asn_open_networks(
    const char *dir, AsnNetworks **out, char **problem, const char **why)
{
	g_autofree char *path = g_build_filename(dir, ASN_NETWORKS_FILE, NULL);
	g_autoptr(GError) error = NULL;
	int fd = open_file(dir, ASN_NETWORKS_FILE);

	*out = NULL;
	if (fd < 0)
		return not_there(dir, ASN_NETWORKS_FILE,
		    "holders and prefixes are unknown; \"asnctl import\" "
		    "makes it",
		    problem, why);
	*out = asn_networks_open(fd, path, &error);
	close(fd);
	if (*out != NULL)
		return EX_OK;
	if (why != NULL)
		*why = "broken";
	*problem = g_strdup_printf(
	    "%s; \"asnctl import\" makes it anew", error->message);
	return EX_DATAERR;
}

/* recent.mmdb first: asnd publishes it after the base that it belongs to, so
 * the base that is opened next is that one, or a newer one that has it all. */
int
asn_open_reputation(
    const char *dir, AsnReputation **out, char **problem, const char **why)
{
	g_autoptr(GError) error = NULL;
	int recent = open_file(dir, ASN_RECENT_FILE);
	int fd = open_file(dir, ASN_REPUTATION_FILE), code = EX_OK;

	*out = NULL;
	if (fd < 0)
		code = not_there(dir, ASN_REPUTATION_FILE,
		    "there is no score; asnd writes it once users move mail "
		    "to Junk",
		    problem, why);
	else
		*out = asn_reputation_open(fd, recent, dir, &error);
	if (error != NULL) {
		code = EX_DATAERR;
		*problem = g_strdup_printf(
		    "%s; restart asnd to write it anew", error->message);
		if (recent >= 0)
			*out = asn_reputation_open(fd, -1, dir, NULL);
		if (*out == NULL && why != NULL)
			*why = "broken";
	}
	if (fd >= 0)
		close(fd);
	if (recent >= 0)
		close(recent);
	return code;
}

int
asn_open_rules(const char *dir, AsnRules **out, char **problem)
{
	g_autofree char *path = g_build_filename(dir, ASN_RULES_FILE, NULL);
	g_autoptr(GError) error = NULL;
	int fd = open_file(dir, ASN_RULES_FILE);

	*out = NULL;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return EX_OK;
	if (fd < 0)
		return not_there(
		    dir, ASN_RULES_FILE, "rules are unknown", problem, NULL);
	*out = asn_rules_open(fd, path, &error);
	close(fd);
	if (*out != NULL)
		return EX_OK;
	*problem = g_strdup_printf(
	    "%s; restart asnd to write it anew", error->message);
	return EX_DATAERR;
}
