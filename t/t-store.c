/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-store.c: store.h and journal.h; what survives what. */

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "evidence.h"

static void
ballot(Evidence *ev, gint64 user, guint n, const char *addr, AsndVote vote)
{
	guint8 digest[16] = {0};
	AsndBallot b = {.user = user,
	    .digest = digest,
	    .vote = vote,
	    .mail_time = ev->now - 60,
	    .vote_time = ev->now,
	    .now = ev->now,
	    .sealed = TRUE};

	memcpy(digest, &n, sizeof n);
	g_assert_true(asn_addr_parse(addr, strlen(addr), &b.key.addr));
	asnd_journal_cast(ev->journal, &b);
}

/* --- what survives ------------------------------------------------------- */

#define BATCH 7

/* Casts batches until it is killed; tells each that it committed. */
static void
cast_until_killed(Evidence *ev, int out)
{
	gint64 user = ev_user(ev, "/v/a/Maildir");

	for (guint n = 0;; n++) {
		g_autofree char *addr =
		    g_strdup_printf("10.%u.%u.9", (n >> 8) & 255, n & 255);

		ballot(ev, user, n, addr, ASND_VOTE_SPAM);
		if (n % BATCH != BATCH - 1)
			continue;
		if (!asnd_store_commit(ev->store) || write(out, "x", 1) != 1)
			_exit(1);
	}
}

static void
test_killed(void)
{
	for (guint round = 0; round < 5; round++) {
		Evidence ev;
		int fds[2];
		char c;
		guint told = 0;
		pid_t pid;

		ev_init(&ev, FALSE);
		ev_close(&ev);
		g_assert_cmpint(pipe(fds), ==, 0);
		pid = fork();
		if (pid == 0) {
			ev_open(&ev);
			cast_until_killed(&ev, fds[1]);
		}
		close(fds[1]);
		/* Somewhere in the middle of a batch. */
		while (told < 20 + round * 13 && read(fds[0], &c, 1) == 1)
			told++;
		kill(pid, SIGKILL);
		while (read(fds[0], &c, 1) == 1)
			told++;
		close(fds[0]);
		waitpid(pid, NULL, 0);
		ev_open(&ev);
		g_assert_null(asnd_store_was_rebuilt(ev.store));
		gint64 n = asnd_journal_count(ev.journal);
		g_test_message("%u batches told, %d votes there", told, (int)n);
		g_assert_cmpint(n, >=, told * BATCH);
		g_assert_cmpint(n % BATCH, ==, 0);
		g_assert_cmpuint(
		    asn_model_n_nodes(
			asnd_journal_model(ev.journal), ASN_LEVEL_ADDRESS),
		    ==, (guint)n);
		ev_clear(&ev);
	}
}

static void
test_rollback(void)
{
	Evidence ev;
	gint64 user;

	ev_init(&ev, FALSE);
	user = ev_user(&ev, "/v/a/Maildir");
	ballot(&ev, user, 1, "192.0.2.1", ASND_VOTE_SPAM);
	g_assert_true(asnd_store_commit(ev.store));
	ballot(&ev, user, 2, "198.51.100.1", ASND_VOTE_SPAM);
	asnd_store_rollback(ev.store);
	asnd_journal_replay(ev.journal);
	g_assert_cmpint(asnd_journal_count(ev.journal), ==, 1);
	g_assert_cmpuint(asn_model_n_nodes(
			     asnd_journal_model(ev.journal), ASN_LEVEL_ADDRESS),
	    ==, 1);
	ev_clear(&ev);
}

/* Overwrites len bytes at offset (from the end when negative). */
static void
damage(const char *dir, off_t offset, gsize len)
{
	g_autofree char *path = g_build_filename(dir, ASND_STORE_FILE, NULL);
	g_autofree char *junk = g_malloc(len);
	int fd = open(path, O_WRONLY);

	memset(junk, 0xa5, len);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(pwrite(fd, junk, len, offset), ==, (gssize)len);
	close(fd);
}

