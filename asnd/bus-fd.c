/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-fd.c: descriptors that callers pass, until they are closed. */

#include <unistd.h>

#include <gio/gunixfdlist.h>

#include "bus-private.h"

/* close(2) of a file on FUSE waits for whoever serves it, who may be the
 * caller and never answer. */
#define CLOSERS 4
#define FEW 64           /* asnd may have 1024 open */
#define PATIENCE 1000000 /* microseconds */

typedef struct {
	int n;
	int fd[];
} Held;

static gint closing;

static void
close_one(gpointer data, gpointer unused)
{
	close(GPOINTER_TO_INT(data) - 1);
	g_atomic_int_add(&closing, -1);
}

void
asnd_bus_close_fd(int fd)
{
	static gsize once;
	static GThreadPool *pool;

	if (fd < 0)
		return;
	if (g_once_init_enter(&once)) {
		pool = g_thread_pool_new(close_one, NULL, CLOSERS, FALSE, NULL);
		g_once_init_leave(&once, 1);
	}
	g_atomic_int_inc(&closing);
	g_thread_pool_push(pool, GINT_TO_POINTER(fd + 1), NULL);
}

gboolean
asnd_bus_fds_settle(void)
{
	gint64 end = g_get_monotonic_time() + PATIENCE;

	while (g_atomic_int_get(&closing) > FEW) {
		if (g_get_monotonic_time() > end)
			return FALSE;
		g_usleep(1000);
	}
	return TRUE;
}

static GQuark
held_quark(void)
{
	return g_quark_from_static_string("asnd-held-fds");
}

static void
drop_held(gpointer data)
{
	Held *h = data;

	for (int i = 0; i < h->n; i++)
		asnd_bus_close_fd(h->fd[i]);
	g_free(h);
}

guint
asnd_bus_fds_hold(GDBusMessage *message)
{
	GUnixFDList *list = g_dbus_message_get_unix_fd_list(message);
	g_autofree int *fds = NULL;
	Held *h;
	int n = 0;

	if (list != NULL)
		fds = g_unix_fd_list_steal_fds(list, &n);
	if (n <= 0)
		return 0;
	h = g_malloc(sizeof *h + (gsize)n * sizeof h->fd[0]);
	h->n = n;
	for (int i = 0; i < n; i++)
		h->fd[i] = fds[i];
	g_object_set_qdata_full(G_OBJECT(message), held_quark(), h, drop_held);
	return (guint)n;
}

int
asnd_bus_fds_take(GDBusMessage *message, gint32 i)
{
	Held *h = g_object_get_qdata(G_OBJECT(message), held_quark());
	int fd;

	if (h == NULL || i < 0 || i >= h->n)
		return -1;
	fd = h->fd[i];
	h->fd[i] = -1;
	return fd;
}
