/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The libmilter callbacks: gather facts, ask policy.c, change the mail.
 *
 * libmilter gives callbacks no user data, so there is one filter a process.
 * It asks for connect, headers and end of message, answers only the last, and
 * allocates one MltConn per connection.
 */
#pragma once

#include <pthread.h>

#include "policy.h"

/* What the configuration and the keys say, counted: a connection keeps what
 * held when its message began. */
typedef struct {
	MltPolicy policy;
	AsnConfig *config;
	AsnSealKeys *keys; /* NULL: none */
	gint refs;
} MltRules;

typedef struct {
	MltRules *rules; /* under lock */
	/* For as long as a pointer is copied.  Not GLib's: TSan does not know
	 * that one. */
	pthread_mutex_t lock;
	MltSnapshots snapshots;
	gint64 clock_offset; /* seconds, for tests */
	gint busy;           /* messages being answered; atomic */
	/* since the start */
	_Atomic guint64 judged, flagged;
} MltFilter;

/* Main thread: from now on these hold; takes config and keys over. */
void mlt_filter_set_rules(
    MltFilter *filter, AsnConfig *config, AsnSealKeys *keys);
/* Any thread; give it back with mlt_rules_unref. */
MltRules *mlt_filter_rules(MltFilter *filter);
void mlt_rules_unref(MltRules *rules);

/* Registers with libmilter; filter must outlive smfi_main.  FALSE: this
 * libmilter is too old. */
gboolean mlt_filter_register(MltFilter *filter);
