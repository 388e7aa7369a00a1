/* SPDX-License-Identifier: GPL-2.0-or-later */
/* networks.c: who owns an address. */

#include <string.h>

#include "networks.h"

struct _AsnNetworks {
	AsnMmdb *db;
};

AsnNetworks *
asn_networks_open(int fd, const char *name, GError **error)
{
	AsnMmdb *db = asn_mmdb_open(fd, name, ASN_MMDB_CHECK_ANY, error);
	const AsnMmdbMeta *meta;
	AsnNetworks *networks;

	if (db == NULL)
		return NULL;
	meta = asn_mmdb_meta(db);
	if (strcmp(meta->database_type, ASN_NETWORKS_TYPE) != 0 ||
	    !meta->has_sum) {
		g_set_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_KIND,
		    "%s: not made by asnctl: run \"asnctl import\" on it",
		    name);
		asn_mmdb_close(db);
		return NULL;
	}
	networks = g_new0(AsnNetworks, 1);
	networks->db = db;
	return networks;
}

void
asn_networks_close(AsnNetworks *db)
{
	if (db == NULL)
		return;
	asn_mmdb_close(db->db);
	g_free(db);
}

const AsnMmdb *
asn_networks_mmdb(const AsnNetworks *db)
{
	return db->db;
}

/* Keys differ in their lengths, so that one look tells them apart. */
#define KEY_ASN "autonomous_system_number"
#define KEY_ORG "autonomous_system_organization"
#define KEY_COUNTRY "country"
#define KEY_LENGTH "prefix_length"

static gboolean
is_key(const AsnMmdbField *f, const char *key, gsize len)
{
	return f->size == len && memcmp(f->payload, key, len) == 0;
}

static void
take_field(const AsnMmdbField *key, const AsnMmdbField *f, AsnOrigin *out,
    guint *prefix_length)
{
	guint64 n;

	if (is_key(key, KEY_ASN, strlen(KEY_ASN))) {
		if (asn_mmdb_field_uint(f, &n) && n <= G_MAXUINT32)
			out->asn = (guint32)n;
	} else if (is_key(key, KEY_LENGTH, strlen(KEY_LENGTH))) {
		if (asn_mmdb_field_uint(f, &n) && n <= 128)
			*prefix_length = (guint)n;
	} else if (is_key(key, KEY_COUNTRY, strlen(KEY_COUNTRY))) {
		if (f->type == ASN_MMDB_STRING && f->size == 2)
			memcpy(out->country, f->payload, 2);
	} else if (is_key(key, KEY_ORG, strlen(KEY_ORG))) {
		if (f->type == ASN_MMDB_STRING) {
			out->org = (const char *)f->payload;
			out->org_len = f->size;
		}
	}
}

/* The flat map of our own writer, in one pass.  Returns the length of the
 * routed prefix as stored; NO_LENGTH without. */
#define NO_LENGTH 255

static guint
read_record(AsnMmdbValue v, AsnOrigin *out)
{
	guint prefix_length = NO_LENGTH;
	AsnMmdbField map, key, field;

	asn_mmdb_field(v, &map);
	if (map.type != ASN_MMDB_MAP)
		return NO_LENGTH;
	v.offset = map.next;
	for (guint32 i = 0; i < map.size; i++) {
		asn_mmdb_field(v, &key);
		v.offset = key.next;
		asn_mmdb_field(v, &field);
		v.offset = field.next;
		if (key.type != ASN_MMDB_STRING || field.type == ASN_MMDB_MAP ||
		    field.type == ASN_MMDB_ARRAY)
			break;
		take_field(&key, &field, out, &prefix_length);
	}
	return prefix_length;
}

/* The stored length counts in the family of the network; a 6to4 address (RFC
 * 3056) has the IPv4 one in bits 16 to 47. */
static guint8
own_length(const AsnAddr *addr, guint stored, guint8 leaf_length)
{
	guint max = addr->family == 4 ? 32 : 128;

	if (stored == NO_LENGTH)
		return leaf_length;
	if (addr->family == 6 && addr->b[0] == 0x20 && addr->b[1] == 0x02)
		stored += 16;
	return (guint8)MIN(stored, max);
}

gboolean
asn_networks_lookup(const AsnNetworks *db, const AsnAddr *addr, AsnOrigin *out)
{
	guint8 leaf_length;
	AsnMmdbValue v;
	guint stored;

	memset(out, 0, sizeof *out);
	if (!asn_mmdb_lookup(db->db, addr, &v, &leaf_length))
		return FALSE;
	stored = read_record(v, out);
	out->prefix =
	    asn_network_of(addr, own_length(addr, stored, leaf_length));
	return TRUE;
}

AsnOriginKey
asn_origin_key(const AsnAddr *addr, const AsnOrigin *origin)
{
	AsnOriginKey key = {
	    .addr = *addr, .prefix = origin->prefix, .asn = origin->asn};

	memcpy(key.country, origin->country, sizeof key.country);
	return key;
}

AsnOriginKey
asn_networks_key(const AsnNetworks *db, const AsnAddr *addr)
{
	AsnOrigin origin = {.asn = 0};

	if (db != NULL)
		asn_networks_lookup(db, addr, &origin);
	return asn_origin_key(addr, &origin);
}
