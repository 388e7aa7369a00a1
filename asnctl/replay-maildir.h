/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnctl replay --maildir: mails of one's own Maildirs as a stream for replay.
 * replay-maildir.c reads them, replay-votes.c says when a user's word on them
 * is heard, replay-maildir-print.c tells a person.
 *
 * What a mail is, as far as files tell (SCORE.md "Votes"): spam where it lies
 * in a junk folder; ham where it lies elsewhere but in the trash, is neither
 * \Trashed nor a \Draft, and is \Seen, \Answered or \Flagged.  Any other is
 * left out, and so is one whose client no seal and no Received line of this
 * host tells, and a copy of another one of that user.
 *
 * One thread.
 */
#pragma once

#include "config.h"
#include "maildirs.h"
#include "networks.h"
#include "replay.h"

typedef struct {
	const char *config, *db; /* NULL: as every verb has it */
	char **junk;             /* names of junk folders; NULL: the config's */
	char **dirs;             /* Maildirs; NULL or empty: the config's */
} ReplayMaildirAsk;

typedef enum {
	REPLAY_LEFT_UNREAD,
	REPLAY_LEFT_TRASH,
	REPLAY_LEFT_DELETED,
	REPLAY_LEFT_NO_CLIENT,
	REPLAY_LEFT_COPY,
	REPLAY_N_LEFT
} ReplayLeft;

typedef struct {
	AsnConfig *config;
	AsnNetworks *networks;
	Maildirs *maildirs;
	char *no_seals; /* why no seal could be verified; NULL: they were */
	guint64 mails;  /* that were looked at */
	guint64 left[REPLAY_N_LEFT];
} ReplayMaildirs;

/* EX_OK, or a line on stderr and an exit code.  *out is to be cleared. */
int replay_maildirs_open(const ReplayMaildirAsk *ask, ReplayMaildirs *out);
void replay_maildirs_clear(ReplayMaildirs *r);
/* The same.  A progress bar on a terminal.  delay: seconds from a mail to its
 * user's word, where SCORE.md does not ask for more. */
int replay_maildirs_read(ReplayMaildirs *r, double delay, ReplayStream *stream);

/* --- replay-votes.c ------------------------------------------------------- */

typedef enum {
	REPLAY_WORD_SPAM,
	REPLAY_WORD_NONE, /* flagged by us: may have been delivered to Junk */
	REPLAY_WORD_HAM,  /* answered or flagged: at once */
	REPLAY_WORD_SEEN  /* three days old, of a user who reports spam */
} ReplayWord;

typedef struct {
	ReplayRow row;
	guint8 digest[16];
	guint32 user; /* 1, 2, ... */
	ReplayWord word;
} ReplayMail;

/* mails (ReplayMail) in order of time. */
GArray *replay_maildir_votes(const GArray *mails, guint users, double delay);

/* --- replay-maildir-print.c ----------------------------------------------- */

/* "key\tvalue" lines: what was read and left out. */
void replay_maildir_lines(const ReplayMaildirs *r, GString *out);
/* The same and the result in words; mails from start on were measured. */
void replay_maildir_print(const ReplayMaildirs *r, const ReplayStream *stream,
    const ReplayResult *results, gsize start, GString *out);
/* Members of a JSON object: flagged ham by network. */
void replay_maildir_json(const ReplayMaildirs *r, const ReplayStream *stream,
    const ReplayResult *results, gsize start, GString *out);
/* Why there is nothing to measure, in a line without its end; free it. */
char *replay_maildir_nothing(const ReplayMaildirs *r);
