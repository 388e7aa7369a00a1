/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source-mmdb.c: any vendor's .mmdb with AS numbers or countries as source. */

#include <string.h>

#include "escape.h"
#include "mmdb-format.h"
#include "source.h"

#define TELL_EVERY 8192 /* networks */

typedef struct {
	ImportSet *set;
	const SourceProgress *progress;
	ImportMap origins; /* by offset of the record */
	guint64 networks, total;
	GError **error;
} Walk;

gboolean
source_is_mmdb(const guint8 *data, gsize len)
{
	gsize stop = len > MMDB_METADATA_MAX ? len - MMDB_METADATA_MAX : 0;

	return len > 0 && memmem(data + stop, len - stop, MMDB_MARKER,
			      MMDB_MARKER_LEN) != NULL;
}

static gboolean
get(AsnMmdbValue v, const char *key, AsnMmdbField *out)
{
	return asn_mmdb_map_get(v, key, strlen(key), out);
}

static gboolean
get_string(AsnMmdbValue v, const char *key, AsnMmdbField *out)
{
	return get(v, key, out) && out->type == ASN_MMDB_STRING &&
	       out->size > 0;
}

/* GeoLite2-ASN, DB-IP and sapics: autonomous_system_number; IPinfo and
 * IPLocate: asn, a string with or without "AS". */
static guint32
read_asn(AsnMmdbValue v)
{
	AsnMmdbField f;
	guint32 asn = 0;
	guint64 n;

	if (!get(v, "autonomous_system_number", &f) && !get(v, "asn", &f))
		return 0;
	if (asn_mmdb_field_uint(&f, &n))
		return n <= G_MAXUINT32 ? (guint32)n : 0;
	if (f.type == ASN_MMDB_STRING &&
	    !asn_number_parse((const char *)f.payload, f.size, &asn))
		return 0;
	return asn;
}

static guint32
read_org(ImportSet *set, AsnMmdbValue v)
{
	static const char *const keys[] = {
	    "autonomous_system_organization", "as_name", "org", "name"};
	AsnMmdbField f;

	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (get_string(v, keys[i], &f))
			return import_set_string(
			    set, (const char *)f.payload, f.size);
	return 0;
}

/* IPinfo's `country` is the code in one file and the name in another. */
static const char *
read_country(AsnMmdbValue v)
{
	static const char *const keys[] = {"country_code", "country"};
	AsnMmdbField f;

	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (get_string(v, keys[i], &f) && f.size == 2)
			return (const char *)f.payload;
	return NULL;
}

/* Our own files name the routed prefix, of which the leaf may be a part, or
 * which may be one of several equal ones that make up the leaf. */
#define MAX_SPLIT 16 /* bits: a merged leaf of more is none of ours */

static guint
read_length(AsnMmdbValue v, guint leaf_length)
{
	AsnMmdbField f;
	guint64 n;

	if (get(v, "prefix_length", &f) && asn_mmdb_field_uint(&f, &n) &&
	    n <= leaf_length + MAX_SPLIT)
		return (guint)n;
	return leaf_length;
}

static void
add_leaf(ImportSet *set, const AsnNetwork *leaf, guint len, guint32 origin)
{
	guint max = leaf->addr.family == 4 ? 32 : 128;
	AsnNetwork net;

	len = MIN(len, max);
	net = asn_network_of(&leaf->addr, (guint8)len);
	for (guint32 i = 0; i < 1u << (len > leaf->len ? len - leaf->len : 0);
	     i++) {
		/* i stands in the bits between leaf->len and len */
		for (guint bit = leaf->len; bit < len; bit++) {
			guint at = bit + 128 - max;
			guint8 mask = (guint8)(0x80 >> (at % 8));
			net.addr.b[at / 8] &= (guint8)~mask;
			if (i >> (len - 1 - bit) & 1)
				net.addr.b[at / 8] |= mask;
		}
		import_set_add(set, &net, origin);
	}
}

static gboolean
take_leaf(const AsnNetwork *leaf, AsnMmdbValue v, gpointer data)
{
	Walk *w = data;
	guint32 *id = import_map_at(&w->origins, v.offset, 0);

	if (++w->networks % TELL_EVERY == 0 &&
	    !source_tell(w->progress,
		MIN(1, (double)w->networks / (double)w->total), w->error))
		return FALSE;
	if (*id == IMPORT_MAP_NONE)
		*id = import_set_origin(
		    w->set, read_asn(v), read_country(v), read_org(w->set, v));
	if (*id == 0)
		return TRUE;
	add_leaf(w->set, leaf, read_length(v, leaf->len), *id);
	return TRUE;
}

gboolean
source_read_mmdb(const guint8 *data, gsize len, const char *name,
    ImportSet *set, const SourceProgress *progress, SourceInfo *info,
    GError **error)
{
	Walk w = {.set = set, .progress = progress, .error = error};
	g_autoptr(GError) local = NULL;
	guint before = set->fresh->len;
	char type[ASN_ESCAPE_SIZE];
	gboolean ok;
	AsnMmdb *db;

	db = asn_mmdb_open_memory(data, len, name, ASN_MMDB_CHECK_ANY, &local);
	if (db == NULL) {
		g_set_error_literal(
		    error, SOURCE_ERROR, SOURCE_ERROR_BROKEN, local->message);
		return FALSE;
	}
	w.total = asn_mmdb_meta(db)->node_count;
	ok = asn_mmdb_foreach(db, take_leaf, &w);
	asn_escape_str(type, asn_mmdb_meta(db)->database_type);
	info->format = "mmdb";
	info->about = g_strdup(type);
	if (ok && set->fresh->len == before && set->passed_over == 0) {
		g_set_error(error, SOURCE_ERROR, SOURCE_ERROR_BROKEN,
		    "%s: offset 0: a sound MaxMind DB (%s), but no record in "
		    "it has an AS number or a country",
		    name, type);
		ok = FALSE;
	}
	import_map_clear(&w.origins);
	asn_mmdb_close(db);
	return ok;
}
