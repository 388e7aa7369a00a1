/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c: tells what is wrong with a command line. */

#include <sysexits.h>

#include "escape.h"
#include "options.h"

/* As GOption has it: text is in the locale's character set. */
static gboolean
is_text(const char *argument)
{
	g_autofree char *text =
	    g_locale_to_utf8(argument, -1, NULL, NULL, NULL);

	return text != NULL;
}

static void
name_argument(const char *before, const char *argument)
{
	char option[ASN_ESCAPE_SIZE], shown[ASN_ESCAPE_SIZE];
	const gboolean after = before != NULL && before[0] == '-';
	const char *charset;

	g_get_charset(&charset);
	g_printerr(
	    "%s: the argument \"%s\"%s%s is not valid %s; only text is allowed "
	    "there\n",
	    g_get_prgname(), asn_escape_str(shown, argument),
	    after ? " after " : "", after ? asn_escape_str(option, before) : "",
	    charset);
}

int
options_refuse(const GError *error, char *const *argv)
{
	if (error->domain == G_CONVERT_ERROR)
		for (guint i = 1; argv[i] != NULL; i++)
			if (!is_text(argv[i])) {
				name_argument(argv[i - 1], argv[i]);
				return EX_USAGE;
			}
	g_printerr("%s: %s\n", g_get_prgname(), error->message);
	return EX_USAGE;
}
