/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block.c: identity, time and client of a mail out of its header block. */

#include <math.h>
#include <string.h>

#include <nettle/sha2.h>

#include "block.h"

#define SEALS_MAX 8 /* tried from the top; ours is the first one */

/* *spam: the last X-ASN-Spam above the seal, if there is one (value NULL:
 * none).  What a sender wrote stands below the seal. */
static gboolean
find_seal(const char *data, gsize len, AsnSealer *sealer, AsnSeal *seal,
    AsnHeader *spam)
{
	AsnHeaderIter it;
	AsnHeader h;
	guint tried = 0;

	memset(spam, 0, sizeof *spam);
	asn_header_iter_init(&it, data, len);
	while (tried < SEALS_MAX && asn_header_iter_next(&it, &h)) {
		if (asn_header_is(&h, ASN_HEADER_SPAM))
			*spam = h;
		if (!asn_header_is(&h, ASN_HEADER_SEAL))
			continue;
		tried++;
		if (asn_seal_verify(sealer, h.value, h.value_len, seal))
			return TRUE;
	}
	return FALSE;
}

/* Why it was flagged or not, when the header agrees with the seal. */
static void
take_verdict(const AsnHeader *spam, AsndBlock *out)
{
	AsnTraceSpam s;

	if (spam->value == NULL ||
	    !asn_trace_parse_spam(spam->value, spam->value_len, &s) ||
	    s.flagged != out->flagged)
		return;
	out->level = s.level;
	out->score = s.score;
}

static void
digest_block(const char *data, gsize len, guint8 out[16])
{
	struct sha256_ctx sum;

	sha256_init(&sum);
	sha256_update(&sum, len, (const uint8_t *)data);
	sha256_digest(&sum, 16, out);
}

char **
asnd_block_own_hosts(const AsnConfig *config)
{
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();
	g_autofree char *mailname = NULL, *completed = NULL;
	const char *host = g_get_host_name();

	if (config->host_names != NULL && config->host_names[0] != NULL)
		return g_strdupv(config->host_names);
	g_strv_builder_add(names, host);
	/* postconf(5) mydomain: what a name without a dot is completed by. */
	if (strchr(host, '.') == NULL) {
		completed = g_strconcat(host, ".localdomain", NULL);
		g_strv_builder_add(names, completed);
	}
	if (g_file_get_contents("/etc/mailname", &mailname, NULL, NULL) &&
	    *g_strstrip(mailname) != '\0')
		g_strv_builder_add(names, mailname);
	return g_strv_builder_end(names);
}

void
asnd_block_parse(const char *data, gsize len, AsnSealer *sealer,
    const AsnConfig *config, char *const *own_hosts, AsndBlock *out)
{
	AsnReceived received;
	AsnHeader spam;
	AsnSeal seal;

	memset(out, 0, sizeof *out);
	out->score = (double)NAN;
	if (sealer != NULL && find_seal(data, len, sealer, &seal, &spam)) {
		memcpy(out->digest, seal.id, sizeof out->digest);
		out->sealed = TRUE;
		out->flagged = seal.flagged;
		out->addr = seal.addr;
		out->time = seal.time;
		take_verdict(&spam, out);
		return;
	}
	digest_block(data, len, out->digest);
	if (!asn_received_client(data, len, (const char *const *)own_hosts,
		&config->trusted_relays, &received) ||
	    !received.has_date ||
	    asn_network_list_contains(
		&config->local_networks, &received.client))
		return;
	out->addr = received.client;
	out->time = received.date;
}
