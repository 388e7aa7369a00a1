/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-quality.c: quality.h and schema.h; each mail counts once, whatever
 * happens to it, and what users think of it is told right. */

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "evidence.h"
#include "schema.h"

#define WEEK 2976 /* of EV_NOW */

static GArray *
rows_of(Evidence *ev, guint weeks)
{
	return asnd_quality_rows(
	    asnd_journal_quality(ev->journal), weeks, ev->now);
}

static void
expect_row(GArray *rows, guint i, AsndQualityRow want)
{
	const AsndQualityRow *row = &g_array_index(rows, AsndQualityRow, i);

	g_assert_cmpuint(i, <, rows->len);
	g_assert_cmpint(row->week, ==, want.week);
	g_assert_cmpint(row->level, ==, want.level);
	g_assert_cmpint(row->flagged, ==, want.flagged);
	g_assert_cmpint(row->unflagged, ==, want.unflagged);
	g_assert_cmpint(row->rescued, ==, want.rescued);
	g_assert_cmpint(row->confirmed, ==, want.confirmed);
	g_assert_cmpint(row->missed, ==, want.missed);
}

/* --- weeks -----------------------------------------------------------------
 */

static void
test_week(void)
{
	/* Around new years, where ISO weeks are tricky, and in the middle. */
	for (gint64 t = 0; t < 4000000000; t += 86400 * 3 + 3601) {
		g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(t);
		gint64 start = asnd_quality_week_start(asnd_quality_week(t));
		g_autoptr(GDateTime) monday =
		    start < 0 ? NULL : g_date_time_new_from_unix_utc(start);

		g_assert_cmpint(start, <=, t);
		g_assert_cmpint(t - start, <, 7 * 86400);
		if (monday == NULL)
			continue;
		g_assert_cmpint(g_date_time_get_day_of_week(monday), ==, 1);
		g_assert_cmpint(g_date_time_get_week_of_year(monday), ==,
		    g_date_time_get_week_of_year(when));
	}
	g_assert_cmpint(asnd_quality_week(EV_NOW), ==, WEEK);
	g_assert_cmpint(asnd_quality_week(G_MININT64), ==, 0);
	g_assert_cmpint(asnd_quality_week(-1), ==, 0);
}

/* --- migration -------------------------------------------------------------
 */

static gint64
ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	gint64 out;

	g_assert_cmpint(
	    sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_step(stmt), ==, SQLITE_ROW);
	out = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return out;
}

static sqlite3 *
open_file(const char *dir)
{
	g_autofree char *file = g_build_filename(dir, ASND_STORE_FILE, NULL);
	sqlite3 *db;

	g_assert_cmpint(sqlite3_open(file, &db), ==, SQLITE_OK);
	return db;
}

/* A directory with the evidence of 0.1.0, and `more` done to it. */
static char *
make_old(const char *more)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path =
	    g_test_build_filename(G_TEST_DIST, "data", "evidence-1.sql", NULL);
	g_autofree char *sql = NULL;
	char *dir = g_dir_make_tmp("asnd-test-XXXXXX", &error);
	sqlite3 *db;

	g_assert_no_error(error);
	g_file_get_contents(path, &sql, NULL, &error);
	g_assert_no_error(error);
	db = open_file(dir);
	g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
	g_assert_cmpint(
	    sqlite3_exec(db, more, NULL, NULL, NULL), ==, SQLITE_OK);
	sqlite3_close(db);
	return dir;
}

static void
expect_migrated(Evidence *ev)
{
	g_autoptr(GArray) rows = rows_of(ev, 10);

	g_assert_cmpuint(rows->len, ==, 2);
	expect_row(rows, 0, (AsndQualityRow){.week = WEEK - 1, .flagged = 1});
	expect_row(rows, 1,
	    (AsndQualityRow){.week = WEEK,
		.flagged = 1,
		.unflagged = 3,
		.rescued = 1,
		.missed = 2});
}

