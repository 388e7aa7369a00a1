/* SPDX-License-Identifier: GPL-2.0-or-later */
/* received.c: who handed us a mail, from its Received lines (RFC 5321 4.4). */

#include <string.h>

#include "date.h"
#include "headers.h"
#include "span.h"

static AsnSpan
take_token(AsnSpan *s)
{
	AsnSpan t;

	asn_span_skip_space(s);
	t.p = s->p;
	while (s->p < s->end && !asn_is_space(*s->p))
		s->p++;
	t.end = s->p;
	return t;
}

static gboolean
starts(const AsnSpan *s, const char *word)
{
	gsize n = strlen(word);

	return (gsize)(s->end - s->p) >= n &&
	       g_ascii_strncasecmp(s->p, word, n) == 0;
}

/* "by" with white space behind it. */
static gboolean
is_by(const char *p, const char *end)
{
	return end - p > 2 && g_ascii_tolower(p[0]) == 'b' &&
	       g_ascii_tolower(p[1]) == 'y' && asn_is_space(p[2]);
}

/* Mail systems break a line that is longer than SMTP allows (RFC
 * 5321 4.5.3.1.6; Postfix: smtp_line_length_limit), wherever that is, and go on
 * behind a space. Who chooses a long HELO chooses the place: it is no fold of
 * theirs. */
#define BROKEN_LINE 900

/* The next line end that is a fold, or NULL.  *line: where a line starts. */
static const char *
find_fold(const char **line, const char *end)
{
	const char *p = *line, *lf;

	while ((lf = memchr(p, '\n', (gsize)(end - p))) != NULL) {
		gboolean broken =
		    lf - p >= BROKEN_LINE && end - lf > 1 && lf[1] == ' ';

		p = lf + 1;
		if (!broken)
			break;
	}
	*line = p;
	return lf;
}

/* The "by" that opens a continuation line.  *from_end: end of the first line,
 * where the MTA's own "[address])" stands. */
static const char *
find_by_folded(const char *p, const char *end, const char **from_end)
{
	const char *lf = find_fold(&p, end);

	*from_end = lf;
	while (lf != NULL) {
		AsnSpan s = {lf + 1, end};
		while (s.p < end && (*s.p == ' ' || *s.p == '\t'))
			s.p++;
		if (s.p > lf + 1 && is_by(s.p, end))
			return s.p;
		lf = find_fold(&p, end);
	}
	return NULL;
}

/* In a value without such a line: the only " by " there is. */
static const char *
find_by_single(const char *p, const char *end)
{
	const char *found = NULL;

	for (const char *q = p; q < end; q++) {
		if (!asn_is_space(*q) || !is_by(q + 1, end))
			continue;
		if (found != NULL)
			return NULL;
		found = q + 1;
	}
	return found;
}

/* An address in which the line may be broken. */
static void
parse_address(const char *p, const char *end, AsnAddr *out)
{
	char text[64]; /* longer is none */
	gsize n = 0;

	for (; p < end && n < sizeof text; p++)
		if (!asn_is_space(*p))
			text[n++] = *p;
	if (n < sizeof text)
		asn_addr_parse(text, n, out);
}

/* The last "[address]" that follows a space or an opening parenthesis, as in
 * "from HELO (RDNS [ADDR])"; Exim's "helo=[...]" is the client's word, and
 * stands behind the address. */
static void
parse_from(const char *p, const char *end, AsnAddr *out)
{
	const char *close, *open;

	do {
		close = memrchr(p, ']', (gsize)(end - p));
		if (close == NULL)
			return;
		open = memrchr(p, '[', (gsize)(close - p));
		if (open == NULL || open == p)
			return;
		end = open; /* every turn takes a bracket off */
	} while (open[-1] == '=');
	if (open[-1] == ' ' || open[-1] == '(')
		parse_address(open + 1, close, out);
}

/* RFC 3848 and RFC 6531 keywords: ESMTPSA, UTF8SMTPA, ... */
static void
parse_protocol(AsnSpan s, AsnReceived *out)
{
	AsnSpan token = take_token(&s);
	AsnSpan proto;

	/* A "(Postfix, from userid 0)" comment is three words at most. */
	for (guint i = 0; i < 8 && token.p < token.end; i++) {
		if (starts(&token, "with") && token.end - token.p == 4)
			break;
		if (token.end[-1] == ';' || starts(&token, "id") ||
		    starts(&token, "for"))
			return;
		token = take_token(&s);
	}
	proto = take_token(&s);
	if (token.p == token.end || proto.p == proto.end)
		return;
	if (starts(&proto, "UTF8"))
		proto.p += 4;
	out->smtp = starts(&proto, "SMTP") || starts(&proto, "ESMTP");
	if (out->smtp || starts(&proto, "LMTP"))
		out->authenticated = g_ascii_toupper(proto.end[-1]) == 'A';
}