static void
test_corrupt(gconstpointer data)
{
	Evidence ev;
	gint64 user;

	ev_init(&ev, FALSE);
	user = ev_user(&ev, "/v/a/Maildir");
	for (guint i = 0; i < 500; i++)
		ballot(&ev, user, i, "192.0.2.1", ASND_VOTE_SPAM);
	ev_close(&ev);
	damage(ev.dir, GPOINTER_TO_INT(data), 9000);
	ev.now += EV_DAYS(9);
	ev_open(&ev);
	const char *aside = asnd_store_was_rebuilt(ev.store);
	g_assert_nonnull(aside);
	g_assert_nonnull(strstr(aside, ".corrupt-20270124T"));
	g_assert_true(g_file_test(aside, G_FILE_TEST_EXISTS));
	g_assert_cmpint(asnd_journal_count(ev.journal), ==, 0);
	g_assert_true(asnd_learner_first_run(ev.learner));
	/* Else a header typed into one's Maildir would count from now on. */
	g_assert_cmpint(asnd_store_install_time(ev.store), ==, EV_NOW);
	ev_reopen(&ev);
	g_assert_null(asnd_store_was_rebuilt(ev.store));
	ev_clear(&ev);
}

static void
test_install_time(void)
{
	Evidence ev;
	g_autofree char *file = NULL;

	ev_init(&ev, FALSE);
	g_assert_cmpint(asnd_store_install_time(ev.store), ==, EV_NOW);
	ev.now += 5000;
	ev_reopen(&ev);
	g_assert_cmpint(asnd_store_install_time(ev.store), ==, EV_NOW);
	file = g_build_filename(ev.dir, "install-time", NULL);
	g_assert_cmpint(g_unlink(file), ==, 0);
	ev_reopen(&ev);
	g_assert_cmpint(asnd_store_install_time(ev.store), ==, EV_NOW);
	g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
	ev_clear(&ev);
}

static gpointer
give_back(gpointer path)
{
	g_usleep(80000);
	return GINT_TO_POINTER(rmdir(path) + 1);
}

/* A file beside it that is not asnd's yet: sqlite3, run by root, made it. */
static void
test_looked_at(void)
{
	g_autofree char *path = NULL;
	GThread *thread;
	Evidence ev;

	ev_init(&ev, FALSE);
	ev_close(&ev);
	path = g_strdup_printf("%s/%s-wal", ev.dir, ASND_STORE_FILE);
	g_assert_cmpint(mkdir(path, 0700), ==, 0);
	thread = g_thread_new("root", give_back, path);
	ev_open(&ev);
	g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(thread)), ==, 1);
	ev_clear(&ev);
}

static void
test_newer(void)
{
	Evidence ev;
	g_autofree char *file = NULL;
	g_autoptr(GError) error = NULL;
	sqlite3 *db;

	ev_init(&ev, FALSE);
	ev_close(&ev);
	file = g_build_filename(ev.dir, ASND_STORE_FILE, NULL);
	g_assert_cmpint(sqlite3_open(file, &db), ==, SQLITE_OK);
	sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL);
	sqlite3_close(db);
	g_assert_null(asnd_store_open(ev.dir, ev.now, &error));
	g_assert_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_NEWER);
	ev_clear(&ev);
}

/* --- the journal ---------------------------------------------------------- */

/* A long life of votes, moved back and forth by several users. */
static void
live(Evidence *ev, GRand *rand, guint n)
{
	for (guint i = 0; i < n; i++) {
		g_autofree char *path = g_strdup_printf(
		    "/v/%d/Maildir", g_rand_int_range(rand, 0, 5));
		guint mail = g_rand_int_range(rand, 0, 300);
		g_autofree char *addr =
		    mail % 5 == 0
			? g_strdup_printf("2001:db8:%x::%x", mail % 3, mail)
			: g_strdup_printf("198.51.%u.%u", mail % 7, mail % 250);
		guint8 digest[16] = {0};
		AsndBallot b = {.user = ev_user(ev, path),
		    .digest = digest,
		    .mail_time = ev->now - mail * 977,
		    .vote_time = ev->now,
		    .now = ev->now};

		memcpy(digest, &mail, sizeof mail);
		b.vote = asnd_journal_standing(ev->journal, b.user, digest) ==
				 ASND_VOTE_SPAM
			     ? ASND_VOTE_HAM
			     : ASND_VOTE_SPAM;
		g_assert_true(asn_addr_parse(addr, strlen(addr), &b.key.addr));
		b.key.prefix = asn_network_of(&b.key.addr, 19);
		b.key.asn = mail % 4 ? 64496 + mail % 11 : 0;
		if (mail % 2)
			memcpy(b.key.country, "ZZ", 3);
		asnd_journal_cast(ev->journal, &b);
		ev->now += g_rand_int_range(rand, 0, 20000);
	}
}

