/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is a vote: SCORE.md "Votes" as a pure function.  No clock, no
 * database, no log: everything comes in, a decision comes out.  Any thread.
 */
#pragma once

#include "config.h"

#define ASND_DAY G_GINT64_CONSTANT(86400)
#define ASND_WINDOW (60 * ASND_DAY) /* reporters, first run */
#define ASND_HAM_AGE (3 * ASND_DAY) /* a read mail counts after this */
#define ASND_DIRECT 120  /* seconds; later is a move, not a delivery */
#define ASND_CAP 2       /* votes a (user, AS, class, day) */
#define ASND_REPORTERS 3 /* from so many on a flag needs two */

/* What kind of folder a mail is or was in; bits, for "was seen in". */
typedef enum {
	ASND_PLACE_OTHER = 1,
	ASND_PLACE_JUNK = 2,
	ASND_PLACE_TRASH = 4
} AsndPlace;

/* Maildir flags (maildir(5) of Courier: after ":2,"). */
typedef enum {
	ASND_MAIL_SEEN = 1,
	ASND_MAIL_ANSWERED = 2,
	ASND_MAIL_FLAGGED = 4,
	ASND_MAIL_TRASHED = 8,
	ASND_MAIL_DRAFT = 16,
	ASND_MAIL_NO_VOTE = ASND_MAIL_TRASHED | ASND_MAIL_DRAFT
} AsndMailFlags;

typedef enum { ASND_VOTE_NONE, ASND_VOTE_SPAM, ASND_VOTE_HAM } AsndVote;

/* The folder called name (as on disk; "" is INBOX).  What lies below a junk
 * or trash folder (Maildir++: ".Junk.2025" below ".Junk") is of its kind.  A
 * configured name without the dot in front matches with it too. */
AsndPlace asnd_place(const AsnConfig *config, const char *name, gsize len);
/* Flags in a file name; name is any bytes. */
guint asnd_mail_flags(const char *name, gsize len);
/* Length of a file name without its flags. */
gsize asnd_mail_base(const char *name, gsize len);

/* All that is known of one mail of one user. */
typedef struct {
	gint64 time;    /* in its seal or our Received line */
	gint64 arrived; /* ctime when it first appeared in its present folder */
	gboolean has_client; /* an address we vouch for, and its time */
	gboolean sealed;
	gboolean early;    /* was there before the installation */
	gboolean flagged;  /* by us, says its seal */
	AsndPlace place;   /* where it is */
	guint came_from;   /* AsndPlace bits: where the same inode or the same
			      seal was seen before it came to place */
	guint flags;       /* AsndMailFlags */
	AsndVote standing; /* the vote of (mail, user) that stands */
	gboolean anew;     /* the kind of the folder changed, not the folder */
} AsndMailState;

typedef struct {
	gint64 now;
	gint64 install_time;
	gint64 last_spam; /* when its owner last cast a spam vote; 0: never */
	gboolean first_run;
} AsndVoteContext;

typedef struct {
	AsndVote vote;      /* NONE: leave what stands */
	gboolean take_back; /* what stands, and vote nothing */
	gint64 vote_time;   /* whose UTC day counts for the cap */
	gint64 due; /* ask again at this time; 0: when something changes */
} AsndDecision;

AsndDecision asnd_vote_decide(
    const AsndMailState *mail, const AsndVoteContext *ctx);
