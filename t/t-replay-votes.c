/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-replay-votes.c: when the users of Maildirs are heard (replay-maildir.h). */

#include "replay-maildir.h"
#include "votes.h"

#define DAY ((double)ASND_DAY)

typedef struct {
	double t; /* days */
	ReplayWord word;
	guint32 user;
	double now; /* days; -1: never */
} Case;

#define N 12
/* Delay: a day. */
static const Case cases[N] = {
    {0, REPLAY_WORD_SEEN, 1, -1}, /* due at 3, sixty days before a report */
    {1, REPLAY_WORD_HAM, 2, 2},
    {2, REPLAY_WORD_SEEN, 2, -1},   /* this user never reports */
    {45, REPLAY_WORD_SEEN, 1, 101}, /* due at 48, waits for the report */
    {100, REPLAY_WORD_SPAM, 1, 101},
    {110, REPLAY_WORD_SEEN, 1, 113},
    {111, REPLAY_WORD_NONE, 1, -1}, /* is no report either */
    {157, REPLAY_WORD_SEEN, 1, 160},
    {158, REPLAY_WORD_SEEN, 1, 161},   /* sixty days after the report */
    {158.1, REPLAY_WORD_SEEN, 1, 191}, /* later: waits for the next */
    {190, REPLAY_WORD_SPAM, 1, 191},
    {260, REPLAY_WORD_SEEN, 1, -1},
};

static void
test_times(void)
{
	g_autoptr(GArray) mails = g_array_new(FALSE, TRUE, sizeof(ReplayMail));
	g_autoptr(GArray) votes = NULL;
	double heard[N], last = 0;

	for (guint i = 0; i < N; i++) {
		ReplayMail m = {.word = cases[i].word, .user = cases[i].user};

		heard[i] = -1;
		m.row.t = cases[i].t * DAY;
		g_array_append_val(mails, m);
	}
	votes = replay_maildir_votes(mails, 2, DAY);
	for (guint i = 0; i < votes->len; i++) {
		const ReplayVote *v = &g_array_index(votes, ReplayVote, i);

		g_assert_cmpfloat(v->now, >=, last);
		last = v->now;
		heard[v->row] = v->now / DAY;
		g_assert_cmpuint(v->user, ==, cases[v->row].user);
		g_assert_cmpint(
		    v->spam, ==, cases[v->row].word == REPLAY_WORD_SPAM);
	}
	for (guint i = 0; i < N; i++)
		g_assert_cmpfloat_with_epsilon(heard[i], cases[i].now, 1e-9);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/replay-votes/times", test_times);
	return g_test_run();
}
