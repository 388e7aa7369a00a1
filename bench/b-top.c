/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * b-top.c: how long "asnctl top" keeps asnd from its work: the longest of the
 * pieces that it is done in, and all of them, with evidence of many addresses
 * in the real networks ($ASND_BUILD/bench/networks.mmdb, which b-lookup makes).
 *
 * The yardstick is what asnd allows itself in a turn of its loop, 10 ms.  Time
 * is that of the processor, so that what else runs does not matter.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "top.h"

#define NOW 1.8e9
#define SLICE_MS 2.0 /* as bus-top.c */
#define PIECE 32
#define TARGET_MS 10.0

static const char *const levels[ASN_N_LEVELS] = {[ASN_LEVEL_AS] = "as",
    [ASN_LEVEL_PREFIX] = "prefix",
    [ASN_LEVEL_BLOCK] = "block",
    [ASN_LEVEL_ADDRESS] = "address"};
static const char *const orders[] = {"spam", "score", "ham"};

static AsnNetworks *
open_networks(void)
{
	const char *build = g_getenv("ASND_BUILD");
	g_autofree char *path = g_build_filename(
	    build ? build : "build", "bench", "networks.mmdb", NULL);
	g_autoptr(GError) error = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	AsnNetworks *db;

	if (fd < 0) {
		printf("# top: no %s: run b-lookup first\n", path);
		exit(0);
	}
	db = asn_networks_open(fd, path, &error);
	close(fd);
	if (db != NULL)
		return db;
	fprintf(stderr, "b-top: %s\n", error->message);
	exit(1);
}

static AsnModel *
build(const AsnNetworks *networks, guint n)
{
	AsnModel *model = asn_model_new(&asn_model_defaults);
	g_autoptr(GRand) rng = g_rand_new_with_seed(1);

	while (asn_model_n_nodes(model, ASN_LEVEL_ADDRESS) < n) {
		AsnAddr addr = {.family = 4};
		guint32 bits = g_rand_int(rng);
		AsnOriginKey key;

		memcpy(addr.b + 12, &bits, sizeof bits);
		key = asn_networks_key(networks, &addr);
		if (key.asn != 0)
			asn_model_learn(model, &key,
			    NOW - g_rand_int_range(rng, 0, 1000000),
			    g_rand_boolean(rng), 1,
			    1 + (guint32)g_rand_int_range(rng, 0, 50));
	}
	return model;
}

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* One question as bus-top.c works on it. */
static void
ask(const AsndTopSource *source, AsnLevel level, AsndTopBy by, guint limit)
{
	AsndTop *top = asnd_top_new(level, by, limit);
	const double start = now_ms();
	double longest = 0, all;
	gboolean more = TRUE;
	GArray *rows;

	while (more) {
		const double turn = now_ms();

		while (more && now_ms() - turn < SLICE_MS)
			more = asnd_top_step(top, source, PIECE);
		longest = MAX(longest, now_ms() - turn);
	}
	const double last = now_ms();
	rows = asnd_top_rows(top, source);
	longest = MAX(longest, now_ms() - last);
	all = now_ms() - start;
	printf("top %s by %s, longest turn of %.0f ms\t%.2f ms\t%.0f ms\t%.2f\t"
	       "%.2f\t%s\n",
	    levels[level], orders[by], all, longest, TARGET_MS,
	    longest / TARGET_MS, 1.0, longest <= TARGET_MS ? "ok" : "MISSED");
	g_array_unref(rows);
	asnd_top_free(top);
}

int
main(int argc, char **argv)
{
	gboolean is_short = argc > 1 && strcmp(argv[1], "--short") == 0;
	AsnNetworks *networks = open_networks();
	AsnModel *model = build(networks, is_short ? 100000 : 1000000);
	AsndTopSource source = {model, networks, NOW};

	printf("# top: %u addresses, %u blocks, %u prefixes, %u ASs, %u rows\n",
	    asn_model_n_nodes(model, ASN_LEVEL_ADDRESS),
	    asn_model_n_nodes(model, ASN_LEVEL_BLOCK),
	    asn_model_n_nodes(model, ASN_LEVEL_PREFIX),
	    asn_model_n_nodes(model, ASN_LEVEL_AS), ASND_TOP_MAX);
	for (guint level = ASN_LEVEL_AS; level <= ASN_LEVEL_ADDRESS; level++)
		for (guint by = ASND_TOP_SPAM; by <= ASND_TOP_HAM; by++)
			ask(&source, (AsnLevel)level, (AsndTopBy)by,
			    ASND_TOP_MAX);
	asn_model_free(model);
	asn_networks_close(networks);
	return 0;
}
