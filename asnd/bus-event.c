/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-event.c: votes and verdicts become signals. */

#include <math.h>

#include "bus-event.h"
#include "bus-private.h"
#include "daemon-private.h"

#define NOTED 256 /* of one turn; a signal that says so follows */

typedef struct {
	gboolean verdict; /* else a vote */
	AsnOriginKey key;
	gint64 time;
	AsndVote vote; /* NONE: taken back */
	int weight;
	gboolean flagged;
	AsnSpamLevel level;
	double score; /* in the header */
} Event;

static gboolean
want(AsndDaemon *d)
{
	return d->bus != NULL && d->bus->named;
}

static void
note(AsndDaemon *d, const Event *e)
{
	GArray *events = d->bus->events;

	if (events->len < NOTED)
		g_array_append_vals(events, e, 1);
	else
		asnd_bus_left_out(
		    d, e->verdict ? "VerdictSeen" : "VoteCounted");
}

static void
on_vote(const AsnOriginKey *key, AsndVote vote, int weight, gpointer data)
{
	AsndDaemon *d = data;
	Event e = {.key = *key,
	    .time = asnd_daemon_now(d),
	    .vote = vote,
	    .weight = weight};

	if (want(d))
		note(d, &e);
}

static void
on_seen(const AsndMailRow *row, gpointer data)
{
	AsndDaemon *d = data;
	Event e = {.verdict = TRUE,
	    .time = row->time,
	    .flagged = row->flagged,
	    .level = row->level};

	if (!want(d))
		return;
	e.score = d->bus->score;
	e.key = asn_networks_key(asnd_sources_networks(d->sources), &row->addr);
	note(d, &e);
}

void
asnd_bus_observe(AsndDaemon *d)
{
	static const AsndLearnObserver observer = {on_vote, on_seen};

	asnd_learner_observe(d->learner, &observer, d);
}

void
asnd_bus_note_score(AsndDaemon *d, double score)
{
	if (d->bus != NULL)
		d->bus->score = score;
}

/* --- as dictionaries -------------------------------------------------------
 */

static void
put(GVariantBuilder *dict, const char *key, GVariant *value)
{
	g_variant_builder_add(dict, "{sv}", key, value);
}

static void
put_holder(GVariantBuilder *dict, AsndDaemon *d, const AsnAddr *addr)
{
	const AsnNetworks *networks = asnd_sources_networks(d->sources);
	g_autofree char *valid = NULL;
	AsnOrigin origin;

	if (networks == NULL || !asn_networks_lookup(networks, addr, &origin) ||
	    origin.org == NULL)
		return;
	valid = g_utf8_make_valid(origin.org, (gssize)origin.org_len);
	put(dict, "holder", g_variant_new_string(valid));
}

/* What is unknown is left out. */
static void
put_origin(GVariantBuilder *dict, AsndDaemon *d, const AsnOriginKey *key)
{
	char text[ASN_NETWORK_STRLEN];

	put(dict, "address",
	    g_variant_new_string(asn_addr_format(&key->addr, text)));
	if (key->asn != 0)
		put(dict, "asn", g_variant_new_uint32(key->asn));
	if (key->prefix.addr.family != 0)
		put(dict, "prefix",
		    g_variant_new_string(
			asn_network_format(&key->prefix, text)));
	if (g_utf8_validate(key->country, -1, NULL) && key->country[0] != '\0')
		put(dict, "country", g_variant_new_string(key->country));
	put_holder(dict, d, &key->addr);
}

static void
put_vote(GVariantBuilder *dict, AsndDaemon *d, const Event *e)
{
	AsnPrediction p;

	asn_model_predict(asnd_journal_model(d->journal), &e->key,
	    (double)asnd_daemon_now(d), &p);
	put(dict, "class",
	    g_variant_new_string(e->vote == ASND_VOTE_SPAM  ? "spam"
				 : e->vote == ASND_VOTE_HAM ? "ham"
							    : "taken-back"));
	put(dict, "weight", g_variant_new_int32(e->weight));
	put(dict, "score", g_variant_new_double(p.score));
}

static void
put_verdict(GVariantBuilder *dict, const Event *e)
{
	put(dict, "flagged", g_variant_new_boolean(e->flagged));
	if (!isnan(e->score))
		put(dict, "score", g_variant_new_double(e->score));
	if (e->level != ASN_SPAM_UNKNOWN)
		put(dict, "level",
		    g_variant_new_string(asn_spam_level_name(e->level)));
}

static void
tell(AsndDaemon *d, const Event *e)
{
	GVariantBuilder dict;

	g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
	put(&dict, "time", g_variant_new_int64(e->time));
	put_origin(&dict, d, &e->key);
	if (e->verdict)
		put_verdict(&dict, e);
	else
		put_vote(&dict, d, e);
	asnd_bus_emit(d, e->verdict ? "VerdictSeen" : "VoteCounted",
	    g_variant_new("(a{sv})", &dict));
}

static void
tell_warmth(AsndDaemon *d)
{
	gboolean warming = asnd_daemon_warming_up(d);

	if (warming == d->bus->warming)
		return;
	d->bus->warming = warming;
	asnd_bus_property_changed(
	    d, "WarmingUp", g_variant_new_boolean(warming));
}

void
asnd_bus_tell(AsndDaemon *d)
{
	if (!want(d))
		return;
	for (guint i = 0; i < d->bus->events->len; i++)
		tell(d, &g_array_index(d->bus->events, Event, i));
	g_array_set_size(d->bus->events, 0);
	tell_warmth(d);
}

void
asnd_bus_untell(AsndDaemon *d)
{
	if (d->bus != NULL)
		g_array_set_size(d->bus->events, 0);
}

GArray *
asnd_bus_events_new(void)
{
	return g_array_new(FALSE, FALSE, sizeof(Event));
}
