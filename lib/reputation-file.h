/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One reputation.mmdb or recent.mmdb, open and checked: every record is what
 * reputation.h "Layout" says, so that looking up reads doubles without asking.
 *
 * Immutable and counted; any thread.  Lookups allocate nothing.
 */
#pragma once

#include "reputation-near.h"

typedef struct {
	guint64 key; /* rep_special; 0: empty */
	RepNode node;
} RepSlot;

typedef struct {
	gatomicrefcount refs;
	AsnMmdb *db;
	GBytes *bytes; /* what db stands on, or NULL for a file */
	RepNode all, raw;
	double half_life, k, k_all;
	gint64 weights_time, two_reporters_until;
	guint64 base;
	RepSlot *slots; /* what stands under 100::/64 */
	guint32 n, mask;
	RepNear *near; /* where records are */
} RepFile;

/* Opens fd, or bytes when these are not NULL; type: ASN_REPUTATION_TYPE or
 * ASN_RECENT_TYPE.  NULL: error, of domain ASN_MMDB_ERROR. */
RepFile *rep_file_open(
    int fd, GBytes *bytes, const char *name, const char *type, GError **error);
RepFile *rep_file_ref(RepFile *file);
void rep_file_unref(RepFile *file); /* NULL: nothing */

/* Node of a number under 100::/64; NULL: none. */
const RepNode *rep_file_special(
    const RepFile *file, guint kind, guint32 number);

/* The nodes around an address; has: bit 1 << AsnLevel for each one found. */
typedef struct {
	RepNode node[ASN_N_LEVELS];
	guint has;
} RepFound;
/* Adds what this file knows of the levels PREFIX, BLOCK and ADDRESS of key
 * and is not in `found` yet. */
void rep_file_lookup(
    const RepFile *file, const AsnOriginKey *key, RepFound *found);
