/* SPDX-License-Identifier: GPL-2.0-or-later */
/* networks.c: who owns an address. */

#include <string.h>

#include "mmdb-format.h"
#include "networks.h"

enum { KEY_ASN, KEY_ORG, KEY_COUNTRY, KEY_LENGTH, N_KEYS };
static const char *const key_names[N_KEYS] = {"autonomous_system_number",
    "autonomous_system_organization", "country", "prefix_length"};

struct _AsnNetworks {
	AsnMmdb *db;
	MmdbSection data;
	gsize
	    key_at[N_KEYS]; /* where our writer puts them: at the very start */
};

gboolean
asn_is_country(const void *code)
{
	const char *c = code;

	return g_ascii_isupper(c[0]) && g_ascii_isupper(c[1]);
}

/* G_MAXSIZE for a key that no record has. */
static void
find_keys(AsnNetworks *n)
{
	MmdbHeader h;
	gsize at = 0;

	for (int i = 0; i < N_KEYS; i++)
		n->key_at[i] = G_MAXSIZE;
	for (int i = 0; i < N_KEYS; i++) {
		if (mmdb_decode(&n->data, at, &h) != NULL ||
		    h.type != ASN_MMDB_STRING ||
		    h.size != strlen(key_names[i]) ||
		    memcmp(n->data.base + h.body, key_names[i], h.size) != 0)
			return;
		n->key_at[i] = at;
		at = h.body + h.size;
	}
}

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
	networks->data.base = asn_mmdb_data(db, &networks->data.len);
	find_keys(networks);
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

/* --- the records ------------------------------------------------------------
 */

/* The field at *at, its pointer followed; *at moves behind it. */
static inline gboolean
next_field(const MmdbSection *s, gsize *at, MmdbHeader *h)
{
	if (mmdb_decode(s, *at, h) != NULL)
		return FALSE;
	*at = h->body + mmdb_payload(h);
	return h->type != ASN_MMDB_POINTER ||
	       mmdb_decode(s, h->target, h) == NULL;
}

static inline guint32
uint_of(const MmdbSection *s, const MmdbHeader *h, AsnMmdbType type)
{
	if (h->type != type || h->size > 4)
		return 0;
	return mmdb_be(s->base + h->body, h->size);
}

#define NO_LENGTH 255

static inline void
take_field(const MmdbSection *s, int key, const MmdbHeader *h, AsnOrigin *out,
    guint *prefix_length)
{
	const guint8 *payload = s->base + h->body;

	switch (key) {
	case KEY_ASN:
		out->asn = uint_of(s, h, ASN_MMDB_UINT32);
		break;
	case KEY_LENGTH:
		*prefix_length = MIN(128, uint_of(s, h, ASN_MMDB_UINT16));
		break;
	case KEY_COUNTRY:
		if (h->type == ASN_MMDB_STRING && h->size == 2 &&
		    asn_is_country(payload))
			memcpy(out->country, payload, 2);
		break;
	default:
		if (h->type == ASN_MMDB_STRING) {
			out->org = (const char *)payload;
			out->org_len = h->size;
		}
	}
}

/* Which key stands at *at, N_KEYS for another; *at moves behind it.  import
 * makes each a pointer to its one place. */
static inline int
next_key(const AsnNetworks *n, gsize *at)
{
	MmdbHeader h;
	int k = 0;

	if (mmdb_decode(&n->data, *at, &h) != NULL)
		return N_KEYS;
	if (h.type == ASN_MMDB_POINTER)
		while (k < N_KEYS && n->key_at[k] != h.target)
			k++;
	if (h.type == ASN_MMDB_POINTER && k < N_KEYS) {
		*at = h.body;
		return k;
	}
	if (!next_field(&n->data, at, &h) || h.type != ASN_MMDB_STRING)
		return N_KEYS;
	for (k = 0; k < N_KEYS; k++)
		if (h.size == strlen(key_names[k]) &&
		    memcmp(n->data.base + h.body, key_names[k], h.size) == 0)
			break;
	return k;
}

/* The flat map of our own writer, in one pass.  Returns the length of the
 * routed prefix as stored; NO_LENGTH without. The file was checked; the bounds
 * hold even if somebody writes into it. */
static __attribute__((flatten)) guint
read_record(const AsnNetworks *n, gsize at, AsnOrigin *out)
{
	guint prefix_length = NO_LENGTH;
	MmdbHeader map, value;

	if (!next_field(&n->data, &at, &map) || map.type != ASN_MMDB_MAP)
		return NO_LENGTH;
	for (guint32 i = 0; i < map.size; i++) {
		int key = next_key(n, &at);

		if (!next_field(&n->data, &at, &value) ||
		    mmdb_is_container(value.type))
			break;
		if (key < N_KEYS)
			take_field(&n->data, key, &value, out, &prefix_length);
	}
	return prefix_length;
}

/* The stored length counts in the family of the network; a 6to4 address (RFC
 * 3056) has the IPv4 one in bits 16 to 47. */
static guint8
own_length(const AsnNetworks *n, const AsnAddr *addr, guint stored)
{
	guint max = addr->family == 4 ? 32 : 128;
	AsnMmdbValue v;
	guint8 depth;

	if (stored == NO_LENGTH) {
		asn_mmdb_lookup(n->db, addr, &v, &depth);
		return depth;
	}
	if (addr->family == 6 && addr->b[0] == 0x20 && addr->b[1] == 0x02)
		stored += 16;
	return (guint8)MIN(stored, max);
}

gboolean
asn_networks_lookup(const AsnNetworks *db, const AsnAddr *addr, AsnOrigin *out)
{
	AsnMmdbValue v;
	guint stored;

	memset(out, 0, sizeof *out);
	if (!asn_mmdb_find(db->db, addr, &v))
		return FALSE;
	stored = read_record(db, v.offset, out);
	out->prefix = asn_network_of(addr, own_length(db, addr, stored));
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
