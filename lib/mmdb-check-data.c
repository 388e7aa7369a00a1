/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mmdb-check-data.c: proving the fields of a MaxMind DB section sound. */

#include <string.h>

#include "huge.h"
#include "mmdb-check.h"

/* What `seen` remembers: fields below (27 bits) and levels below (5 bits). */
#define SEEN_OPEN G_MAXUINT32 /* being checked: meeting it again is a loop */
#define SEEN(fields, levels) ((guint32)(fields) << 5 | (guint32)(levels))
#define SEEN_FIELDS(seen) ((seen) >> 5)
#define SEEN_LEVELS(seen) ((seen)&31)
G_STATIC_ASSERT(MMDB_MAX_DEPTH <= 31 && MMDB_MAX_FIELDS < 1 << 27);

/* A map with more keys than this is searched for double keys by hashing. */
#define FEW_KEYS 16

void
mmdb_field_check_init(MmdbFieldCheck *c, const guint8 *file,
    const MmdbSection *section, MmdbFault *fault)
{
	c->section = *section;
	c->file_offset = (gsize)(section->base - file);
	c->seen = g_new0(guint32, section->len + 1);
	asn_advise_huge(c->seen, sizeof *c->seen * section->len);
	c->claimed = g_new0(guint8, section->len / 8 + 1);
	c->fault = fault;
}

void
mmdb_field_check_clear(MmdbFieldCheck *c)
{
	g_clear_pointer(&c->seen, g_free);
	g_clear_pointer(&c->claimed, g_free);
}

static gboolean
fail(MmdbFieldCheck *c, gsize offset, const char *reason)
{
	c->fault->offset = c->file_offset + offset;
	c->fault->reason = reason;
	return FALSE;
}

/* A byte belongs to one field only.  This is what keeps the work linear: else
 * every byte of a string could start another string. */
static gboolean
claim(MmdbFieldCheck *c, gsize from, gsize to)
{
	for (gsize i = from; i < to; i++) {
		guint8 bit = (guint8)(1 << (i & 7));
		if (c->claimed[i >> 3] & bit)
			return fail(c, i, "fields overlap");
		c->claimed[i >> 3] |= bit;
	}
	return TRUE;
}

/* MaxMind-DB-spec.md "Data Field Format": how long each type may be. */
static const char *
check_scalar(const MmdbHeader *h, const guint8 *payload)
{
	switch (h->type) {
	case ASN_MMDB_STRING:
		if (!g_utf8_validate_len((const char *)payload, h->size, NULL))
			return "string is not UTF-8, or has a NUL";
		return NULL;
	case ASN_MMDB_DOUBLE:
		return h->size == 8 ? NULL : "double is not 8 bytes long";
	case ASN_MMDB_FLOAT:
		return h->size == 4 ? NULL : "float is not 4 bytes long";
	case ASN_MMDB_UINT16:
		return h->size <= 2 ? NULL : "uint16 longer than 2 bytes";
	case ASN_MMDB_UINT32:
		return h->size <= 4 ? NULL : "uint32 longer than 4 bytes";
	case ASN_MMDB_INT32:
		return h->size <= 4 ? NULL : "int32 longer than 4 bytes";
	case ASN_MMDB_UINT64:
		return h->size <= 8 ? NULL : "uint64 longer than 8 bytes";
	case ASN_MMDB_UINT128:
		return h->size <= 16 ? NULL : "uint128 longer than 16 bytes";
	case ASN_MMDB_BOOLEAN:
		return h->size <= 1 ? NULL : "boolean is neither 0 nor 1";
	case ASN_MMDB_BYTES:
		return NULL;
	default:
		return "unknown type";
	}
}

static gboolean check_field(
    MmdbFieldCheck *c, gsize offset, guint depth, gsize *next, guint32 *seen);

/* A pointer leads to a field that is no pointer itself. */
static gboolean
check_pointer(MmdbFieldCheck *c, gsize offset, const MmdbHeader *h, guint depth,
    guint32 *seen)
{
	gsize unused;

	if (h->target >= c->section.len)
		return fail(c, offset, "pointer leads out of its section");
	if (c->section.base[h->target] >> 5 == ASN_MMDB_POINTER)
		return fail(c, offset, "pointer leads to a pointer");
	return check_field(c, h->target, depth, &unused, seen);
}

typedef struct {
	gsize body[FEW_KEYS];
	guint32 size[FEW_KEYS];
	guint n;
	GHashTable *many;
} Keys;

