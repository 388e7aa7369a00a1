/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kinds of value in asnd.conf(5), for config.c alone: reading one from the
 * key file into its field of AsnConfig, and freeing it.
 */
#pragma once

#include "config.h"

typedef enum {
	ASN_VALUE_PATH,         /* char *, absolute */
	ASN_VALUE_SOCKET,       /* char *, as milter_setconn takes it */
	ASN_VALUE_NETWORKS,     /* AsnNetworkList */
	ASN_VALUE_FLAG_HEADERS, /* char **, "Name: value" */
	ASN_VALUE_ACTION,       /* AsnAction */
	ASN_VALUE_NUMBER,       /* double, min..max */
	ASN_VALUE_DAYS,         /* double, in seconds; the file has days */
	ASN_VALUE_SECONDS,      /* guint */
	ASN_VALUE_PATTERNS,     /* char **, absolute, no "..", a name */
	ASN_VALUE_FOLDERS,      /* char **, no '/' */
	ASN_VALUE_HOSTS,        /* char ** */
	ASN_VALUE_REPORT_FORMAT, /* AsnReportFormat */
	ASN_VALUE_MAILBOX,      /* char *, "" or local@domain */
	ASN_VALUE_FIELDS        /* char **, names of header fields */
} AsnValueKind;

typedef struct {
	AsnValueKind kind;
	glong offset; /* of the field in AsnConfig */
	double min, max;
} AsnValueRule;

/* Replaces the field.  Returns NULL, or what is allowed (free it): then the
 * field is as it was. */
char *asn_value_read(const AsnValueRule *rule, GKeyFile *file,
    const char *group, const char *key, AsnConfig *config);
void asn_value_clear(const AsnValueRule *rule, AsnConfig *config);
