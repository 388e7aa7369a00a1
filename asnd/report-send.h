/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handing a mail to the local sendmail.
 */
#pragma once

#include <glib.h>

/* Runs `program -i -f from -- to` with the mail on its standard input, which
 * is whole before the program starts: it cannot send half of it.  Waits for it,
 * and ends it and its children after `seconds`.  FALSE: it does not have the
 * mail, as far as it tells.  from, to: asn_config_load let them pass. */
typedef struct {
	char *program, *from, *to; /* not changed */
	guint seconds;
} AsndSendmail;
gboolean asnd_report_send(
    const AsndSendmail *how, const void *data, gsize len, GError **error);
