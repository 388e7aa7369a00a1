/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cursor over bytes of a mail: what is left of a header's value.  Hostile
 * bytes without a NUL at the end; p never passes end.  A plain value, private
 * to the parsers of lib/.
 */
#pragma once

#include <glib.h>

typedef struct {
	const char *p, *end;
} AsnSpan;

/* White space and the line ends of a fold (RFC 5322 2.2.3). */
static inline gboolean
asn_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static inline void
asn_span_skip_space(AsnSpan *s)
{
	while (s->p < s->end && asn_is_space(*s->p))
		s->p++;
}
