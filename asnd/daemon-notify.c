/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon-notify.c: what the service manager is told of asnd. */

#include "daemon-private.h"
#include "notify.h"
#include "status.h"

#define STATUS_MS 500

gint64
asnd_daemon_now(const AsndDaemon *d)
{
	return asnd_clock_now(
	    &d->clock, asnd_daemon_wall(d), asnd_daemon_since_boot());
}

const AsndCounts *
asnd_daemon_counts(AsndDaemon *d)
{
	return asnd_counter_get(d->counter, asnd_daemon_now(d));
}

const char *
asnd_daemon_store_trouble(const AsndDaemon *d)
{
	return d->stuck != NULL ? d->stuck
	       : d->broken      ? "it cannot be written"
				: NULL;
}

/* Of "all mail", as SCORE.md's warming up asks it. */
double
asnd_daemon_ham(AsndDaemon *d)
{
	AsnOriginKey none = {.addr = {.family = 6, .b = {0x01}}};
	AsnPrediction p;

	asn_model_predict(asnd_journal_model(d->journal), &none,
	    (double)asnd_daemon_now(d), &p);
	return p.raw_ham;
}

gboolean
asnd_daemon_warming_up(AsndDaemon *d)
{
	return asnd_daemon_ham(d) < d->config->thresholds.min_ham;
}

void
asnd_daemon_say_status(AsndDaemon *d)
{
	AsndStatus s = {
	    .store_trouble = asnd_daemon_store_trouble(d),
	    .publish_trouble = asnd_publisher_trouble(d->publisher),
	    .votes = asnd_learner_votes(d->learner),
	    .published = asnd_publisher_last(d->publisher),
	    .networks = asnd_sources_networks(d->sources) != NULL,
	    .keys = asnd_sources_sealer(d->sources) != NULL,
	    .connected = asnd_watch_server_connected(d->server),
	    .idle = asnd_watch_server_idle(d->server),
	    .first_run = asnd_learner_first_run(d->learner),
	};
	g_autofree char *text = asnd_status_text(&s);

	asn_notify_status(text);
}

static gboolean
say_status_later(gpointer data)
{
	AsndDaemon *d = data;

	d->status = 0;
	asnd_daemon_say_status(d);
	return G_SOURCE_REMOVE;
}

void
asnd_daemon_want_status(AsndDaemon *d)
{
	if (d->status == 0)
		d->status = g_timeout_add(STATUS_MS, say_status_later, d);
}

static void
set_stuck(AsndDaemon *d, const char *why)
{
	if (why != NULL && d->stuck == NULL)
		g_warning("the evidence in %s does not answer (%s): the "
			  "watchdog gets no ping until it does",
		    d->config->state_dir, why);
	if (why == NULL && d->stuck != NULL)
		g_message("the evidence answers again");
	g_free(d->stuck);
	d->stuck = g_strdup(why);
	asnd_daemon_want_status(d);
}

/* Sign of life: this loop runs, and the store's file answers. */
static gboolean
ping(gpointer data)
{
	AsndDaemon *d = data;
	gboolean lost;
	const char *why = asnd_store_probe(d->store, &lost);

	if ((why == NULL) != (d->stuck == NULL))
		set_stuck(d, why);
	if (why == NULL)
		asn_notify_alive();
	/* What is written now is in a file that nobody will find. */
	if (lost && d->fatal != NULL)
		d->fatal(d->fatal_data);
	return G_SOURCE_CONTINUE;
}

void
asnd_daemon_start_pings(AsndDaemon *d)
{
	guint ms = asn_notify_interval();

	if (ms != 0)
		d->ping = g_timeout_add(ms, ping, d);
}
