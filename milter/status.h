/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The milter in one line, for whoever looks at it at night: what it did, and
 * what it works with or lacks.
 */
#pragma once

#include "filter.h"

/* The caller frees it.  Any thread. */
char *mlt_status(MltFilter *filter);
