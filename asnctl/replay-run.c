/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay-run.c: feeds a stream and its delayed feedback to the model. */

#include "replay.h"

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

typedef struct {
	gsize row;
	double now; /* when the feedback arrives */
	gboolean spam;
	guint32 user;
} Pending;

static void
learn(AsnModel *model, const ReplayRow *row, const Pending *p)
{
	if (!asn_model_allowed(model, &row->key, p->spam, p->user, p->now))
		return;
	/* The time of the mail counts, not that of the feedback. */
	asn_model_learn(model, &row->key, row->t, p->spam, 1.0, p->user);
}

void
replay_run(AsnModel *model, const ReplayRow *rows, gsize n,
    const ReplayOptions *o, ReplayResult *results)
{
	g_autofree Pending *queue = g_new(Pending, n + 1);
	gsize head = 0, tail = 0;

	for (gsize i = 0; i < n; i++) {
		AsnPrediction p;
		gboolean spam;

		while (head < tail && queue[head].now <= rows[i].t) {
			learn(model, &rows[queue[head].row], &queue[head]);
			head++;
		}
		asn_model_predict(model, &rows[i].key, rows[i].t, &p);
		results[i] =
		    (ReplayResult){p.score, p.evidence, p.warm, p.flag};
		if (!feedback(i, rows[i].spam, o, &spam))
			continue;
		queue[tail] = (Pending){i, rows[i].t + o->delay, spam, 0};
		if (o->users > 0)
			queue[tail].user = 1 + (guint32)(u01(i, 11) * o->users);
		tail++;
	}
}
