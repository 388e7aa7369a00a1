/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket on which asnd-mailwatch comes in: systemd's (sd_listen_fds(3)),
 * or one of our own.  Main thread, at the start.
 */
#pragma once

#include <glib.h>

/* systemd's socket if it passed one: the one named "mailwatch"
 * (FileDescriptorName=), or the only one; it must be a listening unix
 * SOCK_SEQPACKET.  Without any: makes one at path, mode 0660, where a socket
 * nobody listens on any more is replaced and anything else is an error.
 * Returns the descriptor, non-blocking, or -1.  *unlink_path: what to remove
 * at the end (free it); NULL: a passed socket, which stays. */
int asnd_listen_open(const char *path, char **unlink_path, GError **error);
