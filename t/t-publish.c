/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-publish.c: publish.h; what readers find, when, and on a full disk. */

#include <fcntl.h>
#include <unistd.h>

#include "evidence.h"
#include "publish.h"

static gint64 fake_mono;
static gint64 step; /* what every look at the clock costs */

static gint64
clock_of_test(void)
{
	return fake_mono += step;
}

typedef struct {
	Evidence ev;
	AsndPublisher *publisher;
	guint warnings, messages;
	GLogLevelFlags expected;
} Fixture;

static void
new_publisher(Fixture *f)
{
	g_autoptr(GError) error = NULL;

	f->publisher = asnd_publisher_new(f->ev.dir, f->ev.store, &error);
	g_assert_no_error(error);
	asnd_publisher_set_clock(f->publisher, clock_of_test);
}

static void
set_up(Fixture *f, gconstpointer data)
{
	fake_mono = 1000000;
	step = 0;
	ev_init(&f->ev, FALSE);
	new_publisher(f);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	asnd_publisher_free(f->publisher);
	ev_clear(&f->ev);
}

static gint64
run(Fixture *f)
{
	AsndPublication p = {.model = asnd_journal_model(f->ev.journal),
	    .now = f->ev.now,
	    .mono = fake_mono};

	return asnd_publisher_run(f->publisher, &p);
}