static void
test_replay(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);
	Evidence ev;
	AsndJournal *again;

	ev_init(&ev, FALSE);
	live(&ev, rand, 3000);
	g_assert_true(asnd_store_commit(ev.store));
	again = asnd_journal_new(ev.store, &asn_model_defaults, NULL);
	ev_assert_same_model(
	    asnd_journal_model(ev.journal), asnd_journal_model(again));
	asnd_journal_free(again);
	/* And goes on from there as if nothing had been. */
	ev_reopen(&ev);
	live(&ev, rand, 500);
	again = asnd_journal_new(ev.store, &asn_model_defaults, NULL);
	ev_assert_same_model(
	    asnd_journal_model(ev.journal), asnd_journal_model(again));
	asnd_journal_free(again);
	ev_clear(&ev);
}

static double
spam_at(Evidence *ev, const char *addr)
{
	AsnOriginKey key = {0};
	const AsnNode *node;

	g_assert_true(asn_addr_parse(addr, strlen(addr), &key.addr));
	node = asn_model_node(
	    asnd_journal_model(ev->journal), ASN_LEVEL_ADDRESS, &key);
	return node ? node->s : 0;
}

static void
test_take_back(void)
{
	Evidence ev;
	gint64 user;

	ev_init(&ev, FALSE);
	user = ev_user(&ev, "/v/a/Maildir");
	ballot(&ev, user, 1, "192.0.2.1", ASND_VOTE_SPAM);
	g_assert_cmpfloat(spam_at(&ev, "192.0.2.1"), ==, 1);
	ballot(&ev, user, 1, "192.0.2.1", ASND_VOTE_HAM);
	g_assert_cmpfloat_with_epsilon(spam_at(&ev, "192.0.2.1"), 0, 1e-12);
	/* learnt, taken back, learnt */
	g_assert_cmpint(asnd_journal_count(ev.journal), ==, 3);
	ev_clear(&ev);
}

/* --- at most 2 of a (user, AS or prefix or block, class, day) weigh ---------
 */

typedef struct {
	Evidence ev;
	guint8 digest[16];
	AsndBallot v;
} Cap;

static void
cap_init(Cap *c)
{
	memset(c, 0, sizeof *c);
	ev_init(&c->ev, FALSE);
	c->v = (AsndBallot){.user = ev_user(&c->ev, "/v/a/Maildir"),
	    .digest = c->digest,
	    .vote = ASND_VOTE_SPAM,
	    .mail_time = c->ev.now,
	    .vote_time = c->ev.now,
	    .now = c->ev.now};
	g_assert_true(asn_addr_parse("192.0.2.1", 9, &c->v.key.addr));
}

/* The next mail's vote. */
static void
expect_cast(Cap *c, gboolean weighs)
{
	c->digest[0]++;
	g_assert_cmpint(asnd_journal_cast(c->ev.journal, &c->v), ==, weighs);
}

static void
expect_full(Cap *c)
{
	expect_cast(c, TRUE);
	expect_cast(c, TRUE);
	expect_cast(c, FALSE);
}

/* Unknown AS and prefix: by the block.  Also those count that were taken
 * back. */
static void
test_cap(void)
{
	Cap c;

	cap_init(&c);
	expect_full(&c);
	g_assert_cmpfloat(spam_at(&c.ev, "192.0.2.1"), ==, 2);
	c.v.vote = ASND_VOTE_HAM;
	c.digest[0] = 2;
	expect_cast(&c, TRUE);
	c.digest[0] = 0;
	expect_cast(&c, TRUE);
	c.v.vote = ASND_VOTE_SPAM;
	c.digest[0] = 99;
	expect_cast(&c, FALSE);
	ev_clear(&c.ev);
}

/* Another prefix, AS, user, day; and after a restart. */
static void
test_cap_apart(void)
{
	Cap c;
	gint64 a, b;

	cap_init(&c);
	a = c.v.user;
	b = ev_user(&c.ev, "/v/b/Maildir");
	expect_full(&c);
	c.v.key.prefix = asn_network_of(&c.v.key.addr, 20);
	expect_full(&c);
	c.v.key.asn = 64496;
	expect_full(&c);
	c.v.key.prefix = asn_network_of(&c.v.key.addr, 21);
	expect_cast(&c, FALSE);
	c.v.user = b;
	expect_cast(&c, TRUE);
	c.v.user = a;
	c.v.vote_time = (c.ev.now / ASND_DAY + 1) * ASND_DAY;
	expect_cast(&c, TRUE);
	asnd_store_commit(c.ev.store);
	ev_reopen(&c.ev);
	c.v.user = b;
	c.v.vote_time = c.ev.now;
	expect_cast(&c, TRUE);
	expect_cast(&c, FALSE);
	ev_clear(&c.ev);
}

