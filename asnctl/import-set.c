/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import-set.c: the networks of an import, merged. */

#include <string.h>

#include "huge.h"
#include "import-set.h"

ImportSet *
import_set_new(void)
{
	ImportSet *set = g_new0(ImportSet, 1);
	ImportOrigin nobody = {.asn = 0};

	set->entries = g_array_new(FALSE, FALSE, sizeof(ImportEntry));
	set->fresh = g_array_new(FALSE, FALSE, sizeof(ImportEntry));
	set->origins = g_array_new(FALSE, FALSE, sizeof(ImportOrigin));
	set->strings =
	    g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	set->string_ids = g_hash_table_new(g_bytes_hash, g_bytes_equal);
	g_array_append_val(set->origins, nobody);
	g_ptr_array_add(set->strings, g_bytes_new_static("", 0));
	return set;
}

void
import_set_free(ImportSet *set)
{
	if (set == NULL)
		return;
	g_array_unref(set->entries);
	g_array_unref(set->fresh);
	g_array_unref(set->origins);
	g_hash_table_unref(set->string_ids);
	g_ptr_array_unref(set->strings);
	import_map_clear(&set->origin_ids);
	g_free(set);
}

/* --- names --------------------------------------------------------------- */

static gboolean
is_plain(const char *text, gsize len)
{
	for (gsize i = 0; i < len; i++)
		if ((guchar)text[i] < 0x20 || (guchar)text[i] >= 0x7f)
			return FALSE;
	return TRUE;
}

/* Valid UTF-8 with a space for each control character. */
static char *
made_plain(const char *text, gsize len)
{
	g_autofree char *valid = g_utf8_make_valid(text, (gssize)len);
	GString *out = g_string_sized_new(len);

	for (char *p = valid; *p != 0; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		g_string_append_unichar(out, g_unichar_iscntrl(c) ? ' ' : c);
	}
	return g_string_free(out, FALSE);
}

