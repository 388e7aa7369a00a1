/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reads.c: the order in which header blocks are asked for. */

#include "reads.h"

#define URGENT_MAX 1024
#define URGENT_USER 64 /* of one user */
#define REFILL 256

typedef struct {
	gint64 mail, user;
} Urgent;

struct _AsndReads {
	AsndMails *mails;
	Urgent urgent[URGENT_MAX]; /* a ring */
	guint first, n_urgent;
	AsndRead out[ASN_WATCH_MAX_READS];
	guint n_out;
	guint32 last_request;
	gint64 refill[REFILL], cursor;
	guint at, n_refill;
	gboolean exhausted, rewind;
};

AsndReads *
asnd_reads_new(AsndMails *mails)
{
	AsndReads *r = g_new0(AsndReads, 1);

	r->mails = mails;
	return r;
}

void
asnd_reads_free(AsndReads *r)
{
	g_free(r);
}

void
asnd_reads_reset(AsndReads *r)
{
	r->n_urgent = r->n_out = r->at = r->n_refill = 0;
	r->cursor = 0;
	r->exhausted = r->rewind = FALSE;
}

static gboolean
has_room(const AsndReads *r, gint64 user)
{
	guint mine = 0;

	if (r->n_urgent == URGENT_MAX)
		return FALSE;
	/* Short as a rule; a flood stops at its share. */
	for (guint i = 0; i < r->n_urgent && mine < URGENT_USER; i++)
		mine += r->urgent[(r->first + i) % URGENT_MAX].user == user;
	return mine < URGENT_USER;
}

static AsndRead *
find_out(AsndReads *r, gint64 mail)
{
	for (guint i = 0; i < r->n_out; i++)
		if (r->out[i].mail == mail)
			return &r->out[i];
	return NULL;
}

void
asnd_reads_wanted(AsndReads *r, const AsndMailRow *row, gboolean urgent)
{
	AsndRead *out = find_out(r, row->id);

	if (row->state != ASND_MAIL_WANTED)
		return;
	if (out != NULL) {
		out->again = TRUE;
		return;
	}
	if (urgent && has_room(r, row->user)) {
		r->urgent[(r->first + r->n_urgent++) % URGENT_MAX] =
		    (Urgent){row->id, row->user};
		return;
	}
	r->exhausted = FALSE;
	r->rewind |= row->id <= r->cursor;
}

void
asnd_reads_again(AsndReads *r)
{
	r->exhausted = FALSE;
	r->rewind = TRUE;
}

/* Next id that is wanted as far as known, 0: none. */
static gint64
next_id(AsndReads *r)
{
	if (r->n_urgent > 0) {
		gint64 id = r->urgent[r->first].mail;

		r->first = (r->first + 1) % URGENT_MAX;
		r->n_urgent--;
		return id;
	}
	while (r->at == r->n_refill && !r->exhausted) {
		r->at = 0;
		r->n_refill =
		    asnd_mails_wanted(r->mails, r->cursor, r->refill, REFILL);
		if (r->n_refill > 0) {
			r->cursor = r->refill[r->n_refill - 1];
		} else if (r->rewind) {
			r->rewind = FALSE;
			r->cursor = 0;
		} else {
			r->exhausted = TRUE;
		}
	}
	return r->at < r->n_refill ? r->refill[r->at++] : 0;
}

gboolean
asnd_reads_next(AsndReads *r, AsndMailRow *row, guint32 *request)
{
	gint64 id;

	while (r->n_out < ASN_WATCH_MAX_READS && (id = next_id(r)) != 0) {
		if (find_out(r, id) != NULL ||
		    !asnd_mails_get(r->mails, id, row) ||
		    row->state != ASND_MAIL_WANTED)
			continue;
		*request = ++r->last_request;
		r->out[r->n_out++] = (AsndRead){*request, id, FALSE};
		return TRUE;
	}
	return FALSE;
}

gint64
asnd_reads_answered(AsndReads *r, guint32 request, gboolean *again)
{
	for (guint i = 0; i < r->n_out; i++) {
		gint64 mail = r->out[i].mail;

		if (r->out[i].request != request)
			continue;
		if (again != NULL)
			*again = r->out[i].again;
		r->out[i] = r->out[--r->n_out];
		return mail;
	}
	return 0;
}

void
asnd_reads_put_back(AsndReads *r, guint32 request)
{
	asnd_reads_answered(r, request, NULL);
	asnd_reads_again(r);
}

gboolean
asnd_reads_idle(const AsndReads *r)
{
	return r->n_out == 0 && r->n_urgent == 0 && r->exhausted;
}
