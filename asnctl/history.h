/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Votes as asnd tells them (aa{sv} of History), for a person.
 */
#pragma once

#include "style.h"

void history_print(GString *out, const Style *style, GVariant *votes);
