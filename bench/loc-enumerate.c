/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loc-enumerate.c: the yardstick of b-import: lists every network of a
 * location.db with libloc, and with --tsv prints what an import makes of it. */

#include <libloc/as.h>
#include <libloc/database.h>
#include <libloc/libloc.h>
#include <libloc/network.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct loc_database *db;

static void
print(struct loc_network *n)
{
	uint32_t asn = loc_network_get_asn(n);
	const char *cc = loc_network_get_country_code(n);
	struct loc_as *as = NULL;

	loc_database_get_as(db, &as, asn);
	printf("%s\t%u\t%s\t%s\t%u\n", loc_network_str(n), asn,
	    as && loc_as_get_name(as) ? loc_as_get_name(as) : "", cc ? cc : "",
	    loc_network_prefix(n));
	if (as != NULL)
		loc_as_unref(as);
}

int
main(int argc, char **argv)
{
	int tsv = argc > 2 && strcmp(argv[1], "--tsv") == 0;
	FILE *f = argc > 1 ? fopen(argv[argc - 1], "re") : NULL;
	struct loc_database_enumerator *e;
	struct loc_network *n = NULL;
	unsigned long sum = 0, count = 0;
	struct loc_ctx *ctx;

	if (f == NULL || loc_new(&ctx) != 0 ||
	    loc_database_new(ctx, &db, f) != 0 ||
	    loc_database_enumerator_new(&e, db, LOC_DB_ENUMERATE_NETWORKS, 0) !=
		0)
		return 66;
	while (loc_database_enumerator_next_network(e, &n) == 0 && n != NULL) {
		sum += loc_network_get_asn(n) + loc_network_prefix(n);
		count++;
		if (tsv)
			print(n);
		loc_network_unref(n);
		n = NULL;
	}
	if (!tsv)
		printf("%lu %lu\n", count, sum);
	return 0;
}
