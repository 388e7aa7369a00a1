/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The header block of a mail out of a descriptor, and into a sealed memfd: up
 * to and with the first empty line, so that no body goes further than here.
 * Nothing is interpreted but that line.  Any thread; nothing allocates but the
 * kernel for the memfd.
 */
#pragma once

#include <glib.h>

#define ASN_HEADER_BLOCK_MAX ((gsize)256 * 1024)

/* From where fd stands (a pipe, a socket, a file). */
#define ASN_HEADER_HERE (-1)
/* Reads from byte at on (pread(2)), or ASN_HEADER_HERE, into buf.  Never more
 * than size bytes, nor more than that asked of the file.  *complete: the empty
 * line or the end of the file was reached.  FALSE with errno: cannot be read.
 */
gboolean asn_header_read(
    int fd, gint64 at, char *buf, gsize size, gsize *len, gboolean *complete);
/* A memfd of exactly these bytes that nobody can change any more; the caller
 * closes it.  -1 with errno. */
int asn_header_seal(const char *data, gsize len);
