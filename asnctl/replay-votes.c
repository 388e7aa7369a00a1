/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay-votes.c: when the users of Maildirs say what of their mails. */

#include "replay-maildir.h"
#include "votes.h"

/* When each user reported spam: GArrays of double, in order. */
static GPtrArray *
reports(const GArray *mails, guint users, double delay)
{
	GPtrArray *all =
	    g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);

	for (guint i = 0; i <= users; i++)
		g_ptr_array_add(all, g_array_new(FALSE, FALSE, sizeof(double)));
	for (guint i = 0; i < mails->len; i++) {
		const ReplayMail *m = &g_array_index(mails, ReplayMail, i);
		double when = m->row.t + delay;

		if (m->word == REPLAY_WORD_SPAM)
			g_array_append_val(all->pdata[m->user], when);
	}
	return all;
}

/* The first of them from `from` on, or a negative number. */
static double
first_from(const GArray *times, double from)
{
	guint low = 0, high = times->len;

	while (low < high) {
		const guint mid = low + (high - low) / 2;

		if (g_array_index(times, double, mid) < from)
			low = mid + 1;
		else
			high = mid;
	}
	return low < times->len ? g_array_index(times, double, low) : -1;
}

/* SCORE.md "ham": three days old, and its owner reported spam within 60 days;
 * who begins to report later makes what waited count.  FALSE: never. */
static gboolean
heard_when_seen(const GArray *reported, double due, double *when)
{
	const double report = first_from(reported, due - ASND_WINDOW);

	*when = MAX(due, report);
	return report >= 0 && *when - due <= ASND_WINDOW;
}

static gboolean
vote_of(
    const ReplayMail *m, const GArray *reported, double delay, ReplayVote *vote)
{
	vote->user = m->user;
	vote->spam = m->word == REPLAY_WORD_SPAM;
	vote->now = m->row.t + delay;
	switch (m->word) {
	case REPLAY_WORD_NONE:
		return FALSE;
	case REPLAY_WORD_SEEN:
		return heard_when_seen(
		    reported, m->row.t + MAX(delay, ASND_HAM_AGE), &vote->now);
	case REPLAY_WORD_SPAM:
	case REPLAY_WORD_HAM:
		break;
	}
	return TRUE;
}

static int
earlier(gconstpointer a, gconstpointer b)
{
	const ReplayVote *x = a, *y = b;

	if (x->now != y->now)
		return x->now < y->now ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

GArray *
replay_maildir_votes(const GArray *mails, guint users, double delay)
{
	g_autoptr(GPtrArray) reported = reports(mails, users, delay);
	GArray *votes = g_array_new(FALSE, FALSE, sizeof(ReplayVote));

	for (guint i = 0; i < mails->len; i++) {
		const ReplayMail *m = &g_array_index(mails, ReplayMail, i);
		ReplayVote vote = {.row = i};

		if (vote_of(m, reported->pdata[m->user], delay, &vote))
			g_array_append_val(votes, vote);
	}
	g_array_sort(votes, earlier);
	return votes;
}
