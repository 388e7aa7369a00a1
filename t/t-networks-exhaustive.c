/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-networks-exhaustive.c: what asnctl import makes of the whole location.db
 * answers as libloc does: at every border of every network, one address to
 * either side, and at a million random addresses.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libloc/database.h>
#include <libloc/libloc.h>
#include <libloc/network.h>
#include <maxminddb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "networks.h"

#define LOCATION_DB "/usr/share/libloc-location/location.db"
#define RANDOM_ADDRESSES 1000000

typedef struct {
	struct loc_ctx *ctx;
	struct loc_database *loc;
	FILE *file;
	AsnNetworks *ours;
	char *dir, *path;
	guint64 asked, found;
} Fixture;

static void
set_up(Fixture *f)
{
	GError *error = NULL;
	g_autofree char *asnctl =
	    g_test_build_filename(G_TEST_BUILT, "..", "asnctl", "asnctl", NULL);
	const char *argv[] = {asnctl, "import", "-o", NULL, LOCATION_DB, NULL};
	int status, fd;

	f->dir = g_dir_make_tmp("t-networks-XXXXXX", &error);
	g_assert_no_error(error);
	f->path = g_build_filename(f->dir, "networks.mmdb", NULL);
	argv[3] = f->path;
	g_spawn_sync(NULL, (char **)(gpointer)argv, NULL,
	    G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status,
	    &error);
	g_assert_no_error(error);
	g_spawn_check_wait_status(status, &error);
	g_assert_no_error(error);
	fd = open(f->path, O_RDONLY | O_CLOEXEC);
	g_assert_cmpint(fd, >=, 0);
	f->ours = asn_networks_open(fd, f->path, &error);
	g_assert_no_error(error);
	close(fd);
	f->file = fopen(LOCATION_DB, "re");
	g_assert_nonnull(f->file);
	g_assert_cmpint(loc_new(&f->ctx), ==, 0);
	g_assert_cmpint(loc_database_new(f->ctx, &f->loc, f->file), ==, 0);
}

static void
tear_down(Fixture *f)
{
	asn_networks_close(f->ours);
	loc_database_unref(f->loc);
	loc_unref(f->ctx);
	fclose(f->file);
	g_unlink(f->path);
	g_rmdir(f->dir);
	g_free(f->path);
	g_free(f->dir);
}

static AsnAddr
addr_of(const struct in6_addr *in6)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = *in6};
	AsnAddr a;

	g_assert_true(asn_addr_from_sockaddr((struct sockaddr *)&sa, &a));
	return a;
}

/* By design IPv6 addresses in ::/96 find nothing, and those in 2002::/16
 * find the IPv4 network they carry; libloc knows neither. */
static gboolean
same_by_design(const struct in6_addr *a)
{
	static const guint8 zeros[12];

	return memcmp(a, zeros, 12) != 0 &&
	       (a->s6_addr[0] != 0x20 || a->s6_addr[1] != 0x02);
}

static void
report(const struct in6_addr *in6, guint32 asn, const char *country, guint len,
    const AsnOrigin *got)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, in6, text, sizeof text);
	g_error("%s: libloc says AS%u %s /%u, networks.mmdb AS%u %s /%u", text,
	    asn, country, len, got->asn, got->country, got->prefix.len);
}

static void
compare(Fixture *f, const struct in6_addr *in6)
{
	struct loc_network *network = NULL;
	AsnAddr a = addr_of(in6);
	const char *country = "";
	guint32 asn = 0;
	guint len = 0;
	AsnOrigin got;
	gboolean found;

	if (!same_by_design(in6))
		return;
	f->asked++;
	found = asn_networks_lookup(f->ours, &a, &got);
	loc_database_lookup(f->loc, in6, &network);
	if (network != NULL) {
		asn = loc_network_get_asn(network);
		country = loc_network_get_country_code(network);
		len = loc_network_prefix(network);
		if (country == NULL)
			country = "";
	}
	/* A network of nobody is no record. */
	if (asn == 0 && country[0] == '\0')
		len = 0;
	f->found += found;
	if (found != (asn != 0 || country[0] != '\0') || got.asn != asn ||
	    strcmp(got.country, country) != 0 || got.prefix.len != len)
		report(in6, asn, country, len, &got);
	if (network != NULL)
		loc_network_unref(network);
}

static struct in6_addr
step(struct in6_addr a, int d)
{
	for (int i = 15; i >= 0; i--) {
		a.s6_addr[i] = (guint8)(a.s6_addr[i] + d);
		if (a.s6_addr[i] != (d > 0 ? 0 : 0xff))
			break;
	}
	return a;
}

static void
test_borders(void)
{
	struct loc_database_enumerator *e = NULL;
	struct loc_network *network = NULL;
	Fixture f = {.asked = 0};
	guint64 networks = 0;

	set_up(&f);
	g_assert_cmpint(loc_database_enumerator_new(
			    &e, f.loc, LOC_DB_ENUMERATE_NETWORKS, 0),
	    ==, 0);
	while (loc_database_enumerator_next_network(e, &network) == 0 &&
	       network != NULL) {
		struct in6_addr first = *loc_network_get_first_address(network);
		struct in6_addr last = *loc_network_get_last_address(network);
		struct in6_addr before = step(first, -1), after = step(last, 1);

		compare(&f, &before);
		compare(&f, &first);
		compare(&f, &last);
		compare(&f, &after);
		loc_network_unref(network);
		network = NULL;
		networks++;
	}
	loc_database_enumerator_unref(e);
	g_test_message("%" G_GUINT64_FORMAT " networks, %" G_GUINT64_FORMAT
		       " addresses asked, %" G_GUINT64_FORMAT
		       " with a record, 0 differences",
	    networks, f.asked, f.found);
	g_assert_cmpuint(networks, >, 1000000);
	g_assert_cmpuint(f.found, >, networks);
	tear_down(&f);
}

