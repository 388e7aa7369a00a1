/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading MaxMind DB files (format 2.0), after checking every byte of them.
 *
 * asn_mmdb_open takes a descriptor, copies the file into memory, where nobody
 * who overwrites or cuts it can reach it, and validates it from end to end
 * (MMDB.md "A validator must check"): what it returns can be read without a
 * further bounds check failing.  The handle is immutable: any number of threads
 * may look up at once; close when nobody does.
 *
 * Why not libmaxminddb: it opens by path only, checks next to nothing at open, and
 * 1.7.1 crashes on four kinds of hostile file.  It is our oracle in t/ and the
 * yardstick in bench/.
 */
#pragma once

#include "addr.h"

typedef enum {
	ASN_MMDB_ERROR_IO,     /* cannot be read: errno text */
	ASN_MMDB_ERROR_BROKEN, /* not a sound MaxMind DB; message: "offset N: reason" */
	ASN_MMDB_ERROR_CHECKSUM, /* our SHA-256 does not match */
	ASN_MMDB_ERROR_KIND,   /* sound, but not the kind of database asked for */
} AsnMmdbError;
#define ASN_MMDB_ERROR (asn_mmdb_error_quark())
GQuark asn_mmdb_error_quark(void);

typedef enum {
	/* Any MaxMind DB: structure only. */
	ASN_MMDB_CHECK_ANY = 0,
	/* Demand the SHA-256 that our writer puts in (see mmdb-write.h). */
	ASN_MMDB_CHECK_SUM = 1,
} AsnMmdbFlags;

typedef struct _AsnMmdb AsnMmdb;

/* fd stays the caller's and may be closed afterwards.  name is for messages. */
AsnMmdb *asn_mmdb_open(
    int fd, const char *name, AsnMmdbFlags flags, GError **error);
/* The same over a buffer the caller keeps alive (tests, fuzzing, and a file just built). */
AsnMmdb *asn_mmdb_open_memory(const guint8 *data, gsize len, const char *name,
    AsnMmdbFlags flags, GError **error);
void asn_mmdb_close(AsnMmdb *db);

/* Metadata; strings live as long as db. */
typedef struct {
	const char *database_type;
	guint64 build_epoch;
	guint32 node_count;
	guint16 record_size, ip_version;
	gboolean has_sum; /* carries our SHA-256, and it matched */
} AsnMmdbMeta;
const AsnMmdbMeta *asn_mmdb_meta(const AsnMmdb *db);

/* A value in the data section: an offset the check has proven sound. */
typedef struct {
	const AsnMmdb *db;
	guint32 offset;
} AsnMmdbValue;

/* Longest match.  FALSE: no record.  depth: length of the leaf network in the
 * address's own family (may be longer than the routed prefix, MMDB.md 4). An
 * IPv6 address inside ::/96 never finds IPv4 data. */
gboolean asn_mmdb_lookup(const AsnMmdb *db, const AsnAddr *addr,
    AsnMmdbValue *out, guint8 *depth);
/* The same without the depth: quicker in a large tree. */
gboolean asn_mmdb_find(
    const AsnMmdb *db, const AsnAddr *addr, AsnMmdbValue *out);
/* Lookup of raw 128 bits, for keys below 100::/64. */
gboolean asn_mmdb_lookup_bits(
    const AsnMmdb *db, const guint8 bits[16], AsnMmdbValue *out, guint8 *depth);

/* Every leaf that has a record, in address order, aliases of IPv4 left out. FALSE from fn stops. */
typedef gboolean (*AsnMmdbFunc)(
    const AsnNetwork *leaf, AsnMmdbValue value, gpointer data);
gboolean asn_mmdb_foreach(const AsnMmdb *db, AsnMmdbFunc fn, gpointer data);

typedef enum {
	ASN_MMDB_POINTER = 1, ASN_MMDB_STRING = 2, ASN_MMDB_DOUBLE = 3,
	ASN_MMDB_BYTES = 4, ASN_MMDB_UINT16 = 5, ASN_MMDB_UINT32 = 6,
	ASN_MMDB_MAP = 7, ASN_MMDB_INT32 = 8, ASN_MMDB_UINT64 = 9,
	ASN_MMDB_UINT128 = 10, ASN_MMDB_ARRAY = 11, ASN_MMDB_BOOLEAN = 14,
	ASN_MMDB_FLOAT = 15,
} AsnMmdbType;

/* A decoded field header, pointers followed.  size: bytes of a scalar,
 * entries of a map or array; payload: the first byte of it. */
typedef struct {
	AsnMmdbType type;
	guint32 size;
	const guint8 *payload;
	guint32 next; /* offset after this field (after the pointer, if it was one); for maps and arrays: of the first entry */
} AsnMmdbField;
void asn_mmdb_field(AsnMmdbValue value, AsnMmdbField *out);
/* Integer or double fields by value; FALSE for another type. */
gboolean asn_mmdb_field_uint(const AsnMmdbField *f, guint64 *out);
gboolean asn_mmdb_field_double(const AsnMmdbField *f, double *out);
/* The data section as it lies in the file, for readers of one known layout. */
const guint8 *asn_mmdb_data(const AsnMmdb *db, gsize *len);
/* Value of a key in a map; FALSE when value is no map or lacks it. */
gboolean asn_mmdb_map_get(
    AsnMmdbValue map, const char *key, gsize key_len, AsnMmdbField *out);
