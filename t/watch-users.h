/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two users with Maildirs of mode 0700, for tests that run as root.  Bob's one
 * mail is the canary: no other user's folder may ever show it to asnd.
 */
#pragma once

#include <sys/stat.h>

#include "watch-peer.h"

#define ALICE 20001
#define BOB 20002
#define A "home/alice/Maildir"
#define B "home/bob/Maildir"
#define CANARY "X-Canary: for bob alone"

Peer *alice_and_bob(void);
/* The same, asnd-mailwatch started and in step. */
Peer *users_started(void);
void users_finish(Peer *p);
/* lstat below the scratch directory */
struct stat users_look(Peer *p, const char *path);
