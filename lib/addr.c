/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr.c: addresses, networks and AS numbers as text and as values. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "addr.h"

static const guint8 v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static AsnAddr
from_v4(const void *four)
{
	AsnAddr a = {.family = 4};
	memcpy(a.b + 12, four, 4);
	return a;
}

static AsnAddr
from_v6(const void *sixteen)
{
	AsnAddr a = {.family = 6};
	if (memcmp(sixteen, v4_mapped, sizeof v4_mapped) == 0)
		return from_v4((const guint8 *)sixteen + 12);
	memcpy(a.b, sixteen, 16);
	return a;
}

gboolean
asn_addr_parse(const char *text, gsize len, AsnAddr *out)
{
	char buf[ASN_ADDR_STRLEN];
	guint8 bytes[16];

	if (len > 5 && g_ascii_strncasecmp(text, "IPv6:", 5) == 0) {
		text += 5;
		len -= 5;
	}
	if (len == 0 || len >= sizeof buf || memchr(text, 0, len) != NULL)
		return FALSE;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (inet_pton(AF_INET, buf, bytes) == 1)
		*out = from_v4(bytes);
	else if (inet_pton(AF_INET6, buf, bytes) == 1)
		*out = from_v6(bytes);
	else
		return FALSE;
	return TRUE;
}

gboolean
asn_addr_from_sockaddr(const struct sockaddr *sa, AsnAddr *out)
{
	if (sa == NULL)
		return FALSE;
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof in);
		*out = from_v4(&in.sin_addr);
		return TRUE;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof in6);
		*out = from_v6(&in6.sin6_addr);
		return TRUE;
	}
	return FALSE;
}

const char *
asn_addr_format(const AsnAddr *addr, char *buf)
{
	const char *done = NULL;

	if (addr->family == 4)
		done = inet_ntop(AF_INET, addr->b + 12, buf, ASN_ADDR_STRLEN);
	else if (addr->family == 6)
		done = inet_ntop(AF_INET6, addr->b, buf, ASN_ADDR_STRLEN);
	if (done == NULL)
		g_strlcpy(buf, "unknown", ASN_ADDR_STRLEN);
	return buf;
}

gboolean
asn_addr_is_loopback(const AsnAddr *addr)
{
	static const guint8 one[16] = {[15] = 1};

	return addr->family == 4 ? addr->b[12] == 127
				 : memcmp(addr->b, one, sizeof one) == 0;
}

gboolean
asn_addr_equal(const AsnAddr *a, const AsnAddr *b)
{
	return a->family == b->family && memcmp(a->b, b->b, 16) == 0;
}

/* Mixes all 128 bits: neighbours must not collide, and a sender chooses only
 * addresses that it can really send from. */
guint
asn_addr_hash(const AsnAddr *a)
{
	guint64 hi, lo;

	memcpy(&hi, a->b, 8);
	memcpy(&lo, a->b + 8, 8);
	hi =
	    (hi ^ (lo + 0x9E3779B97F4A7C15u) ^ a->family) * 0xBF58476D1CE4E5B9u;
	hi ^= hi >> 29;
	hi = (hi ^ lo) * 0x94D049BB133111EBu;
	return (guint)(hi >> 32);
}

/* Digits only, no sign, no more than max. */
static gboolean
parse_decimal(const char *text, gsize len, guint64 max, guint64 *out)
{
	guint64 v = 0;

	if (len == 0 || len > 10)
		return FALSE;
	for (gsize i = 0; i < len; i++) {
		if (!g_ascii_isdigit(text[i]))
			return FALSE;
		v = v * 10 + (guint64)(text[i] - '0');
	}
	if (v > max)
		return FALSE;
	*out = v;
	return TRUE;
}

