/* SPDX-License-Identifier: GPL-2.0-or-later */
/* subject.c: an address, a network or an AS, as an admin writes it. */

#include <gio/gio.h>
#include <string.h>

#include "escape.h"
#include "subject.h"

/* FALSE always; the format takes what was written first. */
static gboolean
refuse(GError **error, const char *text, const char *why)
{
	char shown[ASN_ESCAPE_SIZE];

	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "\"%s\" %s",
	    asn_escape_str(shown, text), why);
	return FALSE;
}

static gboolean
has_as_prefix(const char *text)
{
	return g_ascii_strncasecmp(text, "AS", 2) == 0;
}

static gboolean
all_digits(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static gboolean
parse_as(const char *text, AsnSubject *out, GError **error)
{
	const char *digits = has_as_prefix(text) ? text + 2 : text;

	*out = (AsnSubject){.kind = ASN_SUBJECT_AS};
	if (asn_number_parse(text, strlen(text), &out->asn))
		return TRUE;
	if (digits[strspn(digits, "0")] == '\0')
		return refuse(error, text,
		    "is reserved and no AS (RFC 7607); AS1 to AS4294967295 "
		    "are");
	return refuse(error, text, "is no AS number; AS1 to AS4294967295 are");
}

/* Why asn_network_parse did not take it. */
static gboolean
refuse_network(const char *text, GError **error)
{
	const char *slash = strchr(text, '/');
	AsnAddr addr;

	if (slash == NULL ||
	    !asn_addr_parse(text, (gsize)(slash - text), &addr))
		return refuse(error, text,
		    "is no address (192.0.2.1, 2001:db8::1), network "
		    "(192.0.2.0/24, 2001:db8::/32) or AS (AS64496)");
	if (addr.family == 6)
		return refuse(error, text,
		    "has no length of an IPv6 network; /0 to /128 are");
	if (memchr(text, ':', (gsize)(slash - text)) != NULL)
		return refuse(error, text,
		    "is IPv4-mapped, which /96 to /128 would go with; write "
		    "the IPv4 network");
	return refuse(
	    error, text, "has no length of an IPv4 network; /0 to /32 are");
}

static gboolean
refuse_host_bits(const AsnNetwork *net, const char *text, GError **error)
{
	AsnNetwork right = asn_network_of(&net->addr, net->len);
	char shown[ASN_NETWORK_STRLEN], why[ASN_NETWORK_STRLEN + 40];

	g_snprintf(why, sizeof why, "has host bits; the network is %s",
	    asn_network_format(&right, shown));
	return refuse(error, text, why);
}

gboolean
asn_subject_parse(const char *text, AsnSubject *out, GError **error)
{
	gboolean single;

	if (all_digits(text) || (has_as_prefix(text) && all_digits(text + 2)))
		return parse_as(text, out, error);
	*out = (AsnSubject){.kind = ASN_SUBJECT_NETWORK};
	if (!asn_network_parse(text, strlen(text), &out->net))
		return refuse_network(text, error);
	if (!asn_network_is_canonical(&out->net))
		return refuse_host_bits(&out->net, text, error);
	single = out->net.len == (out->net.addr.family == 4 ? 32 : 128);
	if (single)
		out->kind = ASN_SUBJECT_ADDRESS;
	return TRUE;
}

const char *
asn_subject_format(const AsnSubject *subject, char *buf)
{
	switch (subject->kind) {
	case ASN_SUBJECT_ADDRESS:
		return asn_addr_format(&subject->net.addr, buf);
	case ASN_SUBJECT_NETWORK:
		return asn_network_format(&subject->net, buf);
	case ASN_SUBJECT_AS:
		break;
	}
	g_snprintf(
	    buf, ASN_SUBJECT_STRLEN, "AS%" G_GUINT32_FORMAT, subject->asn);
	return buf;
}

gboolean
asn_subject_contains(const AsnSubject *subject, const AsnOriginKey *key)
{
	if (subject->kind == ASN_SUBJECT_AS)
		return subject->asn == key->asn;
	return asn_network_contains(&subject->net, &key->addr);
}

gboolean
asn_subject_equal(const AsnSubject *a, const AsnSubject *b)
{
	return asn_subject_cmp(a, b) == 0;
}

int
asn_subject_cmp(const AsnSubject *a, const AsnSubject *b)
{
	gboolean a_is_as = a->kind == ASN_SUBJECT_AS;
	gboolean b_is_as = b->kind == ASN_SUBJECT_AS;

	if (a_is_as != b_is_as)
		return a_is_as ? 1 : -1;
	if (a_is_as)
		return a->asn < b->asn ? -1 : a->asn > b->asn;
	return asn_network_cmp(&a->net, &b->net);
}
