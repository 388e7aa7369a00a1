/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The networks of an import: what all sources said, merged.
 *
 * For one and the same network the later source wins, and within a source the
 * later line; of nested networks the longest prefix wins wherever it comes
 * from, as in routing.  One thread; the caller owns the set.
 */
#pragma once

#include "import-map.h"
#include "mmdb-write.h"

#define IMPORT_ORG_MAX 255 /* bytes of a holder's name */

/* Who holds a network.  Origin 0 is nobody: it hides what lies around. */
typedef struct {
	guint32 asn;     /* 0: unknown */
	guint32 org;     /* string id, 0: unknown */
	char country[2]; /* zeros: unknown */
} ImportOrigin;

typedef struct {
	guint64 hi, lo; /* address, left-aligned in its family */
	guint32 origin;
	guint8 family, len;
} ImportEntry;

typedef struct {
	GArray *entries;    /* ImportEntry, sorted and merged */
	GArray *fresh;      /* of the source being read */
	GArray *origins;    /* ImportOrigin */
	GPtrArray *strings; /* GBytes; 0 is "" */
	GHashTable *string_ids;
	ImportMap origin_ids;
	guint64 passed_over; /* networks that cannot hold a mail's client */
	guint64 nobody;      /* entries without AS number and country */
	guint64 read_last;   /* networks of the source merged last */
} ImportSet;

ImportSet *import_set_new(void);
void import_set_free(ImportSet *set);

/* Cleans a name (UTF-8, no control bytes, trimmed, cut to IMPORT_ORG_MAX) and
 * returns its id. */
guint32 import_set_string(ImportSet *set, const char *text, gsize len);
/* country: two bytes, or NULL.  Anything but two capital letters is unknown. */
guint32 import_set_origin(
    ImportSet *set, guint32 asn, const char *country, guint32 org);
/* The source being read will add about n networks. */
void import_set_expect(ImportSet *set, guint n);
/* Adds to the source being read.  Networks no mail can come from, or far too
 * wide ones, are counted and left out. */
void import_set_add(ImportSet *set, const AsnNetwork *net, guint32 origin);
/* The source has been read: its networks go over those before. */
void import_set_merge(ImportSet *set);
/* The file of all networks, not yet checked. */
GBytes *import_set_build(ImportSet *set, const char *description,
    guint64 build_epoch, GError **error);
