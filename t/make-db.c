/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make-db.c: small databases for the milter's tests.
 *
 *   make-db DIR networks [HOLDER]   networks.mmdb: documentation networks
 *   make-db DIR base ID BAD-NET...   reputation.mmdb, generation ID
 *   make-db DIR random N            reputation.mmdb with N /32s, 1 to 223.x
 *   make-db DIR recent ID NET...    recent.mmdb for base ID: NET turned bad
 *
 * Put in place as asnd does it; test-db.h says what is in them.  Weights are of
 * now.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aside.h"
#include "test-db.h"

static void
check(gboolean ok, GError *error)
{
	if (ok)
		return;
	fprintf(stderr, "make-db: %s\n", error ? error->message : "failed");
	exit(1);
}

static void
put(const char *dir, const char *name, GBytes *bytes)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	GError *error = NULL;
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);

	check(fd >= 0, NULL);
	check(asn_aside_write(fd, name, data, len, 0644, &error), error);
	close(fd);
	g_bytes_unref(bytes);
}

int
main(int argc, char **argv)
{
	gboolean recent = argc > 2 && strcmp(argv[2], "recent") == 0;

	if (argc > 2 && strcmp(argv[2], "networks") == 0) {
		put(argv[1], ASN_NETWORKS_FILE,
		    test_db_networks(argc > 3 ? argv[3] : "Example Networks"));
		return 0;
	}
	if (argc == 4 && strcmp(argv[2], "random") == 0) {
		put(argv[1], ASN_REPUTATION_FILE,
		    test_db_random((guint)atoi(argv[3]), time(NULL)));
		return 0;
	}
	if (argc < 4) {
		fputs("usage: make-db DIR networks|base|random|recent ...\n",
		    stderr);
		return 64;
	}
	put(argv[1], recent ? ASN_RECENT_FILE : ASN_REPUTATION_FILE,
	    test_db_reputation(recent, g_ascii_strtoull(argv[3], NULL, 10),
		(const char *const *)argv + 4, time(NULL)));
	return 0;
}
