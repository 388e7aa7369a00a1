/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syslog(3) for daemons whose stderr nobody reads.  Main thread, at the start
 * and before any chroot(2); the writer may be called by any thread.
 */
#pragma once

#include <glib.h>

/* Opens it if asked to, or if stderr is closed or /dev/null.  FALSE: stderr (or
 * the journal, which GLib knows) stays the place. */
gboolean asn_syslog_open(const char *ident, gboolean asked);
/* A GLogWriterFunc. */
GLogWriterOutput asn_syslog_write(
    GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data);
