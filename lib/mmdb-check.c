/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mmdb-check.c: proving metadata and tree of a MaxMind DB sound. */

#include <string.h>

#include "huge.h"
#include "mmdb-check.h"

/* 9999-12-31T23:59:59Z: what comes later no calendar shows. */
#define EPOCH_MAX G_GUINT64_CONSTANT(253402300799)
/* A tree with shared subtrees may stand for many more networks than it has
 * nodes; a walk over all of them must still end. */
#define MAX_EXPANDED (1u << 30)

static gboolean
fail(MmdbFault *fault, gsize offset, const char *reason)
{
	fault->offset = offset;
	fault->reason = reason;
	return FALSE;
}

/* --- metadata ------------------------------------------------------------ */

static const guint8 *
find_marker(const guint8 *file, gsize len)
{
	gsize stop = len > MMDB_METADATA_MAX ? len - MMDB_METADATA_MAX : 0;

	for (gsize at = len; at-- > stop;)
		if (len - at >= MMDB_MARKER_LEN &&
		    memcmp(file + at, MMDB_MARKER, MMDB_MARKER_LEN) == 0)
			return file + at;
	return NULL;
}

typedef struct {
	const char *key;
	AsnMmdbType type;
	gboolean needed;
} MetaKey;

enum {
	MAJOR,
	MINOR,
	EPOCH,
	TYPE,
	DESCRIPTION,
	IP_VERSION,
	LANGUAGES,
	NODES,
	RECORD_SIZE,
	SUM,
	N_META_KEYS
};

/* MaxMind-DB-spec.md "Database Metadata". */
static const MetaKey meta_keys[N_META_KEYS] = {
    {"binary_format_major_version", ASN_MMDB_UINT16, TRUE},
    {"binary_format_minor_version", ASN_MMDB_UINT16, TRUE},
    {"build_epoch", ASN_MMDB_UINT64, TRUE},
    {"database_type", ASN_MMDB_STRING, TRUE},
    {"description", ASN_MMDB_MAP, FALSE},
    {"ip_version", ASN_MMDB_UINT16, TRUE},
    {"languages", ASN_MMDB_ARRAY, FALSE},
    {"node_count", ASN_MMDB_UINT32, TRUE},
    {"record_size", ASN_MMDB_UINT16, TRUE},
    {MMDB_SUM_KEY, ASN_MMDB_BYTES, FALSE},
};

typedef struct {
	MmdbHeader h[N_META_KEYS]; /* type 0: missing */
	gsize at[N_META_KEYS];     /* offsets in the file, for faults */
} Meta;

/* The header of the field at *at, pointers followed; *at moves behind it. The
 * section has been checked. */
static MmdbHeader
read_field(const MmdbSection *s, gsize *at)
{
	guint64 left = 1;
	MmdbHeader h = {0}, out = {0};

	mmdb_decode(s, *at, &out);
	do {
		mmdb_decode(s, *at, &h);
		left += mmdb_children(&h) - 1;
		*at = h.body + mmdb_payload(&h);
	} while (left > 0);
	if (out.type == ASN_MMDB_POINTER)
		mmdb_decode(s, out.target, &out);
	return out;
}

static guint64
uint_value(const MmdbSection *s, const MmdbHeader *h)
{
	guint64 v = 0;

	for (guint32 i = 0; i < h->size; i++)
		v = v << 8 | s->base[h->body + i];
	return v;
}

static gboolean
take_key(const MmdbSection *s, gsize file_offset, const MmdbHeader *key,
    const MmdbHeader *value, gsize value_at, Meta *meta, MmdbFault *fault)
{
	for (int i = 0; i < N_META_KEYS; i++) {
		const MetaKey *k = &meta_keys[i];
		if (strlen(k->key) != key->size ||
		    memcmp(s->base + key->body, k->key, key->size) != 0)
			continue;
		meta->at[i] = file_offset + value_at;
		/* Somebody else's "sha256" may be anything but bytes. */
		if (value->type != k->type && i != SUM)
			return fail(fault, meta->at[i],
			    "metadata field of the wrong type");
		if (value->type == k->type)
			meta->h[i] = *value;
	}
	return TRUE;
}

