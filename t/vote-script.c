/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vote-script.c: what asnd-mailwatch would tell, as lines; the votes that asnd
 * makes of it.  For t/faults.d/truth: asnd's own judging, with neither
 * processes nor files, and all in order.
 *
 *   vote-script < LINES      numbers are decimal; a folder is "-" for INBOX
 *
 *   now TIME                            the clock; the first line
 *   mail ID TIME ADDRESS SEALED FLAGGED what is read where ID is read
 *   entry USER FOLDER CUR NAME INODE MTIME CTIME LIVE ID
 *   gone USER FOLDER CUR NAME
 *   list USER FOLDER, entries, listed USER FOLDER    a scan of one folder
 *   folder-gone USER FOLDER
 *   tick                                what asnd does every ten seconds
 *   restart                             of asnd
 *   votes          says "vote USER ID KIND CLASS" for each new entry of the
 *                  journal, in order, then "."
 */

#include "evidence.h"

#define MOST_WORDS 10

/* As t/faults.d/lib/truth_model.py has them. */
static const char config[] =
    "[mail]\njunk-folders = .Junk;.Spam\ntrash-folders = .Trash\n";

typedef struct {
	Evidence ev;
	GHashTable *mails;  /* ID: EvMail */
	GHashTable *listed; /* names of the folder that is scanned, or NULL */
	sqlite3_stmt *votes;
	gint64 last_vote;
	AsnConfig *config;
} Script;

static gint64
number(const char *word)
{
	char *end;
	gint64 n = g_ascii_strtoll(word, &end, 10);

	if (end == word || *end != '\0')
		g_error("vote-script: no number: %s", word);
	return n;
}

static gint64
user_of(Script *s, const char *name)
{
	return ev_user(&s->ev, name);
}

static const char *
folder_name(const char *word)
{
	return strcmp(word, "-") == 0 ? "" : word;
}

static gint64
folder_of(Script *s, char **w)
{
	const char *name = folder_name(w[2]);

	return asnd_mails_folder(
	    s->ev.mails, user_of(s, w[1]), name, strlen(name));
}

static void
prepare_votes(Script *s)
{
	s->votes = asnd_store_prepare(s->ev.store,
	    "SELECT v.id, path, digest, kind, class FROM votes v JOIN users u"
	    " ON u.id = v.user WHERE v.id > ? ORDER BY v.id");
	g_assert_nonnull(s->votes);
}

/* --- commands --------------------------------------------------------------
 */

static void
on_now(Script *s, char **w)
{
	s->ev.now = number(w[1]);
	if (s->ev.store != NULL)
		return;
	ev_open(&s->ev);
	prepare_votes(s);
}

static void
on_mail(Script *s, char **w)
{
	EvMail mail = {.ino = number(w[1]),
	    .time = number(w[2]),
	    .addr = g_intern_string(w[3]),
	    .seal = w[4][0] == '1',
	    .flagged = w[5][0] == '1'};

	g_hash_table_insert(
	    s->mails, asnd_id_new(mail.ino), g_memdup2(&mail, sizeof mail));
}

static void
read_mail(Script *s, AsndMailRow *row, const char *id)
{
	gint64 n = number(id);
	const EvMail *mail = g_hash_table_lookup(s->mails, &n);
	AsndBlock block;

	g_assert_nonnull(mail);
	ev_block(mail, &block);
	memset(block.digest, 0, sizeof block.digest);
	memcpy(block.digest, &n, sizeof n);
	asnd_mails_set_block(
	    s->ev.mails, row, &block, asnd_learner_first_run(s->ev.learner));
}

static void
on_entry(Script *s, char **w)
{
	const char *folder = folder_name(w[2]);
	AsndMailEntry entry = {
	    .user = user_of(s, w[1]),
	    .folder = folder_of(s, w),
	    .place = asnd_place(s->config, folder, strlen(folder)),
	    .cur = (guint)number(w[3]),
	    .name = w[4],
	    .name_len = strlen(w[4]),
	    .dev = 1,
	    .ino = number(w[5]),
	    .mtime = number(w[6]),
	    .ctime = number(w[7]),
	    .live = w[8][0] == '1',
	};
	AsndMailRow row;

	asnd_mails_entry(s->ev.mails, &entry, s->ev.now - ASND_WINDOW, &row);
	g_assert_cmpint(row.id, !=, 0);
	if (s->listed != NULL)
		g_hash_table_add(
		    s->listed, g_strdup_printf("%u %s", entry.cur, w[4]));
	if (row.state == ASND_MAIL_WANTED)
		read_mail(s, &row, w[9]);
	else if (!row.pending || row.state != ASND_MAIL_READ)
		return;
	asnd_learner_judge(s->ev.learner, &row, s->ev.now);
}

