/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What daemon.c (the parts and what passes between them) and daemon-notify.c
 * (what the service manager is told) share.
 */
#pragma once

#include "bus.h"
#include "clock.h"
#include "counts.h"
#include "daemon.h"
#include "learn.h"
#include "publish.h"
#include "read-fd.h"
#include "reports.h"
#include "rules.h"
#include "sources.h"
#include "watch-server.h"

struct _AsndDaemon {
	const AsnConfig *config;
	gint64 clock_offset;
	char **own_hosts;
	AsndStore *store;
	AsndMails *mails;
	AsndJournal *journal;
	AsndLearner *learner;
	AsndPublisher *publisher;
	AsndWatchServer *server;
	AsndSources *sources;
	AsndRules *rules;
	guint tick, publish_timer, work, ping, status;
	char *stuck;             /* why the store does not answer */
	guint64 published_votes; /* votes cast when last marked */
	gint64 last_day;
	AsndClock clock;
	gint64 clock_saved;      /* in the evidence */
	gboolean clock_is_right; /* when it was looked at last */
	gboolean hold; /* keep the old base until the first run is learnt */
	gboolean broken, scan_told;
	gboolean stale;    /* the model is not what the evidence says */
	guint64 written;   /* rows, when it broke */
	gint64 started;    /* wall clock */
	AsnWatchSync sync; /* the last one, where has_sync */
	gboolean has_sync;
	AsndBus *bus;            /* NULL: never started */
	AsndFdReader *fd_reader; /* NULL: nobody passed a file */
	AsndCounter *counter;
	AsndReports *reports;
	guint report_source;
	void (*fatal)(gpointer data);
	gpointer fatal_data;
};

/* STATUS=, now; soon, and not after every packet. */
void asnd_daemon_say_status(AsndDaemon *daemon);
void asnd_daemon_want_status(AsndDaemon *daemon);
/* For whoever asks how it goes.  Why the evidence cannot be used, NULL: it
 * can; weight of all ham now, and whether that is too little to flag mail. */
const AsndCounts *asnd_daemon_counts(AsndDaemon *daemon);
const char *asnd_daemon_store_trouble(const AsndDaemon *daemon);
double asnd_daemon_ham(AsndDaemon *daemon);
gboolean asnd_daemon_warming_up(AsndDaemon *daemon);
/* clock.h: the time to go by, and the two clocks it comes from; seconds. */
gint64 asnd_daemon_now(const AsndDaemon *daemon);
gint64 asnd_daemon_wall(const AsndDaemon *daemon);
gint64 asnd_daemon_since_boot(void);
/* After a command: what it did is on disk and published at once; all: the
 * model is another one.  FALSE: it is undone. */
gboolean asnd_daemon_settle(AsndDaemon *daemon, gboolean all);
/* FALSE: it failed; the turn is undone and the connection paused.  Not from
 * within a handler of the watch server. */
gboolean asnd_daemon_commit(AsndDaemon *daemon);
/* Reports what is due, soon; a handler of the watch server. */
void asnd_daemon_report(AsndDaemon *daemon);
void asnd_daemon_reported(
    guint32 request, AsnWatchReportStatus status, gpointer data);
/* From the evidence: what the clock said last. */
void asnd_daemon_start_clock(AsndDaemon *daemon);
/* Looks at the clock, and forgets what is old, once a day that is believed. */
void asnd_daemon_daily(AsndDaemon *daemon);
/* The watchdog, if there is one: signs of life from the main loop. */
void asnd_daemon_start_pings(AsndDaemon *daemon);
