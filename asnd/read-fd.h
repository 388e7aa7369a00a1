/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Header blocks out of descriptors that a caller opened, on a file system that
 * may never answer.
 *
 * A sealed memfd, as asnctl passes, is memory and read at once.  All else is
 * touched by a thread only, fstat and close included: one a user, few in all,
 * and who asks when these are out is told so.  A thread that is stuck costs its
 * user the next answer, nobody else anything.  Regular files only, at most
 * ASN_HEADER_BLOCK_MAX bytes of them, read at their place 0 whatever their
 * offset, which the caller shares.  Main thread only.
 */
#pragma once

#include "header-copy.h"

#define ASND_READ_THREADS 8
#define ASND_READ_SECONDS 15 /* after that it is given up; busctl waits 25 */

typedef struct _AsndFdReader AsndFdReader;

/* read: for tests; NULL: asn_header_read. */
typedef gboolean (*AsndFdRead)(
    int fd, gint64 at, char *buf, gsize size, gsize *len, gboolean *complete);
AsndFdReader *asnd_fd_reader_new(AsndFdRead read);
/* Whoever waits is told that asnd leaves. */
void asnd_fd_reader_free(AsndFdReader *reader);

/* Called exactly once.  why NULL: this is the block, during the call.  Else
 * what is wrong with the descriptor, in a line; his: it is its caller's fault.
 */
typedef void (*AsndFdFunc)(
    const char *block, gsize len, const char *why, gboolean his, gpointer data);
/* fd is given away.  FALSE: too much is out for this user or in all; fn is not
 * called. */
gboolean asnd_fd_reader_read(
    AsndFdReader *reader, int fd, guint32 uid, AsndFdFunc fn, gpointer data);
/* Threads that are out. */
guint asnd_fd_reader_out(const AsndFdReader *reader);
