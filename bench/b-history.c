/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * b-history.c: how long history, forget and learn keep the main loop of asnd
 * from everything else, with 200,000 votes in the journal (--short:
 * 20,000).
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../t/evidence.h"

typedef struct {
	double all, longest; /* milliseconds */
	guint pieces;
} Took;

/* CPU time: whatever else runs does not count. */
static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static AsnOriginKey
key_of(guint32 n)
{
	AsnOriginKey key = {.addr.family = 4, .asn = 64496 + n % 97};
	guint32 addr = n * 2654435761u;

	memcpy(key.addr.b + 12, &addr, 4);
	/* every tenth in one small network, and one address of it in each */
	if (n % 10 == 0)
		memcpy(key.addr.b + 12, (guint8[]){192, 0, 2, (guint8)n}, 4);
	key.prefix = asn_network_of(&key.addr, 20);
	memcpy(key.country, "ZZ", 3);
	return key;
}

static void
fill(Evidence *ev, guint n)
{
	gint64 users[500];

	for (guint i = 0; i < G_N_ELEMENTS(users); i++) {
		g_autofree char *path = g_strdup_printf("/v/%u/Maildir", i);

		users[i] = ev_user(ev, path);
	}
	for (guint i = 0; i < n; i++) {
		guint8 digest[16] = {0};
		AsndBallot b = {.user = users[i % G_N_ELEMENTS(users)],
		    .digest = digest,
		    .vote = i % 3 ? ASND_VOTE_SPAM : ASND_VOTE_HAM,
		    .key = key_of(i),
		    .mail_time = EV_NOW - 86400 * (i % 200),
		    .vote_time = EV_NOW - 86400 * (200 - i * 200 / n),
		    .now = EV_NOW};

		memcpy(digest, &i, sizeof i);
		asnd_journal_cast(ev->journal, &b);
	}
	g_assert_true(asnd_store_commit(ev->store));
}

static void
ask(Evidence *ev, const char *what, guint limit)
{
	AsnSubject subject;
	AsndSearch *s;
	g_autoptr(GArray) votes =
	    g_array_new(FALSE, FALSE, sizeof(AsndJournalVote));
	Took t = {0};
	gboolean more = TRUE;

	g_assert_true(asn_subject_parse(what, &subject, NULL));
	s = asnd_search_new(ev->journal, &subject, limit);
	while (more) {
		double start = now_ms(), took;

		more = asnd_search_step(s, votes);
		took = now_ms() - start;
		t.all += took;
		t.longest = MAX(t.longest, took);
		t.pieces++;
	}
	printf("history %-16s limit %4u: %5u votes, %7.2f ms in %3u pieces,"
	       " longest %6.2f ms\n",
	    what, limit, votes->len, t.all, t.pieces, t.longest);
	asnd_search_free(s);
}

static void
forget(Evidence *ev, const char *what)
{
	AsnSubject subject;
	double start = now_ms(), done;
	guint n;

	g_assert_true(asn_subject_parse(what, &subject, NULL));
	n = asnd_learner_forget(ev->learner, &subject);
	done = now_ms();
	g_assert_true(asnd_store_commit(ev->store));
	printf("forget  %-16s: %6u votes, %7.2f ms and %.2f ms to commit\n",
	    what, n, done - start, now_ms() - done);
}

static void
replay(Evidence *ev)
{
	double start = now_ms();

	asnd_journal_replay(ev->journal);
	printf("replay: %.2f ms\n", now_ms() - start);
}

int
main(int argc, char **argv)
{
	guint n = g_strv_contains((const char *const *)argv, "--short")
		      ? 20000
		      : 200000;
	Evidence ev;
	double start;

	ev_init(&ev, FALSE);
	start = now_ms();
	fill(&ev, n);
	printf("%u votes: cast at %.1f us each\n", n,
	    (now_ms() - start) * 1000 / n);
	for (guint limit = 50; limit <= 2000; limit *= 40) {
		ask(&ev, "0.0.0.0/0", limit);
		ask(&ev, "192.0.2.0/24", limit);
		ask(&ev, "192.0.2.10", limit);
		ask(&ev, "AS64500", limit);
		ask(&ev, "::/0", limit);
	}
	replay(&ev);
	forget(&ev, "192.0.2.10");
	forget(&ev, "AS64500");
	forget(&ev, "192.0.2.0/24");
	ev_clear(&ev);
	return 0;
}
