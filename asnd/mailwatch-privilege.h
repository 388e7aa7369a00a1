/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one privilege in asnd: CAP_DAC_READ_SEARCH (capabilities(7)), to read
 * Maildirs of other users.  Everything else is given up at the start, for good.
 */
#pragma once

#include <glib.h>

/* Gives up every capability but CAP_DAC_READ_SEARCH, also from the inheritable,
 * ambient and (where we may) bounding sets, forbids any gain by exec, and
 * looks whether it worked.  *may_read: the one was there.  On error the caller
 * exits. */
gboolean mw_privilege_drop(gboolean *may_read, GError **error);
