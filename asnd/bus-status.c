/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-status.c: how asnd is: GetStatus and the properties. */

#include <string.h>

#include "bus-methods.h"
#include "bus-private.h"
#include "daemon-private.h"

static void
put(GVariantBuilder *b, const char *key, GVariant *value)
{
	g_variant_builder_add(b, "{sv}", key, value);
}

static void
put_time(GVariantBuilder *b, const char *key, gint64 when)
{
	if (when != 0)
		put(b, key, g_variant_new_int64(when));
}

static void
put_trouble(GVariantBuilder *b, const char *key, const char *why)
{
	g_autofree char *valid = g_utf8_make_valid(why ? why : "", -1);

	if (why != NULL)
		put(b, key, g_variant_new_string(valid));
}

static void
put_learning(GVariantBuilder *b, AsndDaemon *d)
{
	const AsndCounts *n = asnd_daemon_counts(d);

	put(b, "spam_votes", g_variant_new_uint64(n->votes.spam));
	put(b, "ham_votes", g_variant_new_uint64(n->votes.ham));
	put(b, "taken_back", g_variant_new_uint64(n->votes.taken_back));
	put(b, "votes_since_start",
	    g_variant_new_uint64(asnd_learner_votes(d->learner)));
	put(b, "reporters", g_variant_new_uint32(n->reporters));
	put_time(b, "last_vote", n->last_vote);
	put_time(b, "last_mail", n->last_mail);
	put(b, "mails_known",
	    g_variant_new_uint64((guint64)asnd_mails_known(d->mails)));
	put(b, "mails_read",
	    g_variant_new_uint64(asnd_watch_server_reads(d->server)));
	put(b, "first_run",
	    g_variant_new_boolean(asnd_learner_first_run(d->learner)));
	put(b, "warming_up", g_variant_new_boolean(asnd_daemon_warming_up(d)));
	put(b, "ham", g_variant_new_double(asnd_daemon_ham(d)));
	put(b, "min_ham", g_variant_new_double(d->config->thresholds.min_ham));
}

static void
put_watching(GVariantBuilder *b, AsndDaemon *d)
{
	put(b, "mailwatch",
	    g_variant_new_boolean(asnd_watch_server_connected(d->server)));
	put(b, "all_read",
	    g_variant_new_boolean(asnd_watch_server_idle(d->server)));
	if (!d->has_sync)
		return;
	put(b, "watches", g_variant_new_uint32(d->sync.watches));
	put(b, "polled", g_variant_new_uint32(d->sync.polled));
	put(b, "overflows", g_variant_new_uint32(d->sync.overflows));
	put(b, "refused", g_variant_new_uint32(d->sync.refused));
}

void
asnd_bus_get_status(AsndBusCall *call)
{
	AsndDaemon *d = call->daemon;
	g_autofree char *rules_trouble = asnd_rules_trouble(d->rules);
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	put(&b, "version", g_variant_new_string(ASND_VERSION));
	put_time(&b, "since", d->started);
	put_time(&b, "installed", asnd_store_install_time(d->store));
	put_learning(&b, d);
	put_watching(&b, d);
	put_time(&b, "published", asnd_publisher_last(d->publisher));
	put_trouble(
	    &b, "publish_trouble", asnd_publisher_trouble(d->publisher));
	put_trouble(&b, "store_trouble", asnd_daemon_store_trouble(d));
	put(&b, "networks",
	    g_variant_new_boolean(asnd_sources_networks(d->sources) != NULL));
	put(&b, "seal_key",
	    g_variant_new_boolean(asnd_sources_sealer(d->sources) != NULL));
	put(&b, "rules", g_variant_new_uint32(asnd_rules_count(d->rules)));
	put_trouble(&b, "rules_trouble", rules_trouble);
	put(&b, "calls_refused",
	    g_variant_new_uint64(asnd_bus_limit_refused(d->bus->senders)));
	asnd_bus_return(call, g_variant_new("(a{sv})", &b));
}

GVariant *
asnd_bus_get_property(AsndDaemon *d, const char *name)
{
	const AsndCounts *n = asnd_daemon_counts(d);

	if (strcmp(name, "Version") == 0)
		return g_variant_new_string(ASND_VERSION);
	if (strcmp(name, "Votes") == 0)
		return g_variant_new_uint64(n->votes.spam + n->votes.ham);
	if (strcmp(name, "Reporters") == 0)
		return g_variant_new_uint32(n->reporters);
	if (strcmp(name, "LastVote") == 0)
		return g_variant_new_int64(n->last_vote);
	return g_variant_new_boolean(asnd_daemon_warming_up(d));
}
