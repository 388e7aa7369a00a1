/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay-maildir-print.c: what a replay of Maildirs tells a person. */

#include <string.h>

#include "json.h"
#include "replay-maildir.h"
#include "trace.h"

#define WORST 10 /* networks with false flags that are shown */

/* Key and words of what was left out. */
typedef struct {
	const char *key, *words;
} Reason;

static const Reason left_reasons[REPLAY_N_LEFT] = {
    [REPLAY_LEFT_UNREAD] = {"left_unread", "unread, outside of Junk"},
    [REPLAY_LEFT_TRASH] = {"left_trash", "in the trash"},
    [REPLAY_LEFT_DELETED] = {"left_deleted", "marked as deleted or as drafts"},
    [REPLAY_LEFT_NO_CLIENT] = {"left_no_client",
	"without a client address that this host wrote (sent, local, "
	"imported)"},
    [REPLAY_LEFT_COPY] = {"left_copy", "copies of another mail"},
};

static const Reason refused_reasons[MAILDIRS_N_REFUSED] = {
    [MAILDIRS_NO_MAILDIR] = {"refused_maildirs",
	"Maildirs that may not be read, or are not their user's"},
    [MAILDIRS_NO_FOLDER] = {"refused_folders",
	"folders that may not be read, or are not their user's"},
    [MAILDIRS_TOO_MANY] = {"refused_too_many", "folders without end"},
    [MAILDIRS_NO_FILE] = {"refused_no_file",
	"names in a folder that are no regular file"},
    [MAILDIRS_NOT_THEIRS] = {"refused_not_theirs",
	"files that are not their user's"},
    [MAILDIRS_UNREADABLE] = {"refused_unreadable", "files that cannot be read"},
};

void
replay_maildir_lines(const ReplayMaildirs *r, GString *out)
{
	const guint64 *refused = maildirs_refused(r->maildirs);

	g_string_append_printf(out,
	    "maildirs\t%u\nlooked_at\t%" G_GUINT64_FORMAT "\n",
	    maildirs_number(r->maildirs), r->mails);
	for (guint i = 0; i < REPLAY_N_LEFT; i++)
		g_string_append_printf(out, "%s\t%" G_GUINT64_FORMAT "\n",
		    left_reasons[i].key, r->left[i]);
	for (guint i = 0; i < MAILDIRS_N_REFUSED; i++)
		g_string_append_printf(out, "%s\t%" G_GUINT64_FORMAT "\n",
		    refused_reasons[i].key, refused[i]);
}

/* --- flagged ham, by network ---------------------------------------------- */

/* The routed network, or the block where nobody knows it: never an address. */
typedef struct {
	AsnOriginKey key;
	AsnNetwork net;
	guint n;
} FalseFlags;

static guint
net_hash(gconstpointer net)
{
	return asn_network_hash(net);
}

static gboolean
net_equal(gconstpointer a, gconstpointer b)
{
	return asn_network_equal(a, b);
}

static int
most_first(gconstpointer a, gconstpointer b)
{
	const FalseFlags *x = *(const FalseFlags *const *)a;
	const FalseFlags *y = *(const FalseFlags *const *)b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return asn_network_cmp(&x->net, &y->net);
}

static void
count_false(GHashTable *nets, const AsnOriginKey *key)
{
	FalseFlags new = {.key = *key,
	    .net = key->prefix.addr.family != 0 ? key->prefix
						: asn_addr_block(&key->addr)};
	FalseFlags *f = g_hash_table_lookup(nets, &new.net);

	if (f == NULL) {
		f = g_memdup2(&new, sizeof new);
		g_hash_table_insert(nets, &f->net, f);
	}
	f->n++;
}

static GPtrArray *
worst(const ReplayStream *stream, const ReplayResult *results, gsize start)
{
	g_autoptr(GHashTable) nets = g_hash_table_new(net_hash, net_equal);
	GPtrArray *out = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter it;
	gpointer f;

	for (gsize i = start; i < stream->rows->len; i++) {
		const ReplayRow *row =
		    &g_array_index(stream->rows, ReplayRow, i);

		if (results[i].flag && !row->spam)
			count_false(nets, &row->key);
	}
	g_hash_table_iter_init(&it, nets);
	while (g_hash_table_iter_next(&it, NULL, &f))
		g_ptr_array_add(out, f);
	g_ptr_array_sort(out, most_first);
	return out;
}

static void
print_worst(const ReplayMaildirs *r, const GPtrArray *nets, GString *out)
{
	if (nets->len > 0)
		g_string_append(
		    out, "\nThe ham that would have been flagged came from:\n");
	for (guint i = 0; i < MIN(nets->len, WORST); i++) {
		const FalseFlags *f = g_ptr_array_index(nets, i);
		char net[ASN_NETWORK_STRLEN], org[ASN_HOLDER_MAX + 1] = "";
		AsnOrigin o;

		asn_networks_lookup(r->networks, &f->key.addr, &o);
		if (o.org != NULL)
			asn_trace_clean_holder(org, o.org, o.org_len);
		g_string_append_printf(out, "%8u  %-18s  AS%-6u %-2s  %s\n",
		    f->n, asn_network_format(&f->net, net), f->key.asn,
		    f->key.country[0] ? f->key.country : "-", org);
	}
	if (nets->len > WORST)
		g_string_append_printf(
		    out, "          and %u networks more\n", nets->len - WORST);
}

