/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay-run.c: feeds a stream and its delayed feedback to the model. */

#include "replay.h"
#include "votes.h"

/* refmodel.py's hash of (row, salt) to [0,1): stands for a random generator,
 * so that two programs draw the same feedback. */
static double
u01(guint64 row, guint64 salt)
{
	guint64 x = row * G_GUINT64_CONSTANT(0x9E3779B97F4A7C15) +
		    (salt + 1) * G_GUINT64_CONSTANT(0xD1B54A32D192ED03);

	x = (x ^ (x >> 30)) * G_GUINT64_CONSTANT(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * G_GUINT64_CONSTANT(0x94D049BB133111EB);
	x ^= x >> 31;
	return (double)(x >> 11) * (1.0 / 9007199254740992.0);
}

/* Is there feedback for this row, and of which class? */
static gboolean
feedback(gsize row, gboolean spam, const ReplayOptions *o, gboolean *learnt)
{
	if (u01(row, 5) >= o->active)
		return FALSE;
	*learnt = FALSE;
	if (!spam)
		return u01(row, 7) < o->ham_frac;
	if (u01(row, 3) < o->miss)
		return TRUE;
	*learnt = u01(row, 0) < o->spam_frac;
	return *learnt || o->implicit;
}

GArray *
replay_draw_votes(const GArray *rows, const ReplayOptions *o)
{
	GArray *votes = g_array_new(FALSE, FALSE, sizeof(ReplayVote));

	for (guint i = 0; i < rows->len; i++) {
		const ReplayRow *row = &g_array_index(rows, ReplayRow, i);
		ReplayVote vote = {.row = i, .now = row->t + o->delay};

		if (!feedback(i, row->spam, o, &vote.spam))
			continue;
		if (o->users > 0)
			vote.user = 1 + (guint32)(u01(i, 11) * o->users);
		g_array_append_val(votes, vote);
	}
	return votes;
}

void
replay_stream_clear(ReplayStream *stream)
{
	g_clear_pointer(&stream->rows, g_array_unref);
	g_clear_pointer(&stream->votes, g_array_unref);
}

/* --- reporters ------------------------------------------------------------
 */

/* The last different users who reported spam, most recent first. */
typedef struct {
	guint32 user[ASND_REPORTERS];
	double when[ASND_REPORTERS];
} Reporters;

static void
note_reporter(Reporters *r, guint32 user, double now)
{
	guint at = 0;

	while (at + 1 < ASND_REPORTERS && r->user[at] != user)
		at++;
	for (; at > 0; at--) {
		r->user[at] = r->user[at - 1];
		r->when[at] = r->when[at - 1];
	}
	r->user[0] = user;
	r->when[0] = now;
}

static guint
needed(const Reporters *r, double now)
{
	const guint last = ASND_REPORTERS - 1;

	return r->user[last] != 0 && now - r->when[last] <= ASND_WINDOW ? 2 : 1;
}

/* --- running --------------------------------------------------------------
 */

static void
learn(AsnModel *model, const ReplayRow *row, const ReplayVote *v)
{
	if (!asn_model_allowed(model, &row->key, v->spam, v->user, v->now))
		return;
	/* The time of the mail counts, not that of the feedback. */
	asn_model_learn(model, &row->key, row->t, v->spam, 1.0, v->user);
}

void
replay_run(
    AsnModel *model, const ReplayStream *stream, gsize n, ReplayResult *results)
{
	const ReplayRow *rows = (const ReplayRow *)stream->rows->data;
	const ReplayVote *vote = (const ReplayVote *)stream->votes->data;
	const ReplayVote *end = vote + stream->votes->len;
	Reporters reporters = {{0}, {0}};

	for (gsize i = 0; i < n; i++) {
		AsnPrediction p;

		for (; vote < end && vote->row < i && vote->now <= rows[i].t;
		     vote++) {
			learn(model, &rows[vote->row], vote);
			if (vote->spam && vote->user != 0)
				note_reporter(
				    &reporters, vote->user, vote->now);
		}
		if (stream->reporters)
			asn_model_set_min_reporters(
			    model, needed(&reporters, rows[i].t));
		asn_model_predict(model, &rows[i].key, rows[i].t, &p);
		results[i] =
		    (ReplayResult){p.score, p.evidence, p.warm, p.flag};
	}
}
