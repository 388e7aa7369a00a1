/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-slots.c: where an address lies on a map.
 *
 * Of the 256 /12s of 2000::/4 (all that is given out so far, RFC 7249) a dozen
 * are in use: a map of all would be a map of nothing.  So the IPv6 map has 16
 * slots, of a /12 each, in order.
 */

#include <string.h>

#include "report.h"

#define BELOW 116 /* bits of an address below a /12 */

typedef struct {
	guint64 leaves;
	guint n[256]; /* in each /12 of 2000::/4 */
} Count;

static gboolean
count(const AsnNetwork *leaf, AsnMmdbValue value, gpointer data)
{
	Count *c = data;

	c->leaves++;
	if (leaf->addr.family == 6 && leaf->addr.b[0] >> 4 == 2)
		c->n[(leaf->addr.b[0] & 15) << 4 | leaf->addr.b[1] >> 4]++;
	return TRUE;
}

/* The next best that is not taken; of equals the first. */
static guint
best(const Count *c, const gboolean *taken)
{
	guint found = 256;

	for (guint i = 0; i < 256; i++)
		if (!taken[i] && (found == 256 || c->n[i] > c->n[found]))
			found = i;
	return found;
}

guint64
report_choose_slots(ReportSpace *space, const AsnNetworks *networks)
{
	gboolean taken[256] = {FALSE};
	Count c = {.leaves = 0};
	guint n = 0;

	asn_mmdb_foreach(asn_networks_mmdb(networks), count, &c);
	for (guint i = 0; i < REPORT_SLOTS; i++)
		taken[best(&c, taken)] = TRUE;
	for (guint i = 0; i < 256; i++)
		if (taken[i])
			space->slots[n++] = (guint16)(0x200 + i);
	return c.leaves;
}

gboolean
report_place_on_map(const ReportSpace *space, AsnPos pos, AsnPos *out)
{
	if (space->family == 4) {
		*out = pos;
		return TRUE;
	}
	for (guint i = 0; i < REPORT_SLOTS; i++) {
		if (pos >> BELOW != space->slots[i])
			continue;
		*out = (AsnPos)i << BELOW | (pos & (((AsnPos)1 << BELOW) - 1));
		return TRUE;
	}
	return FALSE;
}
