/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mmdb-write.c: laying out a MaxMind DB file: data, metadata, checksum. */

#include <gio/gio.h>
#include <string.h>

#include <nettle/sha2.h>

#include "huge.h"
#include "mmdb-format.h"
#include "mmdb-tree.h"
#include "mmdb-write.h"

struct _AsnMmdbWriter {
	char *database_type, *description;
	guint64 build_epoch;
	GByteArray *data;
	GHashTable *strings; /* GBytes: offset of a shared string */
	MmdbTree tree;
	gboolean in_v6; /* the IPv4 tree is done */
	MmdbRef v4;
	guint next_place; /* of v4_places */
	AsnNetwork last;
};

/* What a reader answers from the IPv4 tree: IPv4-mapped (RFC 4291) and 6to4
 * (RFC 3056).  2001::/32 is left to the data: a Teredo client's address is in
 * the last 32 bits, inverted, so no branch can lead to it. */
static const struct {
	guint64 hi, lo;
	guint8 len;
} v4_places[] = {
    {0, 0, 96},
    {0, 0xffff00000000u, 96},
    {G_GUINT64_CONSTANT(0x2002) << 48, 0, 16},
};

AsnMmdbWriter *
asn_mmdb_writer_new(const AsnMmdbWriterOptions *options)
{
	AsnMmdbWriter *w = g_new0(AsnMmdbWriter, 1);

	g_return_val_if_fail(options->build_epoch > 0, NULL);
	w->database_type = g_strdup(options->database_type);
	w->description = g_strdup(options->description);
	w->build_epoch = options->build_epoch;
	w->data = g_byte_array_new();
	w->strings = g_hash_table_new_full(
	    g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
	mmdb_tree_init(&w->tree, options->share_subtrees);
	mmdb_tree_start(&w->tree);
	return w;
}

void
asn_mmdb_writer_free(AsnMmdbWriter *w)
{
	if (w == NULL)
		return;
	g_free(w->database_type);
	g_free(w->description);
	g_byte_array_unref(w->data);
	g_hash_table_unref(w->strings);
	mmdb_tree_clear(&w->tree);
	g_free(w);
}

/* --- fields ------------------------------------------------------------- */

static void
put(GByteArray *out, guint64 v, guint bytes)
{
	guint8 b[8];

	for (guint i = 0; i < bytes; i++)
		b[i] = (guint8)(v >> (8 * (bytes - 1 - i)));
	g_byte_array_append(out, b, bytes);
}

static void
put_control(GByteArray *out, AsnMmdbType type, gsize size)
{
	guint extra = size < 29 ? 0 : size < 285 ? 1 : size < 65821 ? 2 : 3;
	static const gsize base[] = {0, 29, 285, 65821};
	guint low = extra ? 28 + extra : (guint)size;

	put(out, (type > 7 ? 0 : (guint)type << 5) | low, 1);
	if (type > 7)
		put(out, (guint)type - 7, 1);
	put(out, size - base[extra], extra);
}

static void
put_string(GByteArray *out, const char *s, gsize len)
{
	put_control(out, ASN_MMDB_STRING, len);
	g_byte_array_append(out, (const guint8 *)s, (guint)len);
}

static void
put_uint(GByteArray *out, AsnMmdbType type, guint64 v)
{
	guint bytes = v == 0 ? 0 : (71 - (guint)__builtin_clzll(v)) / 8;

	put_control(out, type, bytes);
	put(out, v, bytes);
}

guint32
asn_mmdb_writer_tell(const AsnMmdbWriter *w)
{
	return w->data->len;
}

void
asn_mmdb_put_map(AsnMmdbWriter *w, guint n_pairs)
{
	put_control(w->data, ASN_MMDB_MAP, n_pairs);
}

void
asn_mmdb_put_array(AsnMmdbWriter *w, guint n)
{
	put_control(w->data, ASN_MMDB_ARRAY, n);
}

void
asn_mmdb_put_string(AsnMmdbWriter *w, const char *s, gsize len)
{
	put_string(w->data, s, len);
}

void
asn_mmdb_put_shared_string(AsnMmdbWriter *w, const char *s, gsize len)
{
	g_autoptr(GBytes) key = g_bytes_new_static(s, len);
	gpointer offset;

	if (g_hash_table_lookup_extended(w->strings, key, NULL, &offset)) {
		guint32 at = GPOINTER_TO_UINT(offset);
		if (len + 1 <= (at < 2048 ? 2 : 3))
			asn_mmdb_put_string(w, s, len);
		else
			asn_mmdb_put_pointer(w, at);
		return;
	}
	g_hash_table_insert(
	    w->strings, g_bytes_new(s, len), GUINT_TO_POINTER(w->data->len));
	asn_mmdb_put_string(w, s, len);
}

void
asn_mmdb_put_uint16(AsnMmdbWriter *w, guint16 v)
{
	put_uint(w->data, ASN_MMDB_UINT16, v);
}

void
asn_mmdb_put_uint32(AsnMmdbWriter *w, guint32 v)
{
	put_uint(w->data, ASN_MMDB_UINT32, v);
}

void
asn_mmdb_put_uint64(AsnMmdbWriter *w, guint64 v)
{
	put_uint(w->data, ASN_MMDB_UINT64, v);
}

void
asn_mmdb_put_double(AsnMmdbWriter *w, double v)
{
	guint64 bits;

	memcpy(&bits, &v, sizeof bits);
	put_control(w->data, ASN_MMDB_DOUBLE, sizeof bits);
	put(w->data, bits, sizeof bits);
}

void
asn_mmdb_put_pointer(AsnMmdbWriter *w, guint32 offset)
{
	guint size = offset < 2048 ? 0 : offset < 526336 ? 1 : 2;
	static const guint32 base[] = {0, 2048, 526336};
	guint64 rest;

	if (offset >= 526336 + (1u << 27)) {
		put(w->data, ASN_MMDB_POINTER << 5 | 3 << 3, 1);
		put(w->data, offset, 4);
		return;
	}
	rest = offset - base[size];
	put(w->data,
	    (guint64)(ASN_MMDB_POINTER << 5 | size << 3) << (8 * (size + 1)) |
		rest,
	    size + 2);
}

/* --- tree --------------------------------------------------------------- */

static MmdbTreeItem
item_of(const AsnNetwork *net, MmdbRef ref)
{
	MmdbTreeItem item = {.ref = ref, .len = net->len};

	if (net->addr.family == 4) {
		guint32 a;
		memcpy(&a, net->addr.b + 12, 4);
		item.hi = (guint64)GUINT32_FROM_BE(a) << 32;
		return item;
	}
	memcpy(&item.hi, net->addr.b, 8);
	memcpy(&item.lo, net->addr.b + 8, 8);
	item.hi = GUINT64_FROM_BE(item.hi);
	item.lo = GUINT64_FROM_BE(item.lo);
	return item;
}

/* The IPv4 tree and its aliases stand there: nothing else can. */
static gboolean
in_v4_place(const MmdbTreeItem *v6)
{
	for (gsize i = 0; i < G_N_ELEMENTS(v4_places); i++) {
		guint len = v4_places[i].len;
		guint64 lo_mask = len > 64 ? G_MAXUINT64 << (128 - len) : 0;
		guint64 hi_mask =
		    len >= 64 ? G_MAXUINT64 : G_MAXUINT64 << (64 - len);

		if (v6->len >= len && (v6->hi & hi_mask) == v4_places[i].hi &&
		    (v6->lo & lo_mask) == v4_places[i].lo)
			return TRUE;
	}
	return FALSE;
}

/* asn_network_is_canonical, without a copy. */
static inline gboolean
has_host_bits(const MmdbTreeItem *item)
{
	if (item->len >= 64)
		return item->len < 128 && item->lo << (item->len - 64) != 0;
	return item->hi << item->len != 0 || item->lo != 0;
}

static gboolean
comes_before(const MmdbTreeItem *a, const MmdbTreeItem *b)
{
	if (a->hi != b->hi)
		return a->hi < b->hi;
	return a->lo != b->lo ? a->lo < b->lo : a->len < b->len;
}

/* IPv6 networks are in order, and so are v4_places: those before the next
 * network (NULL: all) go in first. */
static void
put_v4_places(AsnMmdbWriter *w, const MmdbTreeItem *next)
{
	if (!w->in_v6) {
		w->v4 = mmdb_tree_keep_apart(&w->tree, mmdb_tree_end(&w->tree));
		mmdb_tree_start(&w->tree);
		w->in_v6 = TRUE;
	}
	for (; w->next_place < G_N_ELEMENTS(v4_places); w->next_place++) {
		MmdbTreeItem item = {.hi = v4_places[w->next_place].hi,
		    .lo = v4_places[w->next_place].lo,
		    .len = v4_places[w->next_place].len,
		    .ref = w->v4};

		if (next != NULL && !comes_before(&item, next))
			return;
		mmdb_tree_add(&w->tree, &item);
	}
}

gboolean
asn_mmdb_writer_add(AsnMmdbWriter *w, const AsnNetwork *net,
    guint32 data_offset, GError **error)
{
	gboolean is_v4 = net->addr.family == 4;
	char text[ASN_NETWORK_STRLEN];
	const char *wrong = NULL;
	MmdbTreeItem item;

	item = item_of(net, MMDB_REF_NONE);
	if (has_host_bits(&item))
		wrong = "has host bits set";
	else if (w->last.addr.family != 0 &&
		 asn_network_cmp(&w->last, net) >= 0)
		wrong = "comes out of order";
	else if (!is_v4 && in_v4_place(&item))
		wrong = "lies where IPv4 or an alias of it stands";
	else if (data_offset != ASN_MMDB_NO_DATA && data_offset >= w->data->len)
		wrong = "has no data at its offset";
	if (wrong != NULL) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
		    "network %s %s", asn_network_format(net, text), wrong);
		return FALSE;
	}
	if (data_offset != ASN_MMDB_NO_DATA)
		item.ref = mmdb_ref_data(data_offset);
	if (!is_v4)
		put_v4_places(w, &item);
	mmdb_tree_add(&w->tree, &item);
	w->last = *net;
	return TRUE;
}

