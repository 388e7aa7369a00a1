/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Write aside, fsync, rename: a reader sees the old file or the whole new one,
 * never a part, whatever is killed when (rename(2), fsync(2)).
 *
 * Temporary files are called ".NAME.tmp" in the same directory; a stale one is
 * overwritten.  On any failure (ENOSPC, EIO, ...) the old file is untouched,
 * the temporary one is removed, and the error (G_FILE_ERROR) names file and cause.
 */
#pragma once

#include <gio/gio.h>

gboolean asn_aside_write(int dir_fd, const char *name, const void *data,
    gsize len, mode_t mode, GError **error);
