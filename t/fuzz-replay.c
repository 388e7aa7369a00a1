/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-replay.c: the input of asnctl replay, and the model on what it holds.
 *
 * Covers: asnctl/replay-input.c.
 * Longest input: 1024
 */

#include <math.h>

#include "replay.h"

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GArray) rows =
	    replay_parse((const char *)data, size, "fuzz", &error);
	AsnModel *model;

	g_assert_true((rows == NULL) == (error != NULL));
	if (rows == NULL)
		return 0;
	model = asn_model_new(&asn_model_defaults);
	for (guint i = 0; i < rows->len; i++) {
		const ReplayRow *r = &g_array_index(rows, ReplayRow, i);
		AsnPrediction p;

		if (asn_model_allowed(model, &r->key, r->spam, 1, r->t))
			asn_model_learn(model, &r->key, r->t, r->spam, 1, 1);
		asn_model_predict(model, &r->key, r->t, &p);
		g_assert_true(p.score >= 0 && p.score <= 1);
		g_assert_true(isfinite(p.evidence));
	}
	asn_model_free(model);
	return 0;
}
