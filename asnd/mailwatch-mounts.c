/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-mounts.c: file systems that come and go. */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "mailwatch-mounts.h"

#define MOUNTINFO "/proc/self/mountinfo"
/* After a look the next one waits at least so long, and this many times as long
 * as it took: whoever mounts without end costs us a tenth of the time. */
#define PAUSE (G_USEC_PER_SEC / 10)
#define REST 9

void
mw_mounts_init(MwMounts *m)
{
	*m = (MwMounts){
	    .fd = open(MOUNTINFO, O_RDONLY | O_CLOEXEC),
	    .at = G_MAXINT64,
	};
}

void
mw_mounts_clear(MwMounts *m)
{
	if (m->fd >= 0)
		close(m->fd);
	g_clear_pointer(&m->seen, g_hash_table_unref);
	m->fd = -1;
}

/* Lines "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS...".  The kernel escapes what
 * would be a separator in a name.  Of several mounts on one point the last is
 * on top. */
static GHashTable *
read_mounts(void)
{
	GHashTable *points =
	    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(MOUNTINFO, &text, NULL, NULL))
		return points;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, " ", 6);

		if (g_strv_length(fields) == 6)
			g_hash_table_replace(points, g_strcompress(fields[4]),
			    g_strjoin(
				" ", fields[0], fields[2], fields[3], NULL));
	}
	return points;
}

/* What is below dir of path, "" where it is dir itself; NULL: is not in it. */
static const char *
below(const char *path, const char *dir)
{
	gsize len = strlen(dir);

	while (len > 0 && dir[len - 1] == '/')
		len--;
	if (strncmp(path, dir, len) != 0 ||
	    (path[len] != '/' && path[len] != '\0'))
		return NULL;
	path += len;
	return path + strspn(path, "/");
}

/* Where the base is, without symlinks. */
static char *
real_base(const MwPattern *p)
{
	char link[32];
	char *path = NULL;

	g_snprintf(link, sizeof link, "/proc/self/fd/%d", p->base_fd);
	if (p->base_fd >= 0)
		path = g_file_read_link(link, NULL);
	return path != NULL ? path : g_strdup(p->base);
}

/* Each directory on the way is what it was, or is looked at. */
static void
check_way(MwTree *tree, MwNode *node, const char *way)
{
	g_auto(GStrv) names = g_strsplit(way, "/", -1);

	for (char **name = names; *name != NULL; name++) {
		if (node == NULL || node->kind != MW_PARENT)
			return;
		mw_check_child(tree, node, *name);
		node = mw_node_child(node, *name);
	}
}

static void
check_point(MwTree *tree, const char *point)
{
	for (guint i = 0; i < tree->patterns->len; i++) {
		MwPattern *p = g_ptr_array_index(tree->patterns, i);
		g_autofree char *base = real_base(p);
		const char *way = below(point, base);

		if (below(base, point) != NULL || below(p->base, point) != NULL)
			mw_pattern_refresh(tree, p);
		if (way != NULL && *way != '\0' && p->base_fd >= 0)
			check_way(tree, p->root, way);
	}
}

/* Points of a of which b has other words, or none. */
static void
check_others(MwTree *tree, GHashTable *a, GHashTable *b)
{
	GHashTableIter i;
	gpointer point, words;

	g_hash_table_iter_init(&i, a);
	while (g_hash_table_iter_next(&i, &point, &words))
		if (g_strcmp0(words, g_hash_table_lookup(b, point)) != 0)
			check_point(tree, point);
}

void
mw_mounts_start(MwMounts *m)
{
	g_clear_pointer(&m->seen, g_hash_table_unref);
	m->seen = read_mounts();
	m->at = G_MAXINT64;
}

void
mw_mounts_happened(MwMounts *m)
{
	m->at = m->next;
}

gboolean
mw_mounts_turn(MwMounts *m, MwTree *tree, gint64 now)
{
	g_autoptr(GHashTable) old = NULL;
	gint64 end;

	if (tree->unmounted)
		mw_mounts_happened(m);
	if (m->seen == NULL || now < m->at)
		return FALSE;
	old = g_steal_pointer(&m->seen);
	m->seen = read_mounts();
	/* Another mount may have got all the numbers of that one. */
	if (tree->unmounted)
		g_hash_table_remove_all(old);
	tree->unmounted = FALSE;
	m->at = G_MAXINT64;
	check_others(tree, old, m->seen);
	check_others(tree, m->seen, old);
	end = g_get_monotonic_time();
	m->next = end + MAX((end - now) * REST, PAUSE);
	tree->sync_due |= tree->work.length != 0;
	return tree->work.length != 0;
}
