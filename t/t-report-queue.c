/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-report-queue.c: which junked mail is reported, when, and how often. */

#include "learn-fixture.h"
#include "reports.h"

#define DELAY 3600

typedef struct {
	Fixture f;
	AsndReports *reports;
	AsnReportConfig config;
} Queue;

static void
queue_open(Queue *q)
{
	g_autoptr(GError) error = NULL;

	q->reports = asnd_reports_new(
	    q->f.ev.store, q->f.ev.mails, q->f.ev.journal, &error);
	g_assert_no_error(error);
	asnd_reports_configure(q->reports, &q->config);
	asnd_learner_set_reports(q->f.ev.learner, q->reports);
}

static void
queue_set_up(Queue *q, gconstpointer first_run)
{
	set_up(&q->f, first_run);
	q->config = (AsnReportConfig){
	    .format = ASN_REPORT_ARF, .delay = DELAY, .limit = 40};
	queue_open(q);
}

static void
queue_tear_down(Queue *q, gconstpointer data)
{
	asnd_reports_free(q->reports);
	tear_down(&q->f, data);
}

/* A mail with this seal comes to a user, who junks it. */
static void
junk(Queue *q, gint64 user, guint8 seal)
{
	EvMail mail = {.ino = 100 * user + seal,
	    .addr = "192.0.2.7",
	    .time = q->f.ev.now - 300,
	    .seal = seal};
	g_autofree char *name = g_strdup_printf("m%u", seal);
	g_autofree char *moved = g_strdup_printf("m%u:2,S", seal);

	ev_entry(&q->f.ev, user, "", name, &mail);
	ev_rename(&q->f.ev, user, "", name, ".Junk", moved, &mail);
	g_assert_cmpint(ev_standing(&q->f.ev, user, &mail), ==, ASND_VOTE_SPAM);
}

/* The seal of the next mail, 0: none. */
static guint
next(Queue *q)
{
	AsndMailRow mail;
	gint64 id = asnd_reports_next(q->reports, q->f.ev.now, &mail);

	g_assert_true(asnd_store_commit(q->f.ev.store));
	if (id == 0)
		return 0;
	g_assert_true(mail.sealed && mail.addr.family == 4);
	return mail.digest[0];
}

static void
test_once(Queue *q, gconstpointer data)
{
	junk(q, q->f.user, 1);
	g_assert_cmpuint(next(q), ==, 0);
	q->f.ev.now += DELAY - 1;
	g_assert_cmpuint(next(q), ==, 0);
	q->f.ev.now += 1;
	g_assert_cmpuint(next(q), ==, 1);
	g_assert_cmpuint(next(q), ==, 0);
	/* also after a restart */
	asnd_reports_free(q->reports);
	ev_reopen(&q->f.ev);
	queue_open(q);
	q->f.ev.now += ASND_DAY;
	g_assert_cmpuint(next(q), ==, 0);
}

static void
test_second_user(Queue *q, gconstpointer data)
{
	gint64 other = ev_user(&q->f.ev, "/v/b/Maildir");

	junk(q, q->f.user, 1);
	junk(q, other, 1);
	junk(q, other, 2);
	q->f.ev.now += DELAY;
	g_assert_cmpuint(next(q), ==, 1);
	g_assert_cmpuint(next(q), ==, 2);
	g_assert_cmpuint(next(q), ==, 0);
}

/* The first user takes back; the second one's word stands. */
static void
test_one_of_two(Queue *q, gconstpointer data)
{
	gint64 other = ev_user(&q->f.ev, "/v/b/Maildir");
	EvMail mail = {.ino = 100 * q->f.user + 1,
	    .addr = "192.0.2.7",
	    .time = q->f.ev.now - 300,
	    .seal = 1};

	junk(q, q->f.user, 1);
	junk(q, other, 1);
	ev_rename(&q->f.ev, q->f.user, ".Junk", "m1:2,S", "", "m1:2,S", &mail);
	q->f.ev.now += DELAY;
	g_assert_cmpuint(next(q), ==, 1);
	g_assert_cmpuint(next(q), ==, 0);
}

