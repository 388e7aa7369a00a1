/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chain.c: the chain of neighbourhoods, for people. */

#include <math.h>

#include "chain.h"

const char *
asn_level_key(AsnLevel level, const AsnOriginKey *key, char *buf, gsize size)
{
	char text[ASN_NETWORK_STRLEN];
	AsnNetwork net;

	if (level == ASN_LEVEL_COUNTRY)
		g_strlcpy(buf, key->country, size);
	else if (level == ASN_LEVEL_AS)
		g_snprintf(buf, size, "AS%u", key->asn);
	else if (level == ASN_LEVEL_PREFIX)
		g_strlcpy(buf, asn_network_format(&key->prefix, text), size);
	else if (level == ASN_LEVEL_BLOCK || level == ASN_LEVEL_ADDRESS) {
		net = level == ASN_LEVEL_BLOCK ? asn_addr_block(&key->addr)
					       : asn_addr_leaf(&key->addr);
		g_strlcpy(buf, asn_network_format(&net, text), size);
	} else
		g_strlcpy(buf, "*", size);
	return buf;
}

double
asn_prediction_change(const AsnPrediction *p, AsnLevel level)
{
	const double theta = p->level[level].theta;
	double before = 0.5;

	if (!p->level[level].present)
		return 0;
	for (guint l = 0; l < (guint)level; l++)
		if (p->level[l].present)
			before = p->level[l].theta;
	return log(theta / (1 - theta)) - log(before / (1 - before));
}

AsnLevel
asn_level_of_network(const AsnNetwork *net, gboolean prefix)
{
	if (net->len >= asn_addr_leaf(&net->addr).len)
		return ASN_LEVEL_ADDRESS;
	if (net->len >= asn_addr_block(&net->addr).len)
		return ASN_LEVEL_BLOCK;
	return prefix ? ASN_LEVEL_PREFIX : ASN_LEVEL_AS;
}

void
asn_prediction_cut(
    AsnPrediction *p, AsnLevel last, double threshold, double evidence)
{
	if (last == ASN_LEVEL_ADDRESS)
		return;
	p->evidence = 0;
	for (guint i = 0; i < ASN_N_LEVELS; i++) {
		AsnChainLevel *c = &p->level[i];

		if (i > (guint)last)
			c->present = FALSE;
		if (!c->present)
			continue;
		p->score = c->theta;
		if (i >= ASN_LEVEL_AS && c->backed)
			p->evidence = MAX(p->evidence, c->s);
	}
	p->flag = p->warm && p->score >= threshold && p->evidence >= evidence;
}
