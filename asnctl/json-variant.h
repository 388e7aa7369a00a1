/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What came over D-Bus as JSON (RFC 8259): a dictionary is an object, in the
 * order it came; an array or a tuple is an array; a variant is what is in it;
 * bytes (ay) are a string; a signed 64-bit number, which from asnd is a time in
 * seconds, is one in ISO 8601, UTC.
 */
#pragma once

#include <glib.h>

/* Nesting beyond 64 is null, as is a number that JSON does not have. */
void json_variant(GString *out, GVariant *value);