static gboolean
is_new_among_many(const MmdbFieldCheck *c, Keys *keys, const MmdbHeader *h)
{
	if (keys->many == NULL)
		keys->many = g_hash_table_new_full(g_bytes_hash, g_bytes_equal,
		    (GDestroyNotify)g_bytes_unref, NULL);
	return g_hash_table_add(
	    keys->many, g_bytes_new_static(c->section.base + h->body, h->size));
}

/* offset: of a key that was checked, directly or behind a pointer. */
static const char *
check_key(const MmdbFieldCheck *c, Keys *keys, gsize offset, guint32 n_pairs)
{
	MmdbHeader h = {0};

	mmdb_decode(&c->section, offset, &h);
	if (h.type == ASN_MMDB_POINTER)
		mmdb_decode(&c->section, h.target, &h);
	if (h.type != ASN_MMDB_STRING)
		return "key of a map is not a string";
	if (n_pairs > FEW_KEYS)
		return is_new_among_many(c, keys, &h) ? NULL
						      : "map has a key twice";
	for (guint i = 0; i < keys->n; i++)
		if (h.size == keys->size[i] &&
		    memcmp(c->section.base + h.body,
			c->section.base + keys->body[i], h.size) == 0)
			return "map has a key twice";
	keys->body[keys->n] = h.body;
	keys->size[keys->n++] = h.size;
	return NULL;
}

/* The entries of a map or array, one after the other. */
static gboolean
check_entries(MmdbFieldCheck *c, const MmdbHeader *h, guint depth, gsize *next,
    guint32 *seen)
{
	guint64 n = mmdb_children(h);
	guint32 fields = 1, levels = 0;
	Keys keys = {.n = 0};
	gsize at = h->body;
	gboolean ok = TRUE;

	for (guint64 i = 0; ok && i < n; i++) {
		gboolean is_key = h->type == ASN_MMDB_MAP && i % 2 == 0;
		const char *wrong = NULL;
		gsize start = at;
		guint32 below;

		ok = check_field(c, start, depth + 1, &at, &below);
		if (!ok)
			break;
		if (is_key)
			wrong = check_key(c, &keys, start, h->size);
		fields += SEEN_FIELDS(below);
		levels = MAX(levels, SEEN_LEVELS(below) + 1);
		if (fields > MMDB_MAX_FIELDS)
			wrong =
			    "record with too many fields, pointers followed";
		if (wrong != NULL)
			ok = fail(c, start, wrong);
	}
	g_clear_pointer(&keys.many, g_hash_table_unref);
	*seen = SEEN(fields, levels);
	*next = at;
	return ok;
}

/* A field never met before. */
static gboolean
check_new(MmdbFieldCheck *c, gsize offset, const MmdbHeader *h, guint depth,
    gsize *next, guint32 *seen)
{
	const char *wrong;

	*next = h->body + mmdb_payload(h);
	if (!claim(c, offset, *next))
		return FALSE;
	if (h->type == ASN_MMDB_POINTER)
		return check_pointer(c, offset, h, depth, seen);
	if (mmdb_is_container(h->type))
		return check_entries(c, h, depth, next, seen);
	*seen = SEEN(1, 0);
	wrong = check_scalar(h, c->section.base + h->body);
	return wrong == NULL || fail(c, offset, wrong);
}

static gboolean
check_field(
    MmdbFieldCheck *c, gsize offset, guint depth, gsize *next, guint32 *seen)
{
	const char *wrong;
	MmdbHeader h = {0};

	wrong = mmdb_decode(&c->section, offset, &h);
	if (wrong != NULL)
		return fail(c, offset, wrong);
	if (depth > MMDB_MAX_DEPTH)
		return fail(c, offset, "fields nested too deep");
	*seen = c->seen[offset];
	if (*seen == SEEN_OPEN)
		return fail(c, offset, "pointers lead in a circle");
	if (*seen == 0) {
		c->seen[offset] = SEEN_OPEN;
		if (!check_new(c, offset, &h, depth, next, seen))
			return FALSE;
		c->seen[offset] = *seen;
		return TRUE;
	}
	if (depth + SEEN_LEVELS(*seen) > MMDB_MAX_DEPTH)
		return fail(c, offset, "fields nested too deep");
	/* Each container is walked again at most once for each around it. */
	*next = mmdb_is_container(h.type) ? mmdb_skip(&c->section, offset)
					  : h.body + mmdb_payload(&h);
	return TRUE;
}

gboolean
mmdb_field_check(MmdbFieldCheck *c, gsize offset, gsize *next)
{
	guint32 seen;

	return check_field(c, offset, 0, next, &seen);
}
