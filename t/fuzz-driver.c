/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-driver.c: runs a fuzz target without libFuzzer, as a unit test.
 *
 * usage: fuzz-NAME CORPUS-DIR
 *
 * Feeds every file of the corpus, every cut of the shorter ones, and a fixed
 * number of seeded mutations to LLVMFuzzerTestOneInput.  The long campaign is
 * libFuzzer's (-Dfuzz=true); this keeps what it found from coming back, under
 * whatever sanitizer the build has.
 */

#include <glib.h>
#include <stdio.h>
#include <string.h>

#define MUTATIONS 400      /* a file */
#define CUT_MAX 2048       /* files up to this size are cut at every length */
#define MUTATE_MAX 1048576 /* larger files are only fed as they are */

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

/* An exact allocation, so that a sanitizer sees one byte too many. */
static void
feed(const guint8 *data, gsize len)
{
	g_autofree guint8 *copy = g_malloc(MAX(len, 1));

	if (len > 0)
		memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
}

static void
mutate(GRand *rng, const guint8 *data, gsize len)
{
	g_autofree guint8 *copy = g_memdup2(data, len);
	guint n = (guint)g_rand_int_range(rng, 1, 5);

	for (guint i = 0; i < n; i++) {
		gsize at = g_rand_int(rng) % len;
		gsize piece = (gsize)g_rand_int_range(rng, 1, 32);

		switch (g_rand_int_range(rng, 0, 4)) {
		case 0:
			copy[at] ^= (guint8)(1u << g_rand_int_range(rng, 0, 8));
			break;
		case 1:
			copy[at] = (guint8)g_rand_int(rng);
			break;
		case 2: /* copy a piece over a later place */
			memmove(copy + at, copy + g_rand_int(rng) % (at + 1),
			    MIN(len - at, piece));
			break;
		default:
			len = at + 1;
			break;
		}
	}
	feed(copy, len);
}

static guint
feed_file(const char *path, GRand *rng)
{
	g_autofree char *text = NULL;
	gsize len = 0;
	const guint8 *data;

	if (!g_file_get_contents(path, &text, &len, NULL))
		g_error("cannot read %s", path);
	data = (const guint8 *)text;
	feed(data, len);
	if (len <= CUT_MAX)
		for (gsize cut = 0; cut < len; cut++)
			feed(data, cut);
	if (len > 0 && len <= MUTATE_MAX)
		for (guint i = 0; i < MUTATIONS; i++)
			mutate(rng, data, len);
	return 1;
}

int
main(int argc, char **argv)
{
	g_autoptr(GDir) dir = NULL;
	g_autoptr(GRand) rng = g_rand_new_with_seed(1);
	const char *name;
	guint files = 0;

	if (argc != 2 || (dir = g_dir_open(argv[1], 0, NULL)) == NULL) {
		fprintf(stderr, "usage: %s CORPUS-DIR\n", argv[0]);
		return 64;
	}
	printf("1..1\n");
	feed(NULL, 0);
	while ((name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(argv[1], name, NULL);
		files += feed_file(path, rng);
	}
	printf("%sok 1 - %u files of %s and their mutations\n",
	    files > 0 ? "" : "not ", files, argv[1]);
	return files > 0 ? 0 : 1;
}
