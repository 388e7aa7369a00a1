/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon.c: the parts of asnd and what passes between them. */

#include <math.h>

#include "bus-event.h"
#include "daemon-private.h"
#include "notify.h"

#define TICK 10    /* seconds between looks at what waits */
#define RECOVER 10 /* seconds before an unwritable store is tried again */

static gint64
now_of(gpointer data)
{
	return asnd_daemon_now(data);
}

/* --- publishing ------------------------------------------------------------
 */

static void publish(AsndDaemon *d);

static gboolean
publish_later(gpointer data)
{
	AsndDaemon *d = data;

	d->publish_timer = 0;
	publish(d);
	return G_SOURCE_REMOVE;
}

static void
publish(AsndDaemon *d)
{
	AsndPublication what = {.model = asnd_journal_model(d->journal),
	    .now = now_of(d),
	    .mono = g_get_monotonic_time()};
	guint64 base = asnd_publisher_n_base(d->publisher);
	guint64 recent = asnd_publisher_n_recent(d->publisher);
	gint64 wait;

	if (d->hold || d->stale)
		return;
	/* The timer may wait for a fold; what is new need not. */
	if (d->publish_timer != 0)
		g_source_remove(d->publish_timer);
	d->publish_timer = 0;
	what.two_reporters_until =
	    asnd_learner_two_reporters_until(d->learner, what.now);
	asn_model_set_min_reporters(
	    what.model, what.two_reporters_until > what.now ? 2 : 1);
	wait = asnd_publisher_run(d->publisher, &what);
	if (asnd_publisher_n_base(d->publisher) != base ||
	    asnd_publisher_n_recent(d->publisher) != recent)
		asnd_bus_emit(d, "ReputationChanged",
		    g_variant_new("(xb)", what.now,
			asnd_publisher_n_base(d->publisher) != base));
	if (wait >= 0)
		d->publish_timer =
		    g_timeout_add((guint)(wait / 1000 + 1), publish_later, d);
}

/* --- the end of a turn -----------------------------------------------------
 */

static void
leave(AsndDaemon *d)
{
	if (d->fatal != NULL)
		d->fatal(d->fatal_data);
}

/* The model and what waits, as the evidence on disk has them.  While that
 * cannot be read nothing is learnt and nothing published: half a model would
 * take votes back that still stand.  The next tick tries again. */
static void
read_again(AsndDaemon *d)
{
	gboolean fatal;

	asnd_journal_replay(d->journal);
	asnd_learner_reset(d->learner);
	d->stale = asnd_store_failed(d->store, &fatal) != NULL;
	asnd_publisher_mark(d->publisher, TRUE);
	if (!d->stale)
		return;
	asnd_store_rollback(d->store);
	asnd_watch_server_pause(d->server, (RECOVER + TICK) * 1000);
	if (fatal)
		leave(d);
}

/* The evidence could not be written: back to what is on disk.  What was lost
 * stands in the Maildirs, and the next connection's scan brings it.  One
 * warning until that scan went well. */
static void
recover(AsndDaemon *d)
{
	gboolean fatal;
	const char *why = asnd_store_failed(d->store, &fatal);

	if (!d->broken)
		g_warning("cannot write the evidence in %s, votes wait in the"
			  " Maildirs: %s",
		    d->config->state_dir, why);
	d->broken = TRUE;
	asnd_store_rollback(d->store);
	asnd_bus_untell(d);
	d->written = asnd_store_written(d->store);
	asnd_watch_server_pause(d->server, RECOVER * 1000);
	if (fatal)
		leave(d);
	else
		read_again(d);
}

/* A little may still fit on a full disk: only a whole scan says it is over. */
static void
look_if_recovered(AsndDaemon *d)
{
	if (!d->broken || asnd_store_written(d->store) == d->written ||
	    !asnd_watch_server_idle(d->server))
		return;
	g_message("the evidence can be written again");
	d->broken = FALSE;
}

