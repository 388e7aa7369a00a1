/* SPDX-License-Identifier: GPL-2.0-or-later */
/* placeholders.c: {asn} and its like in a text of the admin's. */

#include <math.h>
#include <string.h>

#include "placeholders.h"

gboolean
asn_placeholders_known(const char *text)
{
	static const char *const names[] = {
	    "{asn}", "{prefix}", "{country}", "{score}"};

	for (const char *p = text; (p = strpbrk(p, "{}")) != NULL;) {
		gsize n = 0;
		for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
			if (g_str_has_prefix(p, names[i]))
				n = strlen(names[i]);
		if (n == 0)
			return FALSE;
		p += n;
	}
	return TRUE;
}

/* What a placeholder stands for. */
static const char *
value_of(const char *p, const AsnPlaceholders *v, char *buf, gsize size)
{
	const AsnOrigin *o = v->origin;

	if (g_str_has_prefix(p, "{asn}"))
		g_snprintf(buf, (gulong)size, "%" G_GUINT32_FORMAT, o->asn);
	else if (g_str_has_prefix(p, "{prefix}") && o->prefix.addr.family != 0)
		asn_network_format(&o->prefix, buf);
	else if (g_str_has_prefix(p, "{country}") && o->country[0] != '\0')
		g_strlcpy(buf, o->country, size);
	else if (g_str_has_prefix(p, "{score}") && !isnan(v->score))
		g_snprintf(buf, (gulong)size, "%d.%03d",
		    (int)llrint(v->score * 1000) / 1000,
		    (int)llrint(v->score * 1000) % 1000);
	else
		g_strlcpy(buf, "unknown", size);
	return buf;
}

gsize
asn_placeholders_expand(
    const char *text, const AsnPlaceholders *values, char *out, gsize size)
{
	gsize n = 0;

	while (*text != '\0') {
		char word[ASN_NETWORK_STRLEN] = {*text};
		const char *close = *text == '{' ? strchr(text, '}') : NULL;
		gsize len;

		if (close != NULL)
			value_of(text, values, word, sizeof word);
		text = close ? close + 1 : text + 1;
		len = strlen(word);
		if (len >= size - n)
			return 0;
		memcpy(out + n, word, len + 1);
		n += len;
	}
	return n;
}
