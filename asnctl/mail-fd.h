/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mail as asnd gets it: the header block of a file or of stdin in a sealed
 * memfd, so that no body leaves asnctl.  One thread.
 *
 * An mbox's "From " line in front is passed over, and lines that end in CR LF
 * are made to end in LF, as in a Maildir: so a mail is the same however it
 * comes.  What comes through a pipe is read to its end, for a writer that would
 * take a closed pipe for a failure.
 */
#pragma once

#include <gio/gunixfdlist.h>

/* file: "-" is stdin.  EX_OK: *out has the one descriptor, handle 0; to be
 * unreferenced.  EX_NOINPUT, EX_DATAERR (it is empty) or EX_OSERR: *why says
 * what is wrong, to be freed; the name of the file is not in it. */
int mail_fd_open(const char *file, GUnixFDList **out, char **why);

/* Does an argument that could be an address, a network or an AS mean a mail?
 * "-" does, and what is none of these but a file that is there. */
gboolean mail_fd_is_mail(const char *arg);
