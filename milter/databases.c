/* SPDX-License-Identifier: GPL-2.0-or-later */
/* databases.c: take up new database files as they are renamed into place. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "databases.h"

#define PAUSE_MIN 1000L /* milliseconds */
#define PAUSE_MAX 60000

/* Which files to look at. */
enum { NETWORKS = 1, BASE = 2, RECENT = 4, RULES = 8, ALL = 15, WATCH = 16 };

struct _MltDatabases {
	MltSnapshots *snapshots;
	char *dir;
	AsnNetworks *networks;
	AsnReputation *reputation;
	AsnRules *rules;
	int inotify, wake, watch; /* watch -1: the directory is not there */
	gint stop;
	gboolean said_missing;
	guint again, said; /* files that could not be read: to be tried again;
			      that it was said of */
	gint64 pause;      /* milliseconds before that; 0: all is well */
	GThread *thread;
};

static const struct {
	const char *name;
	guint bit;
} files[] = {
    {ASN_NETWORKS_FILE, NETWORKS},
    {ASN_REPUTATION_FILE, BASE},
    {ASN_RECENT_FILE, RECENT},
    {ASN_RULES_FILE, RULES},
};

/* -1 without an error when it is not there. */
static int
open_file(const char *dir, const char *name, GError **error)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		g_set_error(error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_IO, "%s: %s",
		    path, g_strerror(errno));
	return fd;
}

static void
close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* --- opening ----------------------------------------------------------------
 */

static AsnNetworks *
open_networks(const char *dir, GError **error)
{
	g_autofree char *path = g_build_filename(dir, ASN_NETWORKS_FILE, NULL);
	int fd = open_file(dir, ASN_NETWORKS_FILE, error);
	AsnNetworks *n = fd < 0 ? NULL : asn_networks_open(fd, path, error);

	close_fd(fd);
	return n;
}

/* A recent that cannot be read does not keep the base from being used: then
 * *recent_error is set beside a result. */
static AsnReputation *
open_reputation(const char *dir, GError **error, GError **recent_error)
{
	int base = open_file(dir, ASN_REPUTATION_FILE, error);
	int recent =
	    base < 0 ? -1 : open_file(dir, ASN_RECENT_FILE, recent_error);
	AsnReputation *r = NULL;

	if (base >= 0)
		r = asn_reputation_open(base, -1, dir, error);
	if (r != NULL && recent >= 0) {
		AsnReputation *both =
		    asn_reputation_with_recent(r, recent, recent_error);
		if (both != NULL) {
			asn_reputation_close(r);
			r = both;
		}
	}
	close_fd(base);
	close_fd(recent);
	return r;
}

/* NULL without error: there are none. */
static AsnRules *
open_rules(const char *dir, GError **error)
{
	g_autofree char *path = g_build_filename(dir, ASN_RULES_FILE, NULL);
	int fd = open_file(dir, ASN_RULES_FILE, error);
	AsnRules *rules = fd < 0 ? NULL : asn_rules_open(fd, path, error);

	close_fd(fd);
	return rules;
}

/* What is broken is refused; what could not be read (no descriptor, no memory)
 * is tried again, and said once. */
static void
refused(MltDatabases *db, guint bit, GError **error)
{
	if (*error == NULL)
		return;
	if (!g_error_matches(*error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_IO))
		g_warning("refused: %s; the one before, if any, stays in use",
		    (*error)->message);
	else if ((db->said & bit) == 0)
		g_warning("cannot be read now: %s; the one before, if any, "
			  "stays in use, and this one is tried again",
		    (*error)->message);
	if (g_error_matches(*error, ASN_MMDB_ERROR, ASN_MMDB_ERROR_IO)) {
		db->again |= bit;
		db->said |= bit;
	}
	g_clear_error(error);
}

/* --- swapping ---------------------------------------------------------------
 */

static void
swap(MltDatabases *db)
{
	MltSnapshot next = {db->networks, db->reputation, db->rules};

	mlt_snapshot_swap(db->snapshots, &next);
}

static void
take_networks(MltDatabases *db)
{
	GError *error = NULL;
	AsnNetworks *old = db->networks;
	AsnNetworks *new = open_networks(db->dir, &error);

	refused(db, NETWORKS, &error);
	if (new == NULL)
		return;
	db->networks = new;
	swap(db);
	asn_networks_close(old);
	g_message("%s/%s: in use", db->dir, ASN_NETWORKS_FILE);
}

static void
use_reputation(MltDatabases *db, AsnReputation *new)
{
	AsnReputation *old = db->reputation;

	db->reputation = new;
	swap(db);
	asn_reputation_close(old);
	if (old == NULL)
		g_message("%s/%s: in use", db->dir, ASN_REPUTATION_FILE);
}

