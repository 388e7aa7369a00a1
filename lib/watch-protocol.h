/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What asnd and asnd-mailwatch say to each other.
 *
 * A SOCK_SEQPACKET unix socket, asnd listens (config watch_socket),
 * asnd-mailwatch connects, and again after either was restarted.  One message
 * a packet: AsnWatchHeader, a fixed struct by type, then a name as raw bytes
 * to the end of the packet (file names are bytes, not text).  Host byte
 * order: both ends are one machine and one build.  Each end checks every length, every
 * id and the peer's uid (SO_PEERCRED) and hangs up on nonsense.
 *
 * asnd-mailwatch interprets nothing: it lists folders and hands over header
 * blocks that asnd asks for.  asnd decides what is worth reading, so that a
 * restart reads no mail again.
 *
 * Flow: HELLO; then for each Maildir MAILDIR, for each folder FOLDER, ENTRY...,
 * FOLDER_LISTED; SYNC once after the first scan, and again after every rescan.  What
 * SYNC calls unseen may hold folders that were not told of yet.
 * From then on events: ENTRY (appeared or renamed), GONE, FOLDER, FOLDER_GONE,
 * MAILDIR_GONE.  asnd may send READ at any time, at most ASN_WATCH_MAX_READS unanswered;
 * each gets exactly one BLOCK (with a sealed memfd when status is 0).  It may also send
 * REPORT, one at a time, which gets exactly one REPORTED.
 * Ids are chosen by asnd-mailwatch and live as long as the connection.
 */
#pragma once

#include "addr.h"
#include "header-copy.h"

#define ASN_WATCH_VERSION 3
#define ASN_WATCH_MAX_PACKET 8192
#define ASN_WATCH_MAX_READS 64
#define ASN_WATCH_BLOCK_MAX ASN_HEADER_BLOCK_MAX

typedef enum {
	/* asnd-mailwatch -> asnd */
	ASN_WATCH_HELLO = 1,     /* AsnWatchHello */
	ASN_WATCH_MAILDIR,       /* AsnWatchMaildir + absolute path */
	ASN_WATCH_MAILDIR_GONE,  /* AsnWatchId; with its folders, but it may come back */
	ASN_WATCH_FOLDER,        /* AsnWatchFolder + name, "" for INBOX; sent again = about to be listed anew */
	ASN_WATCH_FOLDER_LISTED, /* AsnWatchId: every entry was sent (not said otherwise); what was not named is gone */
	ASN_WATCH_FOLDER_GONE,   /* AsnWatchId */
	ASN_WATCH_ENTRY,         /* AsnWatchEntry + file name */
	ASN_WATCH_GONE,          /* AsnWatchGone + file name */
	ASN_WATCH_SYNC,          /* AsnWatchSync */
	ASN_WATCH_BLOCK,         /* AsnWatchBlock (+ descriptor) */
	ASN_WATCH_REPORTED,      /* AsnWatchReported */
	/* asnd -> asnd-mailwatch */
	ASN_WATCH_READ = 64,     /* AsnWatchRead + file name */
	ASN_WATCH_REPORT,        /* AsnWatchReport + file name */
} AsnWatchType;

typedef struct {
	guint32 type;
	guint32 size; /* of the whole packet */
} AsnWatchHeader;
typedef struct {
	guint32 version;
} AsnWatchHello;
typedef struct {
	guint32 id;
} AsnWatchId;
typedef struct {
	guint32 id;
	guint32 uid; /* owner of the Maildir */
} AsnWatchMaildir;
typedef struct {
	guint32 id, maildir;
} AsnWatchFolder;
typedef struct {
	guint64 dev, ino;
	gint64 mtime, ctime; /* seconds */
	guint32 folder;
	guint8 cur; /* 1: cur, 0: new */
	guint8 scan;/* 1: from a listing, 0: from an event */
	guint8 pad[2];
} AsnWatchEntry;
typedef struct {
	guint32 folder;
	guint8 cur;
	guint8 pad[3];
} AsnWatchGone;
typedef struct {
	guint32 watches;   /* inotify watches held */
	guint32 polled;    /* folders without inotify, rescanned on a timer */
	guint32 overflows; /* queue overflows since the start */
	guint32 refused;   /* entries passed over: not a regular file, wrong owner, ... */
	guint32 unseen;    /* places not looked at yet, which will be, within an hour or so;
	                      then SYNC comes again */
} AsnWatchSync;
typedef struct {
	guint64 dev, ino; /* the file to read: another inode under that name is refused */
	guint32 request;
	guint32 folder;
	guint8 cur;
	guint8 pad[7];
} AsnWatchRead;
typedef enum {
	ASN_WATCH_OK,
	ASN_WATCH_MOVED,  /* no such name, or another inode there: an event tells more */
	ASN_WATCH_REFUSED /* link, not a regular file, not the owner's, unreadable */
} AsnWatchStatus;
typedef struct {
	guint32 request;
	guint32 status; /* AsnWatchStatus */
	guint64 len;    /* bytes in the memfd: up to and with the first empty line, or ASN_WATCH_BLOCK_MAX */
	guint8 complete;/* the empty line (or the end of the file) was reached */
	guint8 pad[7];
} AsnWatchBlock;
/* A mail for asnd-report: report-channel.h. */
typedef struct {
	guint64 dev, ino; /* as in AsnWatchRead */
	gint64 time;      /* when it came, for the report */
	guint32 request;
	guint32 folder;
	AsnAddr client;
	guint8 cur;
	guint8 pad[6];
} AsnWatchReport;
typedef enum {
	ASN_REPORT_SENT,       /* asnd-report has it */
	ASN_REPORT_MOVED,      /* as ASN_WATCH_MOVED */
	ASN_REPORT_REFUSED,    /* as ASN_WATCH_REFUSED, or in no junk folder */
	ASN_REPORT_OPTED_OUT,  /* ASN_REPORT_OPT_OUT is in that Maildir */
	ASN_REPORT_NO_CHANNEL  /* [report] is off there, or nobody listens */
} AsnWatchReportStatus;
typedef struct {
	guint32 request;
	guint32 status; /* AsnWatchReportStatus */
} AsnWatchReported;

/* Sends one packet; fd -1: none.  0, or -1 with errno (EAGAIN: full). */
int asn_watch_send(int sock, AsnWatchType type, const void *fixed,
    gsize fixed_len, const void *name, gsize name_len, int fd);
/* The same for a packet without this header (report-channel.h). */
int asn_watch_send_raw(int sock, const void *data, gsize len, int fd);
/* One received packet, checked: type known, size as received, fixed part whole, no NUL or '/' in
 * a file or folder name, name length 1..255 where a file name is due. */
typedef struct {
	AsnWatchType type;
	const void *fixed; /* into the caller's buffer, aligned for its struct */
	const char *name;
	gsize name_len;
} AsnWatchPacket;
gboolean asn_watch_parse(const void *data, gsize len, AsnWatchPacket *out);
/* Receives one packet into buf (ASN_WATCH_MAX_PACKET, aligned to 8).  Returns its length, 0 at
 * end of connection, -1 with errno.  *fd: a passed descriptor (close-on-exec, the caller's), or -1. */
gssize asn_watch_recv(int sock, void *buf, gsize size, int *fd);