static void
test_future(void)
{
	Evidence ev;
	guint8 digest[16] = {1};
	AsndBallot v;
	const AsnNode *all;

	ev_init(&ev, FALSE);
	v = (AsndBallot){.user = ev_user(&ev, "/v/a/Maildir"),
	    .digest = digest,
	    .vote = ASND_VOTE_SPAM,
	    .mail_time = ev.now + EV_DAYS(3000),
	    .vote_time = ev.now,
	    .now = ev.now};
	g_assert_true(asn_addr_parse("192.0.2.1", 9, &v.key.addr));
	asnd_journal_cast(ev.journal, &v);
	all = asn_model_raw(asnd_journal_model(ev.journal));
	g_assert_cmpfloat(all->t, ==, (double)ev.now);
	ev_clear(&ev);
}

static void
test_retention(void)
{
	Evidence ev;
	gint64 user;
	AsndJournal *again;

	ev_init(&ev, FALSE);
	user = ev_user(&ev, "/v/a/Maildir");
	ballot(&ev, user, 1, "192.0.2.1", ASND_VOTE_SPAM);
	ballot(&ev, user, 2, "192.0.2.2", ASND_VOTE_SPAM);
	ev.now += EV_DAYS(100);
	ballot(&ev, user, 1, "192.0.2.1", ASND_VOTE_HAM);
	ev.now += EV_DAYS(139);
	g_assert_false(asnd_journal_prune(ev.journal, ev.now));
	ev.now += EV_DAYS(1) + 1;
	g_assert_true(asnd_journal_prune(ev.journal, ev.now));
	/* both old ones went, and the taking back of one of them */
	g_assert_cmpint(asnd_journal_count(ev.journal), ==, 1);
	g_assert_cmpfloat(spam_at(&ev, "192.0.2.2"), ==, 0);
	again = asnd_journal_new(ev.store, &asn_model_defaults, NULL);
	ev_assert_same_model(
	    asnd_journal_model(ev.journal), asnd_journal_model(again));
	asnd_journal_free(again);
	ev_clear(&ev);
}

static void
test_reporters(void)
{
	Evidence ev;
	static const char *const paths[] = {"/v/a", "/v/b", "/v/c", "/v/d"};
	gint64 users[4];

	ev_init(&ev, FALSE);
	for (guint i = 0; i < 4; i++)
		users[i] = ev_user(&ev, paths[i]);
#define UNTIL() asnd_learner_two_reporters_until(ev.learner, ev.now)
	g_assert_cmpint(UNTIL(), ==, 0);
	asnd_mails_set_last_spam(ev.mails, users[0], EV_NOW - 500);
	asnd_mails_set_last_spam(ev.mails, users[1], EV_NOW - 400);
	asnd_mails_set_last_spam(ev.mails, users[1], EV_NOW - 450);
	g_assert_cmpint(UNTIL(), ==, 0);
	asnd_mails_set_last_spam(ev.mails, users[2], EV_NOW - 300);
	g_assert_cmpint(UNTIL(), ==, EV_NOW - 500 + EV_DAYS(60));
	asnd_mails_set_last_spam(ev.mails, users[3], EV_NOW - 100);
	g_assert_cmpint(UNTIL(), ==, EV_NOW - 400 + EV_DAYS(60));
	ev.now = EV_NOW - 400 + EV_DAYS(60);
	g_assert_cmpint(UNTIL(), ==, ev.now);
	ev.now++;
	g_assert_cmpint(UNTIL(), ==, 0);
#undef UNTIL
	ev_clear(&ev);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/store/killed", test_killed);
	g_test_add_func("/store/rollback", test_rollback);
	g_test_add_data_func(
	    "/store/corrupt/header", GINT_TO_POINTER(0), test_corrupt);
	g_test_add_data_func(
	    "/store/corrupt/middle", GINT_TO_POINTER(40000), test_corrupt);
	g_test_add_func("/store/install-time", test_install_time);
	g_test_add_func("/store/looked-at", test_looked_at);
	g_test_add_func("/store/newer", test_newer);
	g_test_add_func("/journal/replay", test_replay);
	g_test_add_func("/journal/take-back", test_take_back);
	g_test_add_func("/journal/cap", test_cap);
	g_test_add_func("/journal/cap-apart", test_cap_apart);
	g_test_add_func("/journal/future", test_future);
	g_test_add_func("/journal/retention", test_retention);
	g_test_add_func("/journal/reporters", test_reporters);
	return g_test_run();
}
