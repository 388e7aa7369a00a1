/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reputation-file.c: opening, checking and reading one reputation database. */

#include <math.h>
#include <string.h>

#include "reputation-file.h"

#define DOUBLE_BYTES ((gsize)9) /* control byte and payload */
#define DOUBLE_CONTROL (ASN_MMDB_DOUBLE << 5 | 8)
#define NODE_BYTES(n) ((n)*DOUBLE_BYTES)

/* --- nodes ---------------------------------------------------------------- */

static double
read_double(const guint8 *p)
{
	guint64 bits;
	double v;

	memcpy(&bits, p + 1, sizeof bits);
	bits = GUINT64_FROM_BE(bits);
	memcpy(&v, &bits, sizeof v);
	return v;
}

/* f: an array that is_node was true for. */
static void
read_node(const AsnMmdbField *f, RepNode *out)
{
	const guint8 *p = f->payload;

	out->s = read_double(p);
	out->h = read_double(p + DOUBLE_BYTES);
	out->backed_until = read_double(p + 2 * DOUBLE_BYTES);
	out->from = f->size == 4 ? read_double(p + 3 * DOUBLE_BYTES) : 0;
}

/* Three or four doubles in place, finite and not negative. The database was
 * checked, so the entries lie inside of it. */
static gboolean
is_node(const AsnMmdbField *f)
{
	if (f->type != ASN_MMDB_ARRAY || f->size < 3 || f->size > 4)
		return FALSE;
	for (guint i = 0; i < f->size; i++) {
		const guint8 *p = f->payload + i * DOUBLE_BYTES;
		double v;

		if (*p != DOUBLE_CONTROL)
			return FALSE;
		v = read_double(p);
		if (!isfinite(v) || v < 0)
			return FALSE;
	}
	return TRUE;
}

static inline guint32
after_node(const AsnMmdbField *f)
{
	return f->next + (guint32)NODE_BYTES(f->size);
}

/* --- checking ------------------------------------------------------------- */

/* Not behind a pointer, so that the next entry follows its last one. */
static gboolean
in_place(guint32 offset, const AsnMmdbField *array)
{
	return array->type == ASN_MMDB_ARRAY && array->size < 285 &&
	       array->next == offset + (array->size < 29 ? 2 : 3);
}

/* Level of a record's key: the three differ in length. */
static AsnLevel
level_of(const AsnMmdbField *key)
{
	switch (key->size) {
	case 7:
		return ASN_LEVEL_ADDRESS;
	case 5:
		return ASN_LEVEL_BLOCK;
	default:
		return ASN_LEVEL_PREFIX;
	}
}

static gboolean
is_key(const AsnMmdbField *key)
{
	static const char *const names[ASN_N_LEVELS] = {
	    [ASN_LEVEL_ADDRESS] = "address",
	    [ASN_LEVEL_BLOCK] = "block",
	    [ASN_LEVEL_PREFIX] = "prefixes"};
	const char *name = names[level_of(key)];

	return key->size == strlen(name) &&
	       memcmp(key->payload, name, key->size) == 0;
}

/* The shortest network that lies inside of such a neighbourhood. */
static guint
min_len(AsnLevel level, guint8 family)
{
	if (level == ASN_LEVEL_ADDRESS)
		return family == 4 ? 32 : 64;
	return family == 4 ? 24 : 48;
}

/* NULL, or what is wrong with [len, node, ...]; *end: what follows it. */
static const char *
check_prefixes(
    AsnMmdbValue v, const AsnMmdbField *array, guint leaf_len, guint32 *end)
{
	AsnMmdbField f;
	int last = -1;
	guint64 len;

	if (!in_place(v.offset, array) || array->size == 0 ||
	    array->size % 2 != 0)
		return "prefixes are no list of lengths and nodes";
	v.offset = array->next;
	for (guint32 i = 0; i < array->size; i += 2) {
		asn_mmdb_field(v, &f);
		if (f.type != ASN_MMDB_UINT16 ||
		    !asn_mmdb_field_uint(&f, &len) || len > leaf_len ||
		    (int)len <= last)
			return "length of a prefix out of range or order";
		last = (int)len;
		v.offset = f.next;
		asn_mmdb_field(v, &f);
		if (!in_place(v.offset, &f) || !is_node(&f))
			return "prefix without sound weights";
		v.offset = after_node(&f);
	}
	*end = v.offset;
	return NULL;
}