static void
take_reputation(MltDatabases *db)
{
	GError *error = NULL, *recent_error = NULL;
	AsnReputation *new = open_reputation(db->dir, &error, &recent_error);

	/* The base we have, and a broken recent: ours is the better one. */
	if (new != NULL && recent_error != NULL &&
	    db->reputation != NULL &&asn_reputation_base_id(new) ==
		asn_reputation_base_id(db->reputation))
		g_clear_pointer(&new, asn_reputation_close);
	refused(db, BASE, &error);
	refused(db, BASE, &recent_error);
	if (new != NULL)
		use_reputation(db, new);
}

/* The checked base stays, so this is as quick as recent.mmdb is small. */
static void
take_recent(MltDatabases *db)
{
	GError *error = NULL;
	AsnReputation *new = NULL;
	int fd;

	if (db->reputation == NULL)
		return;
	fd = open_file(db->dir, ASN_RECENT_FILE, &error);
	if (fd >= 0)
		new = asn_reputation_with_recent(db->reputation, fd, &error);
	close_fd(fd);
	refused(db, RECENT, &error);
	/* One that belongs to another base: that base is yet to come. */
	if (new != NULL && !asn_reputation_has_recent(new))
		g_clear_pointer(&new, asn_reputation_close);
	if (new != NULL)
		use_reputation(db, new);
}

static void
take_rules(MltDatabases *db)
{
	GError *error = NULL;
	AsnRules *old = db->rules;
	AsnRules *new = open_rules(db->dir, &error);

	refused(db, RULES, &error);
	if (new == NULL)
		return;
	db->rules = new;
	swap(db);
	asn_rules_close(old);
	g_message("%s/%s: in use", db->dir, ASN_RULES_FILE);
}

static void
take(MltDatabases *db, guint what)
{
	gboolean missing;

	if (what & BASE)
		take_reputation(db);
	else if (what & RECENT)
		take_recent(db);
	if (what & NETWORKS)
		take_networks(db);
	if (what & RULES)
		take_rules(db);
	missing =
	    db->networks == NULL && db->reputation == NULL && db->rules == NULL;
	if (missing && !db->said_missing)
		g_warning("no database in %s yet: mail passes without headers "
			  "until asnd puts one there",
		    db->dir);
	db->said_missing = missing;
}

/* --- watching ---------------------------------------------------------------
 */

/* Without room for a watch the files are looked at from time to time. */
static void
cannot_watch(MltDatabases *db, int error)
{
	if ((db->said & WATCH) == 0)
		g_warning("%s cannot be watched: %s; new databases are taken "
			  "up within a minute (more room: sysctl "
			  "fs.inotify.max_user_watches)",
		    db->dir, g_strerror(error));
	db->again |= WATCH;
	db->said |= WATCH;
}

/* The directory, or while it is not there its nearest parent that is. */
static void
watch(MltDatabases *db)
{
	g_autofree char *path = g_strdup(db->dir);
	int error;

	db->watch = inotify_add_watch(
	    db->inotify, path, IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF);
	error = errno;
	if (db->watch < 0 && error != ENOENT && error != ENOTDIR &&
	    error != EACCES) {
		cannot_watch(db, error);
		return;
	}
	while (db->watch < 0 && strcmp(path, "/") != 0) {
		char *parent = g_path_get_dirname(path);
		g_free(path);
		path = parent;
		if (inotify_add_watch(db->inotify, path,
			IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |
			    IN_MOVE_SELF) >= 0)
			break;
	}
	/* It may have come between the two calls. */
	if (db->watch < 0)
		db->watch = inotify_add_watch(db->inotify, db->dir,
		    IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF);
}

static guint
judge_event(MltDatabases *db, const struct inotify_event *e)
{
	if (e->mask & IN_Q_OVERFLOW)
		return ALL;
	if (e->wd != db->watch)
		return db->watch < 0 ? ALL : 0;
	if (e->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) {
		inotify_rm_watch(db->inotify, db->watch);
		db->watch = -1;
		return ALL;
	}
	for (gsize i = 0; e->len > 0 && i < G_N_ELEMENTS(files); i++)
		if (strcmp(e->name, files[i].name) == 0)
			return files[i].bit;
	return 0;
}

static guint
read_events(MltDatabases *db)
{
	_Alignas(struct inotify_event) char buf[16384];
	guint what = 0;
	gssize n;

	while ((n = read(db->inotify, buf, sizeof buf)) > 0) {
		const char *p = buf;
		while (p < buf + n) {
			const struct inotify_event *e = (const void *)p;
			what |= judge_event(db, e);
			p += sizeof *e + e->len;
		}
	}
	return what;
}

