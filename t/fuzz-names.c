/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-names.c: names of mails and folders, as users make them, and what is a
 * vote.
 *
 * Covers: lib/votes.c.
 * Longest input: 300
 */

#include "fuzz.h"
#include "votes.h"

static AsnConfig *config;

/* The flags are behind the base, and nothing else is. */
static void
check_mail(const char *name, gsize len)
{
	static const char letters[] = "SRFTD";
	gsize base = asnd_mail_base(name, len);
	guint flags = asnd_mail_flags(name, len);
	g_autoptr(GString) again = g_string_new_len(name, (gssize)base);

	g_assert_cmpuint(base, <=, len);
	g_assert_cmpuint(flags, <, 32);
	g_assert_true(base < len || flags == 0);
	g_string_append(again, ":2,");
	for (guint i = 0; i < 5; i++)
		if (flags & 1u << i)
			g_string_append_c(again, letters[i]);
	g_assert_cmpuint(asnd_mail_flags(again->str, again->len), ==, flags);
	g_assert_cmpuint(asnd_mail_base(name, base), <=, base);
}

static void
check_folder(const char *name, gsize len)
{
	AsndPlace place = asnd_place(config, name, len);
	g_autofree char *below = g_strdup_printf("%.*s.Sub", (int)len, name);

	g_assert_true(place == ASND_PLACE_OTHER || place == ASND_PLACE_JUNK ||
		      place == ASND_PLACE_TRASH);
	/* what lies below a junk folder is junk, however deep */
	if (place != ASND_PLACE_OTHER && memchr(name, 0, len) == NULL)
		g_assert_cmpint(
		    asnd_place(config, below, strlen(below)), ==, place);
}

/* Any state of a mail. */
static void
check_vote(FuzzInput *in)
{
	static const AsndPlace places[] = {
	    ASND_PLACE_OTHER, ASND_PLACE_JUNK, ASND_PLACE_TRASH};
	guint bits = (guint)fuzz_number(in, 2);
	gint64 now = 1795217323;
	AsndMailState m = {.time = now - (gint32)fuzz_number(in, 4),
	    .arrived = now - (gint32)fuzz_number(in, 4),
	    .has_client = bits & 1,
	    .sealed = bits >> 1 & 1,
	    .early = bits >> 2 & 1,
	    .flagged = bits >> 3 & 1,
	    .anew = bits >> 4 & 1,
	    .place = places[(bits >> 5 & 3) % 3],
	    .standing = (bits >> 7 & 3) % 3,
	    .came_from = bits >> 9 & 7,
	    .flags = fuzz_byte(in) & 31};
	AsndVoteContext c = {.now = now,
	    .first_run = bits >> 12 & 1,
	    .install_time = now - (gint32)fuzz_number(in, 4),
	    .last_spam =
		bits >> 13 & 1 ? now - (guint16)fuzz_number(in, 2) : 0};
	AsndDecision d = asnd_vote_decide(&m, &c), again;

	if (!m.has_client)
		g_assert_cmpint(d.vote, ==, ASND_VOTE_NONE);
	g_assert_false(d.vote != ASND_VOTE_NONE && d.vote == m.standing);
	g_assert_false(d.take_back && m.standing == ASND_VOTE_NONE);
	if (d.due != 0) /* when its age is no bar any more */
		g_assert_cmpint(d.due, ==, m.time + ASND_HAM_AGE);
	/* A vote that was cast is not cast again. */
	if (d.vote == ASND_VOTE_NONE)
		return;
	m.standing = d.vote;
	again = asnd_vote_decide(&m, &c);
	g_assert_cmpint(again.vote, !=, d.vote);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	g_autofree char *copy = g_memdup2(data, size);
	FuzzInput in = {data, data + size};

	if (config == NULL)
		config = asn_config_parse("", 0, "defaults", NULL);
	if (size == 0)
		return 0;
	check_mail(copy, size);
	check_folder(copy, size);
	check_vote(&in);
	return 0;
}