static gboolean
read_metadata(
    const guint8 *file, const MmdbSection *s, Meta *meta, MmdbFault *fault)
{
	gsize file_offset = (gsize)(s->base - file), at;
	MmdbHeader map = {0};

	memset(meta, 0, sizeof *meta);
	mmdb_decode(s, 0, &map);
	if (map.type != ASN_MMDB_MAP)
		return fail(fault, file_offset, "metadata is not a map");
	at = map.body;
	for (guint32 i = 0; i < map.size; i++) {
		MmdbHeader key = read_field(s, &at), value;
		gsize value_at = at;
		value = read_field(s, &at);
		if (!take_key(
			s, file_offset, &key, &value, value_at, meta, fault))
			return FALSE;
	}
	for (int i = 0; i < N_META_KEYS; i++)
		if (meta_keys[i].needed && meta->h[i].type == 0)
			return fail(fault, file_offset,
			    "metadata lacks a field that it must have");
	return TRUE;
}

static gboolean
take_values(
    const MmdbSection *s, const Meta *m, MmdbLayout *out, MmdbFault *fault)
{
	guint64 size = uint_value(s, &m->h[RECORD_SIZE]);
	guint64 version = uint_value(s, &m->h[IP_VERSION]);

	if (uint_value(s, &m->h[MAJOR]) != 2)
		return fail(fault, m->at[MAJOR], "not version 2 of the format");
	if (version != 4 && version != 6)
		return fail(
		    fault, m->at[IP_VERSION], "ip_version is neither 4 nor 6");
	if (size != 24 && size != 28 && size != 32)
		return fail(fault, m->at[RECORD_SIZE],
		    "record_size is none of 24, 28, 32");
	out->record_size = (guint)size;
	out->ip_version = (guint)version;
	out->node_count = (guint32)uint_value(s, &m->h[NODES]);
	if (out->node_count == 0)
		return fail(fault, m->at[NODES], "node_count is 0");
	out->build_epoch = uint_value(s, &m->h[EPOCH]);
	if (out->build_epoch > EPOCH_MAX)
		return fail(
		    fault, m->at[EPOCH], "build_epoch is after the year 9999");
	out->database_type = m->h[TYPE];
	out->sum = m->h[SUM];
	return TRUE;
}

/* The metadata as a section of its own, to the end of the file. */
static gboolean
check_metadata(const guint8 *file, const MmdbSection *s, MmdbFault *fault)
{
	gsize next = 0, file_offset = (gsize)(s->base - file);
	MmdbFieldCheck c;
	gboolean ok;

	mmdb_field_check_init(&c, file, s, fault);
	ok = mmdb_field_check(&c, 0, &next);
	mmdb_field_check_clear(&c);
	if (ok && next != s->len)
		return fail(fault, file_offset + next,
		    "bytes after the end of the metadata");
	return ok;
}

static gboolean
place_sections(
    const guint8 *file, const guint8 *marker, MmdbLayout *out, MmdbFault *fault)
{
	gsize room = (gsize)(marker - file);
	guint64 tree = (guint64)out->node_count * (out->record_size / 4);

	if (tree > room || room - tree < MMDB_SEPARATOR)
		return fail(fault, room,
		    "node_count asks for a larger tree than the file holds");
	out->tree = (MmdbSection){file, (gsize)tree};
	for (gsize i = 0; i < MMDB_SEPARATOR; i++)
		if (file[tree + i] != 0)
			return fail(fault, tree + i,
			    "the separator behind the tree is not zero");
	out->data.base = file + tree + MMDB_SEPARATOR;
	out->data.len = room - tree - MMDB_SEPARATOR;
	return TRUE;
}