static gsize
cut_length(const char *text, gsize len)
{
	if (len <= IMPORT_ORG_MAX)
		return len;
	len = IMPORT_ORG_MAX;
	while (len > 0 && ((guchar)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

guint32
import_set_string(ImportSet *set, const char *text, gsize len)
{
	g_autofree char *cleaned = NULL;
	g_autoptr(GBytes) key = NULL;
	gpointer id;

	if (!is_plain(text, len)) {
		cleaned = made_plain(text, len);
		text = cleaned;
		len = strlen(text);
	}
	len = cut_length(text, len);
	while (len > 0 && text[0] == ' ') {
		text++;
		len--;
	}
	while (len > 0 && text[len - 1] == ' ')
		len--;
	if (len == 0)
		return 0;
	key = g_bytes_new_static(text, len);
	id = g_hash_table_lookup(set->string_ids, key);
	if (id == NULL) {
		GBytes *own = g_bytes_new(text, len);
		id = GUINT_TO_POINTER(set->strings->len);
		g_ptr_array_add(set->strings, own);
		g_hash_table_insert(set->string_ids, own, id);
	}
	return GPOINTER_TO_UINT(id);
}

guint32
import_set_origin(ImportSet *set, guint32 asn, const char *country, guint32 org)
{
	ImportOrigin o = {.asn = asn, .org = asn != 0 ? org : 0};
	guint32 *id;

	if (country != NULL && g_ascii_isupper(country[0]) &&
	    g_ascii_isupper(country[1]))
		memcpy(o.country, country, 2);
	if (o.asn == 0 && o.country[0] == '\0')
		return 0;
	id = import_map_at(&set->origin_ids,
	    (guint64)asn << 16 | (guint64)(guchar)o.country[0] << 8 |
		(guchar)o.country[1],
	    o.org);
	if (*id == IMPORT_MAP_NONE) {
		*id = set->origins->len;
		g_array_append_val(set->origins, o);
	}
	return *id;
}

/* --- networks ------------------------------------------------------------ */

/* No mail comes from there, or the tree has something else there. */
static const struct {
	guint64 hi, lo;
	guint8 family, len;
} left_out[] = {
    {0, 0, 4, 8},                                 /* 0/8: this network */
    {G_GUINT64_CONSTANT(0x7f) << 56, 0, 4, 8},    /* loopback */
    {G_GUINT64_CONSTANT(0xe) << 60, 0, 4, 4},     /* multicast */
    {G_GUINT64_CONSTANT(0xf) << 60, 0, 4, 4},     /* 240/4: future use */
    {0, 0, 6, 96},                                /* IPv4 in the tree */
    {0, 0xffff00000000u, 6, 96},                  /* an alias of it */
    {G_GUINT64_CONSTANT(0x2002) << 48, 0, 6, 16}, /* an alias of it */
    {G_GUINT64_CONSTANT(0x100) << 48, 0, 6, 64},  /* RFC 6666: discard */
    {G_GUINT64_CONSTANT(0xfe80) << 48, 0, 6, 10}, /* link-local */
    {G_GUINT64_CONSTANT(0xff) << 56, 0, 6, 8},    /* multicast */
};
/* Nobody was ever given more: what is wider is a mistake in a list, like
 * IPv6 addresses taken for 2000::/6. */
#define WIDEST_V4 7
#define WIDEST_V6 8

static gboolean
starts_with(
    const ImportEntry *e, guint64 hi, guint64 lo, guint8 family, guint len)
{
	if (e->family != family || e->len < len)
		return FALSE;
	if (len <= 64)
		return (e->hi ^ hi) >> (64 - len) == 0;
	return e->hi == hi && (e->lo ^ lo) >> (128 - len) == 0;
}

static gboolean
is_left_out(const ImportEntry *e)
{
	if (e->len < (e->family == 4 ? WIDEST_V4 : WIDEST_V6))
		return TRUE;
	for (gsize i = 0; i < G_N_ELEMENTS(left_out); i++)
		if (starts_with(e, left_out[i].hi, left_out[i].lo,
			left_out[i].family, left_out[i].len))
			return TRUE;
	return FALSE;
}

void
import_set_expect(ImportSet *set, guint n)
{
	if (set->fresh->len > 0)
		return;
	g_array_unref(set->fresh);
	set->fresh = g_array_sized_new(FALSE, FALSE, sizeof(ImportEntry), n);
	asn_advise_huge(set->fresh->data, sizeof(ImportEntry) * n);
}

void
import_set_add(ImportSet *set, const AsnNetwork *net, guint32 origin)
{
	ImportEntry e = {
	    .origin = origin, .family = net->addr.family, .len = net->len};

	if (e.family == 4) {
		guint32 a;
		memcpy(&a, net->addr.b + 12, 4);
		e.hi = (guint64)GUINT32_FROM_BE(a) << 32;
	} else {
		memcpy(&e.hi, net->addr.b, 8);
		memcpy(&e.lo, net->addr.b + 8, 8);
		e.hi = GUINT64_FROM_BE(e.hi);
		e.lo = GUINT64_FROM_BE(e.lo);
	}
	if (is_left_out(&e)) {
		set->passed_over++;
		return;
	}
	if (origin == 0)
		set->nobody++;
	g_array_append_val(set->fresh, e);
}

/* As asn_network_cmp. */
static inline int
compare(const ImportEntry *a, const ImportEntry *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return (int)a->len - (int)b->len;
}

static int
compare_entries(gconstpointer a, gconstpointer b)
{
	return compare(a, b);
}

/* Sorted, and of equal networks only the last. */
static void
tidy(GArray *entries)
{
	ImportEntry *e = (ImportEntry *)(gpointer)entries->data;
	guint kept = 0, i;

	for (i = 1; i < entries->len && compare(&e[i - 1], &e[i]) < 0; i++)
		;
	if (i >= entries->len)
		return;
	g_array_sort(entries, compare_entries); /* keeps the order of equals */
	for (i = 0; i < entries->len; i++) {
		if (kept > 0 && compare(&e[kept - 1], &e[i]) == 0)
			kept--;
		e[kept++] = e[i];
	}
	g_array_set_size(entries, kept);
}

static void
swap(ImportSet *set)
{
	GArray *empty = set->entries;

	set->entries = set->fresh;
	set->fresh = empty;
	g_array_set_size(set->fresh, 0);
}

void
import_set_merge(ImportSet *set)
{
	const ImportEntry *a, *b, *a_end, *b_end;
	GArray *out;

	tidy(set->fresh);
	set->read_last = set->fresh->len;
	if (set->entries->len == 0) {
		swap(set);
		return;
	}
	out = g_array_sized_new(FALSE, FALSE, sizeof(ImportEntry),
	    set->entries->len + set->fresh->len);
	a = (ImportEntry *)(gpointer)set->entries->data;
	b = (ImportEntry *)(gpointer)set->fresh->data;
	a_end = a + set->entries->len;
	b_end = b + set->fresh->len;
	while (a < a_end && b < b_end) {
		int c = compare(a, b);

		g_array_append_vals(out, c < 0 ? a : b, 1);
		a += c <= 0;
		b += c >= 0;
	}
	g_array_append_vals(out, a, (guint)(a_end - a));
	g_array_append_vals(out, b, (guint)(b_end - b));
	g_array_unref(set->entries);
	set->entries = out;
	g_array_unref(set->fresh);
	set->fresh = g_array_new(FALSE, FALSE, sizeof(ImportEntry));
}
