/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one way by which text from outside gets into a log line or an error.
 *
 * Printable ASCII stays; a backslash and every other byte becomes \xHH.  At
 * most 100 bytes of input are shown, "..." tells that there was more.  Never
 * allocates, any thread.
 */
#pragma once

#include <glib.h>

#define ASN_ESCAPE_BYTES 100
#define ASN_ESCAPE_SIZE (ASN_ESCAPE_BYTES * 4 + 4)

/* buf: ASN_ESCAPE_SIZE bytes.  text may be NULL when len is 0.  Returns buf. */
const char *asn_escape(char *buf, const char *text, gsize len);
/* The same for a string; NULL gives "". */
const char *asn_escape_str(char *buf, const char *text);
