/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mmdb-field.c: reading the fields of a checked MaxMind DB. */

#include "mmdb-private.h"

/* A field that says nothing: what a broken one reads as. */
static const AsnMmdbField no_field = {.type = (AsnMmdbType)0};

static inline void
field_at(const MmdbSection *s, gsize offset, AsnMmdbField *out)
{
	MmdbHeader h;

	*out = no_field;
	if (mmdb_decode(s, offset, &h) != NULL)
		return;
	out->next = (guint32)(h.body + mmdb_payload(&h));
	if (h.type == ASN_MMDB_POINTER &&
	    (mmdb_decode(s, h.target, &h) != NULL ||
		h.type == ASN_MMDB_POINTER))
		return;
	if (mmdb_is_container(h.type))
		out->next = (guint32)h.body;
	out->type = h.type;
	out->size = h.size;
	out->payload = s->base + h.body;
}

void
asn_mmdb_field(AsnMmdbValue value, AsnMmdbField *out)
{
	field_at(&value.db->l.data, value.offset, out);
}

gboolean
asn_mmdb_field_uint(const AsnMmdbField *f, guint64 *out)
{
	if ((f->type != ASN_MMDB_UINT16 && f->type != ASN_MMDB_UINT32 &&
		f->type != ASN_MMDB_UINT64) ||
	    f->size > 8)
		return FALSE;
	*out = 0;
	for (guint32 i = 0; i < f->size; i++)
		*out = *out << 8 | f->payload[i];
	return TRUE;
}

gboolean
asn_mmdb_field_double(const AsnMmdbField *f, double *out)
{
	guint64 bits;

	if (f->type != ASN_MMDB_DOUBLE || f->size != 8)
		return FALSE;
	bits = be64(f->payload);
	memcpy(out, &bits, sizeof bits);
	return TRUE;
}

const guint8 *
asn_mmdb_data(const AsnMmdb *db, gsize *len)
{
	*len = db->l.data.len;
	return db->l.data.base;
}

gboolean
asn_mmdb_map_get(
    AsnMmdbValue map, const char *key, gsize key_len, AsnMmdbField *out)
{
	const MmdbSection *s = &map.db->l.data;
	AsnMmdbField m, k;
	gsize at;

	field_at(s, map.offset, &m);
	if (m.type != ASN_MMDB_MAP)
		return FALSE;
	at = m.next;
	for (guint32 i = 0; i < m.size && at < s->len; i++) {
		field_at(s, at, &k);
		if (k.type != ASN_MMDB_STRING)
			return FALSE;
		if (k.size == key_len && memcmp(k.payload, key, key_len) == 0) {
			field_at(s, k.next, out);
			return out->type != 0;
		}
		at = mmdb_skip(s, k.next);
	}
	return FALSE;
}
