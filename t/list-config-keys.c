/* SPDX-License-Identifier: GPL-2.0-or-later */
/* list-config-keys.c: for 4000-man.t, what the programs know of asnd.conf(5).
 *
 * list-config-keys         group TAB key TAB default, a line each
 * list-config-keys FILE    exits 0 when FILE is a good configuration, else
 *                          78 and says why */

#include <stdio.h>
#include <sysexits.h>

#include "config.h"

int
main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	const AsnConfigKey *keys;
	AsnConfig *config;
	gsize n;

	if (argc < 2) {
		keys = asn_config_keys(&n);
		for (gsize i = 0; i < n; i++)
			printf("%s\t%s\t%s\n", keys[i].group, keys[i].key,
			    keys[i].fallback);
		return EX_OK;
	}
	config = asn_config_load(argv[1], &error);
	if (config == NULL) {
		fprintf(stderr, "%s\n", error->message);
		return EX_CONFIG;
	}
	asn_config_free(config);
	return EX_OK;
}
