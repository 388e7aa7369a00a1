/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-bus-limit.c: what a caller may ask, and what credentials allow. */

#include "bus-private.h"

#define SECOND ((gint64)G_USEC_PER_SEC)

static guint
calls(AsndBusLimit *l, const char *who, guint n, gint64 now, gboolean end)
{
	guint ok = 0;

	for (guint i = 0; i < n; i++) {
		if (!asnd_bus_limit_begin(l, who, now))
			continue;
		ok++;
		if (end)
			asnd_bus_limit_end(l, who);
	}
	return ok;
}

static void
test_rate(void)
{
	static const AsndBusRates rates = {.burst = 10, .rate = 5};
	AsndBusLimit *l = asnd_bus_limit_new(&rates);

	g_assert_cmpuint(calls(l, ":1.1", 100, SECOND, TRUE), ==, 10);
	g_assert_cmpuint(calls(l, ":1.2", 100, SECOND, TRUE), ==, 10);
	g_assert_cmpuint(asnd_bus_limit_refused(l), ==, 180);
	g_assert_cmpuint(calls(l, ":1.1", 100, 2 * SECOND, TRUE), ==, 5);
	/* The clock does not go back, and quiet times save no more than the
	 * burst. */
	g_assert_cmpuint(calls(l, ":1.1", 100, SECOND, TRUE), ==, 0);
	g_assert_cmpuint(calls(l, ":1.1", 100, 1000 * SECOND, TRUE), ==, 10);
	asnd_bus_limit_unref(l);
}

/* A costly call takes its part of those to come, and no more than a burst. */
static void
test_charge(void)
{
	const AsndBusRates rates = {.burst = 10, .rate = 10};
	AsndBusLimit *l = asnd_bus_limit_new(&rates);

	asnd_bus_limit_charge(l, "who", 5); /* nobody */
	g_assert_true(asnd_bus_limit_begin(l, "who", SECOND));
	asnd_bus_limit_charge(l, "who", 8.5);
	g_assert_false(asnd_bus_limit_begin(l, "who", SECOND));
	g_assert_true(asnd_bus_limit_begin(l, "other", SECOND));
	g_assert_true(asnd_bus_limit_begin(l, "who", SECOND + SECOND / 10));
	asnd_bus_limit_charge(l, "who", 1e6);
	g_assert_false(asnd_bus_limit_begin(l, "who", 2 * SECOND));
	g_assert_true(asnd_bus_limit_begin(l, "who", 3 * SECOND));
	asnd_bus_limit_unref(l);
}

/* What no bus takes does not grow for ever, and everybody has a place. */
static void
test_queue(void)
{
	const AsndBusRates rates = {.burst = 10, .rate = 10};
	AsndBusLimit *l = asnd_bus_limit_new(&rates);
	guint n = 0;

	while (asnd_bus_limit_queue(l, "flood", SECOND))
		n++;
	g_assert_cmpuint(n, ==, 16384);
	for (guint i = 0; i < 4; i++)
		g_assert_true(asnd_bus_limit_queue(l, "other", SECOND));
	g_assert_false(asnd_bus_limit_queue(l, "other", SECOND));
	asnd_bus_limit_sent(l, "other");
	asnd_bus_limit_sent(l, "nobody");
	g_assert_true(asnd_bus_limit_queue(l, "other", SECOND));
	g_assert_false(asnd_bus_limit_queue(l, "flood", SECOND));
	while (n-- > 16000)
		asnd_bus_limit_sent(l, "flood");
	g_assert_true(asnd_bus_limit_queue(l, "flood", SECOND));
	/* Forgotten with what was never told of. */
	for (n = 0; asnd_bus_limit_queue(l, "flood", 40 * SECOND);)
		n++;
	g_assert_cmpuint(n, ==, 16384 - 4);
	asnd_bus_limit_unref(l);
}

static void
test_pending(void)
{
	static const AsndBusRates rates = {
	    .burst = 100, .rate = 0, .pending = 3, .pending_all = 5};
	AsndBusLimit *l = asnd_bus_limit_new(&rates);

	g_assert_cmpuint(calls(l, ":1.1", 9, SECOND, FALSE), ==, 3);
	g_assert_cmpuint(calls(l, ":1.2", 9, SECOND, FALSE), ==, 2);
	g_assert_cmpuint(calls(l, ":1.3", 9, SECOND, FALSE), ==, 0);
	asnd_bus_limit_end(l, ":1.1");
	g_assert_cmpuint(calls(l, ":1.3", 9, SECOND, FALSE), ==, 1);
	g_assert_cmpuint(calls(l, ":1.1", 9, SECOND, FALSE), ==, 0);
	/* One end too many, and of somebody unknown: no more than before. */
	for (int i = 0; i < 9; i++)
		asnd_bus_limit_end(l, ":1.3");
	asnd_bus_limit_end(l, ":1.4");
	g_assert_cmpuint(calls(l, ":1.3", 9, SECOND, FALSE), ==, 1);
	asnd_bus_limit_unref(l);
}

