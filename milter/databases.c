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

/* Which files to look at. */
enum { NETWORKS = 1, BASE = 2, RECENT = 4, RULES = 8, ALL = 15 };

struct _MltDatabases {
	MltSnapshots *snapshots;
	char *dir;
	AsnNetworks *networks;
	AsnReputation *reputation;
	AsnRules *rules;
	int inotify, wake, watch; /* watch -1: the directory is not there */
	gint stop;
	gboolean said_missing;
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

/* -1 without a word when it is not there. */
static int
open_file(const char *dir, const char *name)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		g_warning("%s: %s", path, g_strerror(errno));
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
	int fd = open_file(dir, ASN_NETWORKS_FILE);
	AsnNetworks *n = fd < 0 ? NULL : asn_networks_open(fd, path, error);

	close_fd(fd);
	return n;
}

/* A recent that cannot be read does not keep the base from being used: then
 * *recent_error is set beside a result. */
static AsnReputation *
open_reputation(const char *dir, GError **error, GError **recent_error)
{
	int base = open_file(dir, ASN_REPUTATION_FILE);
	int recent = base < 0 ? -1 : open_file(dir, ASN_RECENT_FILE);
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
	int fd = open_file(dir, ASN_RULES_FILE);
	AsnRules *rules = fd < 0 ? NULL : asn_rules_open(fd, path, error);

	close_fd(fd);
	return rules;
}

static void
refused(GError **error)
{
	if (*error == NULL)
		return;
	g_warning("refused: %s; the one before, if any, stays in use",
	    (*error)->message);
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

	refused(&error);
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
	refused(&error);
	refused(&recent_error);
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
	fd = open_file(db->dir, ASN_RECENT_FILE);
	if (fd >= 0)
		new = asn_reputation_with_recent(db->reputation, fd, &error);
	close_fd(fd);
	refused(&error);
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

	refused(&error);
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

/* The directory, or while it is not there its nearest parent that is. */
static void
watch(MltDatabases *db)
{
	g_autofree char *path = g_strdup(db->dir);

	db->watch = inotify_add_watch(
	    db->inotify, path, IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF);
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

		if (poll(fds, 2, -1) < 0)
			continue; /* EINTR */
		what = read_events(db);
		if (read(db->wake, &count, sizeof count) > 0)
			what = ALL;
		if (what == ALL && db->watch < 0)
			watch(db);
		if (what != 0 && !g_atomic_int_get(&db->stop))
			take(db, what);
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
	watch(db); /* first, so that nothing slips in between */
	take(db, ALL);
	db->thread = g_thread_new("databases", run, db);
	return db;
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
