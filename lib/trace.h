/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The three trace headers (DESIGN.md "Trace headers") and the seal.
 *
 *   X-ASN: AS64496 192.0.2.0/24 ZZ (Example Networks)
 *   X-ASN-Spam: Yes, score=0.973 threshold=0.900 level=prefix spam=41.3 ham=0.8
 *   X-ASN-Spam: No, rule=allow:AS64496 score=0.973 threshold=0.900 ...
 *   X-ASN-Seal: v=1; k=0; t=1795217323; ip=192.0.2.7; q=4XyZ; f=1; b=<base64>
 *
 * Writers fill a caller's buffer and never allocate; what does not fit is an
 * error, never a cut header.  Parsers take hostile bytes.
 */
#pragma once

#include "addr.h"

#define ASN_HEADER_ASN "X-ASN"
#define ASN_HEADER_SPAM "X-ASN-Spam"
#define ASN_HEADER_SEAL "X-ASN-Seal"
#define ASN_TRACE_MAX 512 /* a value of ours with its NUL */

/* --- X-ASN ------------------------------------------------------------- */
/* Where networks.mmdb has a record: asn 0 (unknown) is written AS0 (RFC 7607),
 * country "" as ZZ.  org may be NULL (then no comment) and is any bytes from
 * outside: it leaves here transliterated to printable ASCII without
 * parentheses and backslashes, at most 80 bytes.  Returns the length, or 0
 * when buf is too small. */
gsize asn_trace_format_asn(char *buf, gsize size, guint32 asn,
    const AsnNetwork *prefix, const char *country, const char *org,
    gsize org_len);

#define ASN_HOLDER_MAX 80
/* The holder alone, as above.  out: ASN_HOLDER_MAX + 1 bytes.  Returns the
 * length. */
gsize asn_trace_clean_holder(char *out, const char *org, gsize len);

/* --- X-ASN-Spam -------------------------------------------------------- */
/* level: "address", "block", "prefix" or "AS" (the deciding level), or "none".
 * rule: the admin's that decided, as asn_rule_format writes it; NULL: none.
 * With a rule score may be NAN: then there is none, and it is left out with
 * all behind it. */
gsize asn_trace_format_spam(char *buf, gsize size, gboolean flagged,
    const char *rule, double score, double threshold, const char *level,
    double spam, double ham);

/* What decided, as AsnLevel where that is one; kept in the evidence file. */
typedef enum {
	ASN_SPAM_UNKNOWN, /* not told */
	ASN_SPAM_NONE,    /* no level did */
	ASN_SPAM_AS,
	ASN_SPAM_PREFIX,
	ASN_SPAM_BLOCK,
	ASN_SPAM_ADDRESS,
	ASN_SPAM_RULE, /* the administrator's word */
	ASN_SPAM_LEVELS
} AsnSpamLevel;
/* "unknown", "none", "AS", "prefix", "block", "address", "rule"; any number
 * that is none of these is "unknown". */
const char *asn_spam_level_name(guint level);

typedef struct {
	gboolean flagged;
	AsnSpamLevel level;
	double score, threshold, spam, ham; /* NAN: not told */
} AsnTraceSpam;
/* Reads a header value as we write it, and nothing else:
 *   value  = ("Yes" / "No") "," 1*part
 *   part   = rule / score, in this order, each at most once
 *   rule   = FWS "rule=" ("allow" / "block") ":" 1*64(ALPHA / DIGIT / "." /
 *            ":" / "/")
 *   score  = FWS "score=" number FWS "threshold=" number FWS "level=" level
 *            FWS "spam=" number FWS "ham=" number
 *   number = 1*13DIGIT "." 1*3DIGIT; score and threshold are at most 1
 * FWS: white space, line ends included; it may stand at both ends, too.  Any
 * bytes in; FALSE: it is something else, *out undefined. */
gboolean asn_trace_parse_spam(const char *value, gsize len, AsnTraceSpam *out);

/* --- X-ASN-Seal -------------------------------------------------------- */
typedef struct {
	gint64 time;      /* seconds since the epoch */
	AsnAddr addr;     /* client */
	char queue_id[32];/* Postfix queue id, [0-9A-Za-z]{1,31} */
	gboolean flagged;
	guint key_id;     /* 0..99 */
	guint8 id[16];    /* out only: identity of this seal, from its HMAC */
} AsnSeal;

/* The keys: one signs (the first), all verify.  Immutable after load, shared
 * by threads.  File: one key a line, "<id 0..99> <base64 of 32 bytes or more>";
 * '#' comments and empty lines.  Takes the file's content, not its path.
 * Bad: NULL and an error of domain ASN_CONFIG_ERROR (config.h) naming `name` and the line. */
typedef struct _AsnSealKeys AsnSealKeys;
AsnSealKeys *asn_seal_keys_parse(
    const char *text, gsize len, const char *name, GError **error);
void asn_seal_keys_free(AsnSealKeys *keys);

/* Handle for sealing and verifying; immutable, so threads may share one.
 * Nothing else here allocates. */
typedef struct _AsnSealer AsnSealer;
AsnSealer *asn_sealer_new(const AsnSealKeys *keys); /* keys must outlive it */
void asn_sealer_free(AsnSealer *sealer);

/* Writes the header value; seal->key_id is ignored (the first key signs),
 * seal->id is set.  Returns length, or 0 (buf too small, bad queue id). */
gsize asn_seal_write(
    AsnSealer *sealer, AsnSeal *seal, char *buf, gsize size);
/* Reads and verifies a header value (folding white space between fields is
 * accepted).  FALSE: not ours, forged, cut, or an unknown key; *out undefined. */
gboolean asn_seal_verify(
    AsnSealer *sealer, const char *value, gsize len, AsnSeal *out);
