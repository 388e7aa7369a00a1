/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-votes.c: votes.h; every sentence of SCORE.md "Votes" has a row. */

#include <string.h>

#include "votes.h"

#define NOW 1800000000
#define INSTALLED (NOW - 30 * ASND_DAY)
#define DAYS(n) ((n) * (gint64)ASND_DAY)

enum {
	O = ASND_PLACE_OTHER,
	J = ASND_PLACE_JUNK,
	T = ASND_PLACE_TRASH,
	S = ASND_MAIL_SEEN,
	R = ASND_MAIL_ANSWERED,
	F = ASND_MAIL_FLAGGED,
	X = ASND_MAIL_TRASHED,
	D = ASND_MAIL_DRAFT,
	NONE = ASND_VOTE_NONE,
	SPAM = ASND_VOTE_SPAM,
	HAM = ASND_VOTE_HAM
};

typedef struct {
	const char *what;
	guint place, came_from, flags;
	gint64 age;  /* of the mail, seconds */
	gint64 late; /* arrived so long after its time */
	gboolean flagged, unsealed, no_client;
	gboolean new; /* first seen after the installation */
	guint standing;
	gint64 reported; /* seconds ago; 0: never */
	gboolean first_run;
	guint vote;
	gint64 due; /* seconds from now; 0: none */
} Case;

