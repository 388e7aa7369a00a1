/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Evidence in a temporary directory, for tests: mails appear, are read and
 * judged as asnd would, with a clock that the test sets.
 */
#pragma once

#include <string.h>

#include <glib/gstdio.h>

#include "learn.h"

#define EV_NOW ((gint64)1800000000)
#define EV_DAYS(n) ((n) * (gint64)ASND_DAY)

typedef struct {
	char *dir;
	AsndStore *store;
	AsndMails *mails;
	AsndJournal *journal;
	AsndLearner *learner;
	gint64 now;
} Evidence;

static inline void
ev_open(Evidence *ev)
{
	g_autoptr(GError) error = NULL;

	ev->store = asnd_store_open(ev->dir, ev->now, &error);
	g_assert_no_error(error);
	ev->mails = asnd_mails_new(ev->store, &error);
	g_assert_no_error(error);
	ev->journal = asnd_journal_new(ev->store, &asn_model_defaults, &error);
	g_assert_no_error(error);
	ev->learner = asnd_learner_new(ev->store, ev->mails, ev->journal);
}

static inline void
ev_close(Evidence *ev)
{
	asnd_learner_free(ev->learner);
	asnd_journal_free(ev->journal);
	asnd_mails_free(ev->mails);
	asnd_store_close(ev->store);
	ev->store = NULL;
}

static inline void
ev_reopen(Evidence *ev)
{
	ev_close(ev);
	ev_open(ev);
}

/* The first run is over, unless the test is about it. */
static inline void
ev_init(Evidence *ev, gboolean first_run)
{
	g_autoptr(GError) error = NULL;

	ev->dir = g_dir_make_tmp("asnd-test-XXXXXX", &error);
	g_assert_no_error(error);
	ev->now = EV_NOW;
	ev_open(ev);
	if (first_run)
		return;
	while (asnd_learner_step_first_run(ev->learner, ev->now))
		;
	g_assert_false(asnd_learner_first_run(ev->learner));
}

static inline void
ev_remove_dir(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *file = g_build_filename(path, name, NULL);

		g_unlink(file);
	}
	g_rmdir(path);
}

static inline void
ev_clear(Evidence *ev)
{
	if (ev->store != NULL)
		ev_close(ev);
	ev_remove_dir(ev->dir);
	g_free(ev->dir);
}

static inline gint64
ev_user(Evidence *ev, const char *path)
{
	return asnd_mails_user(ev->mails, path, strlen(path), ev->now);
}

/* What a mail is, behind its inode. */
typedef struct {
	gint64 ino, mtime, ctime;
	gboolean listed; /* found by a listing, not told by an event */
	const char *addr;
	gint64 time;
	guint8 seal; /* 0: unsealed; makes the digest */
	gboolean flagged;
	AsnSpamLevel level;
} EvMail;

static inline void
ev_block(const EvMail *mail, AsndBlock *block)
{
	memset(block, 0, sizeof *block);
	memset(block->digest, mail->seal, sizeof block->digest);
	memcpy(block->digest + 4, mail->addr, MIN(strlen(mail->addr), 12));
	block->sealed = mail->seal != 0;
	if (!block->sealed)
		memcpy(block->digest, &mail->ino, 4);
	block->flagged = mail->flagged;
	block->level = mail->level;
	block->time = mail->time;
	g_assert_true(
	    asn_addr_parse(mail->addr, strlen(mail->addr), &block->addr));
}

static inline AsndPlace
ev_place(const char *folder)
{
	if (strcmp(folder, ".Junk") == 0 || strcmp(folder, ".Spam") == 0)
		return ASND_PLACE_JUNK;
	return strcmp(folder, ".Trash") == 0 ? ASND_PLACE_TRASH
					     : ASND_PLACE_OTHER;
}