/* --- the file ----------------------------------------------------------- */

/* Keys in alphabetical order and of exactly these types: libmaxminddb 1.7.1
 * refuses others, and what it calls optional it demands. */
static void
put_metadata(const AsnMmdbWriter *w, guint32 n_nodes, guint bits, GByteArray *m)
{
	static const guint8 zeros[MMDB_SUM_LEN];
#define KEY(name) put_string(m, name, strlen(name))
	put_control(m, ASN_MMDB_MAP, 10);
	KEY("binary_format_major_version");
	put_uint(m, ASN_MMDB_UINT16, 2);
	KEY("binary_format_minor_version");
	put_uint(m, ASN_MMDB_UINT16, 0);
	KEY("build_epoch");
	put_uint(m, ASN_MMDB_UINT64, w->build_epoch);
	KEY("database_type");
	KEY(w->database_type);
	KEY("description");
	put_control(m, ASN_MMDB_MAP, 1);
	KEY("en");
	KEY(w->description);
	KEY("ip_version");
	put_uint(m, ASN_MMDB_UINT16, 6);
	KEY("languages");
	put_control(m, ASN_MMDB_ARRAY, 1);
	KEY("en");
	KEY("node_count");
	put_uint(m, ASN_MMDB_UINT32, n_nodes);
	KEY("record_size");
	put_uint(m, ASN_MMDB_UINT16, bits);
	KEY(MMDB_SUM_KEY);
	put_control(m, ASN_MMDB_BYTES, MMDB_SUM_LEN);
	g_byte_array_append(m, zeros, MMDB_SUM_LEN);
#undef KEY
}

