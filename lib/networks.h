/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * networks.mmdb: who owns an address.  Record: autonomous_system_number
 * (uint32), autonomous_system_organization (string), country (string, ISO
 * 3166-1 alpha-2), prefix_length (uint16, of the routed network, in the
 * address's own family); each optional but prefix_length.
 *
 * Handles are immutable (mmdb.h).  Lookups allocate nothing.
 */
#pragma once

#include "mmdb.h"
#include "model.h"

#define ASN_NETWORKS_FILE "networks.mmdb"
#define ASN_NETWORKS_TYPE "asnd-ASN (compat=GeoLite2-ASN)"

typedef struct {
	guint32 asn;       /* 0: unknown */
	char country[3];   /* "": unknown, or no code */
	AsnNetwork prefix; /* routed prefix; addr.family 0: no record at all */
	const char *org;   /* not NUL-terminated; NULL: unknown; lives as long as the db */
	gsize org_len;
} AsnOrigin;

/* A country is printed and put into headers as it is: two capital letters, or
 * it is none.  The two bytes may be anything. */
gboolean asn_is_country(const void *code);

typedef struct _AsnNetworks AsnNetworks;
/* Also demands our database_type and checksum: ASN_MMDB_ERROR_KIND otherwise. */
AsnNetworks *asn_networks_open(int fd, const char *name, GError **error);
void asn_networks_close(AsnNetworks *db);
const AsnMmdb *asn_networks_mmdb(const AsnNetworks *db);
/* FALSE and a zeroed *out when the address is in no network. */
gboolean asn_networks_lookup(
    const AsnNetworks *db, const AsnAddr *addr, AsnOrigin *out);
/* The key for the model; db may be NULL (everything but the address unknown). */
AsnOriginKey asn_networks_key(const AsnNetworks *db, const AsnAddr *addr);
AsnOriginKey asn_origin_key(const AsnAddr *addr, const AsnOrigin *origin);
