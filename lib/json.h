/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON out (RFC 8259): what the verbs print with --json.  Appends to a
 * GString; the caller sets braces and commas.
 */
#pragma once

#include <glib.h>

/* A string with its quotes.  Bytes that are not UTF-8 become U+FFFD; control
 * and format characters are written as \uXXXX. */
void asn_json_string(GString *out, const char *text, gssize len);
/* "key": and the value; ", " before it unless an object was just opened. */
void asn_json_member(GString *out, const char *key);
void asn_json_member_string(GString *out, const char *key, const char *value);
void asn_json_member_uint(GString *out, const char *key, guint64 value);
