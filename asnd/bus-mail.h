/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mails that callers pass as a descriptor (read-fd.h), and who a caller means
 * by a user.  Main thread only.
 */
#pragma once

#include "block.h"
#include "bus.h"

/* What the header block of the mail behind an argument of type h says; data is
 * that block.  fn answers the call.  A mail that cannot be read fails it, and
 * fn is not called. */
typedef void (*AsndBusMailFunc)(
    AsndBusCall *call, const AsndBlock *mail, const char *data, gsize len);
void asnd_bus_mail(AsndBusCall *call, GVariant *handle, AsndBusMailFunc fn);

/* Why asnd_block_parse found no client in data.  Free it. */
char *asnd_bus_no_client(const AsndDaemon *daemon, const char *data, gsize len);

/* Whose vote it is (bus-user.c): the path of a Maildir; a name, which is the
 * directory that a Maildir is in (or its own), with @ and the directory above
 * where there is one; "" for the caller: the Maildir that his uid owns.
 * Who has no Maildir here votes as "user:NAME" or "uid:N", and is made with
 * `make`.  0: the call has failed. */
gint64 asnd_bus_user(AsndBusCall *call, const char *name, gboolean make);
