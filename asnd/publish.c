/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publish.c: from the model to the files that the milter maps. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aside.h"
#include "publish.h"

#define NEXT_BASE "next_base"
#define RECENT_PAUSE 12
#define RECENT_CREDIT 250000 /* microseconds saved up for a slow disk */
#define BASE_PAUSE 60
#define FOLD_MIN 512
#define FOLD_SHARE 16
#define DAY_USEC ((gint64)86400 * G_USEC_PER_SEC)
#define RETRY_MIN ((gint64)1 * G_USEC_PER_SEC)
#define RETRY_MAX ((gint64)60 * G_USEC_PER_SEC)

struct _AsndPublisher {
	AsndStore *store;
	char *dir;
	int dir_fd;
	int gone;        /* errno: what keeps dir from being there; 0: it is */
	guint64 base_id; /* of the file in place; 0: none of ours yet */
	guint64 highest_id; /* found in place at the start */
	guint base_nodes;
	gboolean had_base, dirty, want_base;
	gint64 base_time, recent_after, base_after; /* monotonic */
	gint64 usual, credit, credit_time;          /* see pause_recent */
	gint64 retry;                               /* current pause; 0: fine */
	gint64 (*mono)(void);
	guint64 n_recent, n_base;
	char *why;   /* the last failure */
	gint64 last; /* wall clock */
};

/* The base id of the file in place, so that it is not used again even when
 * the evidence was lost. */
static void
look_at_old(AsndPublisher *p)
{
	int fd = openat(p->dir_fd, ASN_REPUTATION_FILE, O_RDONLY | O_CLOEXEC);
	g_autoptr(GError) error = NULL;
	AsnReputation *old;

	if (fd < 0)
		return;
	old = asn_reputation_open(fd, -1, p->dir, &error);
	close(fd);
	if (old == NULL) {
		g_warning("%s/%s will be replaced: %s", p->dir,
		    ASN_REPUTATION_FILE, error->message);
		return;
	}
	p->had_base = TRUE;
	p->highest_id = asn_reputation_base_id(old);
	asn_reputation_close(old);
}

AsndPublisher *
asnd_publisher_new(const char *dir, AsndStore *store, GError **error)
{
	AsndPublisher *p = g_new0(AsndPublisher, 1);

	p->store = store;
	p->dir = g_strdup(dir);
	p->mono = g_get_monotonic_time;
	p->credit_time = p->mono();
	p->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dir_fd < 0) {
		g_set_error(error, G_FILE_ERROR,
		    (gint)g_file_error_from_errno(errno),
		    "[paths] database-dir %s: %s", dir, g_strerror(errno));
		asnd_publisher_free(p);
		return NULL;
	}
	look_at_old(p);
	return p;
}

void
asnd_publisher_free(AsndPublisher *p)
{
	if (p == NULL)
		return;
	if (p->dir_fd >= 0)
		close(p->dir_fd);
	g_free(p->dir);
	g_free(p->why);
	g_free(p);
}

gboolean
asnd_publisher_had_base(const AsndPublisher *p)
{
	return p->had_base;
}

guint64
asnd_publisher_n_recent(const AsndPublisher *p)
{
	return p->n_recent;
}

guint64
asnd_publisher_n_base(const AsndPublisher *p)
{
	return p->n_base;
}

gboolean
asnd_publisher_failing(const AsndPublisher *p)
{
	return p->retry != 0;
}

const char *
asnd_publisher_trouble(const AsndPublisher *p)
{
	return p->retry != 0 ? p->why : NULL;
}

gint64
asnd_publisher_last(const AsndPublisher *p)
{
	return p->last;
}

void
asnd_publisher_set_clock(AsndPublisher *p, gint64 (*mono)(void))
{
	p->mono = mono;
	p->credit_time = mono();
}

void
asnd_publisher_mark(AsndPublisher *p, gboolean all)
{
	p->dirty = TRUE;
	p->want_base |= all;
}

