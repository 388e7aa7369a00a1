/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What asnd-mailwatch asks of its configuration beyond lib/config.h. */
#pragma once

#include "config.h"

/* As asn_config_load, and every pattern can be walked (tree.h). */
AsnConfig *mw_config_load(const char *path, GError **error);
