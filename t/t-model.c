/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-model.c: model.h against refmodel.py, and what that has not. */

#include <math.h>
#include <string.h>

#include "model.h"

static AsnOriginKey
origin(const char *ip, const char *prefix, const char *asn, const char *cc)
{
	AsnOriginKey key = {0};

	g_assert_true(asn_addr_parse(ip, strlen(ip), &key.addr));
	if (strcmp(prefix, "-") != 0)
		g_assert_true(
		    asn_network_parse(prefix, strlen(prefix), &key.prefix));
	if (strcmp(asn, "0") != 0)
		g_assert_true(asn_number_parse(asn, strlen(asn), &key.asn));
	if (strcmp(cc, "-") != 0)
		g_strlcpy(key.country, cc, sizeof key.country);
	return key;
}

/* --- against the reference ------------------------------------------------ */

typedef struct {
	AsnModel *model;
	GArray *receipts, *keys;
	guint predictions;
} Run;

static double
number(const char *text)
{
	char *end;
	double v = g_ascii_strtod(text, &end);

	g_assert_true(end != text && *end == '\0');
	return v;
}

static void
check_prediction(Run *run, const AsnOriginKey *key, char **f)
{
	AsnPrediction p;

	asn_model_predict(run->model, key, number(f[0]), &p);
	g_assert_cmpfloat_with_epsilon(p.score, number(f[1]), 1e-9);
	g_assert_cmpfloat_with_epsilon(p.evidence, number(f[2]), 1e-9);
	g_assert_cmpint(p.warm, ==, (int)number(f[3]));
	g_assert_cmpint(p.flag, ==, (int)number(f[4]));
	g_assert_cmpfloat_with_epsilon(p.raw_ham, number(f[5]), 1e-9);
	run->predictions++;
}

static void
learn_line(Run *run, const AsnOriginKey *key, char **f)
{
	AsnReceipt r = asn_model_learn(run->model, key, number(f[0]),
	    f[1][0] == '1', number(f[2]), (guint32)number(f[3]));

	g_array_append_val(run->receipts, r);
	g_array_append_val(run->keys, *key);
}

static void
do_line(Run *run, char **f)
{
	AsnOriginKey key;
	guint n;

	if (f[0][0] == 'M') {
		asn_model_set_min_reporters(run->model, (guint)number(f[1]));
		return;
	}
	if (f[0][0] == 'U') {
		n = (guint)number(f[1]);
		asn_model_unlearn(run->model,
		    &g_array_index(run->keys, AsnOriginKey, n),
		    &g_array_index(run->receipts, AsnReceipt, n));
		return;
	}
	key = origin(f[1], f[2], f[3], f[4]);
	if (f[0][0] == 'L')
		learn_line(run, &key, f + 5);
	else if (f[0][0] == 'V')
		g_assert_cmpint(
		    asn_model_allowed(run->model, &key, f[5][0] == '1',
			(guint32)number(f[6]), number(f[7])),
		    ==, (int)number(f[8]));
	else
		check_prediction(run, &key, f + 5);
}

static void
test_reference(gconstpointer seed)
{
	g_autofree char *script =
	    g_test_build_filename(G_TEST_DIST, "data", "model-ops.py", NULL);
	g_autofree char *quoted = g_shell_quote(script);
	g_autofree char *command =
	    g_strdup_printf("python3 -B %s %s", quoted, (const char *)seed);
	g_autofree char *out = NULL;
	g_autoptr(GError) error = NULL;
	AsnModelParams params = asn_model_defaults;
	Run run = {0};
	int status;

	g_spawn_command_line_sync(command, &out, NULL, &status, &error);
	g_assert_no_error(error);
	g_assert_cmpint(status, ==, 0);
	params.min_ham = 5;
	run.model = asn_model_new(&params);
	run.receipts = g_array_new(FALSE, FALSE, sizeof(AsnReceipt));
	run.keys = g_array_new(FALSE, FALSE, sizeof(AsnOriginKey));

	g_auto(GStrv) lines = g_strsplit(g_strchomp(out), "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		g_auto(GStrv) f = g_strsplit(*line, "\t", -1);
		do_line(&run, f);
	}
	g_assert_cmpuint(run.predictions, >, 1000);
	g_array_unref(run.receipts);
	g_array_unref(run.keys);
	asn_model_free(run.model);
}

/* --- the rest ------------------------------------------------------------- */

static void
test_empty(void)
{
	AsnModel *model = asn_model_new(&asn_model_defaults);
	AsnOriginKey key = origin("192.0.2.1", "-", "0", "-");
	AsnPrediction p;

	asn_model_predict(model, &key, 1e9, &p);
	g_assert_cmpfloat(p.score, ==, 0.5);
	g_assert_cmpfloat(p.evidence, ==, 0);
	g_assert_false(p.warm || p.flag);
	g_assert_true(p.level[ASN_LEVEL_ALL].present);
	g_assert_false(p.level[ASN_LEVEL_COUNTRY].present);
	g_assert_false(p.level[ASN_LEVEL_AS].present);
	g_assert_false(p.level[ASN_LEVEL_PREFIX].present);
	g_assert_true(p.level[ASN_LEVEL_BLOCK].present);
	g_assert_null(asn_model_node(model, ASN_LEVEL_ADDRESS, &key));
	asn_model_free(model);
}