gboolean
asnd_daemon_commit(AsndDaemon *d)
{
	if (!asnd_store_commit(d->store)) {
		recover(d);
		return FALSE;
	}
	look_if_recovered(d);
	asnd_bus_tell(d);
	return TRUE;
}

static gboolean work_on(gpointer data);

static void
want_work(AsndDaemon *d)
{
	if (d->work == 0)
		d->work = g_idle_add(work_on, d);
}

static gboolean
turn(gpointer data)
{
	AsndDaemon *d = data;
	guint64 votes = asnd_learner_votes(d->learner);

	asnd_daemon_want_status(d);
	if (!asnd_daemon_commit(d))
		return FALSE;
	if (votes != d->published_votes) {
		d->published_votes = votes;
		asnd_publisher_mark(d->publisher, FALSE);
		publish(d);
	}
	if (asnd_learner_take_new_reporter(d->learner) ||
	    (asnd_learner_first_run(d->learner) &&
		asnd_watch_server_idle(d->server)))
		want_work(d);
	if (!d->scan_told && asnd_watch_server_idle(d->server)) {
		d->scan_told = TRUE;
		g_message("scan complete: %" G_GINT64_FORMAT
			  " mails known, %" G_GUINT64_FORMAT
			  " read since the start, %" G_GINT64_FORMAT
			  " entries in the journal",
		    asnd_mails_count(d->mails),
		    asnd_watch_server_reads(d->server),
		    asnd_journal_count(d->journal));
	}
	return TRUE;
}

gboolean
asnd_daemon_settle(AsndDaemon *d, gboolean all)
{
	if (!turn(d))
		return FALSE;
	if (all) {
		asnd_publisher_mark(d->publisher, TRUE);
		publish(d);
	}
	return TRUE;
}

static void
first_run_is_done(AsndDaemon *d)
{
	g_message("first run learnt: %" G_GUINT64_FORMAT " votes",
	    asnd_learner_votes(d->learner));
	d->hold = FALSE;
	asnd_publisher_mark(d->publisher, TRUE);
	publish(d);
	want_work(d); /* what users did meanwhile */
}

