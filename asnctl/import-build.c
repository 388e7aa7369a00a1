/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import-build.c: from the networks of an import to networks.mmdb. */

#include <string.h>

#include "import-set.h"
#include "networks.h"

/* A record of the file: an origin seen at a prefix length. */
typedef struct {
	guint32 origin;
	guint32 next; /* record of the same origin, or NO_RECORD */
	guint8 len;
} Record;
#define NO_RECORD G_MAXUINT32

typedef struct {
	ImportSet *set;
	AsnMmdbWriter *w;
	GArray *records;     /* Record */
	guint32 *offsets;    /* of the records */
	guint32 *record_of;  /* by entry */
	guint32 *org_uses;   /* records that name it, by string id */
	guint32 *org_offset; /* where the pool has it, or 0 */
	guint32 country_uses[26 * 26], country_offset[26 * 26];
	guint32 key_offset[4];
} Build;

static const char *const keys[4] = {"autonomous_system_number",
    "autonomous_system_organization", "country", "prefix_length"};
enum { KEY_ASN, KEY_ORG, KEY_COUNTRY, KEY_LENGTH };

static guint
country_index(const char *country)
{
	return (guint)(country[0] - 'A') * 26 + (guint)(country[1] - 'A');
}

static const ImportOrigin *
origin_of(const Build *b, guint32 id)
{
	return &g_array_index(b->set->origins, ImportOrigin, id);
}

/* The record of an entry, made when it is the first of its kind.  Few origins
 * have more than a handful of prefix lengths. */
static guint32
record_for(Build *b, guint32 *first, const ImportEntry *e)
{
	Record r = {
	    .origin = e->origin, .len = e->len, .next = first[e->origin]};
	const ImportOrigin *o;
	guint32 id = r.next;

	while (id != NO_RECORD) {
		const Record *old = &g_array_index(b->records, Record, id);
		if (old->len == e->len)
			return id;
		id = old->next;
	}
	o = origin_of(b, r.origin);
	b->org_uses[o->org]++;
	if (o->country[0] != '\0')
		b->country_uses[country_index(o->country)]++;
	first[e->origin] = b->records->len;
	g_array_append_val(b->records, r);
	return first[e->origin];
}

/* Which records there will be, and how often a name stands in one. */
static void
collect_records(Build *b)
{
	const GArray *entries = b->set->entries;
	g_autofree guint32 *first = g_new(guint32, b->set->origins->len);

	memset(first, 0xff, sizeof *first * b->set->origins->len);
	for (guint i = 0; i < entries->len; i++) {
		const ImportEntry *e = &g_array_index(entries, ImportEntry, i);

		b->record_of[i] =
		    e->origin == 0 ? NO_RECORD : record_for(b, first, e);
	}
}

static int
most_used_first(gconstpointer a, gconstpointer b, gpointer uses)
{
	guint32 ua = ((const guint32 *)uses)[*(const guint32 *)a];
	guint32 ub = ((const guint32 *)uses)[*(const guint32 *)b];

	if (ua != ub)
		return ua > ub ? -1 : 1;
	return *(const guint32 *)a < *(const guint32 *)b ? -1 : 1;
}

/* Ids with two uses or more, the most used first. */
static GArray *
often_used(guint32 *uses, guint32 n)
{
	GArray *ids = g_array_new(FALSE, FALSE, sizeof(guint32));

	for (guint32 i = 0; i < n; i++)
		if (uses[i] > 1)
			g_array_append_val(ids, i);
	g_array_sort_with_data(ids, most_used_first, uses);
	return ids;
}

/* What many records share stands first, where pointers to it are short: keys,
 * countries, names. */
static void
put_pool(Build *b)
{
	g_autoptr(GArray) countries = often_used(b->country_uses, 26 * 26);
	g_autoptr(GArray) orgs = NULL;

	for (int i = 0; i < 4; i++) {
		b->key_offset[i] = asn_mmdb_writer_tell(b->w);
		asn_mmdb_put_string(b->w, keys[i], strlen(keys[i]));
	}
	for (guint i = 0; i < countries->len; i++) {
		guint32 c = g_array_index(countries, guint32, i);
		char text[2] = {(char)('A' + c / 26), (char)('A' + c % 26)};
		guint32 at = asn_mmdb_writer_tell(b->w);

		if (at >= 2048) /* a pointer would be no shorter */
			break;
		b->country_offset[c] = at;
		asn_mmdb_put_string(b->w, text, 2);
	}
	b->org_uses[0] = 0;
	orgs = often_used(b->org_uses, b->set->strings->len);
	for (guint i = 0; i < orgs->len; i++) {
		guint32 id = g_array_index(orgs, guint32, i);
		gsize len;
		const char *text = g_bytes_get_data(
		    g_ptr_array_index(b->set->strings, id), &len);

		if (len < 3)
			continue;
		b->org_offset[id] = asn_mmdb_writer_tell(b->w);
		asn_mmdb_put_string(b->w, text, len);
	}
}

