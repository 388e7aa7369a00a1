/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * t-mmdb.c: mmdb.h against sound and damaged files, and MaxMind's collection.
 * Hostile ones are in t-mmdb-hostile.c.
 */

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "guarded.h"
#include "mmdb-write.h"

/* --- a good file of ours ---------------------------------------------------
 */

static GBytes *
good_file(gboolean share)
{
	const AsnMmdbWriterOptions options = {.database_type = "asnd-Test",
	    .description = "Made by a test",
	    .build_epoch = 1700000000,
	    .share_subtrees = share};
	static const char *const nets[] = {"10.0.0.0/8", "192.0.2.0/24",
	    "192.0.2.128/25", "2001:db8::/32", "2001:db8:1::/48"};
	AsnMmdbWriter *w = asn_mmdb_writer_new(&options);
	GError *error = NULL;
	GBytes *bytes;

	for (guint i = 0; i < G_N_ELEMENTS(nets); i++) {
		guint32 at = asn_mmdb_writer_tell(w);
		AsnNetwork n;

		asn_mmdb_put_map(w, 3);
		asn_mmdb_put_shared_string(w, "number", 6);
		asn_mmdb_put_uint32(w, i + 1);
		asn_mmdb_put_shared_string(w, "name", 4);
		asn_mmdb_put_shared_string(w, "Example Networks", 16);
		asn_mmdb_put_shared_string(w, "weights", 7);
		asn_mmdb_put_array(w, 2);
		asn_mmdb_put_double(w, 1.5);
		asn_mmdb_put_double(w, 0.1);
		g_assert_true(asn_network_parse(nets[i], strlen(nets[i]), &n));
		asn_mmdb_writer_add(w, &n, at, &error);
		g_assert_no_error(error);
	}
	bytes = asn_mmdb_writer_finish(w, &error);
	g_assert_no_error(error);
	asn_mmdb_writer_free(w);
	return bytes;
}

static void
test_cut_short(void)
{
	Guarded g;

	guarded_init(&g, 65536);
	for (int share = 0; share < 2; share++) {
		g_autoptr(GBytes) bytes = good_file(share);
		gsize len;
		const guint8 *data = g_bytes_get_data(bytes, &len);

		g_assert_false(refused(&g, data, len, NULL));
		for (gsize cut = 0; cut < len; cut++) {
			g_autoptr(GError) error = NULL;
			g_assert_true(refused(&g, data, cut, &error));
			g_assert_true(g_str_has_prefix(
			    error->message, "test.mmdb: offset "));
		}
	}
	guarded_clear(&g);
}

/* All 255 other values of every byte. */
static void
test_changed_byte(void)
{
	g_autoptr(GBytes) bytes = good_file(TRUE);
	gsize len;
	const guint8 *data = g_bytes_get_data(bytes, &len);
	g_autofree guint8 *copy = g_memdup2(data, len);
	Guarded g;

	guarded_init(&g, len);
	for (gsize i = 0; i < len; i++) {
		for (guint d = 1; d < 256; d++) {
			copy[i] = (guint8)(data[i] ^ d);
			if (!refused(&g, copy, len, NULL))
				g_error(
				    "byte %zu changed by %02x goes by", i, d);
		}
		copy[i] = data[i];
	}
	guarded_clear(&g);
}

/* A byte more at the end, a block moved, a hole. */
static void
test_damaged(void)
{
	g_autoptr(GBytes) bytes = good_file(TRUE);
	gsize len;
	const guint8 *data = g_bytes_get_data(bytes, &len);
	g_autofree guint8 *copy = g_malloc0(len + 1);
	gsize block = len / 16;
	Guarded g;

	guarded_init(&g, len + 1);
	memcpy(copy, data, len);
	g_assert_true(refused(&g, copy, len + 1, NULL));
	for (gsize i = 0; i + 2 * block <= len; i += block) {
		memcpy(copy, data, len);
		memset(copy + i, 0, block);
		if (memcmp(copy, data, len) != 0)
			g_assert_true(refused(&g, copy, len, NULL));
		memcpy(copy + i, data + i + block, block);
		if (memcmp(copy, data, len) != 0)
			g_assert_true(refused(&g, copy, len, NULL));
		memcpy(copy, data, i);
		memcpy(copy + i, data + i + block, len - i - block);
		g_assert_true(refused(&g, copy, len - block, NULL));
	}
	guarded_clear(&g);
}