/* What has no event of its own, a bounded piece at a time. */
static gboolean
work_on(gpointer data)
{
	AsndDaemon *d = data;
	gboolean first = asnd_learner_first_run(d->learner), more;

	if (d->stale) {
		d->work = 0;
		return G_SOURCE_REMOVE;
	}
	if (first && !asnd_watch_server_idle(d->server))
		more = FALSE;
	else if (first)
		more = asnd_learner_step_first_run(d->learner, now_of(d));
	else
		more = asnd_learner_sweep(d->learner, now_of(d));
	if (!more)
		d->work = 0;
	if (!turn(d)) {
		more = FALSE;
		d->work = 0;
	} else if (first && !asnd_learner_first_run(d->learner)) {
		first_run_is_done(d);
	}
	return more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* --- timers ----------------------------------------------------------------
 */

static gboolean
tick(gpointer data)
{
	AsndDaemon *d = data;
	gboolean lost = FALSE;
	gint64 now;

	if (d->ping == 0) /* nobody else looks */
		asnd_store_probe(d->store, &lost);
	if (lost)
		leave(d);
	if (d->stale)
		read_again(d);
	if (d->stale)
		return G_SOURCE_CONTINUE;
	asnd_daemon_daily(d);
	now = now_of(d);
	if (asnd_watch_server_idle(d->server))
		asnd_mails_purge(d->mails, now);
	if (asnd_watch_server_idle(d->server) && d->clock_is_right)
		asnd_mails_purge_users(d->mails, now);
	/* Else nothing may be left to write that shows it is over. */
	if (d->broken && asnd_watch_server_idle(d->server))
		asnd_store_set_meta(d->store, "recovered", now);
	asnd_daemon_commit(d);
	publish(d);
	asnd_sources_tick(d->sources);
	asnd_rules_tick(d->rules);
	want_work(d);
	asnd_daemon_report(d);
	asnd_daemon_say_status(d);
	return G_SOURCE_CONTINUE;
}

/* --- what comes from asnd-mailwatch -----------------------------------------
 */

static void
on_moved(AsndMailRow *row, gpointer data)
{
	AsndDaemon *d = data;

	asnd_learner_judge(d->learner, row, now_of(d));
}

static void
on_block(AsndMailRow *row, const char *block, gsize len, gpointer data)
{
	AsndDaemon *d = data;
	AsndBlock parsed;

	asnd_block_parse(block, len, asnd_sources_sealer(d->sources), d->config,
	    d->own_hosts, &parsed);
	asnd_mails_set_block(
	    d->mails, row, &parsed, asnd_learner_first_run(d->learner));
	asnd_counter_saw(d->counter, row->arrived);
	asnd_bus_note_score(d, parsed.score);
	asnd_learner_judge(d->learner, row, now_of(d));
	asnd_bus_note_score(d, NAN);
}

static void
on_sync(const AsnWatchSync *sync, gpointer data)
{
	AsndDaemon *d = data;

	g_info("scanned: %u watches, %u folders polled, %u overflows,"
	       " %u entries refused",
	    sync->watches, sync->polled, sync->overflows, sync->refused);
	d->scan_told = FALSE;
	d->sync = *sync;
	d->has_sync = TRUE;
}

/* networks.mmdb was replaced: votes to come get their keys from it. */
static void
on_networks(gpointer data)
{
	AsndDaemon *d = data;

	asnd_learner_set_networks(
	    d->learner, asnd_sources_networks(d->sources));
}

/* --- start and end ---------------------------------------------------------
 */

static gboolean
open_evidence(AsndDaemon *d, GError **error)
{
	AsnModelParams params = asn_model_defaults;
	const char *aside;

	params.half_life = d->config->half_life;
	params.threshold = d->config->thresholds.threshold;
	params.evidence = d->config->thresholds.evidence;
	params.min_ham = d->config->thresholds.min_ham;
	d->store = asnd_store_open(d->config->state_dir, now_of(d), error);
	if (d->store == NULL)
		return FALSE;
	aside = asnd_store_was_rebuilt(d->store);
	if (aside != NULL)
		g_critical("the evidence was corrupt; it is set aside as %s"
			   " and rebuilt from the Maildirs",
		    aside);
	d->mails = asnd_mails_new(d->store, error);
	if (d->mails == NULL)
		return FALSE;
	d->journal = asnd_journal_new(d->store, &params, error);
	if (d->journal == NULL)
		return FALSE;
	d->learner = asnd_learner_new(d->store, d->mails, d->journal);
	d->reports = asnd_reports_new(d->store, d->mails, d->journal, error);
	if (d->reports == NULL)
		return FALSE;
	asnd_reports_configure(d->reports, &d->config->report);
	asnd_learner_set_reports(d->learner, d->reports);
	d->counter = asnd_counter_new(d->store, d->journal);
	if (asnd_store_failed(d->store, NULL) == NULL)
		return TRUE;
	g_set_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_OPEN,
	    "the evidence in %s: %s", d->config->state_dir,
	    asnd_store_failed(d->store, NULL));
	return FALSE;
}

