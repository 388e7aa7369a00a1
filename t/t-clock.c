/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-clock.c: clock.h, future.h, and asnd started with a clock that is wrong. */

#include "clock.h"
#include "daemon.h"
#include "evidence.h"
#include "future.h"
#include "learn-private.h"

#define DAY EV_DAYS(1)
#define HOUR 3600
#define WEEK EV_DAYS(7)

/* --- what is believed ------------------------------------------------------
 */

typedef struct {
	gint64 mono, wall;
	AsndClockState state;
	gint64 now; /* that asnd goes by; 0: wall */
} Look;

static void
check(const char *name, gint64 known, gint64 began, const Look *looks, gsize n)
{
	AsndClock clock;

	g_test_message("%s", name);
	asnd_clock_init(&clock, known, began, looks[0].mono);
	for (gsize i = 0; i < n; i++) {
		const Look *l = &looks[i];
		gint64 now = l->now != 0 ? l->now : l->wall;

		g_assert_cmpint(
		    asnd_clock_now(&clock, l->wall, l->mono), ==, now);
		g_assert_cmpint(
		    asnd_clock_look(&clock, l->wall, l->mono), ==, l->state);
	}
}
#define CHECK(name, known, began, ...)                                         \
	check(name, known, began, (const Look[]){__VA_ARGS__},                 \
	    G_N_ELEMENTS(((const Look[]){__VA_ARGS__})))

#define T EV_NOW
#define RIGHT ASND_CLOCK_RIGHT
#define BEGINS ASND_CLOCK_DOUBT_BEGINS
#define DOUBT ASND_CLOCK_DOUBT

static void
test_believed(void)
{
	const gint64 far = T + EV_DAYS(3650), past = T - EV_DAYS(8000);
	const gint64 behind = T - EV_DAYS(300);

	CHECK("restarted", T, 0, {9, T + 5, RIGHT}, {19, T + 15, RIGHT});
	CHECK("off for six days", T, 0, {9, T + EV_DAYS(6), RIGHT});
	CHECK("the first start of all", 0, 0, {9, T, RIGHT});
	CHECK("the same in 1980, and set right", 0, 0,
	    {9, EV_DAYS(3652), BEGINS}, {9 + HOUR, T, RIGHT});
	CHECK("off for a month", T, 0, {9, T + EV_DAYS(30), BEGINS},
	    {9 + DAY, T + EV_DAYS(31), DOUBT},
	    {9 + WEEK, T + EV_DAYS(37), RIGHT});
	CHECK("ahead, until somebody sets it right", T, 0, {9, far, BEGINS},
	    {10 + HOUR, far + HOUR, DOUBT}, {20 + HOUR, T + HOUR, RIGHT});
	CHECK("ahead, and again", T, 0, {9, far, BEGINS},
	    {9 + HOUR, far + EV_DAYS(9), BEGINS},
	    {9 + WEEK, far + EV_DAYS(16) - HOUR, DOUBT},
	    {9 + WEEK + HOUR, far + EV_DAYS(16), RIGHT});
	CHECK("behind: time goes on from what was known", T, 0,
	    {9, behind, BEGINS, T}, {9 + HOUR, behind + HOUR, DOUBT, T + HOUR},
	    {9 + WEEK, behind + WEEK, RIGHT, T + WEEK},
	    {19 + WEEK, behind + WEEK + 10, RIGHT});
	CHECK("so far behind that it cannot be", T, 0, {9, past, BEGINS, T},
	    {9 + HOUR, past + HOUR, DOUBT, T + HOUR},
	    {9 + 9 * WEEK, past + 9 * WEEK, DOUBT, T + 9 * WEEK});
	/* The machine is off every night. */
	CHECK("a doubt goes on over restarts", T, far, {9, far + DAY, DOUBT},
	    {9 + HOUR, far + DAY + HOUR, DOUBT});
	CHECK("... until it lasted a week", T, far,
	    {9, far + WEEK - HOUR, DOUBT}, {9 + HOUR, far + WEEK, RIGHT});
	CHECK("... not where the clock is again another one", T, far,
	    {9, far + EV_DAYS(99), BEGINS});
	CHECK("a jump of three days while it runs", T, 0, {9, T + 5, RIGHT},
	    {19, T + EV_DAYS(3), BEGINS}, {29, T + 25, RIGHT});
	CHECK("a jump of an hour, each way", T, 0, {9, T + 5, RIGHT},
	    {19, T + HOUR, RIGHT}, {29, T + 25, RIGHT});
}

static GLogWriterOutput
be_quiet(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
	return G_LOG_WRITER_HANDLED;
}

/* --- asnd started with it --------------------------------------------------
 */

static AsndMailRow
row_of(gint64 user, gint64 time, guint8 n)
{
	AsndMailRow row = {.id = n, .user = user, .time = time, .sealed = TRUE};

	row.has_digest = TRUE;
	row.digest[0] = n;
	row.addr = (AsnAddr){.family = 4, .b = {[12] = 192, 0, 2, 7}};
	row.addr.b[15] = n;
	return row;
}

