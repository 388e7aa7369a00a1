/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash table from (guint64, guint32) to guint32, for the millions of
 * questions an import asks.  Values cannot be IMPORT_MAP_NONE.  Init with
 * zeros, clear with import_map_clear.
 */
#pragma once

#include <glib.h>

#define IMPORT_MAP_NONE G_MAXUINT32

typedef struct {
	guint64 a;
	guint32 b, value;
} ImportMapSlot;

typedef struct {
	ImportMapSlot *slots;
	guint32 n, room; /* room: a power of two, or 0 */
} ImportMap;

void import_map_clear(ImportMap *map);
/* The value's place; a new key has IMPORT_MAP_NONE there, to be set at once.
 * Valid until the next call. */
guint32 *import_map_at(ImportMap *map, guint64 a, guint32 b);