static void
put_pooled(Build *b, guint32 offset, const char *text, gsize len)
{
	if (offset != 0)
		asn_mmdb_put_pointer(b->w, offset);
	else
		asn_mmdb_put_string(b->w, text, len);
}

static void
put_record(Build *b, const Record *r)
{
	const ImportOrigin *o = origin_of(b, r->origin);
	gboolean has_country = o->country[0] != '\0';
	gsize len;
	const char *org;

	asn_mmdb_put_map(
	    b->w, 1u + (o->asn != 0) + (o->org != 0) + (has_country ? 1 : 0));
	if (o->asn != 0) {
		asn_mmdb_put_pointer(b->w, b->key_offset[KEY_ASN]);
		asn_mmdb_put_uint32(b->w, o->asn);
	}
	if (o->org != 0) {
		org = g_bytes_get_data(
		    g_ptr_array_index(b->set->strings, o->org), &len);
		asn_mmdb_put_pointer(b->w, b->key_offset[KEY_ORG]);
		put_pooled(b, b->org_offset[o->org], org, len);
	}
	if (has_country) {
		asn_mmdb_put_pointer(b->w, b->key_offset[KEY_COUNTRY]);
		put_pooled(b, b->country_offset[country_index(o->country)],
		    o->country, 2);
	}
	asn_mmdb_put_pointer(b->w, b->key_offset[KEY_LENGTH]);
	asn_mmdb_put_uint16(b->w, r->len);
}

static AsnNetwork
network_of(const ImportEntry *e)
{
	AsnNetwork net = {.addr.family = e->family, .len = e->len};
	guint64 hi = GUINT64_TO_BE(e->hi), lo = GUINT64_TO_BE(e->lo);

	if (e->family == 4) {
		memcpy(net.addr.b + 12, &hi, 4);
	} else {
		memcpy(net.addr.b, &hi, 8);
		memcpy(net.addr.b + 8, &lo, 8);
	}
	return net;
}

static gboolean
add_networks(Build *b, GError **error)
{
	const GArray *entries = b->set->entries;

	for (guint i = 0; i < entries->len; i++) {
		AsnNetwork net =
		    network_of(&g_array_index(entries, ImportEntry, i));
		guint32 offset = ASN_MMDB_NO_DATA;

		if (b->record_of[i] != NO_RECORD)
			offset = b->offsets[b->record_of[i]];
		if (!asn_mmdb_writer_add(b->w, &net, offset, error))
			return FALSE;
	}
	return TRUE;
}

GBytes *
import_set_build(ImportSet *set, const char *description, guint64 build_epoch,
    GError **error)
{
	const AsnMmdbWriterOptions options = {
	    .database_type = ASN_NETWORKS_TYPE,
	    .description = description,
	    .build_epoch = build_epoch,
	    .share_subtrees = TRUE};
	Build b = {.set = set};
	GBytes *file = NULL;

	b.w = asn_mmdb_writer_new(&options);
	b.records = g_array_new(FALSE, FALSE, sizeof(Record));
	b.record_of = g_new(guint32, set->entries->len + 1);
	b.org_uses = g_new0(guint32, set->strings->len);
	b.org_offset = g_new0(guint32, set->strings->len);
	collect_records(&b);
	put_pool(&b);
	b.offsets = g_new(guint32, b.records->len);
	for (guint i = 0; i < b.records->len; i++) {
		b.offsets[i] = asn_mmdb_writer_tell(b.w);
		put_record(&b, &g_array_index(b.records, Record, i));
	}
	if (add_networks(&b, error))
		file = asn_mmdb_writer_finish(b.w, error);
	asn_mmdb_writer_free(b.w);
	g_array_unref(b.records);
	g_free(b.offsets);
	g_free(b.record_of);
	g_free(b.org_uses);
	g_free(b.org_offset);
	return file;
}
