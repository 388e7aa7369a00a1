/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-lists.c: long answers, in threads. */

#include "bus-lists.h"
#include "daemon-private.h"

typedef struct {
	AsndListFunc make;
	gpointer ask;
	GDestroyNotify free_ask;
	AsnConfig config;
	double now;
	int place;
	/* out */
	GVariant *answer;
	AsndBusError code;
	char *why;
} Job;

/* Who has one made: uid + 1, 0 nobody.  Main thread. */
static guint64 busy[ASND_LISTS_MAX];

/* One list a user, so that nobody has all the places; root is not kept waiting
 * by its own scripts.  -1: none is free. */
static int
take_place(guint32 uid)
{
	int free_place = -1;

	for (int i = 0; i < ASND_LISTS_MAX; i++) {
		if (busy[i] == (guint64)uid + 1 && uid != 0)
			return -1;
		if (busy[i] == 0)
			free_place = i;
	}
	if (free_place >= 0)
		busy[free_place] = (guint64)uid + 1;
	return free_place;
}

static void
copy_networks(AsnNetworkList *to, const AsnNetworkList *from)
{
	to->nets = g_memdup2(from->nets, from->n * sizeof *from->nets);
	to->n = from->n;
}

static void
free_job(gpointer data)
{
	Job *job = data;

	job->free_ask(job->ask);
	g_clear_pointer(&job->answer, g_variant_unref);
	g_free(job->config.database_dir);
	asn_network_list_clear(&job->config.local_networks);
	asn_network_list_clear(&job->config.trusted_relays);
	g_free(job->why);
	g_free(job);
}

static void
run_job(GTask *task, gpointer source, gpointer data, GCancellable *cancel)
{
	Job *job = data;
	GVariant *answer =
	    job->make(job->ask, &job->config, job->now, &job->code, &job->why);

	if (answer != NULL)
		job->answer = g_variant_ref_sink(answer);
	if (answer != NULL && g_variant_get_size(answer) > ASND_LIST_BYTES) {
		g_clear_pointer(&job->answer, g_variant_unref);
		job->code = ASND_BUS_FAILED;
		job->why = g_strdup("the answer is too long for D-Bus; asnctl "
				    "gives it without");
	}
	g_task_return_boolean(task, TRUE);
}

static void
on_done(GObject *source, GAsyncResult *result, gpointer data)
{
	Job *job = g_task_get_task_data(G_TASK(result));
	AsndBusCall *call = data;

	busy[job->place] = 0;
	if (job->answer != NULL)
		asnd_bus_return(call, job->answer);
	else
		asnd_bus_fail(call, job->code, "%s", job->why);
}

void
asnd_list_start(
    AsndBusCall *call, AsndListFunc make, gpointer ask, GDestroyNotify free_ask)
{
	const AsnConfig *config = call->daemon->config;
	g_autoptr(GTask) task = NULL;
	const int place = take_place(call->uid);
	Job *job;

	if (place < 0) {
		free_ask(ask);
		asnd_bus_fail(call, ASND_BUS_BUSY,
		    "asnd makes other lists at the moment: try again");
		return;
	}
	job = g_new0(Job, 1);
	job->place = place;
	job->make = make;
	job->ask = ask;
	job->free_ask = free_ask;
	job->now = (double)asnd_daemon_now(call->daemon);
	job->config.database_dir = g_strdup(config->database_dir);
	job->config.thresholds = config->thresholds;
	copy_networks(&job->config.local_networks, &config->local_networks);
	copy_networks(&job->config.trusted_relays, &config->trusted_relays);
	task = g_task_new(NULL, NULL, on_done, call);
	g_task_set_task_data(task, job, free_job);
	g_task_run_in_thread(task, run_job);
}
