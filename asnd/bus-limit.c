/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-limit.c: how much a caller on the bus may ask. */

#include "bus-limit.h"

#define SWEEP_ABOVE 64 /* callers; then those at rest are forgotten */
#define CALLERS_MAX 4096
/* Answers in line, some 500 bytes each; above that some of each caller. */
#define QUEUED_MANY 16384
#define QUEUED_FEW 4
#define QUEUED_LOST                                                            \
	((gint64)30 * G_USEC_PER_SEC) /* since the last call: miscounted       \
				       */

typedef struct {
	double tokens;
	gint64 when;
	guint pending, queued;
} Caller;

struct _AsndBusLimit {
	gint refs;
	GMutex lock;
	AsndBusRates rates;
	GHashTable *callers; /* name -> Caller */
	guint pending, queued, sweep_at;
	guint64 refused;
};

AsndBusLimit *
asnd_bus_limit_new(const AsndBusRates *rates)
{
	AsndBusLimit *l = g_new0(AsndBusLimit, 1);

	l->refs = 1;
	g_mutex_init(&l->lock);
	l->rates = *rates;
	l->sweep_at = SWEEP_ABOVE;
	l->callers =
	    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return l;
}

AsndBusLimit *
asnd_bus_limit_ref(AsndBusLimit *l)
{
	g_atomic_int_inc(&l->refs);
	return l;
}

void
asnd_bus_limit_unref(AsndBusLimit *l)
{
	if (l == NULL || !g_atomic_int_dec_and_test(&l->refs))
		return;
	g_hash_table_unref(l->callers);
	g_mutex_clear(&l->lock);
	g_free(l);
}

static void
refill(const AsndBusLimit *l, Caller *c, gint64 now)
{
	if (now > c->when)
		c->tokens = MIN(l->rates.burst,
		    c->tokens + l->rates.rate * (double)(now - c->when) / 1e6);
	c->when = now;
}

/* Unique names are not used again: what is full and idle may go. */
static void
sweep(AsndBusLimit *l, gint64 now)
{
	GHashTableIter it;
	gpointer value;

	if (g_hash_table_size(l->callers) < l->sweep_at)
		return;
	g_hash_table_iter_init(&it, l->callers);
	while (g_hash_table_iter_next(&it, NULL, &value)) {
		Caller *c = value;

		refill(l, c, now);
		if (c->pending > 0 || c->tokens < l->rates.burst)
			continue;
		l->queued -= c->queued;
		g_hash_table_iter_remove(&it);
	}
	/* Not again before there are twice as many. */
	l->sweep_at =
	    CLAMP(2 * g_hash_table_size(l->callers), SWEEP_ABOVE, CALLERS_MAX);
}

static Caller *
find(AsndBusLimit *l, const char *name, gint64 now)
{
	Caller *c = g_hash_table_lookup(l->callers, name);

	if (c != NULL) {
		refill(l, c, now);
		return c;
	}
	sweep(l, now);
	if (g_hash_table_size(l->callers) >= CALLERS_MAX)
		return NULL;
	c = g_new(Caller, 1);
	*c = (Caller){.tokens = l->rates.burst, .when = now};
	g_hash_table_insert(l->callers, g_strdup(name), c);
	return c;
}

static gboolean
may_begin(const AsndBusLimit *l, const Caller *c)
{
	const AsndBusRates *r = &l->rates;

	return c != NULL && c->tokens >= 1 &&
	       (r->pending == 0 || c->pending < r->pending) &&
	       (r->pending_all == 0 || l->pending < r->pending_all);
}

gboolean
asnd_bus_limit_begin(AsndBusLimit *l, const char *caller, gint64 now)
{
	gboolean ok;
	Caller *c;

	g_mutex_lock(&l->lock);
	c = find(l, caller, now);
	ok = may_begin(l, c);
	if (ok) {
		c->tokens -= 1;
		c->pending++;
		l->pending++;
	} else {
		l->refused++;
	}
	g_mutex_unlock(&l->lock);
	return ok;
}

void
asnd_bus_limit_end(AsndBusLimit *l, const char *caller)
{
	Caller *c;

	g_mutex_lock(&l->lock);
	c = g_hash_table_lookup(l->callers, caller);
	if (c != NULL && c->pending > 0) {
		c->pending--;
		l->pending--;
	}
	g_mutex_unlock(&l->lock);
}

gboolean
asnd_bus_limit_queue(AsndBusLimit *l, const char *caller, gint64 now)
{
	gboolean ok = FALSE;
	gint64 before;
	Caller *c;

	g_mutex_lock(&l->lock);
	c = g_hash_table_lookup(l->callers, caller);
	before = c != NULL ? c->when : now;
	c = find(l, caller, now);
	if (c != NULL && now - before > QUEUED_LOST) {
		l->queued -= c->queued;
		c->queued = 0;
	}
	if (c != NULL)
		ok = l->queued < QUEUED_MANY || c->queued < QUEUED_FEW;
	if (ok) {
		c->queued++;
		l->queued++;
	} else {
		l->refused++;
	}
	g_mutex_unlock(&l->lock);
	return ok;
}

void
asnd_bus_limit_sent(AsndBusLimit *l, const char *caller)
{
	Caller *c;

	g_mutex_lock(&l->lock);
	c = g_hash_table_lookup(l->callers, caller);
	if (c != NULL && c->queued > 0) {
		c->queued--;
		l->queued--;
	}
	g_mutex_unlock(&l->lock);
}

void
asnd_bus_limit_charge(AsndBusLimit *l, const char *caller, double calls)
{
	Caller *c;

	g_mutex_lock(&l->lock);
	c = g_hash_table_lookup(l->callers, caller);
	if (c != NULL)
		c->tokens = MAX(c->tokens - calls, -l->rates.burst);
	g_mutex_unlock(&l->lock);
}

guint64
asnd_bus_limit_refused(AsndBusLimit *l)
{
	guint64 n;

	g_mutex_lock(&l->lock);
	n = l->refused;
	g_mutex_unlock(&l->lock);
	return n;
}

guint
asnd_bus_limit_callers(AsndBusLimit *l)
{
	guint n;

	g_mutex_lock(&l->lock);
	n = g_hash_table_size(l->callers);
	g_mutex_unlock(&l->lock);
	return n;
}
