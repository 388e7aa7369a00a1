/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket that the mail server connects to: from systemd, or our own.
 * Main thread, before smfi_main.
 */
#pragma once

#include <glib.h>

typedef struct {
	char *spec;        /* as smfi_setconn takes it */
	int fd;            /* it listens here; -1: cannot be told */
	char *unlink_path; /* a unix socket that we made; NULL: none */
} MltListen;

/* wanted: --socket, or NULL: systemd's socket if it passed one, else
 * `configured`.  Opens it (unix: mode 0660, a dead socket in the way is
 * removed).  Clean up with mlt_listen_close. */
gboolean mlt_listen_open(
    MltListen *l, const char *wanted, const char *configured, GError **error);
/* Removes the socket file if it is ours; a passed socket stays. */
void mlt_listen_close(MltListen *l);

/* Whether mlt_listen_open would find what it needs, or a unix socket is in use
 * already: says so in a line on stdout.  Nothing is left behind. */
gboolean mlt_listen_test(const char *wanted, const char *configured);