static void
test_not_wanted(Queue *q, gconstpointer data)
{
	EvMail mail = {.addr = "192.0.2.7", .time = q->f.ev.now - 300};
	gint64 user = q->f.user;

	for (guint8 seal = 1; seal <= 6; seal++)
		junk(q, user, seal);
#define NO(n, to, name)                                                        \
	mail.ino = 100 * user + n;                                             \
	mail.seal = n;                                                         \
	ev_rename(&q->f.ev, user, ".Junk", "m" #n ":2,S", to, name, &mail)
	NO(1, "", "m1:2,S");       /* taken back */
	NO(2, ".Trash", "m2:2,S"); /* thrown away */
	NO(3, ".Junk", "m3:2,ST"); /* about to be */
	ev_gone(&q->f.ev, user, ".Junk", "m4:2,S");
	mail = (EvMail){.addr = "192.0.2.7", .seal = 5};
	{
		AsndBlock block;

		ev_block(&mail, &block);
		g_assert_cmpuint(
		    asnd_learner_forget_mail(q->f.ev.learner, block.digest), ==,
		    1);
	}
	q->f.ev.now += DELAY;
	g_assert_cmpuint(next(q), ==, 6);
	g_assert_cmpuint(next(q), ==, 0);
}

/* Back and again: from the last time on. */
static void
test_again(Queue *q, gconstpointer data)
{
	EvMail mail = {.ino = 100 * q->f.user + 1,
	    .addr = "192.0.2.7",
	    .time = q->f.ev.now - 300,
	    .seal = 1};

	junk(q, q->f.user, 1);
	q->f.ev.now += DELAY;
	ev_rename(&q->f.ev, q->f.user, ".Junk", "m1:2,S", "", "m1:2,S", &mail);
	g_assert_cmpuint(next(q), ==, 0);
	ev_rename(&q->f.ev, q->f.user, "", "m1:2,S", ".Junk", "m1:2,S", &mail);
	g_assert_cmpuint(next(q), ==, 0);
	q->f.ev.now += DELAY;
	g_assert_cmpuint(next(q), ==, 1);
}

static void
test_too_old(Queue *q, gconstpointer data)
{
	junk(q, q->f.user, 1); /* came 300 s before */
	q->f.ev.now += ASND_REPORT_AGE - 299;
	g_assert_cmpuint(next(q), ==, 0);
	q->f.ev.now -= DELAY;
	g_assert_cmpuint(next(q), ==, 0); /* decided once */
}

/* 40 a day, 10 an hour, 20 of one user. */
static void
test_limits(Queue *q, gconstpointer data)
{
	gint64 users[3] = {q->f.user, ev_user(&q->f.ev, "/v/b/Maildir"),
	    ev_user(&q->f.ev, "/v/c/Maildir")};
	guint in_hour[6] = {0}, sent = 0;

	for (guint8 seal = 1; seal <= 75; seal++)
		junk(q, users[seal > 30 ? seal > 50 ? 2 : 1 : 0], seal);
	q->f.ev.now += DELAY;
	for (guint hour = 0; hour < G_N_ELEMENTS(in_hour); hour++) {
		for (guint seal; (seal = next(q)) != 0; sent++)
			in_hour[hour]++;
		q->f.ev.now += 3600;
	}
	g_assert_cmpuint(in_hour[0], ==, 10);
	g_assert_cmpuint(in_hour[1], ==, 10);
	g_assert_cmpuint(in_hour[3], ==, 10);
	g_assert_cmpuint(in_hour[4], ==, 0);
	g_assert_cmpuint(sent, ==, 40);
	/* A day later, the rest; the first user had 20 of 30. */
	q->f.ev.now += ASND_DAY - 2 * 3600;
	g_assert_cmpuint(next(q), >, 20);
}

static void
test_answers(Queue *q, gconstpointer data)
{
	AsndMailRow mail;
	gint64 id;

	for (guint8 seal = 1; seal <= 4; seal++)
		junk(q, q->f.user, seal);
	q->f.ev.now += DELAY;
	for (int status = ASN_REPORT_SENT; status <= ASN_REPORT_NO_CHANNEL;
	     status++) {
		id = asnd_reports_next(q->reports, q->f.ev.now, &mail);
		if (id != 0)
			asnd_reports_answered(q->reports, id,
			    (AsnWatchReportStatus)status, q->f.ev.now);
	}
	/* 1 sent, 3 refused, 4 opted out; 2 had moved and waits */
	g_assert_cmpuint(next(q), ==, 0);
	q->f.ev.now += 60;
	id = asnd_reports_next(q->reports, q->f.ev.now, &mail);
	g_assert_cmpuint(mail.digest[0], ==, 2);
	asnd_reports_answered(
	    q->reports, id, ASN_REPORT_NO_CHANNEL, q->f.ev.now);
	q->f.ev.now += 599;
	g_assert_cmpuint(next(q), ==, 0);
	q->f.ev.now += 1;
	g_assert_cmpuint(next(q), ==, 2);
	g_assert_cmpuint(next(q), ==, 0);
}

/* Switched off, nothing waits, also not for later. */
static void
test_off(Queue *q, gconstpointer data)
{
	AsnReportConfig off = {.format = ASN_REPORT_OFF};

	junk(q, q->f.user, 1);
	asnd_reports_configure(q->reports, &off);
	g_assert_false(asnd_reports_on(q->reports));
	junk(q, q->f.user, 2);
	q->f.ev.now += DELAY;
	g_assert_cmpuint(next(q), ==, 0);
	asnd_reports_configure(q->reports, &q->config);
	g_assert_cmpuint(next(q), ==, 0);
	asnd_reports_purge(q->reports, q->f.ev.now + EV_DAYS(31));
	g_assert_true(asnd_store_commit(q->f.ev.store));
}

/* What a filter delivered into Junk late is a vote (votes.h), but nobody is
 * known to have moved it. */
static void
test_delivered_late(Queue *q, gconstpointer data)
{
	EvMail mail = {.ino = 8,
	    .addr = "192.0.2.9",
	    .time = q->f.ev.now - 300,
	    .ctime = q->f.ev.now,
	    .seal = 11};

	ev_entry(&q->f.ev, q->f.user, ".Junk", "late", &mail);
	g_assert_cmpint(
	    ev_standing(&q->f.ev, q->f.user, &mail), ==, ASND_VOTE_SPAM);
	q->f.ev.now += DELAY;
	g_assert_cmpuint(next(q), ==, 0);
}

/* What lay in Junk before is nobody's act of now, nor what a command says. */
static void
test_only_acts(Queue *q, gconstpointer data)
{
	AsndBlock block;
	AsndVote before;
	EvMail mail = {.ino = 7,
	    .addr = "192.0.2.9",
	    .time = q->f.ev.now - 300,
	    .seal = 9};

	ev_entry(&q->f.ev, q->f.user, ".Junk", "old:2,S", &mail);
	while (asnd_learner_step_first_run(q->f.ev.learner, q->f.ev.now))
		;
	mail.seal = 10;
	ev_block(&mail, &block);
	g_assert_cmpint(asnd_learner_learn(q->f.ev.learner, q->f.user, &block,
			    ASND_VOTE_SPAM, q->f.ev.now, &before),
	    ==, ASND_LEARNT);
	q->f.ev.now += DELAY;
	g_assert_cmpuint(next(q), ==, 0);
}

#define ADD(path, first, fn)                                                   \
	g_test_add("/report-queue/" path, Queue, first, queue_set_up, fn,      \
	    queue_tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("once", NULL, test_once);
	ADD("second-user", NULL, test_second_user);
	ADD("one-of-two", NULL, test_one_of_two);
	ADD("not-wanted", NULL, test_not_wanted);
	ADD("again", NULL, test_again);
	ADD("too-old", NULL, test_too_old);
	ADD("limits", NULL, test_limits);
	ADD("answers", NULL, test_answers);
	ADD("off", NULL, test_off);
	ADD("delivered-late", NULL, test_delivered_late);
	ADD("only-acts", "first run", test_only_acts);
	return g_test_run();
}
