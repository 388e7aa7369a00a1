/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailwatch-loop.c: connect, scan, follow, start over. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "config.h"
#include "mailwatch-alive.h"
#include "mailwatch-conn.h"
#include "mailwatch-log.h"
#include "mailwatch-loop.h"
#include "mailwatch-mounts.h"
#include "mailwatch-tree.h"
#include "notify.h"

#define SECOND ((gint64)G_USEC_PER_SEC)
#define BACKOFF_MIN (SECOND / 20)
#define BACKOFF_MAX (2 * SECOND)
/* Steps between two looks at signals and at what asnd asks for */
#define STEPS_PER_TURN 256
/* After a rescan for an overflow, the next one waits this many times as long
 * as it took: whoever floods the queue costs us a tenth of the time at most. */
#define RESCAN_REST 9

typedef struct {
	const char *config_path;
	AsnConfig *config;
	MwConn conn;
	MwTree *tree; /* NULL: not connected */
	int signals;
	gboolean quit, waiting_said;
	gboolean working, scanning; /* anything to do; to list */
	gboolean scan_turn;
	guint32 overflows;
	gint64 connect_at, backoff;
	gint64 poll_at;
	gboolean overflown;
	gint64 rescan_at, rescan_began; /* 0: none is under way */
	MwAlive alive;
	MwMounts mounts;
} Loop;

static void
say_in_step(const AsnWatchSync *sync)
{
	char polled[100] = "";
	char line[200];

	if (sync->polled != 0)
		g_snprintf(polled, sizeof polled,
		    ", %u folders without, looked at on a timer", sync->polled);
	g_snprintf(line, sizeof line, "in step with asnd; %u watches%s",
	    sync->watches, polled);
	asn_notify_status(line);
}

static void
emit(gpointer data, AsnWatchType type, const void *fixed, gsize fixed_len,
    const char *name, int passed)
{
	Loop *l = data;

	mw_conn_send(&l->conn, type, fixed, fixed_len, name, passed);
	if (type == ASN_WATCH_SYNC) {
		const AsnWatchSync *sync = fixed;
		say_in_step(sync);
		g_info("in step with asnd: %u watches, %u folders polled, %u "
		       "overflows, %u entries passed over",
		    sync->watches, sync->polled, sync->overflows,
		    sync->refused);
	}
}

static void
start(Loop *l, gint64 now)
{
	AsnWatchHello hello = {.version = ASN_WATCH_VERSION};

	g_message("connected to asnd at %s", l->config->watch_socket);
	l->waiting_said = FALSE;
	l->overflown = FALSE;
	l->rescan_began = 0;
	l->rescan_at = now;
	l->poll_at = now + l->config->rescan_interval * SECOND;
	asn_notify_status("connected to asnd, looking at all Maildirs");
	emit(l, ASN_WATCH_HELLO, &hello, sizeof hello, NULL, -1);
	mw_mounts_start(&l->mounts);
	l->tree = mw_tree_new((const char *const *)l->config->maildirs, FALSE,
	    l->overflows, emit, l);
	l->working = l->scanning = TRUE;
}

static void
disconnect(Loop *l, const char *why, gint64 now)
{
	g_message("connection to asnd ended: %s", why);
	l->overflows = l->tree->overflows;
	g_clear_pointer(&l->tree, mw_tree_free);
	mw_conn_close(&l->conn);
	l->connect_at = now + l->backoff;
	l->backoff = MIN(l->backoff * 2, BACKOFF_MAX);
	asn_notify_status("waiting for asnd: its connection ended");
}

static void
say_waiting(const char *path, int why)
{
	g_autofree char *line =
	    g_strdup_printf("waiting for asnd at %s: %s", path,
		why == EPERM ? "who listens there is not trusted"
			     : g_strerror(why));

	asn_notify_status(line);
}

