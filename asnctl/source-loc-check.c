/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source-loc-check.c: bounds and structure of a location.db. */

#include <fcntl.h>
#include <libloc/country.h>
#include <string.h>
#include <unistd.h>

#include "source.h"

/* libloc/format.h, version 1: big-endian; magic and version, then this. */
#define MAGIC "LOCDBXX"
#define HEADER_LEN (8 + 8 + 13 * 4 + 2 * 2 + 2 * 2048 + 32)
#define NODE_LEN 12
#define NETWORK_LEN 12
#define AS_LEN 8
#define COUNTRY_LEN 8
#define NO_NETWORK 0xffffffffu
#define MAX_DEPTH 128

enum { VENDOR, DESCRIPTION, LICENSE };
enum { ASES, NETWORKS, TREE, COUNTRIES, POOL, N_SECTIONS };

typedef struct {
	const guint8 *data;
	gsize len;
	const char *name;
	guint32 at[N_SECTIONS], size[N_SECTIONS];
	guint8 *depth; /* of a node plus one; 0: not reached */
	guint64 n_networks;
	GError **error;
} Check;

static guint32
be32(const guint8 *p)
{
	guint32 v;

	memcpy(&v, p, 4);
	return GUINT32_FROM_BE(v);
}

static gboolean
fail(Check *c, gsize offset, const char *why)
{
	g_set_error(c->error, SOURCE_ERROR, SOURCE_ERROR_BROKEN,
	    "%s: offset %" G_GSIZE_FORMAT ": %s", c->name, offset, why);
	return FALSE;
}

static gboolean
check_sections(Check *c)
{
	static const guint item[N_SECTIONS] = {
	    AS_LEN, NETWORK_LEN, NODE_LEN, COUNTRY_LEN, 1};
	const guint8 *p = c->data + 28;

	for (int i = 0; i < N_SECTIONS; i++, p += 8) {
		c->at[i] = be32(p);
		c->size[i] = be32(p + 4);
		if (c->at[i] > c->len || c->len - c->at[i] < c->size[i])
			return fail(c, (gsize)(p - c->data),
			    "a section lies outside of the file: it was cut "
			    "short");
		/* Networks are padded to a page. */
		if (i != NETWORKS && c->size[i] % item[i] != 0)
			return fail(c, (gsize)(p - c->data),
			    "a section is not made of whole entries");
	}
	if (c->size[TREE] == 0)
		return fail(c, 44, "no tree");
	if (c->size[POOL] == 0 || c->data[c->at[POOL] + c->size[POOL] - 1] != 0)
		return fail(c, 60, "the strings do not end in a NUL");
	return TRUE;
}

/* Every offset into the strings that stands at `field` of a section's entries.
 */
static gboolean
check_names(Check *c, int section, guint item, guint field)
{
	for (guint32 i = 0; i < c->size[section] / item; i++) {
		gsize at = c->at[section] + (gsize)i * item + field;
		if (be32(c->data + at) >= c->size[POOL])
			return fail(
			    c, at, "a name lies outside of the strings");
	}
	return TRUE;
}

/* libloc leaks what it cannot accept, and asks for no more than this.  What
 * pads the section is zero. */
static gboolean
check_networks(Check *c)
{
	for (guint32 i = 0; i < c->size[NETWORKS] / NETWORK_LEN; i++) {
		gsize at = c->at[NETWORKS] + (gsize)i * NETWORK_LEN;
		const char code[3] = {(char)c->data[at], (char)c->data[at + 1]};

		if ((code[0] != 0 || code[1] != 0) &&
		    !loc_country_code_is_valid(code))
			return fail(c, at, "not a country code");
	}
	return TRUE;
}

/* Parents stand before children in what libloc writes; that is also what
 * makes loops impossible and one pass enough. */
static gboolean
check_child(Check *c, guint32 node, guint32 child, gsize at)
{
	if (child == 0)
		return TRUE; /* none */
	if (child >= c->size[TREE] / NODE_LEN)
		return fail(c, at, "a node lies outside of the tree");
	if (child <= node)
		return fail(c, at, "the tree leads back");
	if (c->depth[node] > MAX_DEPTH)
		return fail(
		    c, at, "the tree is deeper than an address is long");
	if (c->depth[child] != 0)
		return fail(c, at, "two nodes share a child");
	c->depth[child] = (guint8)(c->depth[node] + 1);
	return TRUE;
}

static gboolean
check_tree(Check *c)
{
	guint32 n = c->size[TREE] / NODE_LEN;

	c->depth[0] = 1;
	for (guint32 i = 0; i < n; i++) {
		gsize at = c->at[TREE] + (gsize)i * NODE_LEN;
		guint32 network = be32(c->data + at + 8);

		if (c->depth[i] == 0)
			return fail(c, at, "nothing leads to this node");
		if (!check_child(c, i, be32(c->data + at), at) ||
		    !check_child(c, i, be32(c->data + at + 4), at + 4))
			return FALSE;
		if (network == NO_NETWORK)
			continue;
		if (network >= c->size[NETWORKS] / NETWORK_LEN)
			return fail(c, at + 8,
			    "a network lies outside of the networks");
		c->n_networks++;
	}
	return TRUE;
}

gboolean
source_is_loc(const guint8 *data, gsize len)
{
	return len >= 8 && memcmp(data, MAGIC, 7) == 0;
}

gboolean
source_loc_check(const guint8 *data, gsize len, const char *name,
    guint64 *n_networks, GError **error)
{
	Check c = {.data = data, .len = len, .name = name, .error = error};
	gboolean ok;

	if (!source_is_loc(data, len))
		return fail(&c, 0, "not a location.db");
	if (data[7] != 1)
		return fail(&c, 7, "not version 1 of the format");
	if (len < HEADER_LEN)
		return fail(&c, len, "the header is cut short");
	if (!check_sections(&c))
		return FALSE;
	for (gsize i = VENDOR; i <= LICENSE; i++)
		if (be32(data + 16 + i * 4) >= c.size[POOL])
			return fail(&c, 16 + i * 4,
			    "a name lies outside of the strings");
	c.depth = g_new0(guint8, c.size[TREE] / NODE_LEN);
	ok = check_names(&c, ASES, AS_LEN, 4) &&
	     check_names(&c, COUNTRIES, COUNTRY_LEN, 4) && check_networks(&c) &&
	     check_tree(&c);
	g_free(c.depth);
	*n_networks = c.n_networks;
	return ok;
}

guint64
source_loc_created(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	guint8 head[16];
	guint64 made = 0;

	if (fd < 0)
		return 0;
	if (read(fd, head, sizeof head) == (ssize_t)sizeof head &&
	    source_is_loc(head, sizeof head)) {
		memcpy(&made, head + 8, 8);
		made = GUINT64_FROM_BE(made);
	}
	close(fd);
	return made;
}
