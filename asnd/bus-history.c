/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-history.c: History: the votes behind what is known. */

#include "bus-history.h"
#include "bus-methods.h"
#include "daemon-private.h"
#include "dict.h"

#define LIMIT 50 /* where 0 was asked for */
#define LIMIT_MAX 2000

static void
add_vote(GVariantBuilder *b, const AsndJournalVote *v, const char *user)
{
	g_variant_builder_open(b, G_VARIANT_TYPE_VARDICT);
	dict_time(b, "time", v->vote_time);
	dict_time(b, "mail_time", v->mail_time);
	dict_text(b, "class", v->vote == ASND_VOTE_SPAM ? "spam" : "ham");
	dict_bool(b, "stands", v->taken_back == 0);
	dict_time(b, "taken_back", v->taken_back);
	dict_uint(b, "weight", (guint32)v->weight);
	dict_address(b, "address", &v->key.addr);
	dict_network(b, "prefix", &v->key.prefix);
	if (v->key.asn != 0)
		dict_uint(b, "asn", v->key.asn);
	dict_text(b, "country", v->key.country);
	dict_text(b, "user", user);
	dict_bool(b, "sealed", v->sealed);
	dict_bool(b, "flagged", v->flagged);
	g_variant_builder_close(b);
}

GVariant *
asnd_bus_votes(AsndDaemon *d, const GArray *votes)
{
	g_autoptr(GHashTable) paths =
	    g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE("aa{sv}"));
	for (guint i = 0; i < votes->len; i++) {
		const AsndJournalVote *v =
		    &g_array_index(votes, AsndJournalVote, i);
		char *path = g_hash_table_lookup(paths, &v->user);

		if (path == NULL) {
			path = asnd_mails_user_path(d->mails, v->user);
			if (path == NULL)
				path = g_strdup("");
			g_hash_table_insert(paths, asnd_id_new(v->user), path);
		}
		add_vote(&b, v, path);
	}
	return g_variant_builder_end(&b);
}

/* --- a search between everything else --------------------------------------
 */

typedef struct {
	AsndBusCall *call;
	AsndSearch *search;
} History;

static gboolean
search_on(gpointer data)
{
	History *h = data;
	g_autoptr(GArray) votes = NULL;

	if (asnd_search_step(h->search))
		return G_SOURCE_CONTINUE;
	votes = asnd_search_result(h->search);
	asnd_bus_return(h->call,
	    g_variant_new("(@aa{sv})", asnd_bus_votes(h->call->daemon, votes)));
	return G_SOURCE_REMOVE;
}

static void
free_history(gpointer data)
{
	History *h = data;

	asnd_search_free(h->search);
	g_free(h);
}

void
asnd_bus_history(AsndBusCall *call)
{
	g_autoptr(GError) error = NULL;
	AsnSubject subject;
	const char *what;
	guint32 limit;
	History *h;

	g_variant_get(call->args, "(&su)", &what, &limit);
	if (!asn_subject_parse(what, &subject, &error)) {
		asnd_bus_fail(call, ASND_BUS_INVALID, "%s", error->message);
		return;
	}
	if (limit > LIMIT_MAX) {
		asnd_bus_fail(call, ASND_BUS_INVALID,
		    "at most " G_STRINGIFY(LIMIT_MAX) " votes at once");
		return;
	}
	h = g_new(History, 1);
	h->call = call;
	h->search = asnd_search_new(
	    call->daemon->journal, &subject, limit != 0 ? limit : LIMIT);
	g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, search_on, h, free_history);
}