gboolean
mmdb_check_layout(
    const guint8 *file, gsize len, MmdbLayout *out, MmdbFault *fault)
{
	const guint8 *marker = find_marker(file, len);
	Meta meta;

	memset(out, 0, sizeof *out);
	if (marker == NULL)
		return fail(fault, len,
		    "no metadata marker in the last 128 KiB: not a MaxMind "
		    "DB, or cut short");
	out->meta.base = marker + MMDB_MARKER_LEN;
	out->meta.len = len - (gsize)(out->meta.base - file);
	if (!check_metadata(file, &out->meta, fault) ||
	    !read_metadata(file, &out->meta, &meta, fault) ||
	    !take_values(&out->meta, &meta, out, fault))
		return FALSE;
	out->sum_at = (gsize)(out->meta.base - file) + out->sum.body;
	return place_sections(file, marker, out, fault);
}

/* --- tree ---------------------------------------------------------------- */

#define HEIGHT_UNSEEN 0
#define HEIGHT_OPEN 255

typedef struct {
	const MmdbLayout *l;
	const guint8 *file;
	guint8 *height; /* of what is below a node, or one of the above */
	guint32
	    *expanded; /* nodes below, each counted as often as it is reached */
	guint32 reached;
	guint max_depth;
	MmdbFieldCheck data;
	MmdbFault *fault;
} TreeCheck;

static gboolean
fail_node(TreeCheck *c, guint32 node, const char *reason)
{
	return fail(c->fault, (gsize)node * (c->l->record_size / 4), reason);
}

static gboolean
check_leaf(TreeCheck *c, guint32 node, guint32 record)
{
	guint64 offset;
	gsize next;

	if (record == c->l->node_count)
		return TRUE;
	offset = (guint64)record - c->l->node_count;
	if (offset < MMDB_SEPARATOR)
		return fail_node(c, node, "record leads into the separator");
	offset -= MMDB_SEPARATOR;
	if (offset >= c->l->data.len)
		return fail_node(c, node, "record leads out of the data");
	return c->data.seen[offset] != 0 ||
	       mmdb_field_check(&c->data, (gsize)offset, &next);
}

static gboolean
check_node(TreeCheck *c, guint32 node, guint depth)
{
	guint height = 1;
	guint64 expanded = 1;

	if (c->height[node] == HEIGHT_OPEN)
		return fail_node(c, node, "the tree leads in a circle");
	if (depth >= c->max_depth || depth + c->height[node] > c->max_depth)
		return fail_node(
		    c, node, "the tree is deeper than an address is long");
	if (c->height[node] != HEIGHT_UNSEEN)
		return TRUE;
	c->height[node] = HEIGHT_OPEN;
	c->reached++;
	for (guint bit = 0; bit < 2; bit++) {
		guint32 record =
		    mmdb_record(c->l->tree.base, c->l->record_size, node, bit);
		if (record >= c->l->node_count) {
			if (!check_leaf(c, node, record))
				return FALSE;
			continue;
		}
		if (!check_node(c, record, depth + 1))
			return FALSE;
		height = MAX(height, c->height[record] + 1u);
		expanded += c->expanded[record];
	}
	if (expanded > MAX_EXPANDED)
		return fail_node(
		    c, node, "the tree stands for more than 2^30 networks");
	c->height[node] = (guint8)height;
	c->expanded[node] = (guint32)expanded;
	return TRUE;
}

static gboolean
check_all_reached(TreeCheck *c)
{
	if (c->reached == c->l->node_count)
		return TRUE;
	for (guint32 node = 0; node < c->l->node_count; node++)
		if (c->height[node] == HEIGHT_UNSEEN)
			return fail_node(c, node, "nothing leads to this node");
	return TRUE;
}

gboolean
mmdb_check_content(
    const guint8 *file, const MmdbLayout *layout, MmdbFault *fault)
{
	TreeCheck c = {.l = layout, .file = file, .fault = fault};
	gboolean ok;

	c.max_depth = layout->ip_version == 6 ? 128 : 32;
	c.height = g_new0(guint8, layout->node_count);
	c.expanded = g_new0(guint32, layout->node_count);
	asn_advise_huge(c.expanded, sizeof *c.expanded * layout->node_count);
	mmdb_field_check_init(&c.data, file, &layout->data, fault);
	ok = check_node(&c, 0, 0) && check_all_reached(&c);
	mmdb_field_check_clear(&c.data);
	g_free(c.height);
	g_free(c.expanded);
	return ok;
}