/* Half IPv4, half IPv6 below 2000::/3, of which few hit a network; so of
 * these every other one starts with bytes that are in use. */
static struct in6_addr
random_address(GRand *r, guint i)
{
	static const guint16 used[] = {0x2001, 0x2400, 0x2404, 0x2600, 0x2604,
	    0x2607, 0x2800, 0x2804, 0x2a00, 0x2a01, 0x2a02, 0x2c0f};
	struct in6_addr a;

	for (int k = 0; k < 16; k += 4) {
		guint32 v = g_rand_int(r);
		memcpy(a.s6_addr + k, &v, 4);
	}
	if (i % 2 == 0) {
		memset(a.s6_addr, 0, 10);
		memset(a.s6_addr + 10, 0xff, 2);
	} else if (i % 4 == 1) {
		a.s6_addr[0] = (guint8)((a.s6_addr[0] & 0x1f) | 0x20);
	} else {
		guint16 start = used[g_rand_int(r) % G_N_ELEMENTS(used)];
		a.s6_addr[0] = (guint8)(start >> 8);
		a.s6_addr[1] = (guint8)start;
		a.s6_addr[2] &= 0x0f;
	}
	return a;
}

static void
test_random(void)
{
	g_autoptr(GRand) r = g_rand_new_with_seed(20221029);
	Fixture f = {.asked = 0};

	set_up(&f);
	for (guint i = 0; i < RANDOM_ADDRESSES; i++) {
		struct in6_addr a = random_address(r, i);
		compare(&f, &a);
	}
	g_test_message("%" G_GUINT64_FORMAT
		       " addresses asked, %" G_GUINT64_FORMAT
		       " with a record, 0 differences",
	    f.asked, f.found);
	g_assert_cmpuint(f.asked, >, RANDOM_ADDRESSES * 99 / 100);
	g_assert_cmpuint(f.found, >, RANDOM_ADDRESSES / 3);
	tear_down(&f);
}

static void
compare_maxmind(Fixture *f, MMDB_s *mm, const struct in6_addr *in6)
{
	struct sockaddr_in6 sa = {.sin6_family = AF_INET6, .sin6_addr = *in6};
	AsnAddr a = addr_of(in6);
	MMDB_lookup_result_s res;
	MMDB_entry_data_s d;
	AsnOrigin got;
	int status;

	if (!same_by_design(in6))
		return;
	asn_networks_lookup(f->ours, &a, &got);
	res = MMDB_lookup_sockaddr(mm, (struct sockaddr *)&sa, &status);
	g_assert_cmpint(status, ==, MMDB_SUCCESS);
	g_assert_cmpint(res.found_entry, ==, got.prefix.addr.family != 0);
	if (!res.found_entry)
		return;
	f->found++;
	status = MMDB_get_value(&res.entry, &d, "prefix_length", NULL);
	g_assert_cmpint(status, ==, MMDB_SUCCESS);
	g_assert_cmpint(d.type, ==, MMDB_DATA_TYPE_UINT16);
	g_assert_cmpuint(d.uint16, ==, got.prefix.len);
	status =
	    MMDB_get_value(&res.entry, &d, "autonomous_system_number", NULL);
	g_assert_cmpuint(status == MMDB_SUCCESS ? d.uint32 : 0, ==, got.asn);
	status = MMDB_get_value(
	    &res.entry, &d, "autonomous_system_organization", NULL);
	if (status == MMDB_SUCCESS)
		g_assert_cmpmem(
		    d.utf8_string, d.data_size, got.org, got.org_len);
	else
		g_assert_null(got.org);
	status = MMDB_get_value(&res.entry, &d, "country", NULL);
	if (status == MMDB_SUCCESS)
		g_assert_cmpmem(d.utf8_string, d.data_size, got.country, 2);
	else
		g_assert_cmpstr(got.country, ==, "");
}

/* libmaxminddb, which is what mmdblookup is, reads the same. */
static void
test_maxmind(void)
{
	g_autoptr(GRand) r = g_rand_new_with_seed(3);
	Fixture f = {.asked = 0};
	MMDB_s mm;

	set_up(&f);
	g_assert_cmpint(
	    MMDB_open(f.path, MMDB_MODE_MMAP, &mm), ==, MMDB_SUCCESS);
	for (guint i = 0; i < 100000; i++) {
		struct in6_addr a = random_address(r, i);
		compare_maxmind(&f, &mm, &a);
	}
	g_assert_cmpuint(f.found, >, 30000);
	MMDB_close(&mm);
	tear_down(&f);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/networks-exhaustive/borders", test_borders);
	g_test_add_func("/networks-exhaustive/random", test_random);
	g_test_add_func("/networks-exhaustive/maxmind", test_maxmind);
	return g_test_run();
}