static void
vote(Fixture *f, guint n, AsndVote class)
{
	guint8 digest[16] = {0};
	AsndBallot b = {.user = ev_user(&f->ev, "/v/a"),
	    .digest = digest,
	    .vote = class,
	    .mail_time = f->ev.now - 60,
	    .vote_time = f->ev.now,
	    .now = f->ev.now};
	g_autofree char *addr = g_strdup_printf(
	    "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);

	memcpy(digest, &n, sizeof n);
	g_assert_true(asn_addr_parse(addr, strlen(addr), &b.key.addr));
	/* an AS of its own, so that no cap is met */
	b.key.asn = n + 1;
	asnd_journal_cast(f->ev.journal, &b);
	asnd_store_commit(f->ev.store);
	asnd_publisher_mark(f->publisher, FALSE);
}

/* What a reader sees; NULL where the pair cannot be opened. */
static AsnReputation *
open_files(Fixture *f)
{
	g_autofree char *base =
	    g_build_filename(f->ev.dir, ASN_REPUTATION_FILE, NULL);
	g_autofree char *recent =
	    g_build_filename(f->ev.dir, ASN_RECENT_FILE, NULL);
	int base_fd = open(base, O_RDONLY | O_CLOEXEC);
	int recent_fd = open(recent, O_RDONLY | O_CLOEXEC);
	AsnReputation *rep = base_fd < 0 ? NULL
					 : asn_reputation_open(base_fd,
					       recent_fd, f->ev.dir, NULL);

	if (base_fd >= 0)
		close(base_fd);
	if (recent_fd >= 0)
		close(recent_fd);
	return rep;
}

static void
assert_published(Fixture *f, guint n)
{
	AsnThresholds thresholds = {
	    .threshold = 0.9, .evidence = 2, .min_ham = 50};
	AsnReputation *rep = open_files(f);

	g_assert_nonnull(rep);
	g_assert_true(asn_reputation_has_recent(rep));
	for (guint i = 0; i < n; i++) {
		AsnOriginKey key = {.asn = i + 1};
		AsnPrediction want, got;
		g_autofree char *addr = g_strdup_printf(
		    "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);

		asn_addr_parse(addr, strlen(addr), &key.addr);
		asn_model_predict(asnd_journal_model(f->ev.journal), &key,
		    (double)f->ev.now, &want);
		asn_reputation_predict(
		    rep, &key, (double)f->ev.now, &thresholds, &got);
		g_assert_cmpfloat_with_epsilon(got.score, want.score, 1e-9);
		g_assert_cmpfloat_with_epsilon(
		    got.evidence, want.evidence, 1e-9);
	}
	asn_reputation_close(rep);
}

static void
test_first(Fixture *f, gconstpointer data)
{
	g_assert_cmpint(run(f), ==, -1);
	g_assert_null(open_files(f));
	asnd_publisher_mark(f->publisher, TRUE);
	g_assert_cmpint(run(f), ==, -1);
	assert_published(f, 0);
	vote(f, 0, ASND_VOTE_SPAM);
	g_assert_cmpint(run(f), ==, -1);
	assert_published(f, 1);
	vote(f, 0, ASND_VOTE_HAM);
	vote(f, 1, ASND_VOTE_SPAM);
	g_assert_cmpint(run(f), ==, -1);
	assert_published(f, 2);
	g_assert_cmpuint(asnd_publisher_n_base(f->publisher), ==, 1);
	g_assert_cmpuint(asnd_publisher_n_recent(f->publisher), ==, 3);
}

/* A build that took 5 ms is not repeated within 50; all together at most a
 * tenth of the time. */
static void
test_throttle(Fixture *f, gconstpointer data)
{
	gint64 spent = 0, start;
	guint n = 0;

	asnd_publisher_mark(f->publisher, TRUE);
	run(f);
	fake_mono += G_USEC_PER_SEC;
	step = 5000;
	vote(f, n++, ASND_VOTE_SPAM);
	start = fake_mono;
	g_assert_cmpint(run(f), ==, -1);
	guint64 files = asnd_publisher_n_recent(f->publisher);
	vote(f, n++, ASND_VOTE_SPAM);
	fake_mono = start + 49999;
	gint64 wait = run(f);
	g_assert_cmpint(wait, >, 0);
	g_assert_cmpuint(asnd_publisher_n_recent(f->publisher), ==, files);
	fake_mono += wait;
	g_assert_cmpint(run(f), ==, -1);
	g_assert_cmpuint(asnd_publisher_n_recent(f->publisher), ==, files + 1);
	/* a flood, long enough for folds */
	start = fake_mono;
	while (fake_mono - start < 40 * (gint64)G_USEC_PER_SEC) {
		gint64 before;

		vote(f, n++, ASND_VOTE_SPAM);
		before = fake_mono;
		run(f);
		spent += fake_mono - before;
		fake_mono += 10000;
	}
	g_test_message("%u votes, %u recents, %u bases, %.1f %%", n,
	    (guint)asnd_publisher_n_recent(f->publisher),
	    (guint)asnd_publisher_n_base(f->publisher),
	    100.0 * (double)spent / (double)(fake_mono - start));
	g_assert_cmpuint(asnd_publisher_n_base(f->publisher), >, 3);
	g_assert_cmpint(spent * 10, <=, fake_mono - start);
}

/* One stall of the disk does not keep the next vote waiting; a disk that stays
 * slow does. */
static void
test_stall(Fixture *f, gconstpointer data)
{
	guint n = 0;
	gint64 wait = 0;

	asnd_publisher_mark(f->publisher, TRUE);
	run(f);
	for (int i = 0; i < 30; i++) {
		fake_mono += G_USEC_PER_SEC;
		step = i == 29 ? 100000 : 2000;
		vote(f, n++, ASND_VOTE_SPAM);
		g_assert_cmpint(run(f), ==, -1);
	}
	vote(f, n++, ASND_VOTE_SPAM);
	g_assert_cmpint(run(f), <, 100000);
	step = 100000;
	for (int i = 0; i < 5; i++) {
		fake_mono += MAX(wait, 0);
		vote(f, n++, ASND_VOTE_SPAM);
		run(f);
		vote(f, n++, ASND_VOTE_SPAM);
		wait = run(f);
	}
	g_assert_cmpint(wait, >, 1000000);
}

static void
test_fold(Fixture *f, gconstpointer data)
{
	guint n = 0;

	asnd_publisher_mark(f->publisher, TRUE);
	run(f);
	while (asnd_publisher_n_base(f->publisher) == 1) {
		vote(f, n++, ASND_VOTE_SPAM);
		fake_mono += 1000;
		g_assert_cmpint(run(f), ==, -1);
		g_assert_cmpuint(n, <, 1000);
	}
	/* beyond 512 nodes: three a vote and two that all share */
	g_assert_cmpuint(n, >, 100);
	assert_published(f, n);
	fake_mono += (gint64)86400 * G_USEC_PER_SEC;
	g_assert_cmpint(run(f), ==, -1);
	g_assert_cmpuint(asnd_publisher_n_base(f->publisher), ==, 3);
	assert_published(f, n);
}

static guint64
base_id(Fixture *f)
{
	AsnReputation *rep = open_files(f);
	guint64 id = asn_reputation_base_id(rep);

	asn_reputation_close(rep);
	return id;
}

/* Not after a restart, not after the evidence was lost. */
static void
test_base_id(Fixture *f, gconstpointer data)
{
	guint64 last = 0;

	for (int i = 0; i < 4; i++) {
		asnd_publisher_mark(f->publisher, TRUE);
		run(f);
		g_assert_cmpuint(base_id(f), >, last);
		last = base_id(f);
		asnd_publisher_free(f->publisher);
		ev_close(&f->ev);
		if (i % 2 == 1) {
			g_autofree char *path =
			    g_build_filename(f->ev.dir, ASND_STORE_FILE, NULL);
			g_autofree char *wal = g_strconcat(path, "-wal", NULL);

			g_unlink(path);
			g_unlink(wal);
			f->ev.now -= 5000; /* and the clock went back */
		}
		ev_open(&f->ev);
		new_publisher(f);
		g_assert_true(asnd_publisher_had_base(f->publisher));
	}
}

/* --- a full disk ------------------------------------------------------------
 */

static guint n_warnings, n_messages;

static GLogWriterOutput
count_logs(
    GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
	n_warnings += level == G_LOG_LEVEL_WARNING;
	n_messages += level == G_LOG_LEVEL_MESSAGE;
	return G_LOG_WRITER_HANDLED;
}

/* A directory in which no file can be made stands for every such failure
 * here; the real ENOSPC is in 2010-asnd-full.t. */
static void
test_failing(Fixture *f, gconstpointer data)
{
	g_autofree char *blocker =
	    g_strdup_printf("%s/.%s.tmp", f->ev.dir, ASN_RECENT_FILE);
	gint64 wait = 0, waited = 0;
	guint tries = 0;

	asnd_publisher_mark(f->publisher, TRUE);
	run(f);
	vote(f, 0, ASND_VOTE_SPAM);
	run(f);
	assert_published(f, 1);
	g_assert_cmpint(g_mkdir(blocker, 0700), ==, 0);
	n_warnings = n_messages = 0;
	vote(f, 1, ASND_VOTE_SPAM);
	while (waited < 600 * (gint64)G_USEC_PER_SEC) {
		wait = run(f);
		g_assert_cmpint(wait, >, 0);
		g_assert_cmpint(wait, <=, 60 * (gint64)G_USEC_PER_SEC);
		waited += wait;
		fake_mono += wait;
		tries++;
	}
	g_assert_true(asnd_publisher_failing(f->publisher));
	g_assert_cmpuint(n_warnings, ==, 1);
	g_assert_cmpuint(n_messages, ==, 0);
	g_assert_cmpuint(tries, <, 20);
	/* what was there is still whole */
	AsnReputation *rep = open_files(f);
	g_assert_true(asn_reputation_has_recent(rep));
	asn_reputation_close(rep);
	g_assert_cmpint(g_rmdir(blocker), ==, 0);
	fake_mono += wait;
	g_assert_cmpint(run(f), ==, -1);
	g_assert_false(asnd_publisher_failing(f->publisher));
	g_assert_cmpuint(n_warnings, ==, 1);
	g_assert_cmpuint(n_messages, ==, 1);
	assert_published(f, 2);
}

#define ADD(name, fn)                                                          \
	g_test_add("/publish/" name, Fixture, NULL, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_always_fatal(G_LOG_FATAL_MASK);
	g_log_set_writer_func(count_logs, NULL, NULL);
	ADD("first", test_first);
	ADD("throttle", test_throttle);
	ADD("stall", test_stall);
	ADD("fold", test_fold);
	ADD("base-id", test_base_id);
	ADD("failing", test_failing);
	return g_test_run();
}