static const Case cases[] = {
    /* spam: a user moved a mail into a junk folder */
    {"moved from a folder into junk", J, O, .age = 60, .vote = SPAM},
    {"moved into junk though flagged", J, O, .age = 60, .flagged = TRUE,
	.vote = SPAM},
    {"moved from trash into junk", J, T, .age = 60, .vote = SPAM},
    {"moved into junk, read", J, O, S, 60, .vote = SPAM},
    {"moved into junk a year later", J, O, .age = DAYS(20), .vote = SPAM},
    {"junked again: stands", J, O, .age = 60, .standing = SPAM, .vote = NONE},
    {"was ham, now junked", J, O, .age = 60, .standing = HAM, .vote = SPAM},
    {"junked after a rescue", J, O | J, .age = 60, .standing = HAM,
	.vote = SPAM},
    /* delivered there: no vote */
    {"delivered into junk", J, .age = 60, .late = 1, .vote = NONE},
    {"delivered into junk, flagged", J, .age = 60, .flagged = TRUE,
	.vote = NONE},
    {"delivered into junk, two minutes", J, .age = 600, .late = 120,
	.vote = NONE},
    {"delivered into junk, clock behind", J, .age = 600, .late = -300,
	.vote = NONE},
    {"delivered into junk, moved to another", J, J, .age = 9000, .late = 8000,
	.vote = NONE},
    /* failing that, by its time of arrival */
    {"turned up in junk late", J, .age = 600, .late = 121, .vote = SPAM},
    {"turned up in junk late, flagged", J, .age = 600, .late = 500,
	.flagged = TRUE, .vote = NONE},
    /* ham: taken out of a junk folder into another one */
    {"rescued", O, J, .age = 60, .vote = HAM},
    {"rescued, flagged by us", O, J, .age = 60, .flagged = TRUE, .vote = HAM},
    {"rescued, unread, by who never reports", O, J, 0, 60, .vote = HAM},
    {"rescued after junking", O, O | J, .age = 60, .standing = SPAM,
	.vote = HAM},
    {"rescued: stands", O, J, .age = 60, .standing = HAM, .vote = NONE},
    {"junk to trash is no rescue", T, J, .age = 60, .standing = SPAM,
	.vote = NONE},
    {"junk to trash, no vote stood", T, J, S, DAYS(4), .reported = 60,
	.vote = NONE},
    /* or seen, three days old, outside junk and trash, owner reports */
    {"read and kept", O, O, S, DAYS(3), .reported = DAYS(1), .vote = HAM},
    {"read, never moved", O, 0, S, DAYS(3), .reported = DAYS(60), .vote = HAM},
    {"read, too young", O, 0, S, DAYS(2), .reported = DAYS(1), .vote = NONE,
	.due = DAYS(1)},
    {"read, one second too young", O, 0, S, DAYS(3) - 1, .reported = DAYS(1),
	.vote = NONE, .due = 1},
    {"unread", O, 0, 0, DAYS(9), .reported = DAYS(1), .vote = NONE},
    {"read by who never reports", O, 0, S, DAYS(4), .vote = NONE,
	.due = -DAYS(1)},
    {"read by who reported 61 days ago", O, 0, S, DAYS(4), .reported = DAYS(61),
	.vote = NONE, .due = -DAYS(1)},
    {"read, in the trash", T, O, S, DAYS(4), .reported = DAYS(1), .vote = NONE},
    {"read, in junk", J, .flags = S, .age = DAYS(4), .flagged = TRUE,
	.reported = DAYS(1), .vote = NONE},
    {"read, deleted", O, 0, S | X, DAYS(4), .reported = DAYS(1), .vote = NONE},
    {"read, draft", O, 0, S | D, DAYS(4), .reported = DAYS(1), .vote = NONE},
    {"read, ham stands", O, 0, S, DAYS(4), .standing = HAM, .reported = DAYS(1),
	.vote = NONE},
    {"a copy of it stands as spam", O, 0, S, DAYS(4), .standing = SPAM,
	.reported = DAYS(1), .vote = NONE},
    /* or answered or flagged, then at once */
    {"answered", O, 0, R, 60, .vote = HAM},
    {"flagged with a star", O, 0, F, 60, .vote = HAM},
    {"answered, by who never reports", O, 0, S | R, 60, .vote = HAM},
    {"answered, deleted", O, 0, R | X, 60, .reported = 60, .vote = NONE},
    {"answered, in junk", J, .flags = R, .age = 60, .late = 1, .vote = NONE},
    {"answered, in the trash", T, .flags = R, .age = 60, .vote = NONE},
    {"answered, spam stands", O, 0, R, 60, .standing = SPAM, .vote = NONE},
    /* what does not count at all */
    {"no client known", J, O, .age = 60, .no_client = TRUE, .vote = NONE},
    {"header typed into one's Maildir", J, O, .age = 60, .unsealed = TRUE,
	.vote = NONE},
    {"typed later, with an old date", J, O, .age = DAYS(40), .unsealed = TRUE,
	.new = TRUE, .vote = NONE},
    {"typed later, with an old date, flagged", O, 0, F, DAYS(40),
	.unsealed = TRUE, .new = TRUE, .vote = NONE},
    {"rescued, but marked deleted", O, J, X, 60, .standing = SPAM,
	.vote = NONE},
    {"unsealed of the second of installation", J, O, .age = DAYS(30),
	.unsealed = TRUE, .vote = NONE},
    {"unsealed from before the installation", J, O, .age = DAYS(30) + 1,
	.unsealed = TRUE, .vote = SPAM},
    /* first run */
    {"first run: junk", J, .age = DAYS(40), .unsealed = TRUE, .first_run = TRUE,
	.vote = SPAM},
    {"first run: junk of 60 days", J, .age = DAYS(60), .unsealed = TRUE,
	.first_run = TRUE, .vote = SPAM},
    {"first run: older", J, .age = DAYS(60) + 1, .unsealed = TRUE,
	.first_run = TRUE, .vote = NONE},
    {"rebuilt: our own output is no vote", J, .age = DAYS(5), .flagged = TRUE,
	.first_run = TRUE, .vote = NONE},
    {"rebuilt: junk that we did not flag", J, .age = DAYS(5), .first_run = TRUE,
	.vote = SPAM},
    {"first run: read and kept", O, 0, S, DAYS(40), .unsealed = TRUE,
	.reported = DAYS(50), .first_run = TRUE, .vote = HAM},
    {"first run: read, owner never reports", O, 0, S, DAYS(40),
	.unsealed = TRUE, .first_run = TRUE, .vote = NONE, .due = -DAYS(37)},
    {"first run: unread", O, 0, 0, DAYS(40), .unsealed = TRUE,
	.reported = DAYS(50), .first_run = TRUE, .vote = NONE},
};

