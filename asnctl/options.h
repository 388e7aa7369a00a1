/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What GLib could not parse of a command line.
 */
#pragma once

#include <glib.h>

/* Prints in one line on stderr what is wrong: error as it is, but of bytes that
 * are no text which argument has them.  argv: as g_option_context_parse() left
 * it.  Returns EX_USAGE.  Main thread. */
int options_refuse(const GError *error, char *const *argv);
