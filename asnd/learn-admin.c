/* SPDX-License-Identifier: GPL-2.0-or-later */
/* learn-admin.c: votes that somebody casts or forgets by a command. */

#include <string.h>

#include "learn-private.h"

AsndLearnt
asnd_learner_learn(AsndLearner *l, gint64 user, const AsndBlock *block,
    AsndVote vote, gint64 now, AsndVote *before)
{
	AsndDecision decision = {.vote = vote, .vote_time = now};
	AsndMailRow row = {.user = user,
	    .addr = block->addr,
	    .time = block->time,
	    .sealed = block->sealed,
	    .flagged = block->flagged,
	    .level = block->level,
	    .has_digest = TRUE};

	*before = ASND_VOTE_NONE;
	if (block->addr.family == 0)
		return ASND_LEARNT_NO_CLIENT;
	memcpy(row.digest, block->digest, sizeof row.digest);
	*before = asnd_journal_standing(l->journal, user, row.digest);
	if (*before == vote)
		return ASND_LEARNT_BEFORE;
	if (!asnd_learner_take_tokens(l, &row, now))
		return ASND_LEARNT_TOO_FAST;
	return asnd_learner_cast(l, &row, &decision,
		   asnd_mails_last_spam(l->mails, user), now) > 0
		   ? ASND_LEARNT
		   : ASND_LEARNT_BEYOND_CAP;
}

/* --- forgetting ------------------------------------------------------------
 */

typedef struct {
	const AsnNetworks *networks;
	const AsnSubject *what;
} Origin;

static gboolean
is_from(const AsnAddr *addr, gpointer data)
{
	const Origin *o = data;
	AsnOriginKey key = asn_networks_key(o->networks, addr);

	return asn_subject_contains(o->what, &key);
}

guint
asnd_learner_forget(AsndLearner *l, const AsnSubject *what)
{
	Origin origin = {l->networks, what};

	asnd_mails_settle(l->mails, is_from, &origin);
	return asnd_journal_forget(l->journal, what);
}

guint
asnd_learner_forget_mail(AsndLearner *l, const guint8 digest[16])
{
	asnd_mails_settle_digest(l->mails, digest);
	return asnd_journal_forget_mail(l->journal, digest);
}

guint
asnd_learner_forget_user(AsndLearner *l, gint64 user)
{
	asnd_mails_settle_user(l->mails, user);
	return asnd_journal_forget_user(l->journal, user);
}