static void
test_case(gconstpointer data)
{
	const Case *c = data;
	AsndMailState mail = {
	    .time = NOW - c->age,
	    .arrived = NOW - c->age + c->late,
	    .has_client = !c->no_client,
	    .sealed = !c->unsealed,
	    .early = !c->new,
	    .flagged = c->flagged,
	    .place = (AsndPlace)c->place,
	    .came_from = c->came_from,
	    .flags = c->flags,
	    .standing = (AsndVote)c->standing,
	};
	AsndVoteContext ctx = {
	    .now = NOW,
	    .install_time = INSTALLED,
	    .last_spam = c->reported ? NOW - c->reported : 0,
	    .first_run = c->first_run,
	};
	AsndDecision d = asnd_vote_decide(&mail, &ctx);

	g_assert_cmpuint(d.vote, ==, c->vote);
	g_assert_cmpint(d.due, ==, c->due ? NOW + c->due : 0);
	if (d.vote != ASND_VOTE_NONE)
		g_assert_cmpint(
		    d.vote_time, ==, c->first_run ? mail.time : NOW);
}

static void
test_future(void)
{
	AsndMailState mail = {.time = NOW + 500,
	    .has_client = TRUE,
	    .sealed = TRUE,
	    .place = ASND_PLACE_JUNK};
	AsndVoteContext ctx = {
	    .now = NOW, .install_time = 1, .first_run = TRUE};
	AsndDecision d = asnd_vote_decide(&mail, &ctx);

	g_assert_cmpint(d.vote_time, ==, NOW);
}

static void
test_flags(void)
{
	static const struct {
		const char *name;
		guint flags;
		gsize base;
	} names[] = {
	    {"1.M2P3.host:2,S", S, 11},
	    {"1.M2P3.host:2,", 0, 11},
	    {"1.M2P3.host:2,DFRST", S | R | F | X | D, 11},
	    {"1.M2P3.host", 0, 11},
	    {"1.M2P3.host:1,S", 0, 15},
	    {"1.M2P3:2,S.host:2,R", R, 15},
	    {":2,S", S, 0},
	    {":2", 0, 2},
	    {"RS", 0, 2},
	    {"1.M2P3.host:2,\xe9s\xff", 0, 11},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		gsize len = strlen(names[i].name);

		g_test_message("%s", names[i].name);
		g_assert_cmpuint(
		    asnd_mail_flags(names[i].name, len), ==, names[i].flags);
		g_assert_cmpuint(
		    asnd_mail_base(names[i].name, len), ==, names[i].base);
	}
}

static void
test_places(void)
{
	static char junk[] = ".Junk", spam[] = ".Spam", trash[] = ".Trash";
	static char bulk[] = "Bulk";
	char *junks[] = {junk, spam, bulk, NULL}, *trashes[] = {trash, NULL};
	AsnConfig config = {.junk_folders = junks, .trash_folders = trashes};
	static const struct {
		const char *name;
		guint place;
	} names[] = {
	    {"", O},
	    {".Junk", J},
	    {".Spam", J},
	    {".Trash", T},
	    {".Junk.2025", J},
	    {".Junkyard", O},
	    {".junk", O},
	    {".Work", O},
	    {".Work.Junk", O},
	    {".Trash.old", T},
	    {".", O},
	    /* configured without the dot that Maildir++ puts in front */
	    {".Bulk", J},
	    {"Bulk", J},
	    {".Bulk.2025", J},
	    {".Bulky", O},
	    {"..Bulk", O},
	    {"Junk", O},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		g_assert_cmpuint(
		    asnd_place(&config, names[i].name, strlen(names[i].name)),
		    ==, names[i].place);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *path =
		    g_strdup_printf("/votes/%s", cases[i].what);

		g_strdelimit(path + 7, "/", '-');
		g_test_add_data_func(path, &cases[i], test_case);
	}
	g_test_add_func("/votes/a date in the future", test_future);
	g_test_add_func("/votes/flags", test_flags);
	g_test_add_func("/votes/places", test_places);
	return g_test_run();
}
