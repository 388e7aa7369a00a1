/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * milter-empty.c: the yardstick for asn-milter, the least that a libmilter
 * filter can do which adds three constant headers.
 *
 *   milter-empty unix:/PATH [--no-headers]
 *
 * Asks for the same events and macros as asn-milter, answers the same ones;
 * with --no-headers it does without the header events.
 */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <libmilter/mfapi.h>

static int no_headers;

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long unused2, unsigned long unused3, unsigned long *out_actions,
    unsigned long *out_steps, unsigned long *out2, unsigned long *out3)
{
	static char none[] = "", eom[] = "i {auth_authen} {auth_type}";

	*out_actions =
	    actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_SETSYMLIST);
	*out_steps =
	    steps & (SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT | SMFIP_NOBODY |
			SMFIP_NOEOH | SMFIP_NODATA | SMFIP_NOUNKNOWN |
			SMFIP_NR_CONN | SMFIP_NR_HDR);
	if (no_headers)
		*out_steps |= SMFIP_NOHDRS;
	*out2 = *out3 = 0;
	smfi_setsymlist(ctx, SMFIM_CONNECT, none);
	smfi_setsymlist(ctx, SMFIM_EOM, eom);
	return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
	return SMFIS_NOREPLY;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	return SMFIS_NOREPLY;
}

static sfsistat
on_end(SMFICTX *ctx)
{
	static char asn[] = "X-ASN", spam[] = "X-ASN-Spam";
	static char seal[] = "X-ASN-Seal";
	static char asn_value[] = "AS64496 192.0.2.0/24 ZZ (Example Networks)";
	static char spam_value[] = "No, score=0.500 threshold=0.900 "
				   "level=prefix spam=41.3 ham=0.8";
	static char seal_value[] =
	    "v=1; k=0; t=1795217323; ip=192.0.2.7; q=4XyZ; f=1; "
	    "b=saM+yb+RYMiRsXdpJB1izelwVsdpVqXxjSNeBt4uwsw=";

	smfi_insheader(ctx, 0, seal, seal_value);
	smfi_insheader(ctx, 0, spam, spam_value);
	smfi_insheader(ctx, 0, asn, asn_value);
	return SMFIS_CONTINUE;
}

int
main(int argc, char **argv)
{
	static char name[] = "milter-empty";
	struct smfiDesc desc = {
	    .xxfi_name = name,
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_SETSYMLIST,
	    .xxfi_connect = on_connect,
	    .xxfi_header = on_header,
	    .xxfi_eom = on_end,
	    .xxfi_negotiate = on_negotiate,
	};

	if (argc < 2) {
		fputs(
		    "usage: milter-empty unix:/PATH [--no-headers]\n", stderr);
		return 64;
	}
	no_headers = argc > 2 && strcmp(argv[2], "--no-headers") == 0;
	umask(0117);
	if (smfi_register(desc) != MI_SUCCESS ||
	    smfi_setconn(argv[1]) != MI_SUCCESS ||
	    smfi_opensocket(1) != MI_SUCCESS)
		return 1;
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
