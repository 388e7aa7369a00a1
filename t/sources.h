/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sources in a temporary directory and the database made of them, for the
 * tests of asnctl import.
 */
#pragma once

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "networks.h"
#include "source.h"

typedef struct {
	char *dir;
	ImportSet *set;
	AsnNetworks *db;
	int n;
} Fixture;

static inline void
set_up(Fixture *f, gconstpointer unused)
{
	GError *error = NULL;

	f->dir = g_dir_make_tmp("t-import-XXXXXX", &error);
	g_assert_no_error(error);
	f->set = import_set_new();
}

static inline void
tear_down(Fixture *f, gconstpointer unused)
{
	GDir *d = g_dir_open(f->dir, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(d)) != NULL) {
		g_autofree char *path = g_build_filename(f->dir, name, NULL);
		g_unlink(path);
	}
	g_dir_close(d);
	g_rmdir(f->dir);
	g_free(f->dir);
	import_set_free(f->set);
	asn_networks_close(f->db);
}

static inline char *
save(Fixture *f, const char *text, gssize len)
{
	g_autofree char *name = g_strdup_printf("source-%d", f->n++);
	char *path = g_build_filename(f->dir, name, NULL);

	g_assert_true(g_file_set_contents(path, text, len, NULL));
	return path;
}

static inline gboolean
read_text(Fixture *f, const char *text, gssize len, GError **error)
{
	g_autofree char *path = save(f, text, len);
	SourceInfo info;
	gboolean ok = source_read(path, f->set, NULL, &info, error);

	g_free(info.about);
	return ok;
}

static inline void
read_good(Fixture *f, const char *text)
{
	GError *error = NULL;

	read_text(f, text, -1, &error);
	g_assert_no_error(error);
}

static inline GBytes *
build(Fixture *f)
{
	GError *error = NULL;
	GBytes *bytes = import_set_build(f->set, "A test", 1700000000, &error);

	g_assert_no_error(error);
	return bytes;
}

static inline void
open_db(Fixture *f)
{
	g_autoptr(GBytes) bytes = build(f);
	g_autofree char *path = save(
	    f, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes));
	GError *error = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	f->db = asn_networks_open(fd, path, &error);
	g_assert_no_error(error);
	close(fd);
}

/* "AS64496 192.0.2.0/24 ZZ Example", or "nothing". */
static inline void
expect(Fixture *f, const char *address, const char *want)
{
	char prefix[ASN_NETWORK_STRLEN];
	g_autofree char *got = NULL;
	AsnOrigin o;
	AsnAddr a;

	if (f->db == NULL)
		open_db(f);
	g_assert_true(asn_addr_parse(address, strlen(address), &a));
	if (!asn_networks_lookup(f->db, &a, &o))
		got = g_strdup("nothing");
	else
		got = g_strdup_printf("AS%u %s %s %.*s", o.asn,
		    asn_network_format(&o.prefix, prefix),
		    o.country[0] ? o.country : "-", (int)o.org_len,
		    o.org ? o.org : "");
	g_test_message("%s", address);
	g_assert_cmpstr(got, ==, want);
}
