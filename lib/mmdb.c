/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mmdb.c: opening checked MaxMind DB files, and looking things up. */

#include <errno.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "huge.h"
#include "mmdb-private.h"

G_DEFINE_QUARK(asn_mmdb_error, asn_mmdb_error)

/* --- opening -------------------------------------------------------------- */

/* TRUE without a sum in the file, unless it has to have one. */
static gboolean
check_sum(const guint8 *file, gsize len, AsnMmdb *db, AsnMmdbFlags flags,
    MmdbFault *fault)
{
	static const guint8 zeros[MMDB_SUM_LEN];
	gboolean ours =
	    g_str_has_prefix(db->database_type, MMDB_OWN_TYPE_PREFIX);
	gsize at = db->l.sum_at, size = MMDB_SUM_LEN;
	struct sha256_ctx sum;
	guint8 digest[MMDB_SUM_LEN];

	if (db->l.sum.size != MMDB_SUM_LEN || db->l.sum.type == 0) {
		fault->offset = (gsize)(db->l.meta.base - file);
		fault->reason = "no SHA-256 in the metadata";
		return !ours && !(flags & ASN_MMDB_CHECK_SUM);
	}
	sha256_init(&sum);
	sha256_update(&sum, at, file);
	sha256_update(&sum, sizeof zeros, zeros);
	sha256_update(&sum, len - at - size, file + at + size);
	sha256_digest(&sum, sizeof digest, digest);
	fault->offset = at;
	fault->reason = "the SHA-256 does not match: the file is damaged";
	db->meta.has_sum = memcmp(digest, file + at, sizeof digest) == 0;
	return db->meta.has_sum;
}

static void
fill_meta(AsnMmdb *db)
{
	const MmdbLayout *l = &db->l;

	db->database_type =
	    g_strndup((const char *)l->meta.base + l->database_type.body,
		l->database_type.size);
	db->meta.database_type = db->database_type;
	db->meta.build_epoch = l->build_epoch;
	db->meta.node_count = l->node_count;
	db->meta.record_size = (guint16)l->record_size;
	db->meta.ip_version = (guint16)l->ip_version;
}

static void
find_v4(AsnMmdb *db)
{
	const MmdbLayout *l = &db->l;

	if (l->ip_version == 4)
		return;
	while (db->v4_depth < 96 && db->v4_record < l->node_count) {
		db->v4_record =
		    mmdb_record(l->tree.base, l->record_size, db->v4_record, 0);
		db->v4_depth++;
	}
}

/* Smaller trees fit the cache as they are. */
#define INDEX_MIN_NODES (1u << 16)

AsnMmdb *
asn_mmdb_open_memory(const guint8 *data, gsize len, const char *name,
    AsnMmdbFlags flags, GError **error)
{
	AsnMmdb *db = g_new0(AsnMmdb, 1);
	AsnMmdbError code = ASN_MMDB_ERROR_BROKEN;
	MmdbFault fault;

	if (!mmdb_check_layout(data, len, &db->l, &fault))
		goto refused;
	fill_meta(db);
	/* Before the walk through the tree, which takes five times as long.
	 * The sum proves no more than that nothing changed by chance. */
	if (!check_sum(data, len, db, flags, &fault)) {
		code = ASN_MMDB_ERROR_CHECKSUM;
		goto refused;
	}
	if (!mmdb_check_content(data, &db->l, &fault))
		goto refused;
	find_v4(db);
	if (db->l.node_count >= INDEX_MIN_NODES)
		db->index = mmdb_index_new(&db->l, db->v4_record);
	return db;
refused:
	g_set_error(error, ASN_MMDB_ERROR, (int)code,
	    "%s: offset %" G_GSIZE_FORMAT ": %s", name, fault.offset,
	    fault.reason);
	asn_mmdb_close(db);
	return NULL;
}

