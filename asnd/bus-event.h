/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens in asnd, on its way to the signals of the bus: noted as it
 * happens, told once it is on disk.  Without a bus nothing is kept.  Main
 * thread only.
 */
#pragma once

#include "bus.h"
#include "learn.h"

/* Sets the observer of the daemon's learner. */
void asnd_bus_observe(AsndDaemon *daemon);
/* The score in the header block that is being judged; NAN: none. */
void asnd_bus_note_score(AsndDaemon *daemon, double score);
/* It was committed: VoteCounted, VerdictSeen, and WarmingUp where it changed.
 */
void asnd_bus_tell(AsndDaemon *daemon);
/* It was rolled back. */
void asnd_bus_untell(AsndDaemon *daemon);