static void
add_spam(const AsnNodeKey *key, const AsnNode *node, gpointer data)
{
	double *per_level = data;

	per_level[key->level] += node->s;
}

static void
test_changes(void)
{
	AsnModel *model = asn_model_new(&asn_model_defaults);
	AsnOriginKey a = origin("192.0.2.1", "192.0.2.0/24", "64496", "AA");
	AsnOriginKey b = origin("192.0.2.2", "192.0.2.0/25", "64496", "AA");
	double seen[ASN_N_LEVELS] = {0};
	AsnReceipt r;

	r = asn_model_learn(model, &a, 1e9, TRUE, 1, 1);
	g_assert_cmpuint(asn_model_n_changed(model), ==, 6);
	asn_model_learn(model, &a, 1e9, TRUE, 1, 1);
	g_assert_cmpuint(asn_model_n_changed(model), ==, 6);
	asn_model_advance(model);
	g_assert_cmpuint(asn_model_n_changed(model), ==, 0);
	asn_model_learn(model, &b, 1e9, TRUE, 1, 1);
	asn_model_foreach_changed(model, add_spam, seen);
	g_assert_cmpfloat(seen[ASN_LEVEL_ADDRESS], ==, 1);
	/* The block knew 1 + 1/2 before, so the new prefix gets 1 / 2.5. */
	g_assert_cmpfloat_with_epsilon(seen[ASN_LEVEL_BLOCK], 2.5, 1e-12);
	g_assert_cmpfloat_with_epsilon(seen[ASN_LEVEL_PREFIX], 0.4, 1e-12);
	/* Taking back changes the nodes that it touches, and only those. */
	asn_model_advance(model);
	asn_model_unlearn(model, &a, &r);
	g_assert_cmpuint(asn_model_n_changed(model), ==, 6);
	asn_model_free(model);
}

static void
test_unlearn_all(void)
{
	AsnModel *model = asn_model_new(&asn_model_defaults);
	AsnOriginKey key = origin("192.0.2.1", "192.0.2.0/24", "64496", "AA");
	AsnReceipt r[20];
	AsnPrediction p;

	for (guint i = 0; i < G_N_ELEMENTS(r); i++)
		r[i] = asn_model_learn(
		    model, &key, 1e9 + i * 1e5, i % 3 != 0, 1, 1 + i % 4);
	for (guint i = 0; i < G_N_ELEMENTS(r); i++)
		asn_model_unlearn(model, &key, &r[i]);
	asn_model_predict(model, &key, 1e9 + 2e6, &p);
	g_assert_cmpfloat_with_epsilon(p.score, 0.5, 1e-9);
	g_assert_cmpfloat_with_epsilon(p.evidence, 0, 1e-9);
	g_assert_cmpfloat_with_epsilon(p.raw_ham, 0, 1e-9);
	asn_model_free(model);
}

/* Counters of the current day survive any number of old ones being dropped,
 * and a vote dated far ahead does not open the cap for the rest. */
static void
test_cap_forgets(void)
{
	AsnModel *model = asn_model_new(&asn_model_defaults);
	AsnOriginKey key = origin("192.0.2.1", "-", "64496", "-");
	const double day = 86400;

	for (guint d = 0; d < 3000; d++) {
		const double now = 1e9 + d * day;
		for (guint32 user = 1; user < 20; user++) {
			g_assert_true(
			    asn_model_allowed(model, &key, TRUE, user, now));
			g_assert_true(
			    asn_model_allowed(model, &key, TRUE, user, now));
			g_assert_false(
			    asn_model_allowed(model, &key, TRUE, user, now));
		}
		g_assert_true(asn_model_allowed(model, &key, FALSE, 1, now));
		if (d >= 240)
			g_assert_false(asn_model_allowed(
			    model, &key, TRUE, 1, now - 240 * day));
	}
	g_assert_true(asn_model_allowed(model, &key, TRUE, 0, 1e9));
	asn_model_free(model);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);

	g_test_add_data_func("/model/reference/1", "1", test_reference);
	g_test_add_data_func("/model/reference/2", "2", test_reference);
	g_test_add_data_func("/model/reference/3", "3", test_reference);
	g_test_add_func("/model/empty", test_empty);
	g_test_add_func("/model/changes", test_changes);
	g_test_add_func("/model/unlearn-all", test_unlearn_all);
	g_test_add_func("/model/cap-forgets", test_cap_forgets);
	return g_test_run();
}