/* A name appears; what is wanted is read.  Returns whether it was read. */
static inline gboolean
ev_entry(Evidence *ev, gint64 user, const char *folder, const char *name,
    const EvMail *mail)
{
	AsndMailEntry entry = {
	    .user = user,
	    .folder =
		asnd_mails_folder(ev->mails, user, folder, strlen(folder)),
	    .place = ev_place(folder),
	    .name = name,
	    .name_len = strlen(name),
	    .cur = 1,
	    .dev = 1,
	    .ino = mail->ino,
	    .mtime = mail->mtime ? mail->mtime : mail->time,
	    .ctime = mail->ctime ? mail->ctime : mail->time,
	    .live = !mail->listed,
	};
	AsndMailRow row;
	AsndBlock block;
	gboolean read;

	asnd_mails_entry(ev->mails, &entry, ev->now - ASND_WINDOW, &row);
	g_assert_cmpint(row.id, !=, 0);
	read = row.state == ASND_MAIL_WANTED;
	if (read) {
		ev_block(mail, &block);
		asnd_mails_set_block(ev->mails, &row, &block,
		    asnd_learner_first_run(ev->learner));
	}
	if (read || row.pending)
		asnd_learner_judge(ev->learner, &row, ev->now);
	g_assert_true(asnd_store_commit(ev->store));
	return read;
}

static inline void
ev_gone(Evidence *ev, gint64 user, const char *folder, const char *name)
{
	asnd_mails_name_gone(ev->mails,
	    asnd_mails_folder(ev->mails, user, folder, strlen(folder)), 1, name,
	    strlen(name), ev->now);
	g_assert_true(asnd_store_commit(ev->store));
}

/* rename(2) as inotify tells it. */
static inline void
ev_rename(Evidence *ev, gint64 user, const char *from, const char *name,
    const char *to, const char *new_name, const EvMail *mail)
{
	EvMail later = *mail;

	later.ctime = ev->now;
	ev_gone(ev, user, from, name);
	ev_entry(ev, user, to, new_name, &later);
}

static inline AsndVote
ev_standing(Evidence *ev, gint64 user, const EvMail *mail)
{
	AsndBlock block;

	ev_block(mail, &block);
	return asnd_journal_standing(ev->journal, user, block.digest);
}

/* All nodes of two models are the same, to 1e-12. */
typedef struct {
	const AsnModel *other;
	AsnLevel level;
	guint n;
} EvCompare;

static inline void
ev_compare_node(const AsnNodeKey *key, const AsnNode *node, gpointer data)
{
	EvCompare *c = data;
	AsnOriginKey origin = {
	    .addr = key->net.addr, .prefix = key->net, .asn = key->asn};
	const AsnNode *other;

	memcpy(origin.country, key->country, sizeof origin.country);
	other = asn_model_node(c->other, c->level, &origin);
	g_assert_nonnull(other);
	g_assert_cmpfloat_with_epsilon(node->s, other->s, 1e-12);
	g_assert_cmpfloat_with_epsilon(node->h, other->h, 1e-12);
	g_assert_cmpfloat(node->t, ==, other->t);
	g_assert_cmpfloat(node->rt, ==, other->rt);
	g_assert_cmpfloat(node->ot, ==, other->ot);
	g_assert_cmpuint(node->reporter, ==, other->reporter);
	c->n++;
}

static inline void
ev_assert_same_model(const AsnModel *a, const AsnModel *b)
{
	for (int level = 0; level < ASN_N_LEVELS; level++) {
		EvCompare c = {.other = b, .level = (AsnLevel)level};

		g_assert_cmpuint(asn_model_n_nodes(a, c.level), ==,
		    asn_model_n_nodes(b, c.level));
		asn_model_foreach(a, c.level, ev_compare_node, &c);
		g_assert_cmpuint(c.n, ==, asn_model_n_nodes(a, c.level));
	}
	g_assert_cmpfloat_with_epsilon(
	    asn_model_raw(a)->h, asn_model_raw(b)->h, 1e-12);
}
