/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sources of an import: files of several makers, told apart by content.
 *
 * Each reader adds what it finds to an ImportSet and calls the progress now
 * and then.  FALSE: the file is broken or unknown; the error (SOURCE_ERROR)
 * names it with line or offset, and the set is of no use any more.  One
 * thread.
 */
#pragma once

#include "import-set.h"

typedef enum {
	SOURCE_ERROR_MISSING, /* no such file */
	SOURCE_ERROR_READ,    /* cannot be read */
	SOURCE_ERROR_BROKEN,  /* bad content */
	SOURCE_ERROR_STOPPED  /* the progress said so */
} SourceError;
#define SOURCE_ERROR (source_error_quark())
GQuark source_error_quark(void);

/* Called every few thousand networks; FALSE stops the import. */
typedef struct {
	gboolean (*tell)(gpointer data, double done); /* 0..1; may be NULL */
	gpointer data;
} SourceProgress;

#define SOURCE_MAX ((gsize)2 << 30) /* bytes of a file, unpacked */

/* What was read, for the description and the summary. */
typedef struct {
	const char *format; /* e.g. "libloc", static */
	char *about; /* maker, licence, date: free with g_free; may be NULL */
} SourceInfo;

gboolean source_read(const char *path, ImportSet *set,
    const SourceProgress *progress, SourceInfo *info, GError **error);

/* One for each kind of content (source-*.c); name is for errors. */
gboolean source_is_loc(const guint8 *data, gsize len);
gboolean source_read_loc(const guint8 *data, gsize len, const char *name,
    ImportSet *set, const SourceProgress *progress, SourceInfo *info,
    GError **error);
/* When a location.db was made, in seconds since the epoch; 0: it is none. */
guint64 source_loc_created(const char *path);

gboolean source_is_mmdb(const guint8 *data, gsize len);
gboolean source_read_mmdb(const guint8 *data, gsize len, const char *name,
    ImportSet *set, const SourceProgress *progress, SourceInfo *info,
    GError **error);

/* iptoasn in its four forms, and plain lines. */
gboolean source_read_text(const guint8 *data, gsize len, const char *name,
    ImportSet *set, const SourceProgress *progress, SourceInfo *info,
    GError **error);

/* --- for the readers ------------------------------------------------------ */
/* Splits a range of addresses of one family into networks and adds them;
 * FALSE when last lies before first. */
gboolean source_add_range(
    ImportSet *set, const AsnAddr *first, const AsnAddr *last, guint32 origin);
/* Sets an error and returns FALSE when the progress wants to stop. */
gboolean source_tell(
    const SourceProgress *progress, double done, GError **error);
/* Bounds and structure of a location.db, which libloc takes on trust. */
gboolean source_loc_check(const guint8 *data, gsize len, const char *name,
    guint64 *n_networks, GError **error);
