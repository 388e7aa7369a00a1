/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was written while the clock was ahead: times that have not come yet.
 * Left alone, a vote of 2036 would make all later ones weigh nothing until
 * then, since what it stands beside has decayed to that day.
 */
#pragma once

#include "store.h"

/* What lies more than a day after now (seconds; believed) happened now: votes,
 * mails, reports, who was seen when.  Mails that were too old to be read on
 * that day are wanted again.  Reads every mail.  Main thread; failures are the
 * store's.  Returns how many there were: then the model is another one. */
guint asnd_future_bring_back(AsndStore *store, gint64 now);
/* The latest time that anything was written at; 0: nothing was.  Reads every
 * vote.  Main thread. */
gint64 asnd_future_latest(AsndStore *store);
