/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a header block says of its mail: identity, time, client, seal.
 * Hostile bytes in, plain values out.  Any thread with its own sealer.
 */
#pragma once

#include "config.h"
#include "headers.h"
#include "trace.h"

typedef struct {
	guint8 digest[16]; /* seal id, or the start of the block's SHA-256 */
	gboolean sealed, flagged;
	AsnAddr addr; /* family 0: nobody we trust names one */
	gint64 time;  /* seconds; 0 where addr is unknown */
	/* From our X-ASN-Spam above the seal.  The seal does not cover it: a
	 * user may have changed it in his own mail. */
	AsnSpamLevel level; /* UNKNOWN: there is none, or it is not ours */
	double score;       /* NAN: none */
} AsndBlock;

/* Names after "by" in Received lines of this host: those of the config, else
 * the host's name, as Postfix completes it, and /etc/mailname.  g_strfreev. */
char **asnd_block_own_hosts(const AsnConfig *config);

/* sealer NULL: no seal can be verified. */
void asnd_block_parse(const char *data, gsize len, AsnSealer *sealer,
    const AsnConfig *config, char *const *own_hosts, AsndBlock *out);
