/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One user and one mail, for the tests of learn.h.
 */
#pragma once

#include "evidence.h"

/* Each test gets one user and one mail of an hour ago. */
typedef struct {
	Evidence ev;
	gint64 user;
	EvMail mail;
} Fixture;

static inline void
set_up(Fixture *f, gconstpointer first_run)
{
	ev_init(&f->ev, first_run != NULL);
	f->user = ev_user(&f->ev, "/v/a/Maildir");
	f->mail = (EvMail){.ino = 11,
	    .addr = "192.0.2.7",
	    .time = f->ev.now - 3600,
	    .seal = 1};
}

static inline void
tear_down(Fixture *f, gconstpointer data)
{
	ev_clear(&f->ev);
}

#define ENTRY(folder, name) ev_entry(&f->ev, f->user, folder, name, &f->mail)
#define GONE(folder, name) ev_gone(&f->ev, f->user, folder, name)
#define STANDING() ev_standing(&f->ev, f->user, &f->mail)
#define MOVE(from, name, to, new_name)                                         \
	ev_rename(&f->ev, f->user, from, name, to, new_name, &f->mail)

static inline void
sweep(Fixture *f)
{
	while (asnd_learner_sweep(f->ev.learner, f->ev.now))
		;
	g_assert_true(asnd_store_commit(f->ev.store));
}