static void
on_gone(Script *s, char **w)
{
	asnd_mails_name_gone(s->ev.mails, folder_of(s, w), (guint)number(w[3]),
	    w[4], strlen(w[4]), s->ev.now);
}

static void
on_list(Script *s, char **w)
{
	const char *folder = folder_name(w[2]);

	asnd_mails_set_kind(s->ev.mails, folder_of(s, w),
	    asnd_place(s->config, folder, strlen(folder)));
	g_clear_pointer(&s->listed, g_hash_table_unref);
	s->listed =
	    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static gboolean
was_listed(guint cur, const char *name, gsize len, gpointer data)
{
	const Script *s = data;
	g_autofree char *key = g_strdup_printf("%u %.*s", cur, (int)len, name);

	return g_hash_table_contains(s->listed, key);
}

static void
on_listed(Script *s, char **w)
{
	asnd_mails_sweep_folder(
	    s->ev.mails, folder_of(s, w), was_listed, s, s->ev.now);
	g_clear_pointer(&s->listed, g_hash_table_unref);
}

static void
on_folder_gone(Script *s, char **w)
{
	asnd_mails_sweep_folder(
	    s->ev.mails, folder_of(s, w), NULL, NULL, s->ev.now);
}

static void
on_tick(Script *s, char **w)
{
	while (asnd_learner_step_first_run(s->ev.learner, s->ev.now))
		;
	asnd_mails_purge(s->ev.mails, s->ev.now);
	while (asnd_learner_sweep(s->ev.learner, s->ev.now))
		;
}

static void
on_restart(Script *s, char **w)
{
	g_assert_true(asnd_store_commit(s->ev.store));
	ev_reopen(&s->ev);
	prepare_votes(s);
}

static void
on_votes(Script *s, char **w)
{
	gboolean row =
	    asnd_store_step(s->ev.store, s->votes, "i", s->last_vote);

	for (; row; row = asnd_store_next(s->ev.store, s->votes)) {
		gint64 mail;

		s->last_vote = sqlite3_column_int64(s->votes, 0);
		memcpy(&mail, sqlite3_column_blob(s->votes, 2), sizeof mail);
		printf("vote %.*s %" G_GINT64_FORMAT " %d %d\n",
		    sqlite3_column_bytes(s->votes, 1),
		    (const char *)sqlite3_column_blob(s->votes, 1), mail,
		    sqlite3_column_int(s->votes, 3),
		    sqlite3_column_int(s->votes, 4));
	}
	asnd_store_done(s->votes);
	g_assert_null(asnd_store_failed(s->ev.store, NULL));
	printf(".\n");
	fflush(stdout);
}

static const struct {
	const char *name;
	guint words;
	void (*run)(Script *s, char **words);
} commands[] = {
    {"now", 2, on_now},
    {"mail", 6, on_mail},
    {"entry", 10, on_entry},
    {"gone", 5, on_gone},
    {"list", 3, on_list},
    {"listed", 3, on_listed},
    {"folder-gone", 3, on_folder_gone},
    {"tick", 1, on_tick},
    {"restart", 1, on_restart},
    {"votes", 1, on_votes},
};

static void
run_line(Script *s, const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", MOST_WORDS);

	for (gsize i = 0; i < G_N_ELEMENTS(commands); i++)
		if (strcmp(commands[i].name, words[0]) == 0 &&
		    g_strv_length(words) == commands[i].words) {
			commands[i].run(s, words);
			return;
		}
	g_error("vote-script: not understood: %s", line);
}

int
main(void)
{
	g_autoptr(GError) error = NULL;
	Script s = {.mails = g_hash_table_new_full(
			g_int64_hash, g_int64_equal, g_free, g_free)};
	char line[1024];

	s.config =
	    asn_config_parse(config, strlen(config), "asnd.conf", &error);
	g_assert_no_error(error);
	s.ev.dir = g_dir_make_tmp("asnd-test-XXXXXX", &error);
	g_assert_no_error(error);
	while (fgets(line, sizeof line, stdin) != NULL)
		run_line(&s, g_strchomp(line));
	ev_clear(&s.ev);
	g_clear_pointer(&s.listed, g_hash_table_unref);
	g_hash_table_unref(s.mails);
	asn_config_free(s.config);
	return 0;
}