/* --- files
 * --------------------------------------------------------------------- */

static void
test_open(void)
{
	g_autoptr(GBytes) bytes = good_file(TRUE);
	g_autofree char *path = NULL;
	GError *error = NULL;
	int fd = g_file_open_tmp("t-mmdb-XXXXXX", &path, &error), dir;
	AsnMmdb *db;

	g_assert_null(asn_mmdb_open(fd, "empty", 0, &error));
	g_assert_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_BROKEN);
	g_assert_nonnull(strstr(error->message, "empty: offset 0: "));
	g_clear_error(&error);
	g_assert_cmpint(
	    write(fd, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes)),
	    ==, (gssize)g_bytes_get_size(bytes));
	db = asn_mmdb_open(fd, "good", ASN_MMDB_CHECK_SUM, &error);
	g_assert_no_error(error);
	g_assert_true(asn_mmdb_meta(db)->has_sum);
	g_assert_cmpstr(asn_mmdb_meta(db)->database_type, ==, "asnd-Test");
	/* Who has it open does not notice that the file is cut. */
	g_assert_cmpint(ftruncate(fd, 0), ==, 0);
	guint leaves = 0;
	g_assert_true(asn_mmdb_foreach(db, touch, &leaves));
	/* 10/8 192.0.2.0/25 .128/25 and IPv6: the /48 and the 16 around it */
	g_assert_cmpuint(leaves, ==, 3 + 17);
	asn_mmdb_close(db);
	dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g_assert_null(asn_mmdb_open(dir, "/", 0, &error));
	g_assert_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_IO);
	g_clear_error(&error);
	close(dir);
	close(fd);
	g_unlink(path);
}

/* --- MaxMind's own collection ------------------------------------------------
 */

/* $ASND_MAXMIND_DATA: a checkout of github.com/maxmind/MaxMind-DB.  Sound for
 * all that is wrong with some readers: an empty map or array at the end. */
static gboolean
must_be_refused(const char *path)
{
	if (strstr(path, "/bad-data/") != NULL)
		return strstr(path, "empty-array-last") == NULL &&
		       strstr(path, "empty-map-last") == NULL;
	return strstr(path, "roken-") != NULL ||
	       strstr(path, "Invalid-Node-Count") != NULL;
}

static void
check_collection(const char *dir, guint *files)
{
	g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
	const char *name;

	g_assert_nonnull(d);
	while ((name = g_dir_read_name(d)) != NULL) {
		g_autofree char *path = g_build_filename(dir, name, NULL);
		g_autoptr(GError) error = NULL;
		AsnMmdb *db;
		int fd;

		if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
			check_collection(path, files);
			continue;
		}
		if (!g_str_has_suffix(name, ".mmdb"))
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		db = asn_mmdb_open(fd, path, ASN_MMDB_CHECK_ANY, &error);
		close(fd);
		g_test_message("%s", db ? path : error->message);
		g_assert_cmpint(db == NULL, ==, must_be_refused(path));
		asn_mmdb_close(db);
		++*files;
	}
}

static void
test_collection(void)
{
	const char *dir = g_getenv("ASND_MAXMIND_DATA");
	static const char *const parts[] = {"bad-data", "test-data"};
	guint files = 0;

	if (dir == NULL) {
		g_test_skip("ASND_MAXMIND_DATA names no checkout of "
			    "github.com/maxmind/MaxMind-DB");
		return;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_autofree char *path = g_build_filename(dir, parts[i], NULL);
		check_collection(path, &files);
	}
	g_assert_cmpuint(files, >=, 50);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/mmdb/cut-short", test_cut_short);
	g_test_add_func("/mmdb/changed-byte", test_changed_byte);
	g_test_add_func("/mmdb/damaged", test_damaged);
	g_test_add_func("/mmdb/open", test_open);
	g_test_add_func("/mmdb/collection", test_collection);
	return g_test_run();
}