static gboolean
read_all(int fd, guint8 *to, gsize len)
{
	gsize have = 0;

	while (have < len) {
		ssize_t n = pread(fd, to + have, len - have, (off_t)have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* it became shorter meanwhile */
		if (n <= 0)
			return FALSE;
		have += (gsize)n;
	}
	return TRUE;
}

/* The file's bytes; to be given to munmap.  A copy: who overwrites or cuts a
 * mapped file kills whoever has it mapped (SIGBUS), or changes what was checked
 * under its hands. */
static guint8 *
copy_file(int fd, gsize len)
{
	guint8 *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	asn_advise_huge(p, len);
	if (!read_all(fd, p, len)) {
		int saved = errno;
		munmap(p, len);
		errno = saved;
		return NULL;
	}
	return p;
}

static gboolean
check_stat(int fd, const char *name, gsize *len, GError **error)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		g_set_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_IO,
		    "%s: cannot be read: %s", name, g_strerror(errno));
		return FALSE;
	}
	if (!S_ISREG(st.st_mode)) {
		g_set_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_IO,
		    "%s: not a regular file", name);
		return FALSE;
	}
	if (st.st_size == 0 || (guint64)st.st_size > G_MAXUINT32) {
		g_set_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_BROKEN,
		    "%s: offset 0: %s", name,
		    st.st_size == 0 ? "the file is empty"
				    : "the file is larger than 4 GiB");
		return FALSE;
	}
	*len = (gsize)st.st_size;
	return TRUE;
}

AsnMmdb *
asn_mmdb_open(int fd, const char *name, AsnMmdbFlags flags, GError **error)
{
	guint8 *bytes;
	AsnMmdb *db;
	gsize len;

	if (!check_stat(fd, name, &len, error))
		return NULL;
	bytes = copy_file(fd, len);
	if (bytes == NULL) {
		g_set_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_IO,
		    "%s: cannot be read: %s", name, g_strerror(errno));
		return NULL;
	}
	db = asn_mmdb_open_memory(bytes, len, name, flags, error);
	if (db == NULL) {
		munmap(bytes, len);
		return NULL;
	}
	db->owned = bytes;
	db->owned_len = len;
	return db;
}

void
asn_mmdb_close(AsnMmdb *db)
{
	if (db == NULL)
		return;
	if (db->owned != NULL)
		munmap(db->owned, db->owned_len);
	mmdb_index_free(db->index);
	g_free(db->database_type);
	g_free(db);
}

const AsnMmdbMeta *
asn_mmdb_meta(const AsnMmdb *db)
{
	return &db->meta;
}

/* --- looking up ---------------------------------------------------------- */

/* Follows up to n bits of key (left-aligned) from a record.  Returns what it
 * came to; *used: bits taken. */
static inline __attribute__((always_inline)) guint32
walk_size(const MmdbLayout *l, guint record_size, guint32 record, guint64 key,
    guint n, guint *used)
{
	const guint8 *tree = l->tree.base;
	guint32 node_count = l->node_count;
	guint i = 0;

	while (i < n && record < node_count) {
		record = mmdb_record(tree, record_size, record, key >> 63);
		key <<= 1;
		i++;
	}
	*used = i;
	return record;
}

static inline guint32
walk(const MmdbLayout *l, guint32 record, guint64 key, guint n, guint *used)
{
	switch (l->record_size) {
	case 24:
		return walk_size(l, 24, record, key, n, used);
	case 28:
		return walk_size(l, 28, record, key, n, used);
	default:
		return walk_size(l, 32, record, key, n, used);
	}
}

/* The file was checked, so a record is a node, nothing, or good data.  What
 * the bounds say again costs nothing. */
static inline gboolean
take_record(const AsnMmdb *db, guint32 record, AsnMmdbValue *out)
{
	guint64 offset = (guint64)record - db->l.node_count;

	if (record <= db->l.node_count || offset < MMDB_SEPARATOR ||
	    offset - MMDB_SEPARATOR >= db->l.data.len)
		return FALSE;
	out->db = db;
	out->offset = (guint32)(offset - MMDB_SEPARATOR);
	return TRUE;
}

static guint32
walk_v6(const AsnMmdb *db, const guint8 bits[16], guint *depth)
{
	guint used, more = 0;
	guint32 record = walk(&db->l, 0, be64(bits), 64, &used);

	if (used == 64)
		record = walk(&db->l, record, be64(bits + 8), 64, &more);
	*depth = used + more;
	return record;
}

gboolean
asn_mmdb_lookup_bits(
    const AsnMmdb *db, const guint8 bits[16], AsnMmdbValue *out, guint8 *depth)
{
	guint32 record;
	guint used;

	if (db->l.ip_version != 6)
		return FALSE;
	record = walk_v6(db, bits, &used);
	*depth = (guint8)used;
	return take_record(db, record, out);
}

