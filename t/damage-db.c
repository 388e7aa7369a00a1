/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * damage-db.c: changes a database byte by byte, and cuts it; the reader that
 * the milter uses must refuse each.
 *
 *   damage-db networks|reputation|rules FILE CHANGES SEED
 *   damage-db recent FILE CHANGES SEED BASE
 *
 * CHANGES 0: every byte (three ways) and every length.  Otherwise that many
 * random changes of one to four bytes, and a tenth as many lengths.  Prints
 * "N changes and M lengths refused", or what was taken and exits 1.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "networks.h"
#include "reputation.h"
#include "rules.h"

typedef struct {
	const char *kind;
	int fd; /* a copy, to be damaged */
	guint8 *good;
	gsize len;
	AsnReputation *base; /* of a recent */
	guint64 changes, lengths;
} Damage;

static gboolean
is_refused(const Damage *d)
{
	g_autoptr(GError) error = NULL;

	if (strcmp(d->kind, "networks") == 0)
		asn_networks_close(asn_networks_open(d->fd, "x", &error));
	else if (strcmp(d->kind, "reputation") == 0)
		asn_reputation_close(
		    asn_reputation_open(d->fd, -1, "x", &error));
	else if (strcmp(d->kind, "recent") == 0)
		asn_reputation_close(
		    asn_reputation_with_recent(d->base, d->fd, &error));
	else
		asn_rules_close(asn_rules_open(d->fd, "x", &error));
	return error != NULL;
}

static void
put(const Damage *d, gsize at, const guint8 *bytes, gsize n)
{
	g_assert_cmpint(pwrite(d->fd, bytes, n, (off_t)at), ==, (gssize)n);
}

static void
want(const Damage *d, const char *what, gsize at, gsize n)
{
	if (is_refused(d))
		return;
	printf("%s: %s at %" G_GSIZE_FORMAT " (%" G_GSIZE_FORMAT
	       "): taken as sound\n",
	    d->kind, what, at, n);
	exit(1);
}

/* Every byte of bytes[] differs from what is there. */
static void
change(Damage *d, gsize at, const guint8 *bytes, gsize n)
{
	put(d, at, bytes, n);
	want(d, "a change", at, n);
	put(d, at, d->good + at, n);
	d->changes++;
}

static void
cut(Damage *d, gsize len)
{
	g_assert_cmpint(ftruncate(d->fd, (off_t)len), ==, 0);
	want(d, "cut", len, d->len);
	put(d, len, d->good + len, d->len - len);
	d->lengths++;
}

static void
every_one(Damage *d)
{
	for (gsize at = 0; at < d->len; at++) {
		const guint8 ways[] = {
		    d->good[at] ^ 1, d->good[at] ^ 0x80, (guint8)~d->good[at]};

		for (gsize i = 0; i < G_N_ELEMENTS(ways); i++)
			change(d, at, &ways[i], 1);
		cut(d, at);
	}
}

static void
random_ones(Damage *d, guint64 n, guint32 seed)
{
	g_autoptr(GRand) rng = g_rand_new_with_seed(seed);

	for (guint64 i = 0; i < n; i++) {
		guint8 bytes[4];
		gsize many = (gsize)g_rand_int_range(rng, 1, 5);
		gsize at = (gsize)g_rand_double_range(
		    rng, 0, (double)(d->len - sizeof bytes));

		for (gsize k = 0; k < many; k++)
			bytes[k] = d->good[at + k] ^
				   (guint8)g_rand_int_range(rng, 1, 256);
		change(d, at, bytes, many);
		if (i % 10 == 0)
			cut(d,
			    (gsize)g_rand_double_range(rng, 0, (double)d->len));
	}
}

int
main(int argc, char **argv)
{
	Damage d = {.kind = argc < 5 ? "" : argv[1]};
	guint64 n;

	if (argc < 5 || (strcmp(d.kind, "recent") == 0) != (argc == 6))
		return fputs("usage: see damage-db.c\n", stderr), 64;
	if (!g_file_get_contents(argv[2], (char **)&d.good, &d.len, NULL))
		return perror(argv[2]), 66;
	n = g_ascii_strtoull(argv[3], NULL, 10);
	d.fd = memfd_create("damaged", MFD_CLOEXEC);
	put(&d, 0, d.good, d.len);
	if (argc == 6) {
		int base = open(argv[5], O_RDONLY | O_CLOEXEC);

		d.base = asn_reputation_open(base, -1, "x", NULL);
		close(base);
	}
	if ((argc == 6 && d.base == NULL) || is_refused(&d))
		return printf("%s: refused as it is\n", argv[2]), 1;
	if (n == 0)
		every_one(&d);
	else
		random_ones(
		    &d, n, (guint32)g_ascii_strtoull(argv[4], NULL, 10));
	printf("%" G_GUINT64_FORMAT " changes and %" G_GUINT64_FORMAT
	       " lengths refused\n",
	    d.changes, d.lengths);
	asn_reputation_close(d.base);
	g_free(d.good);
	close(d.fd);
	return 0;
}
