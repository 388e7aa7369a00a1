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

void
asnd_vote_list_init(AsndVoteList *list, AsndDaemon *daemon)
{
	list->daemon = daemon;
	g_variant_builder_init(&list->builder, G_VARIANT_TYPE("aa{sv}"));
	list->users =
	    g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
}

static const char *
user_of(AsndVoteList *list, gint64 user)
{
	char *path = g_hash_table_lookup(list->users, &user);

	if (path == NULL) {
		path = asnd_mails_user_path(list->daemon->mails, user);
		if (path == NULL)
			path = g_strdup("");
		g_hash_table_insert(list->users, asnd_id_new(user), path);
	}
	return path;
}

void
asnd_vote_list_add(AsndVoteList *list, const GArray *votes)
{
	for (guint i = 0; i < votes->len; i++) {
		const AsndJournalVote *v =
		    &g_array_index(votes, AsndJournalVote, i);

		add_vote(&list->builder, v, user_of(list, v->user));
	}
}

GVariant *
asnd_vote_list_end(AsndVoteList *list)
{
	GVariant *votes = g_variant_builder_end(&list->builder);

	asnd_vote_list_clear(list);
	return votes;
}

void
asnd_vote_list_clear(AsndVoteList *list)
{
	g_variant_builder_clear(&list->builder);
	g_clear_pointer(&list->users, g_hash_table_unref);
}

/* --- a search between everything else --------------------------------------
 */

typedef struct {
	AsndBusCall *call;
	AsndSearch *search;
	AsndVoteList list;
} History;

static gboolean
search_on(gpointer data)
{
	History *h = data;
	g_autoptr(GArray) votes =
	    g_array_new(FALSE, FALSE, sizeof(AsndJournalVote));
	gboolean more = asnd_search_step(h->search, votes);

	asnd_vote_list_add(&h->list, votes);
	if (more)
		return G_SOURCE_CONTINUE;
	asnd_bus_return(
	    h->call, g_variant_new("(@aa{sv})", asnd_vote_list_end(&h->list)));
	return G_SOURCE_REMOVE;
}

static void
free_history(gpointer data)
{
	History *h = data;

	asnd_search_free(h->search);
	asnd_vote_list_clear(&h->list);
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
	h = g_new0(History, 1);
	h->call = call;
	h->search = asnd_search_new(
	    call->daemon->journal, &subject, limit != 0 ? limit : LIMIT);
	asnd_vote_list_init(&h->list, call->daemon);
	g_idle_add_full(G_PRIORITY_DEFAULT_IDLE, search_on, h, free_history);
}