static void
try_connect(Loop *l, gint64 now)
{
	const char *path = l->config->watch_socket;
	int why;

	if (mw_conn_open(&l->conn, path)) {
		start(l, now);
		return;
	}
	why = errno;
	if (why == EPERM && !l->waiting_said)
		g_warning("whoever listens at %s is neither root nor the owner "
			  "of that directory: not trusted with mail headers",
		    path);
	else if (!l->waiting_said)
		g_message("waiting for asnd at %s: %s", path, g_strerror(why));
	if (!l->waiting_said)
		say_waiting(path, why);
	l->waiting_said = TRUE;
	l->connect_at = now + l->backoff;
	l->backoff = MIN(l->backoff * 2, BACKOFF_MAX);
}

static void
reload(Loop *l, gint64 now)
{
	g_autoptr(GError) error = NULL;
	AsnConfig *config;

	asn_notify_reloading();
	config = asn_config_load(l->config_path, &error);
	if (config == NULL)
		g_warning(
		    "the old configuration stays in use: %s", error->message);
	asn_notify_ready(); /* whatever comes of it */
	if (config == NULL)
		return;
	asn_config_free(l->config);
	l->config = config;
	l->backoff = BACKOFF_MIN;
	if (l->tree != NULL)
		disconnect(l, "configuration loaded anew", now);
	l->connect_at = now;
}

static void
handle_signals(Loop *l, gint64 now)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof info) == sizeof info) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			l->quit = TRUE;
		else
			reload(l, now);
	}
}

static gboolean
answer(Loop *l, const MwRequest *request)
{
	if (request->type == ASN_WATCH_READ)
		return mw_read(l->tree, &request->read, request->name);
	return mw_report(l->tree, &request->report, request->name, l->config);
}

/* asnd waits for these, so they go before all else. */
static void
answer_requests(Loop *l)
{
	const char *why = NULL;
	MwRequest request;

	for (int n = 0; n <= ASN_WATCH_MAX_READS && !l->conn.blocked; n++) {
		if (l->conn.broken ||
		    !mw_conn_receive(&l->conn, &request, &why))
			break;
		l->backoff = BACKOFF_MIN; /* a peer that works */
		if (!answer(l, &request)) {
			l->conn.broken = TRUE;
			why = "it asked for a folder that was never named";
		}
	}
	if (why != NULL && l->conn.broken)
		g_info("asnd: %s", why);
}

/* At once when it ended: what was idle since took none of our time. */
static void
end_rescan(Loop *l)
{
	gint64 now = g_get_monotonic_time();

	if (l->rescan_began == 0 || l->scanning)
		return;
	l->rescan_at =
	    now + MAX((now - l->rescan_began) * RESCAN_REST, SECOND / 10);
	l->rescan_began = 0;
}

static void
rescans(Loop *l, gint64 now)
{
	if (l->overflown && l->rescan_began == 0 && now >= l->rescan_at) {
		g_message("the inotify queue overflowed: looking at "
			  "everything again (more room: sysctl "
			  "fs.inotify.max_queued_events)");
		l->overflown = FALSE;
		l->rescan_began = now;
		mw_scan_all(l->tree);
		l->working = l->scanning = TRUE;
	}
	if (mw_rest_end(l->tree, now) | mw_again_turn(l->tree, now) |
	    mw_mounts_turn(&l->mounts, l->tree, now))
		l->working = l->scanning = TRUE;
	if (now >= l->poll_at) {
		mw_scan_polled(l->tree);
		l->poll_at = now + l->config->rescan_interval * SECOND;
		l->working = l->scanning = TRUE;
	}
}

static gboolean
event_step(Loop *l)
{
	/* Farewells first: ids of events must be known to asnd. */
	return l->tree->gone->len == 0 && mw_event_step(l->tree, &l->overflown);
}

static gboolean
scan_step(Loop *l)
{
	l->scanning = mw_scan_step(l->tree);
	return l->scanning;
}

/* One step, of events and of listings by turns, wherever it was stopped: who
 * renames without end keeps nobody from being listed, and a long listing
 * nobody's moves from being told. */
static gboolean
step(Loop *l)
{
	l->scan_turn = !l->scan_turn;
	if (l->scan_turn)
		return scan_step(l) || event_step(l);
	return event_step(l) || scan_step(l);
}

