/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asnctl lookup: what is known of an address, a network or an AS, or of where a
 * mail came from.  lookup.c asks the databases, lookup-mail.c asks asnd about
 * the mail, lookup-print.c says it to a person, lookup-json.c to a program.
 *
 * One thread.  An answer points into the databases and lives as long as they.
 */
#pragma once

#include "bus.h"
#include "chain.h"
#include "config.h"
#include "networks.h"
#include "reputation.h"
#include "rules.h"

typedef struct {
	AsnConfig *config;
	AsnNetworks *networks;     /* NULL: not to be had */
	AsnReputation *reputation; /* NULL: not to be had */
	AsnRules *rules;           /* NULL: none */
	/* Why it is not to be had, in one word, static. */
	const char *no_networks, *no_reputation;
	GPtrArray *problems; /* char *: what is missing and what to do */
	double now;
	gboolean colour;
	AsnctlBus bus; /* for mails */
} Lookup;

/* Where an AS is, by the networks that name it. */
typedef struct {
	char country[3]; /* "": unknown */
	guint64 v4_addresses;
	guint64 v6_networks; /* leaves of the database */
} LookupCountry;

typedef struct {
	AsnSubject what;
	AsnOriginKey key; /* of a network or an AS: of a new address there */
	AsnLevel last;    /* the narrowest that is about all of it */
	AsnOrigin origin; /* of an AS: number and holder */
	gboolean found;   /* in networks.mmdb */
	gboolean scored;
	AsnPrediction p; /* flag: of the score, whatever the rule says */
	gboolean ruled;
	AsnRule rule;      /* that beats the score */
	GArray *countries; /* LookupCountry, largest first; only of an AS */
} LookupAnswer;

/* As the milter would do. */
gboolean lookup_is_flagged(const LookupAnswer *a);
/* ISO 8601 in UTC; free it. */
char *lookup_date(gint64 epoch);

/* Asks asnd about a mail and prints what it says; *from: the address it came
 * from, family 0: nobody knows.  EX_OK, EX_DATAERR (then, too), or why not,
 * which was said. */
int lookup_mail(
    const AsnctlBus *bus, const char *file, gboolean json, AsnAddr *from);

void lookup_print(const Lookup *l, const LookupAnswer *a);
/* One line, one object. */
void lookup_print_json(const Lookup *l, const LookupAnswer *a);
