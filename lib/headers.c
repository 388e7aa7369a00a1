/* SPDX-License-Identifier: GPL-2.0-or-later */
/* headers.c: walking through the header block of a mail (RFC 5322 2.2). */

#include <string.h>

#include "headers.h"

void
asn_header_iter_init(AsnHeaderIter *it, const char *data, gsize len)
{
	it->data = data;
	it->end = data + len;
}

static gboolean
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes one line off; *text_end is where its CRLF, LF or the data ends. */
static const char *
take_line(AsnHeaderIter *it, const char **text_end)
{
	const char *line = it->data;
	const char *lf = memchr(line, '\n', (gsize)(it->end - line));

	it->data = lf ? lf + 1 : it->end;
	*text_end = lf ? lf : it->end;
	if (lf != NULL && lf > line && lf[-1] == '\r')
		*text_end = lf - 1;
	return line;
}

/* Field name: printable ASCII but no colon (RFC 5322 2.2); white space before
 * the colon is obsolete syntax that mail systems still accept (4.5).  Returns
 * where the value starts, or NULL. */
static const char *
split_name(const char *line, const char *end, AsnHeader *out)
{
	const char *p = line;

	while (p<end && * p> ' ' && *p < 0x7f && *p != ':')
		p++;
	out->name = line;
	out->name_len = (gsize)(p - line);
	while (p < end && is_wsp(*p))
		p++;
	if (out->name_len == 0 || p == end || *p != ':')
		return NULL;
	return p + 1;
}

gboolean
asn_header_iter_next(AsnHeaderIter *it, AsnHeader *out)
{
	/* Every turn takes at least one byte off, so the loop ends. */
	while (it->data < it->end) {
		const char *text_end;
		const char *line = take_line(it, &text_end);
		const char *value;

		if (text_end == line) {
			it->data = it->end; /* the empty line: body follows */
			return FALSE;
		}
		value = is_wsp(*line) ? NULL : split_name(line, text_end, out);
		while (it->data < it->end && is_wsp(*it->data))
			take_line(it, &text_end);
		if (value == NULL)
			continue;
		out->value = value;
		out->value_len = (gsize)(text_end - value);
		return TRUE;
	}
	return FALSE;
}

gboolean
asn_header_is(const AsnHeader *h, const char *name)
{
	return h->name_len == strlen(name) &&
	       g_ascii_strncasecmp(h->name, name, h->name_len) == 0;
}