/* Only what a reader would accept gets a name. */
static gboolean
put(AsndPublisher *p, const char *name, GBytes *bytes, GError **error)
{
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);
	AsnMmdb *check;

	if (p->gone != 0) {
		g_set_error(error, G_FILE_ERROR,
		    (gint)g_file_error_from_errno(p->gone), "%s: %s", p->dir,
		    g_strerror(p->gone));
		return FALSE;
	}
	check =
	    asn_mmdb_open_memory(data, len, name, ASN_MMDB_CHECK_SUM, error);
	if (check == NULL)
		return FALSE;
	asn_mmdb_close(check);
	return asn_aside_write(p->dir_fd, name, data, len, 0644, error);
}

static guint
count_nodes(const AsnModel *model)
{
	guint n = 0;

	for (int level = 0; level < ASN_N_LEVELS; level++)
		n += asn_model_n_nodes(model, (AsnLevel)level);
	return n;
}

static gboolean
put_recent(AsndPublisher *p, const AsndPublication *what, GError **error)
{
	AsnReputationBuild build = {.base_id = p->base_id,
	    .weights_time = what->now,
	    .two_reporters_until = what->two_reporters_until};
	g_autoptr(GBytes) bytes =
	    asn_reputation_build_recent(what->model, &build, error);

	if (bytes == NULL || !put(p, ASN_RECENT_FILE, bytes, error))
		return FALSE;
	p->dirty = FALSE;
	p->n_recent++;
	p->last = what->now;
	return TRUE;
}

/* An id is spent before the file gets its name, whatever happens then.  The
 * first one is the time: it differs from that of any evidence that was lost. */
static guint64
spend_id(AsndPublisher *p, gint64 now)
{
	guint64 next = (guint64)asnd_store_meta(p->store, NEXT_BASE, now);

	next = MAX(next, p->highest_id + 1);
	p->highest_id = next;
	asnd_store_set_meta(p->store, NEXT_BASE, (gint64)next + 1);
	/* Nothing else is open.  Where it cannot be kept, the file in place
	 * tells. */
	if (!asnd_store_commit(p->store))
		asnd_store_rollback(p->store);
	return next;
}

/* The new base holds all of the old recent, so every moment until the next
 * recent is consistent. */
static gboolean
put_base(AsndPublisher *p, const AsndPublication *what, GError **error)
{
	AsnReputationBuild build = {.base_id = spend_id(p, what->now),
	    .weights_time = what->now,
	    .two_reporters_until = what->two_reporters_until};
	g_autoptr(GBytes) bytes =
	    asn_reputation_build_base(what->model, &build, error);

	if (bytes == NULL || !put(p, ASN_REPUTATION_FILE, bytes, error))
		return FALSE;
	asn_model_advance(what->model);
	p->base_id = build.base_id;
	p->base_nodes = count_nodes(what->model);
	p->base_time = what->mono;
	p->want_base = FALSE;
	p->dirty = TRUE;
	p->n_base++;
	p->last = what->now;
	return TRUE;
}

static gboolean
base_is_due(const AsndPublisher *p, const AsndPublication *what)
{
	guint limit = MAX(FOLD_MIN, p->base_nodes / FOLD_SHARE);

	if (p->base_id == 0)
		return p->dirty || p->want_base;
	return p->want_base || asn_model_n_changed(what->model) > limit ||
	       what->mono - p->base_time >= DAY_USEC;
}

/* One warning when it starts, one message when it is over. */
static void
failed(AsndPublisher *p, const GError *error)
{
	if (p->retry == 0)
		g_warning("cannot publish in %s, the old files stay in use"
			  " and votes wait: %s",
		    p->dir, error->message);
	g_free(p->why);
	p->why = g_strdup(error->message);
	p->retry = CLAMP(p->retry * 2, RETRY_MIN, RETRY_MAX);
}