static guint
smallest_record(guint64 largest)
{
	if (largest < 1u << 24)
		return 24;
	if (largest < 1u << 28)
		return 28;
	return largest <= G_MAXUINT32 ? 32 : 0;
}

static void
put_sum(guint8 *file, gsize len)
{
	struct sha256_ctx sum;

	sha256_init(&sum);
	sha256_update(&sum, len, file);
	sha256_digest(&sum, MMDB_SUM_LEN, file + len - MMDB_SUM_LEN);
}

GBytes *
asn_mmdb_writer_finish(AsnMmdbWriter *w, GError **error)
{
	g_autoptr(GByteArray) meta = g_byte_array_new();
	g_autofree guint32 *numbers = NULL;
	gsize tree_len, len;
	guint8 *file, *p;
	guint32 n_nodes;
	MmdbRef root;
	guint bits;

	put_v4_places(w, NULL);
	root = mmdb_tree_end(&w->tree);
	numbers = mmdb_tree_number(&w->tree, root, &n_nodes);
	bits =
	    smallest_record((guint64)n_nodes + MMDB_SEPARATOR + w->data->len);
	if (w->tree.full || w->data->len > MMDB_REF_MAX_OFFSET || bits == 0) {
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
		    "too much data for one MaxMind DB");
		return NULL;
	}
	put_metadata(w, n_nodes, bits, meta);
	tree_len = (gsize)n_nodes * bits / 4;
	len = tree_len + MMDB_SEPARATOR + w->data->len + MMDB_MARKER_LEN +
	      meta->len;
	file = g_malloc(len);
	asn_advise_huge(file, len);
	mmdb_tree_write(&w->tree, root, numbers, n_nodes, bits, file);
	p = file + tree_len;
	memset(p, 0, MMDB_SEPARATOR);
	p += MMDB_SEPARATOR;
	if (w->data->len > 0)
		memcpy(p, w->data->data, w->data->len);
	p += w->data->len;
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): no string */
	memcpy(p, MMDB_MARKER, MMDB_MARKER_LEN);
	memcpy(p + MMDB_MARKER_LEN, meta->data, meta->len);
	put_sum(file, len);
	return g_bytes_new_take(file, len);
}