static void
vote(Evidence *ev, guint8 n, gint64 mail_time, gint64 now)
{
	gint64 user = asnd_mails_user(ev->mails, "/v/a/Maildir", 12, now);
	AsndMailRow row = row_of(user, mail_time, n);
	AsndDecision spam = {.vote = ASND_VOTE_SPAM, .vote_time = now};

	asnd_learner_cast(ev->learner, &row, &spam, 0, now);
	g_assert_true(asnd_store_commit(ev->store));
}

static double
weight(Evidence *ev, guint8 n, gint64 now)
{
	AsndMailRow row = row_of(1, now, n);
	AsnOriginKey key = {.addr = row.addr};
	AsnPrediction p;

	asn_model_predict(
	    asnd_journal_model(ev->journal), &key, (double)now, &p);
	return p.level[ASN_LEVEL_ADDRESS].s;
}

static gint64
ask(Evidence *ev, const char *sql)
{
	sqlite3_stmt *stmt = asnd_store_prepare(ev->store, sql);
	gint64 n = -1;

	if (asnd_store_step(ev->store, stmt, ""))
		n = sqlite3_column_int64(stmt, 0);
	asnd_store_done(stmt);
	g_assert_null(asnd_store_failed(ev->store, NULL));
	return n;
}

/* Starts and ends asnd, with its clock ahead by so many seconds. */
static void
run_asnd(Evidence *ev, gint64 ahead)
{
	g_autofree char *text = g_strdup_printf(
	    "[paths]\ndatabase-dir=%s\nstate-dir=%s\nwatch-socket=%s/sock\n",
	    ev->dir, ev->dir, ev->dir);
	g_autoptr(GError) error = NULL;
	AsnConfig *config =
	    asn_config_parse(text, strlen(text), "test", &error);
	AsndDaemon *daemon;

	g_assert_no_error(error);
	ev_close(ev);
	daemon = asnd_daemon_new(config, ahead, &error);
	g_assert_no_error(error);
	asnd_daemon_free(daemon);
	asn_config_free(config);
	ev_open(ev);
}

static void
open_now(Evidence *ev)
{
	ev_init(ev, FALSE);
	ev->now = g_get_real_time() / G_USEC_PER_SEC;
}

static void
test_starts(void)
{
	static const int days[] = {3650, -8000, 40, 0};
	Evidence ev;

	open_now(&ev);
	vote(&ev, 1, ev.now - EV_DAYS(230), ev.now - EV_DAYS(230));
	vote(&ev, 2, ev.now, ev.now);
	asnd_store_set_meta(ev.store, "clock", ev.now - HOUR);
	g_assert_true(asnd_store_commit(ev.store));
	for (gsize i = 0; i < G_N_ELEMENTS(days); i++) {
		run_asnd(&ev, EV_DAYS(days[i]));
		g_assert_cmpint(asnd_journal_count(ev.journal), ==, 2);
		g_assert_cmpint(ask(&ev, "SELECT count(*) FROM users"
					 " WHERE last_seen > 0"),
		    ==, 1);
	}
	/* And what is old is forgotten, by a clock that is right. */
	vote(&ev, 3, ev.now - EV_DAYS(241), ev.now - EV_DAYS(241));
	run_asnd(&ev, 0);
	g_assert_cmpint(asnd_journal_count(ev.journal), ==, 2);
	ev_clear(&ev);
}

/* However long: it stands before the time of the program. */
static void
test_behind(void)
{
	Evidence ev;
	gint64 past;

	open_now(&ev);
	past = ev.now - EV_DAYS(8000);
	vote(&ev, 1, ev.now, ev.now);
	asnd_store_set_meta(ev.store, "clock", ev.now - HOUR);
	asnd_store_set_meta(ev.store, "clock_doubt", past - EV_DAYS(20));
	run_asnd(&ev, -EV_DAYS(8000));
	g_assert_cmpfloat(weight(&ev, 1, ev.now), >, 0.9);
	g_assert_cmpint(asnd_store_install_time(ev.store), >, past + DAY);
	g_assert_cmpint(
	    asnd_store_meta(ev.store, "clock", 0), ==, ev.now - HOUR);
	run_asnd(&ev, 0);
	g_assert_cmpint(asnd_journal_count(ev.journal), ==, 1);
	g_assert_cmpint(asnd_store_meta(ev.store, "clock_doubt", 1), ==, 0);
	ev_clear(&ev);
}

/* Evidence of before asnd kept the time tells it by its votes. */
static void
test_old_evidence(void)
{
	Evidence ev;

	open_now(&ev);
	vote(&ev, 1, ev.now - DAY, ev.now - DAY);
	g_assert_cmpint(asnd_future_latest(ev.store), ==, ev.now - DAY);
	run_asnd(&ev, EV_DAYS(3650));
	g_assert_cmpint(asnd_journal_count(ev.journal), ==, 1);
	run_asnd(&ev, 0);
	g_assert_cmpfloat(weight(&ev, 1, ev.now), >, 0.9);
	ev_clear(&ev);
}