/* After every look: when the next one is due, where something could not be
 * read, or not be watched. */
static void
plan(MltDatabases *db)
{
	if (db->again != 0) {
		db->pause = CLAMP(2 * db->pause, PAUSE_MIN, PAUSE_MAX);
		return;
	}
	if (db->said != 0)
		g_message("all databases can be read and watched again");
	db->said = 0;
	db->pause = 0;
}

static void
look(MltDatabases *db, guint what)
{
	db->again = 0;
	if ((what & WATCH) != 0)
		what = ALL;
	if (what == ALL && db->watch < 0)
		watch(db);
	take(db, what);
	plan(db);
}

static gpointer
run(gpointer data)
{
	MltDatabases *db = data;
	struct pollfd fds[2] = {
	    {.fd = db->inotify, .events = POLLIN},
	    {.fd = db->wake, .events = POLLIN},
	};

	while (!g_atomic_int_get(&db->stop)) {
		guint what;
		guint64 count;

		int n = poll(fds, 2, db->pause == 0 ? -1 : (int)db->pause);

		if (n < 0 && errno != EINTR)
			g_usleep(PAUSE_MIN * 1000); /* out of memory */
		if (n < 0)
			continue;
		what = read_events(db) | db->again;
		if (read(db->wake, &count, sizeof count) > 0)
			what = ALL;
		if (what == 0 || g_atomic_int_get(&db->stop))
			continue;
		look(db, what);
	}
	return NULL;
}

MltDatabases *
mlt_databases_start(MltSnapshots *snapshots, const char *dir, GError **error)
{
	MltDatabases *db = g_new0(MltDatabases, 1);

	db->snapshots = snapshots;
	db->dir = g_strdup(dir);
	db->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	db->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (db->inotify < 0 || db->wake < 0) {
		g_set_error(error, G_FILE_ERROR,
		    (gint)g_file_error_from_errno(errno),
		    "cannot watch %s: %s (see fs.inotify.max_user_instances)",
		    dir, g_strerror(errno));
		close_fd(db->inotify);
		close_fd(db->wake);
		g_free(db->dir);
		g_free(db);
		return NULL;
	}
	db->watch = -1;
	look(db, ALL); /* it watches first, so that nothing slips by */
	db->thread = g_thread_try_new("databases", run, db, error);
	if (db->thread != NULL)
		return db;
	mlt_databases_stop(db);
	return NULL;
}

void
mlt_databases_reload(MltDatabases *db)
{
	guint64 one = 1;

	/* Fails only when it is as full as 2^64: awake enough. */
	if (write(db->wake, &one, sizeof one) < 0)
		return;
}

void
mlt_databases_stop(MltDatabases *db)
{
	MltSnapshot none = {0};

	if (db == NULL)
		return;
	g_atomic_int_set(&db->stop, 1);
	mlt_databases_reload(db);
	if (db->thread != NULL)
		g_thread_join(db->thread);
	mlt_snapshot_swap(db->snapshots, &none);
	asn_networks_close(db->networks);
	asn_reputation_close(db->reputation);
	asn_rules_close(db->rules);
	close(db->inotify);
	close(db->wake);
	g_free(db->dir);
	g_free(db);
}

/* --- --test-config
 * ------------------------------------------------------------ */

static gboolean
say(const char *dir, const char *name, gboolean ok, GError **error)
{
	if (*error != NULL)
		printf("FAILED %s\n", (*error)->message);
	else
		printf("%s %s/%s\n", ok ? "ok" : "not there yet:", dir, name);
	ok = *error == NULL;
	g_clear_error(error);
	return ok;
}

gboolean
mlt_databases_test(const char *dir)
{
	GError *error = NULL, *recent_error = NULL;
	AsnNetworks *n = open_networks(dir, &error);
	gboolean ok = say(dir, ASN_NETWORKS_FILE, n != NULL, &error);
	AsnReputation *r = open_reputation(dir, &error, &recent_error);
	AsnRules *rules;

	ok &= say(dir, ASN_REPUTATION_FILE, r != NULL, &error);
	ok &= say(dir, ASN_RECENT_FILE,
	    r != NULL && asn_reputation_has_recent(r), &recent_error);
	rules = open_rules(dir, &error);
	ok &= say(dir, ASN_RULES_FILE, rules != NULL, &error);
	asn_networks_close(n);
	asn_reputation_close(r);
	asn_rules_close(rules);
	return ok;
}
