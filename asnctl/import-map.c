/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import-map.c: a hash table for imports. */

#include <string.h>

#include "import-map.h"

void
import_map_clear(ImportMap *map)
{
	g_free(map->slots);
	memset(map, 0, sizeof *map);
}

static ImportMapSlot *
find(const ImportMap *map, guint64 a, guint32 b)
{
	guint64 h = (a ^ (guint64)b << 40) * 0x9E3779B97F4A7C15u;
	guint32 i = (guint32)(h >> 32) & (map->room - 1);

	while (map->slots[i].value != IMPORT_MAP_NONE &&
	       (map->slots[i].a != a || map->slots[i].b != b))
		i = (i + 1) & (map->room - 1);
	return &map->slots[i];
}

static void
grow(ImportMap *map)
{
	g_autofree ImportMapSlot *old = map->slots;
	guint32 n_old = map->room;

	map->room = MAX(1024, n_old * 2);
	map->slots = g_new(ImportMapSlot, map->room);
	memset(map->slots, 0xff, sizeof *map->slots * map->room);
	for (guint32 i = 0; i < n_old; i++)
		if (old[i].value != IMPORT_MAP_NONE)
			*find(map, old[i].a, old[i].b) = old[i];
}

guint32 *
import_map_at(ImportMap *map, guint64 a, guint32 b)
{
	ImportMapSlot *slot;

	if (map->n >= map->room / 2)
		grow(map);
	slot = find(map, a, b);
	if (slot->value == IMPORT_MAP_NONE) {
		slot->a = a;
		slot->b = b;
		map->n++;
	}
	return &slot->value;
}
