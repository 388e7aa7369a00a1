/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening what hostile users own.
 *
 * Nothing here follows a symlink that a user can make, leaves the directory it
 * starts from, or opens a FIFO, device or socket for more than looking at it
 * (O_PATH).  No descriptor is kept between two calls of asnd-mailwatch: a path
 * is walked anew every time, so a directory that was moved away is not reached
 * any more, and 10,000 Maildirs need no 10,000 descriptors.
 * All return a descriptor that the caller closes, or -1 with errno.
 */
#pragma once

#include <glib.h>
#include <sys/stat.h>

/* The part of a pattern before its first wildcard: named by root.  A symlink
 * in it is followed only when root (or we) made it. */
int asn_open_base(const char *path);

/* A directory beneath dir_fd (openat2: RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS,
 * RESOLVE_NO_MAGICLINKS), as O_PATH.  same_mount: mount points (FUSE!) are
 * refused too.  *st is what was opened. */
int asn_open_dir(
    int dir_fd, const char *path, gboolean same_mount, struct stat *st);

/* Anything beneath dir_fd on the same mount, as O_PATH: a trailing symlink or
 * FIFO is opened as itself and for looking only. */
int asn_open_look(int dir_fd, const char *path, struct stat *st);

/* The same file or directory again, for reading.  fd: from one of the above.
 * Never blocks: O_NONBLOCK, also against a lease its owner took. */
int asn_reopen_read(int fd, int flags, const struct stat *st);
