/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-source-loc.c: any bytes as a location.db: what our check lets through
 * must not harm libloc, and what comes of it is a sound database.
 *
 * The first byte says how the rest is read: as the file itself, or, since a
 * header has 4 KiB of signatures and sections begin on pages, as five lengths
 * and what stands in the sections, see lay_out().
 *
 * Covers: asnctl/source-loc.c asnctl/source-loc-check.c.
 * Longest input: 1024
 */

#include "fuzz.h"
#include "source.h"

#define HEADER_LEN (8 + 8 + 13 * 4 + 2 * 2 + 2 * 2048 + 32)
#define SECTIONS 5
#define PAGE 4096
#define PAD_MAX 8192 /* zeros behind a raw input, so that it has a header */

static void
put32(guint8 *at, guint32 n)
{
	n = g_htonl(n);
	memcpy(at, &n, sizeof n);
}

/* The longest that five lengths of a byte make, entries of 12 bytes. */
static guint8 image[HEADER_LEN + PAGE + SECTIONS * (PAGE + 256 * 12)];

/* made, 3 names, 5 lengths (in entries, strings in bytes), the sections. */
static gsize
lay_out(FuzzInput *in)
{
	static const guint entry[SECTIONS] = {8, 12, 12, 8, 1};
	guint32 at = (HEADER_LEN + PAGE - 1) / PAGE * PAGE, len[SECTIONS];

	memset(image, 0, sizeof image);
	memcpy(image, "LOCDBXX\1", 8);
	put32(image + 12, (guint32)fuzz_number(in, 4));
	for (guint i = 0; i < 3; i++)
		put32(image + 16 + i * 4, fuzz_byte(in));
	for (guint i = 0; i < SECTIONS; i++)
		len[i] = fuzz_byte(in) * entry[i];
	for (guint i = 0; i < SECTIONS; i++) {
		gsize got;
		const char *p = fuzz_bytes(in, len[i], &got);

		put32(image + 28 + i * 8, at);
		put32(image + 32 + i * 8, len[i]);
		if (got > 0)
			memcpy(image + at, p, got);
		at += (len[i] + PAGE - 1) / PAGE * PAGE;
	}
	return at;
}

static gboolean
tell(gpointer data, double done)
{
	g_assert_true(done >= 0 && done <= 1);
	return TRUE;
}

/* What came in goes out as a database that opens. */
static void
check_set(ImportSet *set)
{
	g_autoptr(GBytes) file = NULL;
	GError *error = NULL;
	AsnMmdb *db;
	gsize len;

	import_set_merge(set);
	file = import_set_build(set, "fuzz", 1, &error);
	g_assert_no_error(error);
	db = asn_mmdb_open_memory(g_bytes_get_data(file, &len),
	    g_bytes_get_size(file), "fuzz", ASN_MMDB_CHECK_SUM, &error);
	g_assert_no_error(error);
	asn_mmdb_close(db);
}

static void
check_error(GError *error)
{
	g_assert_nonnull(error);
	g_assert_cmpint(error->code, ==, SOURCE_ERROR_BROKEN);
	g_assert_null(strchr(error->message, '\n'));
	g_error_free(error);
}

static void
read_file(const guint8 *image_data, gsize size)
{
	const SourceProgress progress = {tell, NULL};
	/* exactly as long, so that a byte too far is seen */
	g_autofree guint8 *data = g_memdup2(image_data, MAX(size, 1));
	ImportSet *set = import_set_new();
	SourceInfo info = {.about = NULL};
	GError *error = NULL;
	guint64 networks = G_MAXUINT64;
	gboolean sound = source_loc_check(data, size, "fuzz", &networks, NULL);

	if (source_read_loc(
		data, size, "fuzz", set, &progress, &info, &error)) {
		g_assert_true(sound);
		g_assert_cmpuint(
		    set->fresh->len + set->passed_over + set->nobody, >=,
		    networks);
		check_set(set);
	} else {
		check_error(error);
	}
	g_free(info.about);
	import_set_free(set);
}

/* When it was made, as "asnctl import" asks of a file. */
static void
ask_date(const guint8 *data, gsize size)
{
	int fd = fuzz_memfd(data, size);
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	guint64 made = source_loc_created(path);

	g_assert_true(made == 0 || source_is_loc(data, size));
	close(fd);
	g_assert_cmpuint(source_loc_created(path), ==, 0);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	FuzzInput in = {data, data + size};
	guint how = fuzz_byte(&in);
	gsize left = MIN(fuzz_left(&in), PAD_MAX);

	if (size % 8 == 0)
		ask_date(in.p, left);
	if (how >= 32) {
		read_file(image, lay_out(&in) - (how < 48 ? how : 0));
	} else {
		memset(image, 0, PAD_MAX + left);
		if (left > 0)
			memcpy(image, in.p, MIN(left, PAD_MAX));
		read_file(image, how < 16 ? left : PAD_MAX);
	}
	return 0;
}
