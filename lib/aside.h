/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Write aside, fsync, rename: a reader sees the old file or the whole new one,
 * never a part, whatever is killed when (rename(2), fsync(2)).
 *
 * Only a regular file is replaced; anything else under the name, a symbolic
 * link too, is refused.  Temporary files are called ".NAME.tmp" in the same
 * directory; a stale one is overwritten.  A writer holds a flock(2) on it, so
 * that of several each writes a whole file and the last one stays; who cannot
 * get it within ASN_ASIDE_PATIENCE fails with G_FILE_ERROR_AGAIN and may try
 * again.  What root writes belongs to the directory's owner.  On any failure
 * (ENOSPC, EIO, ...) the old file is untouched, the temporary one is removed,
 * and the error (G_FILE_ERROR) names file and cause.
 */
#pragma once

#include <gio/gio.h>

#define ASN_ASIDE_PATIENCE 100L /* ms: no event loop may stand still longer */

gboolean asn_aside_write(int dir_fd, const char *name, const void *data,
    gsize len, mode_t mode, GError **error);