static void
test_migrate(void)
{
	Evidence ev = {.now = EV_NOW, .dir = make_old("")};
	const guint8 digest[16] = {
	    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	AsndVerdict again = {WEEK, ASN_SPAM_AS, TRUE};
	AsndMailRow row;
	sqlite3 *db;

	ev_open(&ev);
	g_assert_null(asnd_store_was_rebuilt(ev.store));
	g_assert_cmpint(asnd_store_install_time(ev.store), ==, 1790000000);
	g_assert_cmpint(asnd_journal_count(ev.journal), ==, 6);
	g_assert_cmpint(asnd_mails_count(ev.mails), ==, 7);
	g_assert_false(asnd_learner_first_run(ev.learner));
	expect_migrated(&ev);
	/* What was seen then is not counted again, whatever is said of it. */
	asnd_quality_see(asnd_journal_quality(ev.journal), 1, digest, &again);
	g_assert_true(asnd_mails_get(ev.mails, 1, &row));
	g_assert_cmpint(row.level, ==, ASN_SPAM_UNKNOWN);
	g_assert_true(row.sealed && row.flagged && row.has_digest);
	row.level = ASN_SPAM_BLOCK;
	asnd_mails_save(ev.mails, &row);
	ev_reopen(&ev);
	expect_migrated(&ev);
	g_assert_true(asnd_mails_get(ev.mails, 1, &row));
	g_assert_cmpint(row.level, ==, ASN_SPAM_BLOCK);
	ev_close(&ev);
	db = open_file(ev.dir);
	g_assert_cmpint(
	    ask(db, "PRAGMA user_version"), ==, ASND_SCHEMA_VERSION);
	sqlite3_close(db);
	ev_clear(&ev);
}

/* A migrated file has the same tables as a new one. */
static void
test_same_schema(void)
{
	static const char sql[] =
	    "SELECT 1000 * (SELECT count(*) FROM sqlite_schema) +"
	    " (SELECT count(*) FROM sqlite_schema s,"
	    " pragma_table_info(s.name))";
	Evidence old = {.now = EV_NOW, .dir = make_old("")}, new;
	sqlite3 *a, *b;

	ev_open(&old);
	ev_init(&new, TRUE);
	ev_close(&old);
	ev_close(&new);
	a = open_file(old.dir);
	b = open_file(new.dir);
	g_assert_cmpint(ask(a, sql), ==, ask(b, sql));
	g_assert_cmpint(ask(a, sql), >, 20060);
	sqlite3_close(a);
	sqlite3_close(b);
	ev_clear(&old);
	ev_clear(&new);
}

/* It breaks off at its last table: all is as it was. */
static void
test_migrate_fails(void)
{
	g_autofree char *dir = make_old("CREATE TABLE seen(a)");
	g_autoptr(GError) error = NULL;
	sqlite3 *db;

	g_assert_null(asnd_store_open(dir, EV_NOW, &error));
	g_assert_error(error, ASND_STORE_ERROR, ASND_STORE_ERROR_OPEN);
	db = open_file(dir);
	g_assert_cmpint(ask(db, "PRAGMA user_version"), ==, 1);
	g_assert_cmpint(ask(db, "SELECT count(*) FROM"
				" pragma_table_info('mails')"
				" WHERE name = 'level'"),
	    ==, 0);
	g_assert_cmpint(ask(db, "SELECT count(*) FROM sqlite_schema"
				" WHERE name = 'seals'"),
	    ==, 0);
	sqlite3_close(db);
	ev_remove_dir(dir);
}

/* --- a life, against a model of it -----------------------------------------
 */

#define USERS 3
#define SEALS 60
#define WEEKS 4

/* What the test thinks; it knows nothing of journals and rows. */
typedef struct {
	gboolean seen;
	AsndVote standing;
	gint64 ino; /* of its newest file; 0: there is none */
	char folder[8];
	char name[32];
} Known;

typedef struct {
	Evidence ev;
	GRand *rand;
	gint64 users[USERS];
	Known known[USERS][SEALS];
	gint64 next_ino;
	guint next_name;
} Life;

/* The mail of a seal; flagged, level and week follow from its number. */
static EvMail
mail_of(guint seal)
{
	static const AsnSpamLevel levels[] = {
	    ASN_SPAM_UNKNOWN, ASN_SPAM_AS, ASN_SPAM_BLOCK, ASN_SPAM_RULE};

	return (EvMail){.ino = 100 + seal,
	    .addr = "192.0.2.7",
	    .seal = (guint8)(seal + 1),
	    .flagged = seal % 3 == 0,
	    .level = levels[seal % 4],
	    .time = EV_NOW - EV_DAYS(7) * (seal % WEEKS)};
}

static void
check_life(Life *l)
{
	g_autoptr(GArray) rows = rows_of(&l->ev, 20);
	AsndQualityRow want[WEEKS][ASN_SPAM_LEVELS] = {0};
	guint n = 0;

	for (guint u = 0; u < USERS; u++)
		for (guint s = 0; s < SEALS; s++) {
			const Known *k = &l->known[u][s];
			EvMail m = mail_of(s);
			AsndQualityRow *row =
			    &want[WEEKS - 1 - s % WEEKS][m.level];

			row->week = WEEK - s % WEEKS;
			row->level = m.level;
			row->flagged += k->seen && m.flagged;
			row->unflagged += k->seen && !m.flagged;
			row->rescued +=
			    m.flagged && k->standing == ASND_VOTE_HAM;
			row->confirmed +=
			    m.flagged && k->standing == ASND_VOTE_SPAM;
			row->missed +=
			    !m.flagged && k->standing == ASND_VOTE_SPAM;
		}
	for (guint w = 0; w < WEEKS; w++)
		for (guint v = 0; v < ASN_SPAM_LEVELS; v++)
			if (want[w][v].flagged + want[w][v].unflagged > 0)
				expect_row(rows, n++, want[w][v]);
	g_assert_cmpuint(rows->len, ==, n);
}

/* A new file of this seal: delivered, or a copy. */
static void
deliver(Life *l, guint u, guint seal)
{
	Known *k = &l->known[u][seal];
	EvMail m = mail_of(seal);

	if (k->ino == 0)
		g_strlcpy(k->folder, m.flagged ? ".Junk" : "", 8);
	m.ino = k->ino = l->next_ino++;
	/* As a filter does, at once. */
	m.ctime = m.time + 5;
	g_snprintf(k->name, sizeof k->name, "%u.x:2,", ++l->next_name);
	ev_entry(&l->ev, l->users[u], k->folder, k->name, &m);
	k->seen = TRUE;
}

/* Its newest file goes to the other folder. */
static void
move(Life *l, guint u, guint seal)
{
	Known *k = &l->known[u][seal];
	gboolean junk = k->folder[0] == '\0';
	const char *to = junk ? ".Junk" : "";
	EvMail m = mail_of(seal);

	if (k->ino == 0)
		return;
	m.ino = k->ino;
	ev_rename(&l->ev, l->users[u], k->folder, k->name, to, k->name, &m);
	g_strlcpy(k->folder, to, 8);
	k->standing = junk ? ASND_VOTE_SPAM : ASND_VOTE_HAM;
}

/* Everything goes for so long that it is forgotten; a Maildir that was not
 * mounted, say. */
static void
vanish(Life *l)
{
	for (guint u = 0; u < USERS; u++) {
		static const char *const folders[] = {"", ".Junk"};

		for (guint f = 0; f < 2; f++)
			asnd_mails_sweep_folder(l->ev.mails,
			    asnd_mails_folder(l->ev.mails, l->users[u],
				folders[f], strlen(folders[f])),
			    NULL, NULL, l->ev.now);
		for (guint s = 0; s < SEALS; s++)
			l->known[u][s].ino = 0;
	}
	l->ev.now += ASND_GONE_GRACE + 1;
	asnd_mails_purge(l->ev.mails, l->ev.now);
	g_assert_true(asnd_store_commit(l->ev.store));
	g_assert_cmpint(asnd_mails_count(l->ev.mails), ==, 0);
}

static void
test_life(void)
{
	Life *l = g_new0(Life, 1);
	static const char *const paths[USERS] = {"/v/a", "/v/b", "/v/c"};

	l->rand = g_rand_new_with_seed(11);
	l->next_ino = 1000;
	ev_init(&l->ev, FALSE);
	for (guint u = 0; u < USERS; u++)
		l->users[u] = ev_user(&l->ev, paths[u]);
	for (guint i = 0; i < 3000; i++) {
		guint u = (guint)g_rand_int_range(l->rand, 0, USERS);
		guint s = (guint)g_rand_int_range(l->rand, 0, SEALS);

		if (i % 3 == 0)
			deliver(l, u, s);
		else
			move(l, u, s);
		/* Time enough for the limit of votes, in one week. */
		l->ev.now += 60;
		if (i % 700 == 699)
			vanish(l);
		if (i % 100 == 99)
			ev_reopen(&l->ev);
		if (i % 50 == 0)
			check_life(l);
	}
	check_life(l);
	ev_clear(&l->ev);
	g_rand_free(l->rand);
	g_free(l);
}

/* --- killed ----------------------------------------------------------------
 */

#define KILL_MAILS 250

/* A mail each commit, so that some are there and some are not. */
static void
see_until_killed(Evidence *ev, int out)
{
	gint64 user = ev_user(ev, "/v/a");

	for (guint i = 0;; i++) {
		EvMail m = mail_of(i % KILL_MAILS);

		ev_entry(ev, user, "", i % 2 ? "1.a:2," : "2.b:2,", &m);
		if (write(out, "x", 1) != 1)
			_exit(1);
	}
}

/* Wherever it dies, the next start's scan makes the numbers whole. */
static void
test_killed(void)
{
	for (guint round = 0; round < 4; round++) {
		Evidence ev;
		g_autoptr(GArray) rows = NULL;
		gint64 n = 0;
		guint told = 0;
		int fds[2];
		pid_t pid;
		char c;

		ev_init(&ev, FALSE);
		ev_close(&ev);
		g_assert_cmpint(pipe(fds), ==, 0);
		pid = fork();
		if (pid == 0) {
			ev_open(&ev);
			see_until_killed(&ev, fds[1]);
		}
		close(fds[1]);
		while (told < 20 + round * 40 && read(fds[0], &c, 1) == 1)
			told++;
		kill(pid, SIGKILL);
		close(fds[0]);
		waitpid(pid, NULL, 0);
		ev_open(&ev);
		for (guint i = 0; i < KILL_MAILS; i++) {
			EvMail m = mail_of(i);

			m.ino += 5000; /* copied back from elsewhere */
			ev_entry(&ev, ev_user(&ev, "/v/a"), "", "3.c:2,", &m);
		}
		rows = rows_of(&ev, 20);
		for (guint i = 0; i < rows->len; i++) {
			AsndQualityRow *row =
			    &g_array_index(rows, AsndQualityRow, i);

			n += row->flagged + row->unflagged;
		}
		g_assert_cmpint(n, ==, KILL_MAILS);
		ev_clear(&ev);
	}
}

/* What was not committed was not seen. */
static void
test_rollback(void)
{
	Evidence ev;
	EvMail m = mail_of(0);
	AsndQuality *quality;
	guint8 digest[16] = {9};
	AsndVerdict verdict = {WEEK, ASN_SPAM_AS, TRUE};
	g_autoptr(GArray) before = NULL, after = NULL;
	gint64 user;

	ev_init(&ev, FALSE);
	quality = asnd_journal_quality(ev.journal);
	user = ev_user(&ev, "/v/a");
	ev_entry(&ev, user, "", "1.a:2,", &m);
	before = rows_of(&ev, 1);
	asnd_quality_see(quality, user, digest, &verdict);
	asnd_store_rollback(ev.store);
	after = rows_of(&ev, 1);
	g_assert_cmpuint(before->len, ==, 1);
	g_assert_cmpuint(after->len, ==, 1);
	expect_row(after, 0, g_array_index(before, AsndQualityRow, 0));
	ev_clear(&ev);
}

/* --- forgetting ------------------------------------------------------------
 */

static void
test_prune(void)
{
	Evidence ev;
	EvMail m = mail_of(0);
	gint64 user;

	ev_init(&ev, FALSE);
	user = ev_user(&ev, "/v/a");
	ev_entry(&ev, user, "", "1.a:2,", &m);
	/* The week that was cut by the deletion of votes is not told. */
	ev.now += 4 * 60 * (gint64)ASND_DAY - EV_DAYS(5);
	asnd_journal_prune(ev.journal, ev.now);
	g_assert_true(asnd_store_commit(ev.store));
	g_autoptr(GArray) there = rows_of(&ev, 60);
	g_assert_cmpuint(there->len, ==, 1);
	ev.now += EV_DAYS(5);
	asnd_journal_prune(ev.journal, ev.now);
	g_assert_true(asnd_store_commit(ev.store));
	g_autoptr(GArray) gone = rows_of(&ev, 60);
	g_assert_cmpuint(gone->len, ==, 0);
	/* Nor is it counted when it is met again, also by a wrong clock. */
	ev_reopen(&ev);
	ev.now = EV_NOW;
	m.ino++;
	ev_entry(&ev, user, "", "2.b:2,", &m);
	g_autoptr(GArray) still = rows_of(&ev, 60);
	g_assert_cmpuint(still->len, ==, 0);
	ev_clear(&ev);
}

/* Who may vote without having the mail (asnctl learn) is seen to have it, and
 * a vote beyond the cap is an opinion. */
static void
test_learnt(void)
{
	Evidence ev;
	guint8 digest[16] = {0};
	AsndBallot b;

	ev_init(&ev, FALSE);
	b = (AsndBallot){.user = ev_user(&ev, "uid:7"),
	    .digest = digest,
	    .vote = ASND_VOTE_HAM,
	    .mail_time = ev.now - 60,
	    .vote_time = ev.now,
	    .now = ev.now,
	    .sealed = TRUE,
	    .flagged = TRUE,
	    .level = ASN_SPAM_PREFIX};
	g_assert_true(asn_addr_parse("192.0.2.1", 9, &b.key.addr));
	for (digest[0] = 1; digest[0] <= 5; digest[0]++)
		asnd_journal_cast(ev.journal, &b);
	/* The same again changes nothing; another level is not believed. */
	digest[0] = 5;
	b.level = ASN_SPAM_AS;
	asnd_journal_cast(ev.journal, &b);
	/* Unsealed mail is no matter of ours. */
	digest[0] = 9;
	b.sealed = b.flagged = FALSE;
	asnd_journal_cast(ev.journal, &b);
	asnd_store_commit(ev.store);
	for (guint i = 0; i < 2; i++) {
		g_autoptr(GArray) rows = rows_of(&ev, 1);

		g_assert_cmpuint(rows->len, ==, 1);
		expect_row(rows, 0,
		    (AsndQualityRow){.week = WEEK,
			.level = ASN_SPAM_PREFIX,
			.flagged = 5,
			.rescued = 5});
		ev_reopen(&ev);
	}
	ev_clear(&ev);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/quality/week", test_week);
	g_test_add_func("/quality/migrate", test_migrate);
	g_test_add_func("/quality/same-schema", test_same_schema);
	g_test_add_func("/quality/migrate-fails", test_migrate_fails);
	g_test_add_func("/quality/life", test_life);
	g_test_add_func("/quality/killed", test_killed);
	g_test_add_func("/quality/rollback", test_rollback);
	g_test_add_func("/quality/prune", test_prune);
	g_test_add_func("/quality/learnt", test_learnt);
	return g_test_run();
}
