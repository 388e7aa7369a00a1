/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal-forget.c: votes are taken out of the journal for good. */

#include "journal-private.h"

/* What is forgotten stands in two tables for the time of one call: `picked`
 * votes, and the groups of the cap (SCORE.md) that they were in. */
static const char *const queries[N_FORGETS] = {
    [F_PICK_AS] =
	"INSERT INTO temp.picked SELECT id FROM votes WHERE kind=1 AND asn=?",
    [F_PICK_INSIDE] =
	"INSERT INTO temp.picked SELECT id FROM votes WHERE kind=1"
	" AND addr BETWEEN ? AND ? AND substr(addr, 17, 1)=?",
    [F_PICK_MAIL] = "INSERT INTO temp.picked SELECT id FROM votes"
		    " WHERE kind=1 AND digest=?",
    [F_PICK_USER] = "INSERT INTO temp.picked SELECT id FROM votes"
		    " WHERE kind=1 AND user=?",
    [F_PICKED] = "SELECT count(*) FROM temp.picked",
    [F_GROUPS] = "INSERT INTO temp.groups SELECT DISTINCT v.user, v.day,"
		 " v.class, v.cap FROM temp.picked p JOIN votes v USING(id)",
    [F_MAILS] = "UPDATE mails SET pending=0, due=0, anew=0 WHERE id IN"
		" (SELECT m.id FROM temp.picked p JOIN votes v USING(id)"
		" JOIN mails m ON m.user=v.user AND m.digest=v.digest)",
    [F_DELETE_BACK] =
	"DELETE FROM votes WHERE id IN (SELECT b.id FROM temp.picked p"
	" JOIN votes v USING(id) JOIN votes b ON b.user=v.user"
	" AND b.digest=v.digest AND b.kind=2 AND b.ref=v.id)",
    [F_DELETE] = "DELETE FROM votes WHERE id IN (SELECT id FROM temp.picked)",
    /* Of the last day with one, which the index of the cap finds. */
    [F_LAST_SPAM] =
	"UPDATE users SET last_spam = coalesce((SELECT max(v.vote_time)"
	" FROM votes v WHERE v.kind=1 AND v.class=1 AND v.user=users.id"
	" AND v.day = (SELECT max(o.day) FROM votes o WHERE o.kind=1"
	" AND o.class=1 AND o.user=users.id)), 0)"
	" WHERE id IN (SELECT user FROM temp.groups WHERE class=1)",
    [F_WEIGH] = "UPDATE votes SET weight=1 WHERE weight=0 AND id IN"
		" (SELECT v.id FROM temp.groups g JOIN votes v ON v.id IN"
		" (SELECT o.id FROM votes o WHERE o.kind=1 AND o.user=g.user"
		" AND o.day=g.day AND o.class=g.class AND o.cap=g.cap"
		" ORDER BY o.id LIMIT " G_STRINGIFY(ASND_CAP) "))",
    [F_END_PICKED] = "DELETE FROM temp.picked",
    [F_END_GROUPS] = "DELETE FROM temp.groups",
};

static const char *const tables[] = {
    "CREATE TABLE IF NOT EXISTS temp.picked(id INTEGER PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS temp.groups(user, day, class, cap)",
};

#define DO(j, query, ...)                                                      \
	asnd_store_run((j)->store, (j)->forget[query], __VA_ARGS__)

void
asnd_journal_prepare_forget(AsndJournal *j)
{
	for (gsize i = 0; i < G_N_ELEMENTS(tables); i++)
		asnd_store_run(
		    j->store, asnd_store_prepare(j->store, tables[i]), "");
	for (int i = 0; i < N_FORGETS; i++)
		j->forget[i] = asnd_store_prepare(j->store, queries[i]);
}

static guint
count_picked(AsndJournal *j)
{
	guint n = 0;

	if (asnd_store_step(j->store, j->forget[F_PICKED], ""))
		n = (guint)sqlite3_column_int64(j->forget[F_PICKED], 0);
	asnd_store_done(j->forget[F_PICKED]);
	return n;
}

static void
take_out_picked(AsndJournal *j)
{
	DO(j, F_GROUPS, "");
	DO(j, F_MAILS, "");
	DO(j, F_DELETE_BACK, "");
	DO(j, F_DELETE, "");
	DO(j, F_LAST_SPAM, "");
	DO(j, F_WEIGH, "");
	DO(j, F_END_PICKED, "");
	DO(j, F_END_GROUPS, "");
}

static void
begin(AsndJournal *j)
{
	asnd_store_begin(j->store);
	asnd_store_work_begins(j->store);
}

/* Forgets what was picked since begin. */
static guint
forget_picked(AsndJournal *j)
{
	guint n = count_picked(j);

	if (n > 0)
		take_out_picked(j);
	asnd_store_work_ends(j->store);
	if (n > 0)
		asnd_journal_replay(j);
	return n;
}

guint
asnd_journal_forget(AsndJournal *j, const AsnSubject *what)
{
	AsnAddr first, last;

	begin(j);
	if (what->kind == ASN_SUBJECT_AS) {
		DO(j, F_PICK_AS, "i", (gint64)what->asn);
	} else {
		asnd_journal_range(&what->net, &first, &last);
		DO(j, F_PICK_INSIDE, "bbb", &first, sizeof first, &last,
		    sizeof last, &first.family, sizeof first.family);
	}
	return forget_picked(j);
}

guint
asnd_journal_forget_mail(AsndJournal *j, const guint8 digest[16])
{
	begin(j);
	DO(j, F_PICK_MAIL, "b", digest, (gsize)16);
	return forget_picked(j);
}

guint
asnd_journal_forget_user(AsndJournal *j, gint64 user)
{
	begin(j);
	DO(j, F_PICK_USER, "i", user);
	return forget_picked(j);
}