static void
json_worst(GString *out, const ReplayMaildirs *r, const FalseFlags *f)
{
	g_autoptr(GString) one = g_string_new("{");
	char net[ASN_NETWORK_STRLEN];
	AsnOrigin o;

	asn_json_member_string(
	    one, "network", asn_network_format(&f->net, net));
	if (f->key.asn != 0)
		asn_json_member_uint(one, "asn", f->key.asn);
	if (f->key.country[0] != '\0')
		asn_json_member_string(one, "country", f->key.country);
	asn_networks_lookup(r->networks, &f->key.addr, &o);
	if (o.org != NULL) {
		asn_json_member(one, "holder");
		asn_json_string(one, o.org, (gssize)o.org_len);
	}
	asn_json_member_uint(one, "mails", f->n);
	g_string_append_printf(out, "%s}", one->str);
}

void
replay_maildir_json(const ReplayMaildirs *r, const ReplayStream *stream,
    const ReplayResult *results, gsize start, GString *out)
{
	g_autoptr(GPtrArray) nets = worst(stream, results, start);

	asn_json_member(out, "false_flags");
	g_string_append_c(out, '[');
	for (guint i = 0; i < nets->len; i++) {
		g_string_append(out, i > 0 ? ", " : "");
		json_worst(out, r, g_ptr_array_index(nets, i));
	}
	g_string_append_c(out, ']');
}

/* --- in words --------------------------------------------------------------
 */

static void
print_reasons(GString *out, const Reason *reasons, const guint64 *n, guint len)
{
	for (guint i = 0; i < len; i++)
		if (n[i] > 0)
			g_string_append_printf(out,
			    "%8" G_GUINT64_FORMAT "  %s\n", n[i],
			    reasons[i].words);
}

static void
print_left(const ReplayMaildirs *r, GString *out)
{
	const guint64 *refused = maildirs_refused(r->maildirs);
	guint64 any = 0;

	for (guint i = 0; i < REPLAY_N_LEFT; i++)
		any += r->left[i];
	for (guint i = 0; i < MAILDIRS_N_REFUSED; i++)
		any += refused[i];
	if (any == 0)
		return;
	g_string_append(out, "Left out:\n");
	print_reasons(out, left_reasons, r->left, REPLAY_N_LEFT);
	print_reasons(out, refused_reasons, refused, MAILDIRS_N_REFUSED);
}

/* How many of them were flagged. */
static void
print_part(GString *out, const ReplayStream *stream,
    const ReplayResult *results, gsize start, gboolean spam)
{
	gsize all = 0, flagged = 0;
	char share[G_ASCII_DTOSTR_BUF_SIZE];

	for (gsize i = start; i < stream->rows->len; i++) {
		if (g_array_index(stream->rows, ReplayRow, i).spam != spam)
			continue;
		all++;
		flagged += results[i].flag != FALSE;
	}
	g_ascii_formatd(share, sizeof share, "%.2f",
	    all > 0 ? 100.0 * (double)flagged / (double)all : 0);
	g_string_append_printf(out, "%8zu of %zu %s (%s %%)\n", flagged, all,
	    spam ? "spam" : "ham", share);
}

static void
print_measured(const ReplayStream *stream, const ReplayResult *results,
    gsize start, GString *out)
{
	const ReplayRow *first = &g_array_index(stream->rows, ReplayRow, start);
	g_autoptr(GDateTime) since =
	    g_date_time_new_from_unix_utc((gint64)first->t);
	g_autofree char *date =
	    since ? g_date_time_format(since, "%Y-%m-%d") : g_strdup("?");
	gsize cold = 0;

	for (gsize i = start; i < stream->rows->len; i++)
		cold += !results[i].warm;
	g_string_append_printf(out,
	    "\nOf the %zu mails since %s, learning from those before, there "
	    "would have\nbeen flagged:\n",
	    (gsize)stream->rows->len - start, date);
	print_part(out, stream, results, start, TRUE);
	print_part(out, stream, results, start, FALSE);
	if (cold > 0)
		g_string_append_printf(out,
		    "%8zu came while asnd was still warming up, which flags "
		    "nothing\n",
		    cold);
}

void
replay_maildir_print(const ReplayMaildirs *r, const ReplayStream *stream,
    const ReplayResult *results, gsize start, GString *out)
{
	g_autoptr(GPtrArray) nets = worst(stream, results, start);

	g_string_append_printf(out,
	    "\n%" G_GUINT64_FORMAT " mails of %u Maildir%s, of which %u "
	    "count.\n",
	    r->mails, maildirs_number(r->maildirs),
	    maildirs_number(r->maildirs) == 1 ? "" : "s", stream->rows->len);
	print_left(r, out);
	if (r->no_seals != NULL)
		g_string_append_printf(
		    out, "Seals were not verified: %s.\n", r->no_seals);
	print_measured(stream, results, start, out);
	print_worst(r, nets, out);
}

char *
replay_maildir_nothing(const ReplayMaildirs *r)
{
	const guint64 strange = r->left[REPLAY_LEFT_NO_CLIENT];

	return g_strdup_printf("no mail to measure: %" G_GUINT64_FORMAT
			       " mails in %u Maildirs, %" G_GUINT64_FORMAT
			       " of them unread%s",
	    r->mails, maildirs_number(r->maildirs), r->left[REPLAY_LEFT_UNREAD],
	    strange > 0 ? " and others without a Received line of this host "
			  "(host-names in asnd.conf(5) tells its names)"
			: "");
}
