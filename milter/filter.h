/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The libmilter callbacks: gather facts, ask policy.c, change the mail.
 *
 * libmilter gives callbacks no user data, so there is one filter a process.
 * It asks for connect, headers and end of message, answers only the last, and
 * allocates one MltConn per connection.
 */
#pragma once

#include "policy.h"

typedef struct {
	MltPolicy policy;
	MltSnapshots snapshots;
	gint64 clock_offset; /* seconds, for tests */
	gint busy;           /* messages being answered; atomic */
	/* since the start */
	_Atomic guint64 judged, flagged;
} MltFilter;

/* Registers with libmilter; filter must outlive smfi_main.  FALSE: this
 * libmilter is too old. */
gboolean mlt_filter_register(MltFilter *filter);