static gboolean
start(AsndDaemon *d, GError **error)
{
	static const AsndWatchHandler handler = {
	    .now = now_of,
	    .moved = on_moved,
	    .block = on_block,
	    .sync = on_sync,
	    .reported = asnd_daemon_reported,
	    .turn = turn,
	};

	asn_notify_status("checking the evidence");
	d->sources = asnd_sources_new(d->config, on_networks, d, error);
	if (d->sources == NULL || !open_evidence(d, error))
		return FALSE;
	on_networks(d);
	d->rules = asnd_rules_new(d->config, now_of, d);
	d->publisher =
	    asnd_publisher_new(d->config->database_dir, d->store, error);
	if (d->publisher == NULL)
		return FALSE;
	d->server = asnd_watch_server_new(d->config, d->mails, &handler, d);
	if (!asnd_watch_server_listen(d->server, error))
		return FALSE;
	/* After the evidence was lost, what is published is the best there is
	 * until the Maildirs were read. */
	d->hold = asnd_learner_first_run(d->learner) &&
		  asnd_journal_count(d->journal) == 0 &&
		  asnd_publisher_had_base(d->publisher);
	asnd_daemon_start_clock(d);
	asnd_daemon_daily(d);
	asnd_daemon_commit(d);
	asnd_publisher_mark(d->publisher, TRUE);
	publish(d);
	d->tick = g_timeout_add_seconds(TICK, tick, d);
	want_work(d);
	asnd_store_started(d->store);
	asnd_daemon_say_status(d);
	asnd_daemon_start_pings(d);
	return TRUE;
}

AsndDaemon *
asnd_daemon_new(const AsnConfig *config, gint64 clock_offset, GError **error)
{
	AsndDaemon *d = g_new0(AsndDaemon, 1);

	d->config = config;
	d->clock_offset = clock_offset;
	d->own_hosts = asnd_block_own_hosts(config);
	d->started = now_of(d);
	if (start(d, error))
		return d;
	asnd_daemon_free(d);
	return NULL;
}

void
asnd_daemon_free(AsndDaemon *d)
{
	if (d == NULL)
		return;
	asnd_fd_reader_free(d->fd_reader);
	asnd_bus_stop(d);
	if (d->tick != 0)
		g_source_remove(d->tick);
	if (d->publish_timer != 0)
		g_source_remove(d->publish_timer);
	if (d->work != 0)
		g_source_remove(d->work);
	if (d->ping != 0)
		g_source_remove(d->ping);
	if (d->status != 0)
		g_source_remove(d->status);
	if (d->report_source != 0)
		g_source_remove(d->report_source);
	asnd_watch_server_free(d->server);
	asnd_publisher_free(d->publisher);
	asnd_learner_free(d->learner);
	asnd_counter_free(d->counter);
	asnd_reports_free(d->reports);
	asnd_journal_free(d->journal);
	asnd_mails_free(d->mails);
	asnd_store_close(d->store);
	asnd_sources_free(d->sources);
	asnd_rules_free(d->rules);
	g_strfreev(d->own_hosts);
	g_free(d->stuck);
	g_free(d);
}

void
asnd_daemon_on_fatal(AsndDaemon *d, void (*fn)(gpointer data), gpointer data)
{
	d->fatal = fn;
	d->fatal_data = data;
}

/* Of the configuration: what is asked anew each time. */
static void
take_config(AsndDaemon *d, const AsnConfig *config)
{
	static const char *const fixed[] = {"[paths] database-dir",
	    "[paths] state-dir", "[paths] watch-socket", "[score] threshold",
	    "[score] evidence", "[score] min-ham", "[score] half-life", NULL};
	static const char *const kinds[] = {
	    "[mail] junk-folders", "[mail] trash-folders", NULL};
	g_autofree char *changed = asn_config_differ(d->config, config, fixed);
	g_autofree char *folders = asn_config_differ(d->config, config, kinds);

	if (changed != NULL)
		g_warning(
		    "changed, but only a restart takes it up: %s", changed);
	d->config = config;
	g_strfreev(d->own_hosts);
	d->own_hosts = asnd_block_own_hosts(config);
	asnd_watch_server_set_config(d->server, config);
	asnd_reports_configure(d->reports, &config->report);
	asnd_sources_set_config(d->sources, config);
	/* It comes again and names all folders, which are judged anew. */
	if (folders != NULL)
		asnd_watch_server_hang_up(d->server, "the folders changed");
}

void
asnd_daemon_reload(AsndDaemon *d, const AsnConfig *config)
{
	if (config != NULL)
		take_config(d, config);
	asnd_sources_reload(d->sources);
	asnd_rules_reload(d->rules);
	on_networks(d);
	asnd_daemon_say_status(d);
}
