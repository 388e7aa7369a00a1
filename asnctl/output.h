/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a verb made, out of the door: whole, or with one line on stderr that
 * says why not and an exit code of sysexits.h.  The line starts with the
 * program's name as g_get_prgname() has it.
 */
#pragma once

#include <glib.h>

/* EX_OK, or EX_IOERR: a closed pipe, a full disk, a closed descriptor. */
int output_to_stdout(const char *data, gsize len);
/* Written aside (aside.h), mode 0644.  EX_OK or EX_CANTCREAT: then what was
 * there stays. */
int output_to_file(const char *path, const char *data, gsize len);
