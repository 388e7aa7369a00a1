/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the writer, the reader and the validator share of the MaxMind DB
 * format 2.0 (MaxMind-DB-spec.md): sizes, the marker, and one decoder of field
 * headers that never reads outside its section.
 *
 * Private to lib/mmdb*.c, lib/networks.c and lib/rules.c.  Nothing allocates;
 * any thread.
 */
#pragma once

#include "mmdb.h"

#define MMDB_MARKER "\xab\xcd\xefMaxMind.com"
#define MMDB_MARKER_LEN 14
#define MMDB_METADATA_MAX                                                      \
	((gsize)128 * 1024) /* spec: the marker is within the last 128 KiB */
#define MMDB_SEPARATOR 16
/* Our checksum: the value of this metadata key, the last 32 bytes of the file,
 * is the SHA-256 of the file with those bytes zero. */
#define MMDB_SUM_KEY "sha256"
#define MMDB_SUM_LEN 32
/* Files of ours always carry it, so a damaged key cannot hide the sum. */
#define MMDB_OWN_TYPE_PREFIX "asnd-"

/* A part of the file that offsets and pointers are relative to. */
typedef struct {
	const guint8 *base;
	gsize len;
} MmdbSection;

typedef struct {
	AsnMmdbType type;
	guint32 size;   /* entries of a map or array, value of a boolean, else
			   bytes */
	guint32 target; /* of a pointer */
	gsize body; /* where payload or entries start; for a pointer, the next
		       field */
} MmdbHeader;

static inline guint32
mmdb_be(const guint8 *p, guint n)
{
	guint32 v = 0;

	for (guint i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static inline gboolean
mmdb_is_container(AsnMmdbType type)
{
	return type == ASN_MMDB_MAP || type == ASN_MMDB_ARRAY;
}

/* Bytes that follow the header as payload. */
static inline guint32
mmdb_payload(const MmdbHeader *h)
{
	if (h->type == ASN_MMDB_POINTER || h->type == ASN_MMDB_BOOLEAN ||
	    mmdb_is_container(h->type))
		return 0;
	return h->size;
}

/* Fields directly inside. */
static inline guint64
mmdb_children(const MmdbHeader *h)
{
	if (h->type == ASN_MMDB_MAP)
		return (guint64)h->size * 2;
	return h->type == ASN_MMDB_ARRAY ? h->size : 0;
}

/* Reads the control bytes at off.  NULL, or what is wrong with them.  A field
 * that comes back lies whole inside the section; entries of a map or array may
 * still not. */
static inline const char *
mmdb_decode(const MmdbSection *s, gsize off, MmdbHeader *h)
{
	const guint8 *p = s->base + off;
	gsize left;
	guint control, n;

	if (off >= s->len)
		return "field outside of its section";
	left = s->len - off - 1;
	control = *p++;
	h->type = (AsnMmdbType)(control >> 5);
	h->size = control & 31;
	if (h->type == ASN_MMDB_POINTER) {
		static const guint32 base[] = {0, 2048, 526336, 0};
		n = control >> 3 & 3;
		if (left < n + 1)
			return "pointer cut off";
		h->target = mmdb_be(p, n + 1);
		if (n < 3)
			h->target += (h->size & 7) << (8 * (n + 1));
		h->target += base[n];
		h->body = off + n + 2;
		return NULL;
	}
	if (h->type == 0) {
		if (left < 1)
			return "type cut off";
		if (*p == 0 || *p > ASN_MMDB_FLOAT - 7)
			return "unknown type";
		h->type = (AsnMmdbType)(7 + *p++);
		left--;
		if (h->type == 12 || h->type == 13)
			return "type without meaning in a file";
	}
	if (h->size >= 29) {
		static const guint32 base[] = {29, 285, 65821};
		n = h->size - 28;
		if (left < n)
			return "size cut off";
		h->size = mmdb_be(p, n) + base[n - 1];
		p += n;
		left -= n;
	}
	h->target = 0;
	h->body = (gsize)(p - s->base);
	if (mmdb_payload(h) > left || mmdb_children(h) > left)
		return "field longer than its section";
	return NULL;
}

/* The end of the field at off with all inside it; the end of the section when
 * it is broken. */
static inline gsize
mmdb_skip(const MmdbSection *s, gsize off)
{
	guint64 left = 1;

	while (left > 0) {
		MmdbHeader h;
		if (mmdb_decode(s, off, &h) != NULL)
			return s->len;
		left += mmdb_children(&h) - 1;
		off = h.body + mmdb_payload(&h);
	}
	return off;
}
