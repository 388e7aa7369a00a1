/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filling a dictionary (a{sv}) for an answer on the bus.  What is unknown is
 * left out: a text of NULL or "", a time of 0.  Text from outside is made valid
 * UTF-8, as D-Bus demands.
 */
#pragma once

#include <gio/gio.h>

#include "addr.h"

static inline void
dict_text(GVariantBuilder *b, const char *key, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);

	if (*valid != '\0')
		g_variant_builder_add(
		    b, "{sv}", key, g_variant_new_string(valid));
}

static inline void
dict_time(GVariantBuilder *b, const char *key, gint64 when)
{
	if (when != 0)
		g_variant_builder_add(
		    b, "{sv}", key, g_variant_new_int64(when));
}

static inline void
dict_bool(GVariantBuilder *b, const char *key, gboolean v)
{
	g_variant_builder_add(
	    b, "{sv}", key, g_variant_new_boolean(v != FALSE));
}

static inline void
dict_uint(GVariantBuilder *b, const char *key, guint32 v)
{
	g_variant_builder_add(b, "{sv}", key, g_variant_new_uint32(v));
}

static inline void
dict_double(GVariantBuilder *b, const char *key, double v)
{
	g_variant_builder_add(b, "{sv}", key, g_variant_new_double(v));
}

static inline void
dict_address(GVariantBuilder *b, const char *key, const AsnAddr *addr)
{
	char text[ASN_ADDR_STRLEN];

	if (addr->family != 0)
		dict_text(b, key, asn_addr_format(addr, text));
}

static inline void
dict_network(GVariantBuilder *b, const char *key, const AsnNetwork *net)
{
	char text[ASN_NETWORK_STRLEN];

	if (net->addr.family != 0)
		dict_text(b, key, asn_network_format(net, text));
}