gboolean
asn_network_parse(const char *text, gsize len, AsnNetwork *out)
{
	const char *slash = memchr(text, '/', len);
	gsize addr_len = slash ? (gsize)(slash - text) : len;
	gboolean mapped = FALSE;
	AsnNetwork net;
	guint64 bits;

	if (!asn_addr_parse(text, addr_len, &net.addr))
		return FALSE;
	mapped = net.addr.family == 4 && memchr(text, ':', addr_len) != NULL;
	if (slash == NULL)
		bits = net.addr.family == 4 ? 32 : 128;
	else if (!parse_decimal(slash + 1, len - addr_len - 1,
		     net.addr.family == 4 && !mapped ? 32 : 128, &bits))
		return FALSE;
	else if (mapped) {
		if (bits < 96)
			return FALSE;
		bits -= 96;
	}
	net.len = (guint8)bits;
	*out = net;
	return TRUE;
}

const char *
asn_network_format(const AsnNetwork *net, char *buf)
{
	char addr[ASN_ADDR_STRLEN];

	g_snprintf(buf, ASN_NETWORK_STRLEN, "%s/%u",
	    asn_addr_format(&net->addr, addr), net->len);
	return buf;
}

/* Bits of the 16 bytes that are network, not host. */
static guint
tree_bits(const AsnNetwork *net)
{
	return net->len + (net->addr.family == 4 ? 96u : 0u);
}

/* The first n of 64 bits. */
static guint64
first_bits(guint n)
{
	return n == 0 ? 0 : G_MAXUINT64 << (64 - MIN(n, 64));
}

AsnNetwork
asn_network_of(const AsnAddr *addr, guint8 len)
{
	AsnNetwork net = {.addr = *addr, .len = len};
	guint bits = tree_bits(&net);
	guint64 b[2];

	memcpy(b, addr->b, sizeof b);
	b[0] &= GUINT64_TO_BE(first_bits(bits));
	b[1] &= GUINT64_TO_BE(first_bits(bits > 64 ? bits - 64 : 0));
	memcpy(net.addr.b, b, sizeof b);
	return net;
}

gboolean
asn_network_is_canonical(const AsnNetwork *net)
{
	AsnNetwork masked = asn_network_of(&net->addr, net->len);

	return asn_network_equal(net, &masked);
}

gboolean
asn_network_contains(const AsnNetwork *net, const AsnAddr *addr)
{
	guint bits, whole, rest;

	if (net->addr.family != addr->family)
		return FALSE;
	bits = tree_bits(net);
	whole = bits / 8;
	rest = bits % 8;
	if (memcmp(net->addr.b, addr->b, whole) != 0)
		return FALSE;
	return rest == 0 ||
	       ((net->addr.b[whole] ^ addr->b[whole]) >> (8 - rest)) == 0;
}

gboolean
asn_network_equal(const AsnNetwork *a, const AsnNetwork *b)
{
	return a->len == b->len && asn_addr_equal(&a->addr, &b->addr);
}

guint
asn_network_hash(const AsnNetwork *n)
{
	return asn_addr_hash(&n->addr) * 31 + n->len;
}

int
asn_network_cmp(const AsnNetwork *a, const AsnNetwork *b)
{
	int c;

	if (a->addr.family != b->addr.family)
		return a->addr.family < b->addr.family ? -1 : 1;
	c = memcmp(a->addr.b, b->addr.b, 16);
	return c ? c : (int)a->len - (int)b->len;
}

AsnNetwork
asn_addr_block(const AsnAddr *addr)
{
	return asn_network_of(addr, addr->family == 4 ? 24 : 48);
}

AsnNetwork
asn_addr_leaf(const AsnAddr *addr)
{
	return asn_network_of(addr, addr->family == 4 ? 32 : 64);
}

gboolean
asn_network_list_contains(const AsnNetworkList *list, const AsnAddr *addr)
{
	for (gsize i = 0; i < list->n; i++)
		if (asn_network_contains(&list->nets[i], addr))
			return TRUE;
	return FALSE;
}

void
asn_network_list_clear(AsnNetworkList *list)
{
	g_clear_pointer(&list->nets, g_free);
	list->n = 0;
}

gboolean
asn_number_parse(const char *text, gsize len, guint32 *out)
{
	guint64 v;

	if (len > 2 && g_ascii_strncasecmp(text, "AS", 2) == 0) {
		text += 2;
		len -= 2;
	}
	if (!parse_decimal(text, len, G_MAXUINT32, &v) || v == 0)
		return FALSE;
	*out = (guint32)v;
	return TRUE;
}