/* *mono: the time when it starts, and when it ends. */
static gboolean
run_base(AsndPublisher *p, const AsndPublication *what, gint64 *mono)
{
	g_autoptr(GError) error = NULL;
	gboolean ok = put_base(p, what, &error);
	gint64 start = *mono;

	*mono = p->mono();
	if (!ok) {
		failed(p, error);
		p->base_after = *mono + p->retry;
		return FALSE;
	}
	p->base_after = *mono + (BASE_PAUSE - 1) * (*mono - start);
	p->recent_after = 0; /* it must follow at once */
	g_debug("%s took %" G_GINT64_FORMAT " us", ASN_REPUTATION_FILE,
	    *mono - start);
	return TRUE;
}

/* A recent that took as long as usual is not repeated for RECENT_PAUSE times
 * that.  What a stalled disk took beyond is paid from what quiet times left;
 * only when that is spent must the next one wait for all of it. */
static void
pause_recent(AsndPublisher *p, gint64 start, gint64 end)
{
	gint64 cost = end - start;
	gint64 saved = p->credit + (start - p->credit_time) / RECENT_PAUSE;
	gint64 brief;

	p->usual =
	    p->usual == 0 ? cost : (7 * p->usual + MIN(cost, 4 * p->usual)) / 8;
	brief = MIN(cost, p->usual);
	/* The pause that follows earns `brief`. */
	p->credit = MIN(saved, RECENT_CREDIT) - cost;
	p->credit_time = start;
	p->recent_after = start + RECENT_PAUSE * brief;
	if (p->credit + brief < 0)
		p->recent_after = start - RECENT_PAUSE * p->credit;
}

static gboolean
run_recent(AsndPublisher *p, const AsndPublication *what, gint64 *mono)
{
	g_autoptr(GError) error = NULL;
	gboolean ok = put_recent(p, what, &error);
	gint64 start = *mono;

	*mono = p->mono();
	if (!ok) {
		failed(p, error);
		p->recent_after = *mono + p->retry;
		return FALSE;
	}
	pause_recent(p, start, *mono);
	g_debug(
	    "%s took %" G_GINT64_FORMAT " us", ASN_RECENT_FILE, *mono - start);
	return TRUE;
}

/* The directory may be moved away, removed, made anew, mounted over: it is the
 * name by which the milter finds it that counts. */
static void
follow_dir(AsndPublisher *p)
{
	struct stat there, ours;
	int fd;

	p->gone = stat(p->dir, &there) == 0 ? 0 : errno;
	if (p->gone != 0 ||
	    (fstat(p->dir_fd, &ours) == 0 && ours.st_dev == there.st_dev &&
		ours.st_ino == there.st_ino))
		return;
	fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		p->gone = errno;
		return;
	}
	g_message("%s is another directory now: all is written anew", p->dir);
	close(p->dir_fd);
	p->dir_fd = fd;
	p->want_base = TRUE;
	look_at_old(p);
}

gint64
asnd_publisher_run(AsndPublisher *p, const AsndPublication *what)
{
	gboolean ok = TRUE, tried = FALSE;
	gint64 wait = G_MAXINT64, mono = what->mono;

	follow_dir(p);
	if (base_is_due(p, what) && what->mono >= p->base_after) {
		ok = run_base(p, what, &mono);
		tried = TRUE;
	}
	/* Where a base does not fit, a small recent may. */
	if (p->dirty && p->base_id != 0 && what->mono >= p->recent_after) {
		ok = run_recent(p, what, &mono) && ok;
		tried = TRUE;
	}
	if (tried && ok && p->retry != 0 && !base_is_due(p, what)) {
		g_message("publishing works again: %s is up to date", p->dir);
		p->retry = 0;
	}
	if (base_is_due(p, what))
		wait = p->base_after - mono;
	if (p->dirty && p->base_id != 0)
		wait = MIN(wait, p->recent_after - mono);
	return wait == G_MAXINT64 ? -1 : MAX(1, wait);
}