static gboolean
has_tree(const AsnMmdb *db, const AsnAddr *addr)
{
	static const guint8 zeros[12];

	if (addr->family == 6)
		return db->l.ip_version == 6 &&
		       memcmp(addr->b, zeros, sizeof zeros) != 0;
	return addr->family == 4;
}

gboolean
asn_mmdb_lookup(
    const AsnMmdb *db, const AsnAddr *addr, AsnMmdbValue *out, guint8 *depth)
{
	guint32 record;
	guint used;

	if (!has_tree(db, addr))
		return FALSE;
	if (addr->family == 6)
		record = walk_v6(db, addr->b, &used);
	else
		record = walk(
		    &db->l, db->v4_record, be64(addr->b + 8) << 32, 32, &used);
	*depth = (guint8)used;
	return take_record(db, record, out);
}

/* FALSE: the index does not know. */
static gboolean
index_v4(const AsnMmdb *db, const AsnAddr *addr, guint32 *record)
{
	guint64 v4 = be64(addr->b + 8);

	return mmdb_index_find(db->index, &db->index->v4[(guint16)(v4 >> 16)],
	    (guint32)(v4 << 16), record);
}

static gboolean
index_v6(const AsnMmdb *db, const AsnAddr *addr, guint32 *record)
{
	const guint rest = 64 - MMDB_INDEX_V6_MAX;
	guint64 hi = be64(addr->b);
	guint used;

	if (hi >> (64 - MMDB_INDEX_V6_SKIP) != 1 ||
	    !mmdb_index_find(db->index,
		&db->index->v6[(guint16)(hi >> (rest + 32))],
		(guint32)(hi >> rest), record))
		return FALSE;
	*record = walk(&db->l, *record, hi << (64 - rest), rest, &used);
	*record = walk(&db->l, *record, be64(addr->b + 8), 64, &used);
	return TRUE;
}

gboolean
asn_mmdb_find(const AsnMmdb *db, const AsnAddr *addr, AsnMmdbValue *out)
{
	guint32 record;
	guint8 depth;

	if (db->index == NULL || !has_tree(db, addr) ||
	    !(addr->family == 4 ? index_v4(db, addr, &record)
				: index_v6(db, addr, &record)))
		return asn_mmdb_lookup(db, addr, out, &depth);
	return take_record(db, record, out);
}

/* --- all of it ----------------------------------------------------------- */

typedef struct {
	const AsnMmdb *db;
	AsnMmdbFunc fn;
	gpointer data;
	AsnNetwork at;
	guint max;
	gboolean v6; /* leave aliases of the IPv4 tree out */
} Walk;

static gboolean
each(Walk *w, guint32 record, guint depth)
{
	const MmdbLayout *l = &w->db->l;
	guint byte = (w->v6 ? 0 : 96) / 8 + depth / 8;
	guint8 mask = (guint8)(0x80 >> (depth & 7));
	gboolean go_on;
	AsnMmdbValue v;

	/* A whole alias, not a branch on the way to ::/96. */
	if (w->v6 && record == w->db->v4_record && w->db->v4_depth == 96 &&
	    record < l->node_count)
		return TRUE;
	if (record >= l->node_count || depth == w->max) {
		w->at.len = (guint8)depth;
		return !take_record(w->db, record, &v) ||
		       w->fn(&w->at, v, w->data);
	}
	if (!each(w, mmdb_record(l->tree.base, l->record_size, record, 0),
		depth + 1))
		return FALSE;
	w->at.addr.b[byte] |= mask;
	go_on = each(
	    w, mmdb_record(l->tree.base, l->record_size, record, 1), depth + 1);
	w->at.addr.b[byte] &= (guint8)~mask;
	return go_on;
}

gboolean
asn_mmdb_foreach(const AsnMmdb *db, AsnMmdbFunc fn, gpointer data)
{
	Walk w = {.db = db, .fn = fn, .data = data, .max = 32};

	w.at.addr.family = 4;
	if (!each(&w, db->v4_record, 0))
		return FALSE;
	if (db->l.ip_version != 6)
		return TRUE;
	w.v6 = TRUE;
	w.max = 128;
	w.at.addr.family = 6;
	return each(&w, 0, 0);
}