static void
test_forgets(void)
{
	static const AsndBusRates rates = {.burst = 2, .rate = 1};
	AsndBusLimit *l = asnd_bus_limit_new(&rates);
	char name[16];

	g_assert_true(asnd_bus_limit_begin(l, ":0.0", SECOND));
	for (guint i = 0; i < 100000; i++) {
		g_snprintf(name, sizeof name, ":1.%u", i);
		g_assert_true(asnd_bus_limit_begin(l, name, i * SECOND / 100));
		asnd_bus_limit_end(l, name);
		g_assert_cmpuint(asnd_bus_limit_callers(l), <=, 1000);
	}
	/* Not the one who still waits. */
	g_assert_cmpuint(calls(l, ":0.0", 9, SECOND, TRUE), <=, 2);
	asnd_bus_limit_unref(l);
}

/* More new callers than can be remembered, none of them at rest. */
static void
test_crowd(void)
{
	static const AsndBusRates rates = {.burst = 2, .rate = 0.001};
	AsndBusLimit *l = asnd_bus_limit_new(&rates);
	char name[16];
	guint ok = 0;

	for (guint i = 0; i < 10000; i++) {
		g_snprintf(name, sizeof name, ":1.%u", i);
		ok += calls(l, name, 1, SECOND, TRUE);
	}
	g_assert_cmpuint(ok, ==, 4096);
	g_assert_cmpuint(asnd_bus_limit_callers(l), ==, 4096);
	/* A thousand seconds later they are at rest. */
	g_assert_cmpuint(calls(l, "new", 1, 3000 * SECOND, TRUE), ==, 1);
	g_assert_cmpuint(asnd_bus_limit_callers(l), ==, 1);
	asnd_bus_limit_unref(l);
}

static void
test_rights(void)
{
	static const struct {
		const char *credentials;
		guint32 uid;
		gboolean may_change;
	} cases[] = {
	    {"@a{sv} {}", G_MAXUINT32, FALSE},
	    {"{'UnixUserID': <uint32 0>}", 0, TRUE},
	    {"{'UnixUserID': <uint32 107>}", 107, TRUE},
	    {"{'UnixUserID': <uint32 1000>}", 1000, FALSE},
	    {"{'UnixUserID': <uint32 1000>, 'UnixGroupIDs': <@au [1000, 110]>}",
		1000, TRUE},
	    {"{'UnixUserID': <uint32 1000>, 'UnixGroupIDs': <@au [1000, 11]>}",
		1000, FALSE},
	    {"{'UnixUserID': <uint32 1000>, 'UnixGroupIDs': <@au []>}", 1000,
		FALSE},
	    /* other types than the specification has */
	    {"{'UnixUserID': <int64 0>}", G_MAXUINT32, FALSE},
	    {"{'UnixUserID': <'0'>}", G_MAXUINT32, FALSE},
	    {"{'UnixUserID': <uint32 1000>, 'UnixGroupIDs': <[110]>}", 1000,
		FALSE},
	    /* groups of nobody */
	    {"{'UnixGroupIDs': <@au [110]>}", G_MAXUINT32, FALSE},
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GVariant) v = g_variant_ref_sink(
		    g_variant_new_parsed(cases[i].credentials));
		AsndBusRights r = asnd_bus_rights_of(v, 107, 110);

		g_test_message("%s", cases[i].credentials);
		g_assert_cmpuint(r.uid, ==, cases[i].uid);
		g_assert_cmpint(r.may_change, ==, cases[i].may_change);
	}
}

/* Root's group is everybody's in some container: it is not asnd's. */
static void
test_group_of_root(void)
{
	g_autoptr(GVariant) v = g_variant_ref_sink(g_variant_new_parsed(
	    "{'UnixUserID': <uint32 1000>, 'UnixGroupIDs': <@au [0]>}"));

	g_assert_false(asnd_bus_rights_of(v, 107, 0).may_change);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/bus-limit/rate", test_rate);
	g_test_add_func("/bus-limit/charge", test_charge);
	g_test_add_func("/bus-limit/queue", test_queue);
	g_test_add_func("/bus-limit/pending", test_pending);
	g_test_add_func("/bus-limit/forgets", test_forgets);
	g_test_add_func("/bus-limit/crowd", test_crowd);
	g_test_add_func("/bus-limit/rights", test_rights);
	g_test_add_func("/bus-limit/group-of-root", test_group_of_root);
	return g_test_run();
}
