/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What another process watches, for tests that take a watch from it.  Whoever
 * asks must be allowed to trace that process.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Its first inotify instance, as a descriptor of ours; -1: none. */
int borrow_inotify(pid_t pid);
/* The watch descriptor that this instance has for the inode; -1: none. */
int borrowed_watch_on(int fd, guint64 ino);
