/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-received.c: any bytes as values of Received lines (a NUL between two),
 * and as a date.
 *
 * Covers: lib/received.c lib/date.c.
 * Longest input: 1100
 */

#include <stdio.h>
#include <time.h>

#include "date.h"
#include "fuzz.h"
#include "headers.h"

#define YEAR_10000 G_GINT64_CONSTANT(253402300800)

static void
check_date(gint64 date)
{
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t t = (time_t)date;
	gint64 again = -1;
	char text[64];
	struct tm tm;
	int n;

	g_assert_cmpint(date, >=, 0);
	g_assert_cmpint(date, <, YEAR_10000);
	gmtime_r(&t, &tm);
	n = snprintf(text, sizeof text, "%d %s %d %02d:%02d:%02d -0000",
	    tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
	    tm.tm_min, tm.tm_sec);
	g_assert_true(asn_date_parse(text, (gsize)n, &again));
	g_assert_cmpint(again, ==, date);
}

static void
check_line(const char *value, gsize len)
{
	gint64 date = G_MININT64;
	AsnReceived r;

	if (asn_date_parse(value, len, &date))
		check_date(date);
	else
		g_assert_cmpint(date, ==, G_MININT64);
	if (!asn_received_parse(value, len, &r))
		return;
	g_assert_cmpuint(r.by_len, >, 0);
	g_assert_true(r.by >= value && r.by + r.by_len <= value + len);
	g_assert_null(memchr(r.by, ' ', r.by_len));
	g_assert_null(memchr(r.by, '\n', r.by_len));
	g_assert_true(r.client.family == 0 || r.client.family == 4 ||
		      r.client.family == 6);
	if (r.has_date)
		check_date(r.date);
}

/* The walk over all of them. */
static void
check_walk(const char *data, gsize size, const char *const *own,
    const AsnNetworkList *trusted)
{
	FuzzInput in = {(const guint8 *)data, (const guint8 *)data + size};
	AsnReceivedState state = ASN_RECEIVED_MORE, next;
	AsnReceived found = {.by_len = 0};
	AsnReceivedWalk walk;

	asn_received_walk_init(&walk, own, trusted);
	while (in.p < in.end) {
		const char *at = (const char *)in.p;
		const char *stop = memchr(at, 0, fuzz_left(&in));
		gsize len = stop ? (gsize)(stop - at) : fuzz_left(&in);

		next = asn_received_walk_next(&walk, at, len, &found);
		if (state != ASN_RECEIVED_MORE)
			g_assert_cmpint(next, ==, state);
		state = next;
		in.p += MIN(len + 1, fuzz_left(&in));
	}
	if (state != ASN_RECEIVED_FOUND)
		return;
	g_assert_true(found.client.family != 0 && !found.authenticated);
	g_assert_false(asn_addr_is_loopback(&found.client));
	g_assert_false(asn_network_list_contains(trusted, &found.client));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	static const char *const own[] = {"mx", "mx.example.org", NULL};
	const char *text = (const char *)data;
	AsnNetwork relay;
	AsnNetworkList trusted = {&relay, 1};

	g_assert_true(asn_network_parse("203.0.113.0/24", 14, &relay));
	check_line(text, size);
	check_walk(text, size, own, &trusted);
	check_walk(text, size, NULL, &trusted);
	return 0;
}
