/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnctl report: what was learned, for people who would rather look than read.
 * report.c is the verb; report-space.c, report-learned.c and report-rules.c
 * read the databases, report-asnd.c takes what asnd answered; report-text.c,
 * report-json.c and report-page.c write.
 *
 * Nothing of one person is in a Report: no user, no mail, no path, and no
 * network narrower than a /24 or a /48.
 *
 * One thread.  Names of holders point into networks.mmdb and live as long.
 */
#pragma once

#include "config.h"
#include "cover.h"
#include "networks.h"
#include "reputation.h"
#include "rules.h"
#include "style.h"

/* --- who holds what ----------------------------------------------------------
 */
typedef struct {
	guint32 asn;     /* 0: unknown */
	char country[3]; /* "": unknown */
	const char *org; /* hostile; not NUL-terminated; NULL: unknown */
	gsize org_len;
} ReportHolder;

/* The holder's name as text to show: UTF-8, at most 80 characters, none of
 * which controls the text around it.  Free it. */
char *report_holder_name(const ReportHolder *holder);

/* --- the address space -------------------------------------------------------
 */
/* A map: 2^24 units of a /24 (all of IPv4) or a /32 (16 /12s of IPv6), and
 * above them 2^16 buckets of a /16 or a /24. */
#define REPORT_SLOTS 16
typedef struct {
	guint8 family;
	guint16 slots[REPORT_SLOTS]; /* IPv6: first 12 bits, in order */
	/* Runs of units, each as two numbers (report_number): what lies between
	 * this run and the one before, and how many.  Flagged: more than half.
	 */
	GByteArray *allocated, *flagged;
	/* For each bucket with something allocated: two numbers, its distance
	 * from the one before and its main holder, and a byte, the percentage
	 * of what is allocated there that is this holder's. */
	GByteArray *main_holders;
	double addresses, flagged_addresses;
} ReportSpace;

/* Fills slots with the /12s in which the most networks are; returns how many
 * networks there are in all. */
guint64 report_choose_slots(ReportSpace *space, const AsnNetworks *networks);
/* Where an address of the map's family is, from 0 to 2^32 or 2^120; FALSE: not
 * on the map. */
gboolean report_place_on_map(const ReportSpace *space, AsnPos pos, AsnPos *out);

/* Seven bits a byte, the least first; the top bit says that more follow. */
void report_number(GByteArray *out, guint64 n);

/* --- what was learned -------------------------------------------------------
 */
typedef struct {
	AsnNetwork net; /* addr.family 0: this is an AS */
	guint holder;
	double spam, ham; /* weights as of now, SCORE.md "Explaining" */
	double score;     /* of an address that was never seen before */
	gboolean flagged; /* such an address would be, by score or rule */
} ReportPlace;

/* A week of mail, all levels together; shares are NAN where they have no
 * meaning.  asnctl(1) "quality" says what they are. */
typedef struct {
	gint64 start; /* Monday, 00:00 UTC */
	char day[11]; /* the same in ISO 8601 */
	guint64 flagged, rescued, missed;
	double precision, recall;
} ReportWeek;
#define REPORT_WEEKS 26

/* An admin's rule, of a network no narrower than a /24 or a /48, or an AS. */
typedef struct {
	AsnRule rule;
	gboolean inside; /* it is of something narrower in there */
} ReportRule;

typedef struct {
	gint64 now;             /* scores and weights are as of then */
	gint64 networks_time;   /* of networks.mmdb */
	gint64 reputation_time; /* 0: nothing was learned yet */
	AsnThresholds thresholds;
	gboolean warm;  /* FALSE: nothing is flagged yet */
	double raw_ham; /* of this much, thresholds.min_ham */
	guint64 networks;
	GArray *holders; /* ReportHolder; 0: nobody knows */
	GHashTable *holder_index;
	ReportSpace space[2];             /* IPv4, IPv6 */
	GArray *blocks, *prefixes, *ases; /* ReportPlace; blocks in order */
	/* From asnd; without it have_asnd is FALSE. */
	gboolean have_asnd;
	guint64 votes, reporters;
	gint64 last_vote;   /* 0: none */
	GArray *weeks;      /* ReportWeek, oldest first, none left out */
	GArray *rules;      /* ReportRule */
	GPtrArray *missing; /* what is left out, as sentences */
} Report;

typedef struct {
	const AsnConfig *config;
	const AsnNetworks *networks;
	const AsnReputation *reputation; /* NULL: nothing was learned yet */
	const AsnRules *rules;           /* NULL: there are none */
} ReportSource;

Report *report_new(const ReportSource *source, gint64 now);
void report_free(Report *report);

/* Index of the holder; there is one for an AS and country. */
guint report_holder(Report *report, const AsnOrigin *origin);
const ReportHolder *report_holder_at(const Report *report, guint index);

void report_read_space(Report *report, const ReportSource *source);
void report_read_learned(Report *report, const ReportSource *source);
/* After what was learned: rules beat scores. */
void report_read_rules(Report *report, const ReportSource *source);
/* What the methods GetStatus and Quality answered: (a{sv}), (aa{sv}).  Keys
 * that are unknown are passed over. */
void report_read_status(Report *report, GVariant *status);
void report_read_quality(Report *report, GVariant *quality);

/* The worst: score 0.5 or more, the most spam first, at most n.  Pointers into
 * `places`; free the array. */
GPtrArray *report_worst(const GArray *places, guint n);
#define REPORT_WORST 12

/* Blocks that rather send spam, of `family` or 0 for all. */
guint report_count_blocks(const Report *report, guint8 family, gboolean spam);

/* --- writing ----------------------------------------------------------------
 */
void report_text(const Report *report, const Style *style, GString *out);
void report_json(const Report *report, GString *out);

/* The page, whole: all of its styles, scripts and data are in it.
 * report-page.c puts it together out of report/, report-parts.c writes its
 * numbers and tables, report-chart.c its charts, report-map.c the data of the
 * maps (JSON that may stand in a <script>). */
void report_page(const Report *report, GString *out);
void report_map(const Report *report, GString *out);
void report_chart_mails(const Report *report, GString *out);
void report_chart_shares(const Report *report, GString *out);

/* A JSON string that may stand in a <script>. */
void report_script_string(GString *out, const char *text);
/* Adds text as g_markup_printf_escaped makes it: what the arguments say stays
 * text. */
void report_html(GString *out, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* "12,345"; free it. */
char *report_thousands(double n);
/* "21 November 2026"; with the time of day in UTC when asked; free it. */
char *report_date(gint64 epoch, gboolean with_time);
/* "from 3 people who report junk"; free it. */
char *report_reporters(const Report *report);
/* The sums of all weeks, in a week without a start. */
ReportWeek report_all_weeks(const Report *report);
