/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-top.c: the method Top, in pieces between the turns of the loop. */

#include <string.h>

#include "bus-methods.h"
#include "daemon-private.h"
#include "top.h"

#define PIECE 32      /* nodes between two looks at the clock */
#define SLICE_US 2000 /* of a turn of the main loop */
#define RESTARTS 5    /* votes were forgotten meanwhile */

typedef struct {
	AsndBusCall *call;
	AsndTop *top;
	guint replays, restarts;
} Job;

static const char *const levels[ASN_N_LEVELS] = {[ASN_LEVEL_AS] = "as",
    [ASN_LEVEL_PREFIX] = "prefix",
    [ASN_LEVEL_BLOCK] = "block",
    [ASN_LEVEL_ADDRESS] = "address"};
static const char *const orders[] = {[ASND_TOP_SPAM] = "spam",
    [ASND_TOP_SCORE] = "score",
    [ASND_TOP_HAM] = "ham"};

/* --- the answer ------------------------------------------------------------
 */

static void
put_string(GVariantBuilder *b, const char *key, const char *text, gssize len)
{
	g_autofree char *valid = g_utf8_make_valid(text, len);

	if (valid[0] != '\0')
		g_variant_builder_add(
		    b, "{sv}", key, g_variant_new_string(valid));
}

static void
put_double(GVariantBuilder *b, const char *key, double v)
{
	g_variant_builder_add(b, "{sv}", key, g_variant_new_double(v));
}

static void
put_what(GVariantBuilder *b, const AsnNodeKey *key)
{
	char text[ASN_NETWORK_STRLEN];

	if (key->level == ASN_LEVEL_AS)
		g_snprintf(text, sizeof text, "AS%u", key->asn);
	else if (key->level == ASN_LEVEL_ADDRESS && key->net.addr.family == 4)
		asn_addr_format(&key->net.addr, text);
	else
		asn_network_format(&key->net, text);
	put_string(b, "what", text, -1);
}

static void
put_owner(GVariantBuilder *b, const AsndTopRow *row)
{
	guint32 asn =
	    row->key.level == ASN_LEVEL_AS ? row->key.asn : row->origin.asn;
	char text[ASN_NETWORK_STRLEN];

	if (asn != 0)
		g_variant_builder_add(
		    b, "{sv}", "asn", g_variant_new_uint32(asn));
	if (row->origin.org != NULL)
		put_string(
		    b, "holder", row->origin.org, (gssize)row->origin.org_len);
	put_string(b, "country", row->origin.country, -1);
	if (row->key.level > ASN_LEVEL_PREFIX &&
	    row->origin.prefix.addr.family != 0)
		put_string(b, "prefix",
		    asn_network_format(&row->origin.prefix, text), -1);
}

static GVariant *
reply_of(const GArray *rows)
{
	GVariantBuilder all;

	g_variant_builder_init(&all, G_VARIANT_TYPE("aa{sv}"));
	for (guint i = 0; i < rows->len; i++) {
		const AsndTopRow *row = &g_array_index(rows, AsndTopRow, i);
		GVariantBuilder b;

		g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
		put_what(&b, &row->key);
		put_owner(&b, row);
		put_double(&b, "spam", row->spam);
		put_double(&b, "ham", row->ham);
		put_double(&b, "score", row->score);
		g_variant_builder_add(
		    &b, "{sv}", "flagged", g_variant_new_boolean(row->flagged));
		g_variant_builder_add_value(&all, g_variant_builder_end(&b));
	}
	return g_variant_new("(aa{sv})", &all);
}

/* --- the work --------------------------------------------------------------
 */

static void
job_free(gpointer data)
{
	Job *job = data;

	asnd_top_free(job->top);
	g_free(job);
}

/* TRUE: there is more to do. */
static gboolean
work_a_slice(Job *job, const AsndTopSource *source)
{
	gint64 end = g_get_monotonic_time() + SLICE_US;
	gboolean more;

	do
		more = asnd_top_step(job->top, source, PIECE);
	while (more && g_get_monotonic_time() < end);
	return more;
}

static gboolean
work_on(gpointer data)
{
	Job *job = data;
	AsndDaemon *d = job->call->daemon;
	AsndTopSource source = {asnd_journal_model(d->journal),
	    asnd_sources_networks(d->sources), (double)asnd_daemon_now(d)};
	guint replays = asnd_journal_replays(d->journal);
	g_autoptr(GArray) rows = NULL;

	if (replays != job->replays) {
		if (job->restarts++ == RESTARTS) {
			asnd_bus_fail(job->call, ASND_BUS_BUSY,
			    "votes are being forgotten; try again");
			return G_SOURCE_REMOVE;
		}
		job->replays = replays;
		asnd_top_restart(job->top);
	}
	if (work_a_slice(job, &source))
		return G_SOURCE_CONTINUE;
	rows = asnd_top_rows(job->top, &source);
	asnd_bus_return(job->call, reply_of(rows));
	return G_SOURCE_REMOVE;
}

/* Index of text in names, -1: it is none of them. */
static int
index_of(const char *const *names, guint n, const char *text)
{
	for (guint i = 0; i < n; i++)
		if (names[i] != NULL && strcmp(names[i], text) == 0)
			return (int)i;
	return -1;
}

void
asnd_bus_top(AsndBusCall *call)
{
	const char *level_name, *by_name;
	int level, by;
	guint32 limit;
	Job *job;

	g_variant_get(call->args, "(&s&su)", &level_name, &by_name, &limit);
	level = index_of(levels, G_N_ELEMENTS(levels), level_name);
	by = index_of(orders, G_N_ELEMENTS(orders), by_name);
	if (level < 0 || by < 0) {
		asnd_bus_fail(call, ASND_BUS_INVALID,
		    level < 0 ? "the level is as, prefix, block or address"
			      : "the order is spam, score or ham");
		return;
	}
	if (limit == 0 || limit > ASND_TOP_MAX) {
		asnd_bus_fail(call, ASND_BUS_INVALID,
		    "%u rows: 1 to %d can be asked for", limit, ASND_TOP_MAX);
		return;
	}
	job = g_new0(Job, 1);
	job->call = call;
	job->top = asnd_top_new((AsnLevel)level, (AsndTopBy)by, limit);
	job->replays = asnd_journal_replays(call->daemon->journal);
	g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, work_on, job, job_free);
}
