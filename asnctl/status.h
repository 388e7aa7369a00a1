/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "asnctl status": looks at everything (status-asnd.c, status-files.c,
 * status-host.c), collects what is wrong, and shows it (status-print.c).
 * One thread.
 */
#pragma once

#include "bus.h"
#include "config.h"

typedef enum {
	STATUS_HEALTHY,
	STATUS_WARNING, /* it works, but not all of it or not for long */
	STATUS_BROKEN   /* mail is not judged, or nothing is learned */
} StatusHealth;

typedef struct {
	StatusHealth health;
	char *text; /* what is wrong */
	char *cure; /* a command or what to look at */
} StatusProblem;

/* A database file. */
typedef struct {
	const char *state; /* "ok", "missing", "unreadable", "broken" */
	gint64 built;      /* 0: unknown */
} StatusFile;

#define STATUS_UNITS 6
typedef struct {
	const char *name;
	char *load, *active, *sub; /* of systemd; NULL: unknown */
} StatusUnit;

typedef struct {
	AsnctlBus bus;
	AsnConfig *config;
	gint64 now;
	GVariant *asnd;    /* a{sv} of GetStatus, NULL: it cannot be reached */
	char *unreachable; /* then: why */
	StatusFile networks, reputation, rules;
	StatusUnit units[STATUS_UNITS];
	gboolean systemd;    /* the units are known */
	const char *milter;  /* "answers", "unreachable", "unknown" */
	const char *postfix; /* "enabled", "disabled", "unknown" */
	guint64 watch_limit; /* fs.inotify.max_user_watches, 0: unknown */
	GArray *problems;    /* StatusProblem, the worst first at the end */
} Status;

/* cure: as the shell or the admin gets it. */
void status_problem(
    Status *s, StatusHealth health, char *text /* taken */, const char *cure);
/* What asnd tells; also when it cannot be reached. */
void status_ask_asnd(Status *s);
/* What its answer means. */
void status_judge_asnd(Status *s);
/* systemd knows it, and it does not run: that was told. */
gboolean status_unit_is_down(const Status *s, const char *name);
void status_look_at_files(Status *s);
void status_look_at_units(Status *s);
void status_look_at_milter(Status *s);
void status_look_at_postfix(Status *s);
void status_look_at_watches(Status *s);

/* A number of the answer, 0 where there is none. */
gint64 status_number(const Status *s, const char *key);
gboolean status_is(const Status *s, const char *key);
/* "3 hours ago"; to be freed. */
char *status_ago(gint64 now, gint64 when);

void status_print(GString *out, const Status *s);
void status_print_json(GString *out, const Status *s, StatusHealth health);