static void
test_future_votes(void)
{
	const gint64 ahead = EV_DAYS(3650);
	Evidence ev;

	open_now(&ev);
	vote(&ev, 1, ev.now - DAY, ev.now - DAY);
	asnd_store_set_meta(ev.store, "clock", ev.now - HOUR);
	run_asnd(&ev, ahead);
	g_assert_cmpint(
	    asnd_store_meta(ev.store, "clock_doubt", 0), >=, ev.now + ahead);
	vote(&ev, 2, ev.now + ahead, ev.now + ahead);
	vote(&ev, 3, ev.now, ev.now);
	g_assert_cmpfloat(weight(&ev, 2, ev.now), >, 0.9);
	run_asnd(&ev, 0);
	g_assert_cmpint(asnd_store_meta(ev.store, "clock_doubt", 1), ==, 0);
	g_assert_cmpint(asnd_journal_count(ev.journal), ==, 3);
	for (guint8 n = 1; n <= 3; n++)
		g_assert_cmpfloat(weight(&ev, n, ev.now), >, 0.9);
	/* All of it weighs something above, too, and does not stay for ever. */
	g_assert_cmpint(ask(&ev, "SELECT count(*) FROM votes WHERE max("
				 "vote_time, mail_time, day * 86400) >"
				 " strftime('%s') + 60"),
	    ==, 0);
	g_assert_cmpint(
	    ask(&ev, "SELECT max(last_spam) FROM users"), <=, ev.now + 600);
	ev_clear(&ev);
}

/* A seal of 1970 proves who sent the mail, not when. */
static void
test_old_seal(void)
{
	Evidence ev;

	open_now(&ev);
	vote(&ev, 1, 86400, ev.now);
	g_assert_cmpfloat(weight(&ev, 1, ev.now), >, 0.9);
	vote(&ev, 2, ev.now - EV_DAYS(60), ev.now);
	g_assert_cmpfloat(weight(&ev, 2, ev.now), <, 0.6);
	ev_clear(&ev);
}

/* Ham that waits for its day, mail that was too old to be read, who is gone. */
static void
test_future_rest(void)
{
	static const EvMail mail = {
	    .ino = 7, .addr = "192.0.2.9", .seal = 9, .time = EV_NOW};
	Evidence ev;
	gint64 user, far;

	ev_init(&ev, FALSE);
	user = ev_user(&ev, "/v/a/Maildir");
	asnd_mails_set_last_spam(ev.mails, user, EV_NOW);
	/* In the future: one that comes and is read, two that lay there. */
	ev.now = far = EV_NOW + EV_DAYS(3650);
	EvMail comes = mail, lies = mail, trashed;
	comes.time = far;
	ev_user(&ev, "/v/a/Maildir");
	ev_entry(&ev, user, "", "a:2,S", &comes);
	lies.ino = lies.seal = 8;
	lies.listed = TRUE;
	g_assert_false(ev_entry(&ev, user, "", "b:2,S", &lies));
	trashed = lies;
	trashed.ino = trashed.seal = 9;
	g_assert_false(ev_entry(&ev, user, ".Trash", "c:2,S", &trashed));
	ev.now = EV_NOW + 60;
	g_assert_cmpuint(asnd_future_bring_back(ev.store, ev.now), ==, 4);
	g_assert_true(asnd_store_commit(ev.store));
	g_assert_cmpuint(asnd_future_bring_back(ev.store, ev.now), ==, 0);
	g_assert_true(ev_entry(&ev, user, "", "b:2,S", &lies));
	g_assert_true(ev_entry(&ev, user, ".Trash", "c:2,S", &trashed));
	ev.now += EV_DAYS(3);
	while (asnd_learner_sweep(ev.learner, ev.now))
		;
	g_assert_cmpint(ev_standing(&ev, user, &comes), ==, ASND_VOTE_HAM);
	g_assert_cmpint(ev_standing(&ev, user, &lies), ==, ASND_VOTE_HAM);
	g_assert_cmpint(asnd_store_install_time(ev.store), ==, EV_NOW);
	asnd_future_bring_back(ev.store, EV_NOW - EV_DAYS(9));
	g_assert_cmpint(
	    asnd_store_install_time(ev.store), ==, EV_NOW - EV_DAYS(9));
	ev_clear(&ev);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_always_fatal(G_LOG_FATAL_MASK);
	g_log_set_writer_func(be_quiet, NULL, NULL);
	g_test_add_func("/clock/believed", test_believed);
	g_test_add_func("/clock/starts", test_starts);
	g_test_add_func("/clock/behind", test_behind);
	g_test_add_func("/clock/old-evidence", test_old_evidence);
	g_test_add_func("/clock/future-votes", test_future_votes);
	g_test_add_func("/clock/future-rest", test_future_rest);
	g_test_add_func("/clock/old-seal", test_old_seal);
	return g_test_run();
}