static const char *
check_record(const AsnNetwork *leaf, AsnMmdbValue v)
{
	AsnMmdbField map, f;
	const char *why;

	asn_mmdb_field(v, &map);
	if (map.type != ASN_MMDB_MAP || map.size == 0)
		return "record is no map of nodes";
	v.offset = map.next;
	for (guint32 i = 0; i < map.size; i++) {
		AsnLevel level;

		asn_mmdb_field(v, &f);
		if (!is_key(&f))
			return "record has an unknown key";
		level = level_of(&f);
		v.offset = f.next;
		asn_mmdb_field(v, &f);
		if (level == ASN_LEVEL_PREFIX) {
			why = check_prefixes(v, &f, leaf->len, &v.offset);
			if (why != NULL)
				return why;
			continue;
		}
		if (!in_place(v.offset, &f) || !is_node(&f))
			return "address or block without sound weights";
		if (leaf->len < min_len(level, leaf->addr.family))
			return "address or block wider than it can be";
		v.offset = after_node(&f);
	}
	return NULL;
}

static gboolean
get_node(AsnMmdbValue map, const char *key, RepNode *out)
{
	AsnMmdbField f;

	if (!asn_mmdb_map_get(map, key, strlen(key), &f) || !is_node(&f))
		return FALSE;
	read_node(&f, out);
	return TRUE;
}

/* A finite number above 0. */
static gboolean
get_double(AsnMmdbValue map, const char *key, double *out)
{
	AsnMmdbField f;

	return asn_mmdb_map_get(map, key, strlen(key), &f) &&
	       asn_mmdb_field_double(&f, out) && isfinite(*out) && *out > 0;
}

static gboolean
get_uint(AsnMmdbValue map, const char *key, guint64 *out)
{
	AsnMmdbField f;

	return asn_mmdb_map_get(map, key, strlen(key), &f) &&
	       f.type == ASN_MMDB_UINT64 && asn_mmdb_field_uint(&f, out);
}

static const char *
read_all(RepFile *file, AsnMmdbValue v)
{
	guint64 time, until;

	if (!get_node(v, "all", &file->all) || !get_node(v, "raw", &file->raw))
		return "\"all mail\" without sound weights";
	if (!get_double(v, "half_life", &file->half_life) ||
	    !get_double(v, "k", &file->k) ||
	    !get_double(v, "k_all", &file->k_all))
		return "constants of the score missing or not above 0";
	if (!get_uint(v, "weights_time", &time) || time > G_MAXINT64 ||
	    !get_uint(v, "two_reporters_until", &until) || until > G_MAXINT64 ||
	    !get_uint(v, "base", &file->base) || file->base == 0)
		return "times or base missing or out of range";
	file->weights_time = (gint64)time;
	file->two_reporters_until = (gint64)until;
	return NULL;
}

/* --- what stands under 100::/64 ---------------------------------------------
 */

static RepSlot *
slot_of(const RepFile *file, guint64 key)
{
	guint64 h = key * G_GUINT64_CONSTANT(0x9E3779B97F4A7C15);
	guint32 i = (guint32)(h >> 32) & file->mask;

	while (file->slots[i].key != 0 && file->slots[i].key != key)
		i = (i + 1) & file->mask;
	return &file->slots[i];
}

static void
add_slot(RepFile *file, guint64 key, const RepNode *node)
{
	if (file->n * 2 >= file->mask) {
		RepSlot *old = file->slots;
		guint32 n_old = old ? file->mask + 1 : 0;

		file->mask = MAX(64, n_old * 2) - 1;
		file->slots = g_new0(RepSlot, file->mask + 1);
		for (guint32 i = 0; i < n_old; i++)
			if (old[i].key != 0)
				*slot_of(file, old[i].key) = old[i];
		g_free(old);
	}
	*slot_of(file, key) = (RepSlot){key, *node};
	file->n++;
}

static const char *
check_special(RepFile *file, const AsnNetwork *leaf, AsnMmdbValue v)
{
	guint64 key = 0;
	AsnMmdbField f;
	RepNode node;

	for (guint i = 8; i < 16; i++)
		key = key << 8 | leaf->addr.b[i];
	if (leaf->len != 128)
		return "neighbourhood without a number of its own";
	if (key == REP_ALL)
		return read_all(file, v);
	if (key >> 32 < REP_COUNTRY || key >> 32 > REP_WIDE)
		return "neighbourhood of an unknown kind";
	asn_mmdb_field(v, &f);
	if (!is_node(&f))
		return "neighbourhood without sound weights";
	read_node(&f, &node);
	add_slot(file, key, &node);
	return NULL;
}

const RepNode *
rep_file_special(const RepFile *file, guint kind, guint32 number)
{
	const RepSlot *slot;

	if (file->n == 0)
		return NULL;
	slot = slot_of(file, rep_special(kind, number));
	return slot->key != 0 ? &slot->node : NULL;
}

/* --- opening -------------------------------------------------------------- */

typedef struct {
	RepFile *file;
	AsnNetwork at;
	const char *why;
} Check;

