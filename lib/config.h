/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnd.conf(5): one file for all processes, key file syntax (GKeyFile).
 *
 * Every process reads the whole file and refuses what it does not know, so a
 * typing error cannot hide: the error names file, line, key and what is
 * allowed.  A program that gets one exits 78 (EX_CONFIG, sysexits.h).  No file
 * at the default path means defaults; a path given by --config must exist.
 * Owned by the caller; immutable after load.
 */
#pragma once

#include "addr.h"
#include "reputation.h"

typedef enum { ASN_CONFIG_ERROR_READ, ASN_CONFIG_ERROR_VALUE } AsnConfigError;
#define ASN_CONFIG_ERROR (asn_config_error_quark())
GQuark asn_config_error_quark(void);
#define ASN_CONFIG_DEFAULT ASND_SYSCONFDIR "/asnd/asnd.conf"

typedef enum {
	ASN_ACTION_ACCEPT,
	ASN_ACTION_DEFER,
	ASN_ACTION_REJECT
} AsnAction;

typedef enum { ASN_REPORT_OFF, ASN_REPORT_ARF, ASN_REPORT_SPAMCOP } AsnReportFormat;

typedef struct {
	AsnReportFormat format; /* off */
	char *to, *from;        /* bare addresses; set unless it is off */
	guint delay, limit;     /* seconds: 3600; reports a day: 50 */
	char **hide;            /* names of header fields */
} AsnReportConfig;

typedef struct {
	/* [paths] */
	char *database_dir; /* networks.mmdb, reputation.mmdb, recent.mmdb: /var/lib/asnd/db */
	char *state_dir;    /* evidence.sqlite: /var/lib/asnd */
	char *seal_key;     /* seal.key: /etc/asnd/seal.key; a credential comes first, seal-keys.h */
	char *watch_socket; /* asnd listens, asnd-mailwatch connects: /run/asnd/mailwatch.sock */
	char *report_socket;/* asnd-report is behind it: /run/asnd-report/report.sock */
	char *sendmail;     /* /usr/sbin/sendmail */

	/* [milter] */
	char *socket;                   /* unix:/var/spool/postfix/asn-milter/milter.sock */
	AsnNetworkList local_networks;  /* 127.0.0.0/8 ::1: get no header */
	AsnNetworkList trusted_relays;  /* looked through */
	char **flag_headers;            /* "Name: value" with {asn} {prefix} {country} {score}; for flagged mail */
	AsnAction flagged_action;       /* accept */

	/* [score] */
	AsnThresholds thresholds; /* threshold 0.90, evidence 2, min-ham 50 */
	double half_life;         /* seconds; in the file: days, 60 */

	/* [mail] */
	char **maildirs;      /* glob patterns of Maildir roots: /home/[star]/Maildir /var/vmail/[star]/[star]/Maildir */
	char **junk_folders;  /* names below a root: .Junk .Spam ".Junk E-mail" ... */
	char **trash_folders; /* .Trash ".Deleted Items" ".Deleted Messages" */
	char **host_names;    /* after "by" in our Received lines; empty: this host's name */
	guint rescan_interval;/* seconds between rescans where inotify does not work: 300 */

	AsnReportConfig report; /* [report] */
	char *dir; /* where the file is, for what stands beside it; NULL: parsed */
	/* as text, in the order of asn_config_keys; NULL-terminated */
	char **values;
} AsnConfig;

/* path NULL: ASN_CONFIG_DEFAULT. */
AsnConfig *asn_config_load(const char *path, GError **error);
AsnConfig *asn_config_parse(
    const char *text, gsize len, const char *name, GError **error);
void asn_config_free(AsnConfig *config);

/* For a [milter] socket from elsewhere.  NULL, or what is allowed (a constant).
 */
const char *asn_config_check_socket(const char *spec);

/* For a reload: which of these keys ("[group] key", up to NULL) differ between
 * two that were loaded, as "[group] key, [group] key"; NULL: none.  Free it. */
char *asn_config_differ(
    const AsnConfig *a, const AsnConfig *b, const char *const *keys);

/* Table of keys, for the test that holds it against asnd.conf(5). */
typedef struct {
	const char *group, *key, *fallback; /* fallback: default as text */
} AsnConfigKey;
const AsnConfigKey *asn_config_keys(gsize *n);
