/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.c: what the configuration says, replaced under running mail. */

#include "filter.h"

void
mlt_rules_unref(MltRules *rules)
{
	if (rules == NULL || !g_atomic_int_dec_and_test(&rules->refs))
		return;
	asn_sealer_free(rules->policy.sealer);
	asn_seal_keys_free(rules->keys);
	asn_config_free(rules->config);
	g_free(rules);
}

MltRules *
mlt_filter_rules(MltFilter *filter)
{
	MltRules *rules;

	pthread_mutex_lock(&filter->lock);
	rules = filter->rules;
	g_atomic_int_inc(&rules->refs);
	pthread_mutex_unlock(&filter->lock);
	return rules;
}

void
mlt_filter_set_rules(MltFilter *filter, AsnConfig *config, AsnSealKeys *keys)
{
	MltRules *rules = g_new0(MltRules, 1), *old;

	rules->config = config;
	rules->keys = keys;
	rules->policy.config = config;
	rules->policy.sealer = keys != NULL ? asn_sealer_new(keys) : NULL;
	rules->refs = 1;
	pthread_mutex_lock(&filter->lock);
	old = filter->rules;
	filter->rules = rules;
	pthread_mutex_unlock(&filter->lock);
	mlt_rules_unref(old);
}
