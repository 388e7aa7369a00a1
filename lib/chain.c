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
