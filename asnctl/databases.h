/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Earlier names of open-databases.h. */
#pragma once

#include "open-databases.h"

#define databases_open_networks asn_open_networks
#define databases_open_reputation asn_open_reputation