static gboolean
check_leaf(const AsnNetwork *leaf, AsnMmdbValue v, gpointer data)
{
	static const guint8 special[8] = {0x01};
	Check *c = data;

	c->at = *leaf;
	if (leaf->addr.family == 6 &&
	    memcmp(leaf->addr.b, special, sizeof special) == 0)
		c->why = check_special(c->file, leaf, v);
	else {
		c->why = check_record(leaf, v);
		rep_near_mark(c->file->near, leaf);
	}
	return c->why == NULL;
}

static gboolean
check_all(RepFile *file, const char *name, const char *type, GError **error)
{
	const char *have = asn_mmdb_meta(file->db)->database_type;
	Check c = {.file = file};
	char text[ASN_NETWORK_STRLEN];

	if (strcmp(have, type) != 0) {
		g_set_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_KIND,
		    "%s: not a database of type %s; asnd writes it anew", name,
		    type);
		return FALSE;
	}
	if (!asn_mmdb_foreach(file->db, check_leaf, &c)) {
		g_set_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_BROKEN,
		    "%s: record at %s: %s", name,
		    asn_network_format(&c.at, text), c.why);
		return FALSE;
	}
	if (file->base == 0) {
		g_set_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_BROKEN,
		    "%s: no record of all mail", name);
		return FALSE;
	}
	return TRUE;
}

RepFile *
rep_file_open(
    int fd, GBytes *bytes, const char *name, const char *type, GError **error)
{
	RepFile *file = g_new0(RepFile, 1);

	g_atomic_ref_count_init(&file->refs);
	file->near = g_new0(RepNear, 1);
	if (bytes != NULL) {
		gsize len;
		const guint8 *data = g_bytes_get_data(bytes, &len);

		file->bytes = g_bytes_ref(bytes);
		file->db = asn_mmdb_open_memory(
		    data, len, name, ASN_MMDB_CHECK_SUM, error);
	} else {
		file->db = asn_mmdb_open(fd, name, ASN_MMDB_CHECK_SUM, error);
	}
	if (file->db != NULL && check_all(file, name, type, error))
		return file;
	rep_file_unref(file);
	return NULL;
}

RepFile *
rep_file_ref(RepFile *file)
{
	g_atomic_ref_count_inc(&file->refs);
	return file;
}

void
rep_file_unref(RepFile *file)
{
	if (file == NULL || !g_atomic_ref_count_dec(&file->refs))
		return;
	asn_mmdb_close(file->db);
	g_clear_pointer(&file->bytes, g_bytes_unref);
	g_free(file->slots);
	g_free(file->near);
	g_free(file);
}

/* --- looking up -------------------------------------------------------------
 */

static void
find(RepFound *found, AsnLevel level, const AsnMmdbField *node)
{
	if (found->has & 1u << level)
		return;
	found->has |= 1u << level;
	read_node(node, &found->node[level]);
}

/* Returns where the list ends. */
static guint32
find_prefix(
    AsnMmdbValue v, const AsnMmdbField *array, guint want, RepFound *found)
{
	AsnMmdbField f;
	guint64 len = 0;

	v.offset = array->next;
	for (guint32 i = 0; i < array->size; i += 2) {
		asn_mmdb_field(v, &f);
		asn_mmdb_field_uint(&f, &len);
		v.offset = f.next;
		asn_mmdb_field(v, &f);
		if (len == want)
			find(found, ASN_LEVEL_PREFIX, &f);
		v.offset = after_node(&f);
	}
	return v.offset;
}

static void
read_record(AsnMmdbValue v, guint want, RepFound *found)
{
	AsnMmdbField map, f;

	asn_mmdb_field(v, &map);
	v.offset = map.next;
	for (guint32 i = 0; i < map.size; i++) {
		AsnLevel level;

		asn_mmdb_field(v, &f);
		level = level_of(&f);
		v.offset = f.next;
		asn_mmdb_field(v, &f);
		if (level == ASN_LEVEL_PREFIX) {
			v.offset = find_prefix(v, &f, want, found);
			continue;
		}
		find(found, level, &f);
		v.offset = after_node(&f);
	}
}

void
rep_file_lookup(const RepFile *file, const AsnOriginKey *key, RepFound *found)
{
	const AsnNetwork *prefix = &key->prefix;
	guint want = G_MAXUINT; /* no prefix is that long */
	AsnAddr at = key->addr;
	AsnMmdbValue v;

	if (prefix->addr.family == at.family && !rep_is_wide(prefix))
		want = prefix->len;
	if (rep_place(&at) && rep_near_has(file->near, &at) &&
	    asn_mmdb_find(file->db, &at, &v))
		read_record(v, want, found);
	if (prefix->addr.family == 6 && rep_is_wide(prefix)) {
		const RepNode *node =
		    rep_file_special(file, REP_WIDE, rep_wide_number(prefix));
		if (node != NULL && !(found->has & 1u << ASN_LEVEL_PREFIX)) {
			found->node[ASN_LEVEL_PREFIX] = *node;
			found->has |= 1u << ASN_LEVEL_PREFIX;
		}
	}
}
