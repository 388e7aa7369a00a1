/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-subject.c: any bytes as an address, a network or an AS.
 *
 * Covers: lib/subject.c lib/addr.c.
 * Longest input: 128
 */

#include <stdlib.h>
#include <string.h>

#include "subject.h"

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

/* What was taken is canonical and reads as itself. */
static void
check_taken(const AsnSubject *s)
{
	char text[ASN_SUBJECT_STRLEN];
	AsnSubject again;

	if (!asn_subject_parse(asn_subject_format(s, text), &again, NULL) ||
	    !asn_subject_equal(s, &again) || again.kind != s->kind)
		abort();
	if ((s->kind == ASN_SUBJECT_AS) != (s->asn != 0))
		abort();
	if (s->kind != ASN_SUBJECT_AS && !asn_network_is_canonical(&s->net))
		abort();
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(GError) error = NULL;
	AsnSubject s;

	if (asn_subject_parse(text, &s, &error))
		check_taken(&s);
	else if (error == NULL || strchr(error->message, '\n') != NULL ||
		 !g_utf8_validate(error->message, -1, NULL))
		abort();
	return 0;
}
