/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-metrics-text.c: metrics-text.h against the text of OpenMetrics. */

#include <math.h>

#include "metrics-text.h"

static const Metric bytes = {"x_size_bytes", "bytes", "Its size."};

static void
test_family(void)
{
	g_autoptr(GString) out = g_string_new(NULL);

	metric_family(out, &bytes);
	metric_sample(out, &bytes, 4711, NULL);
	metric_sample(out, &bytes, 0.5, "a", "b", "c", "", NULL);
	metric_end(out);
	g_assert_cmpstr(out->str, ==,
	    "# HELP x_size_bytes Its size.\n"
	    "# TYPE x_size_bytes gauge\n"
	    "# UNIT x_size_bytes bytes\n"
	    "x_size_bytes 4711\n"
	    "x_size_bytes{a=\"b\",c=\"\"} 0.5\n"
	    "# EOF\n");
}

static void
test_values(void)
{
	static const struct {
		double value;
		const char *want;
	} cases[] = {
	    {0, "x_size_bytes 0\n"},
	    {1795252183, "x_size_bytes 1795252183\n"},
	    {9007199254740991.0, "x_size_bytes 9.00719925474099e+15\n"},
	    {(double)NAN, "x_size_bytes NaN\n"},
	    {(double)INFINITY, "x_size_bytes NaN\n"},
	    {-1.25, "x_size_bytes -1.25\n"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) out = g_string_new(NULL);

		metric_sample(out, &bytes, cases[i].value, NULL);
		g_assert_cmpstr(out->str, ==, cases[i].want);
	}
}

/* A label is any bytes; it stays in its quotes and in its line. */
static void
test_labels(void)
{
	static const struct {
		const char *label, *want;
	} cases[] = {
	    {"a\"} 1", "x_size_bytes{l=\"a\\\"} 1\"} 1\n"},
	    {"a\\", "x_size_bytes{l=\"a\\\\\"} 1\n"},
	    {"a\nb", "x_size_bytes{l=\"a\\nb\"} 1\n"},
	    {"\xff", "x_size_bytes{l=\"\xef\xbf\xbd\"} 1\n"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) out = g_string_new(NULL);

		metric_sample(out, &bytes, 1, "l", cases[i].label, NULL);
		g_assert_cmpstr(out->str, ==, cases[i].want);
	}
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/metrics-text/family", test_family);
	g_test_add_func("/metrics-text/values", test_values);
	g_test_add_func("/metrics-text/labels", test_labels);
	return g_test_run();
}
