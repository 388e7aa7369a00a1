/* SPDX-License-Identifier: GPL-2.0-or-later */
/* escape.c: outside text made fit for a log line. */

#include <string.h>

#include "escape.h"

const char *
asn_escape(char *buf, const char *text, gsize len)
{
	static const char hex[] = "0123456789abcdef";
	gsize shown = MIN(len, ASN_ESCAPE_BYTES);
	char *p = buf;

	for (gsize i = 0; i < shown; i++) {
		guchar c = (guchar)text[i];
		if (c >= 0x20 && c < 0x7f && c != '\\') {
			*p++ = (char)c;
			continue;
		}
		*p++ = '\\';
		*p++ = 'x';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 15];
	}
	if (shown < len) {
		memcpy(p, "...", 3);
		p += 3;
	}
	*p = '\0';
	return buf;
}

const char *
asn_escape_str(char *buf, const char *text)
{
	return asn_escape(buf, text, text ? strlen(text) : 0);
}
