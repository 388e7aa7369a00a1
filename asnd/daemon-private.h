/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What daemon.c (the parts and what passes between them) and daemon-notify.c
 * (what the service manager is told) share.
 */
#pragma once

#include "daemon.h"
#include "learn.h"
#include "publish.h"
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
	guint tick, publish_timer, work, ping, status;
	char *stuck;             /* why the store does not answer */
	guint64 published_votes; /* votes cast when last marked */
	gint64 last_day;
	gboolean hold; /* keep the old base until the first run is learnt */
	gboolean broken, scan_told;
	guint64 written; /* rows, when it broke */
	void (*fatal)(gpointer data);
	gpointer fatal_data;
};

/* STATUS=, now; soon, and not after every packet. */
void asnd_daemon_say_status(AsndDaemon *daemon);
void asnd_daemon_want_status(AsndDaemon *daemon);
/* The watchdog, if there is one: signs of life from the main loop. */
void asnd_daemon_start_pings(AsndDaemon *daemon);