static void
parse_by(const char *by, const char *end, AsnReceived *out)
{
	const char *semicolon = memrchr(by, ';', (gsize)(end - by));
	AsnSpan s = {by + 2, end};
	AsnSpan host = take_token(&s);

	while (host.end > host.p && host.end[-1] == ';')
		host.end--;
	out->by = host.p;
	out->by_len = (gsize)(host.end - host.p);
	asn_span_skip_space(&s);
	out->postfix = starts(&s, "(Postfix");
	parse_protocol(s, out);
	if (semicolon != NULL)
		out->has_date = asn_date_parse(
		    semicolon + 1, (gsize)(end - semicolon - 1), &out->date);
}

gboolean
asn_received_parse(const char *value, gsize len, AsnReceived *out)
{
	AsnSpan s = {value, value + len};
	const char *by, *from_end;

	memset(out, 0, sizeof *out);
	asn_span_skip_space(&s);
	if (is_by(s.p, s.end)) {
		parse_by(s.p, s.end, out);
		return out->by_len > 0;
	}
	by = find_by_folded(s.p, s.end, &from_end);
	if (by == NULL) {
		by = find_by_single(s.p, s.end);
		from_end = by;
	}
	if (by == NULL)
		return FALSE;
	if (starts(&s, "from"))
		parse_from(s.p, from_end, &out->client);
	parse_by(by, s.end, out);
	return out->by_len > 0;
}

/* --- the walk --------------------------------------------------------------
 */

void
asn_received_walk_init(AsnReceivedWalk *walk, const char *const *own_hosts,
    const AsnNetworkList *trusted)
{
	memset(walk, 0, sizeof *walk);
	walk->own_hosts = own_hosts;
	walk->trusted = trusted;
	walk->own = own_hosts != NULL;
}

static gboolean
is_host(const AsnReceived *r, const char *name)
{
	return strlen(name) == r->by_len &&
	       g_ascii_strncasecmp(name, r->by, r->by_len) == 0;
}

static gboolean
is_own(const AsnReceivedWalk *walk, const AsnReceived *r)
{
	for (gsize i = 0; walk->own_hosts && walk->own_hosts[i]; i++)
		if (is_host(r, walk->own_hosts[i]))
			return TRUE;
	return FALSE;
}

/* Whether the line was written by whom we expect. */
static gboolean
vouched(const AsnReceivedWalk *walk, const AsnReceived *r)
{
	if (is_own(walk, r))
		return TRUE;
	if (walk->host[0] != '\0')
		return is_host(r, walk->host) || is_host(r, "localhost");
	return !walk->own;
}

/* This line tells of a hop within one host: the next one must be its own. */
static AsnReceivedState
stay_on_host(AsnReceivedWalk *walk, const AsnReceived *r)
{
	if (is_host(r, "localhost"))
		return ASN_RECEIVED_MORE; /* the expectation stays */
	if (r->by_len >= sizeof walk->host)
		return ASN_RECEIVED_NONE;
	memcpy(walk->host, r->by, r->by_len);
	walk->host[r->by_len] = '\0';
	return ASN_RECEIVED_MORE;
}

static AsnReceivedState
judge(AsnReceivedWalk *walk, const AsnReceived *r)
{
	if (r->authenticated)
		return ASN_RECEIVED_NONE;
	if (r->client.family == 0)
		return r->smtp ? ASN_RECEIVED_NONE : stay_on_host(walk, r);
	if (asn_addr_is_loopback(&r->client))
		return stay_on_host(walk, r);
	if (!asn_network_list_contains(walk->trusted, &r->client))
		return ASN_RECEIVED_FOUND;
	walk->host[0] = '\0';
	walk->own = FALSE;
	return ASN_RECEIVED_MORE;
}

AsnReceivedState
asn_received_walk_next(
    AsnReceivedWalk *walk, const char *value, gsize len, AsnReceived *out)
{
	AsnReceived r;

	if (walk->state != ASN_RECEIVED_MORE)
		return walk->state;
	if (walk->hops++ >= ASN_RECEIVED_MAX ||
	    !asn_received_parse(value, len, &r) || !vouched(walk, &r))
		walk->state = ASN_RECEIVED_NONE;
	else
		walk->state = judge(walk, &r);
	if (walk->state == ASN_RECEIVED_FOUND)
		*out = r;
	return walk->state;
}

gboolean
asn_received_client(const char *block, gsize len, const char *const *own_hosts,
    const AsnNetworkList *trusted, AsnReceived *out)
{
	AsnReceivedState state = ASN_RECEIVED_MORE;
	AsnReceivedWalk walk;
	AsnHeaderIter it;
	AsnHeader h;

	asn_received_walk_init(&walk, own_hosts, trusted);
	asn_header_iter_init(&it, block, len);
	while (state == ASN_RECEIVED_MORE && asn_header_iter_next(&it, &h))
		if (asn_header_is(&h, "Received"))
			state = asn_received_walk_next(
			    &walk, h.value, h.value_len, out);
	return state == ASN_RECEIVED_FOUND;
}
