/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-config.c: any bytes as asnd.conf.
 *
 * Covers: lib/config.c lib/config-values.c.
 * Longest input: 1024
 */

#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const guint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	AsnConfig *c = asn_config_parse((const char *)data, size, "f", &error);

	if ((c == NULL) != (error != NULL))
		abort();
	if (error != NULL && (strncmp(error->message, "f:", 2) != 0 ||
				 strchr(error->message, '\n') != NULL))
		abort();
	if (c != NULL && (c->database_dir == NULL || c->flag_headers == NULL ||
			     !(c->thresholds.threshold >= 0.5)))
		abort();
	asn_config_free(c);
	return 0;
}
