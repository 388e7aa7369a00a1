/* SPDX-License-Identifier: GPL-2.0-or-later */
/* votes.c: which act of a user is a vote, and which is none. */

#include <string.h>

#include "votes.h"

static gboolean
is_or_below(char *const *names, const char *name, gsize len)
{
	for (; names != NULL && *names != NULL; names++) {
		const char *at = name;
		gsize n = strlen(*names), left = len;

		/* "Junk" is ".Junk" too, as Maildir++ calls it on disk. */
		if (n > 0 && **names != '.' && left > 0 && *at == '.') {
			at++;
			left--;
		}
		if (n == 0 || n > left || memcmp(*names, at, n) != 0)
			continue;
		if (n == left || at[n] == '.')
			return TRUE;
	}
	return FALSE;
}

AsndPlace
asnd_place(const AsnConfig *config, const char *name, gsize len)
{
	if (is_or_below(config->junk_folders, name, len))
		return ASND_PLACE_JUNK;
	if (is_or_below(config->trash_folders, name, len))
		return ASND_PLACE_TRASH;
	return ASND_PLACE_OTHER;
}

gsize
asnd_mail_base(const char *name, gsize len)
{
	const char *colon = memrchr(name, ':', len);

	if (colon == NULL || len - (gsize)(colon - name) < 3 ||
	    memcmp(colon, ":2,", 3) != 0)
		return len;
	return (gsize)(colon - name);
}

guint
asnd_mail_flags(const char *name, gsize len)
{
	gsize base = asnd_mail_base(name, len);
	guint flags = 0;

	for (gsize i = base; i < len; i++) {
		if (name[i] == 'S')
			flags |= ASND_MAIL_SEEN;
		else if (name[i] == 'R')
			flags |= ASND_MAIL_ANSWERED;
		else if (name[i] == 'F')
			flags |= ASND_MAIL_FLAGGED;
		else if (name[i] == 'T')
			flags |= ASND_MAIL_TRASHED;
		else if (name[i] == 'D')
			flags |= ASND_MAIL_DRAFT;
	}
	return flags;
}

/* In a junk folder: did a user put it there?  A mail that was delivered there
 * must not count: our own header may have sent it. */
static gboolean
was_junked(const AsndMailState *mail, const AsndVoteContext *ctx)
{
	if (mail->came_from & (ASND_PLACE_OTHER | ASND_PLACE_TRASH))
		return TRUE;
	if (mail->flagged || mail->came_from != 0)
		return FALSE;
	return ctx->first_run || mail->arrived - mail->time > ASND_DIRECT;
}

/* Outside junk and trash: is it wanted? */
static AsndVote
decide_kept(const AsndMailState *mail, const AsndVoteContext *ctx, gint64 *due)
{
	if (mail->flags & ASND_MAIL_NO_VOTE)
		return ASND_VOTE_NONE;
	if (mail->came_from & ASND_PLACE_JUNK)
		return ASND_VOTE_HAM;
	if (mail->standing != ASND_VOTE_NONE)
		return ASND_VOTE_NONE;
	if (mail->flags & (ASND_MAIL_ANSWERED | ASND_MAIL_FLAGGED))
		return ASND_VOTE_HAM;
	if (!(mail->flags & ASND_MAIL_SEEN))
		return ASND_VOTE_NONE;
	if (ctx->now - mail->time >= ASND_HAM_AGE && ctx->last_spam > 0 &&
	    ctx->now - ctx->last_spam <= ASND_WINDOW)
		return ASND_VOTE_HAM;
	*due = mail->time + ASND_HAM_AGE;
	return ASND_VOTE_NONE;
}

/* Its folder was taken for one of another kind: judged as if it had just been
 * found there, and what stands against that falls in any case. */
static AsndDecision
decide_anew(const AsndMailState *mail, const AsndVoteContext *ctx)
{
	gboolean wrong = (mail->place == ASND_PLACE_JUNK &&
			     mail->standing == ASND_VOTE_HAM) ||
			 (mail->place == ASND_PLACE_OTHER &&
			     mail->standing == ASND_VOTE_SPAM);
	AsndMailState found = *mail;
	AsndVoteContext first = *ctx;
	AsndDecision out;

	found.anew = FALSE;
	if (wrong)
		found.standing = ASND_VOTE_NONE;
	first.first_run = TRUE;
	out = asnd_vote_decide(&found, &first);
	out.take_back = wrong && out.vote == ASND_VOTE_NONE;
	return out;
}

AsndDecision
asnd_vote_decide(const AsndMailState *mail, const AsndVoteContext *ctx)
{
	AsndDecision out = {.vote = ASND_VOTE_NONE};

	if (mail->anew)
		return decide_anew(mail, ctx);
	if (!mail->has_client)
		return out;
	/* A header that was typed into one's own Maildir is worth nothing, and
	 * a date in it proves nothing: only what lay there before counts. */
	if (!mail->sealed && (!mail->early || mail->time >= ctx->install_time))
		return out;
	if (ctx->first_run && ctx->now - mail->time > ASND_WINDOW)
		return out;
	if (mail->place == ASND_PLACE_JUNK && was_junked(mail, ctx))
		out.vote = ASND_VOTE_SPAM;
	else if (mail->place == ASND_PLACE_OTHER)
		out.vote = decide_kept(mail, ctx, &out.due);
	if (out.vote == mail->standing)
		out.vote = ASND_VOTE_NONE;
	out.vote_time = ctx->first_run ? MIN(mail->time, ctx->now) : ctx->now;
	return out;
}