static void
work(Loop *l)
{
	l->working = TRUE;
	for (int n = 0; n < STEPS_PER_TURN; n++) {
		if (l->conn.blocked || l->conn.broken)
			return;
		if (!step(l)) {
			l->working = FALSE;
			return;
		}
	}
}

static int
wait_ms(const Loop *l, gint64 now)
{
	gint64 until = l->connect_at, wait;

	if (l->tree != NULL) {
		if (l->working && !l->conn.blocked)
			return 0;
		until = MIN(l->poll_at, mw_rest_next(l->tree));
		until = MIN(until, mw_again_next(l->tree));
		until = MIN(until, l->mounts.at);
		if (l->overflown && l->rescan_began == 0)
			until = MIN(until, l->rescan_at);
		if (l->conn.blocked) /* timers wait for room, too */
			until = G_MAXINT64;
	}
	wait = MIN(MAX(until, now) - now, mw_alive_wait(&l->alive, now));
	return (int)MIN(wait / 1000 + (wait % 1000 != 0), 3600000);
}

static void
look_alive(Loop *l, gint64 now)
{
	/* What an overflow swallowed is made good by its own rescan. */
	if (!mw_alive_look(
		&l->alive, l->tree, l->scanning || l->overflown, now))
		return;
	mw_scan_all(l->tree);
	l->working = l->scanning = TRUE;
}

static void
turn(Loop *l)
{
	gboolean watching = l->tree != NULL && !l->conn.blocked;
	struct pollfd fds[4] = {
	    {.fd = l->signals, .events = POLLIN},
	    {.fd = l->conn.fd, .events = l->conn.blocked ? POLLOUT : POLLIN},
	    {.fd = watching ? l->tree->inotify.fd : -1, .events = POLLIN},
	    {.fd = l->mounts.fd, .events = POLLPRI},
	};
	gint64 now = g_get_monotonic_time();

	if (poll(fds, G_N_ELEMENTS(fds), wait_ms(l, now)) < 0 &&
	    errno != EINTR) {
		mw_warn("poll: %s; trying again", g_strerror(errno));
		g_usleep(SECOND / 10); /* out of memory: not for ever */
		return;
	}
	now = g_get_monotonic_time();
	if (fds[3].revents != 0)
		mw_mounts_happened(&l->mounts);
	if (fds[0].revents != 0)
		handle_signals(l, now);
	if (l->tree == NULL) {
		if (now >= l->connect_at && !l->quit)
			try_connect(l, now);
		return;
	}
	if (fds[1].revents != 0 && l->conn.blocked)
		mw_conn_flush(&l->conn);
	else if (fds[1].revents != 0)
		answer_requests(l);
	if (!l->conn.blocked && !l->conn.broken) {
		rescans(l, now);
		work(l);
		end_rescan(l);
	}
	if (l->conn.broken)
		disconnect(l, "asnd is away", now);
}

static void
run(Loop *l)
{
	while (!l->quit) {
		turn(l);
		look_alive(l, g_get_monotonic_time());
	}
}

static int
open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

gboolean
mw_loop(const char *config_path, GError **error)
{
	Loop l = {
	    .config_path = config_path,
	    .backoff = BACKOFF_MIN,
	};

	l.config = asn_config_load(config_path, error);
	if (l.config == NULL)
		return FALSE;
	mw_conn_init(&l.conn);
	l.signals = open_signals();
	if (l.signals < 0) {
		g_set_error(error, G_FILE_ERROR,
		    (gint)g_file_error_from_errno(errno), "signalfd: %s",
		    g_strerror(errno));
		asn_config_free(l.config);
		return FALSE;
	}
	mw_alive_init(&l.alive, g_get_monotonic_time());
	mw_mounts_init(&l.mounts);
	/* asnd may come and go: being ready is not being connected. */
	asn_notify_status("waiting for asnd");
	asn_notify_ready();
	run(&l);
	asn_notify_stopping();
	g_clear_pointer(&l.tree, mw_tree_free);
	mw_conn_close(&l.conn);
	mw_mounts_clear(&l.mounts);
	close(l.signals);
	asn_config_free(l.config);
	return TRUE;
}
