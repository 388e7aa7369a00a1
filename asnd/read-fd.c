/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read-fd.c: reads callers' descriptors where they can stall nobody. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus.h"
#include "read-fd.h"

struct _AsndFdReader {
	AsndFdRead read;
	GPtrArray *jobs; /* that are out */
};

/* The thread has it until it attaches `finish` to the main loop; fn, data,
 * reader and timer are the main thread's all the time. */
typedef struct {
	AsndFdReader *reader; /* NULL: gone */
	AsndFdRead read;
	AsndFdFunc fn; /* NULL: it was told already */
	gpointer data;
	guint32 uid;
	guint timer;
	int fd;
	char *block;
	gsize len;
	const char *why;
	gboolean his;
} Job;

AsndFdReader *
asnd_fd_reader_new(AsndFdRead read)
{
	AsndFdReader *r = g_new0(AsndFdReader, 1);

	r->read = read != NULL ? read : asn_header_read;
	r->jobs = g_ptr_array_new();
	return r;
}

static void
tell(Job *job, const char *why, gboolean his)
{
	AsndFdFunc fn = job->fn;

	job->fn = NULL;
	if (job->timer != 0)
		g_source_remove(job->timer);
	job->timer = 0;
	if (fn != NULL)
		fn(job->block, job->len, why, his, job->data);
}

void
asnd_fd_reader_free(AsndFdReader *r)
{
	if (r == NULL)
		return;
	for (guint i = 0; i < r->jobs->len; i++) {
		Job *job = r->jobs->pdata[i];

		job->reader = NULL;
		/* What the thread writes is not looked at. */
		if (job->timer != 0)
			g_source_remove(job->timer);
		job->timer = 0;
		if (job->fn != NULL)
			job->fn(NULL, 0, "asnd leaves", FALSE, job->data);
		job->fn = NULL;
	}
	g_ptr_array_unref(r->jobs);
	g_free(r);
}

guint
asnd_fd_reader_out(const AsndFdReader *r)
{
	return r->jobs->len;
}

/* --- reading ---------------------------------------------------------------
 */

static void
read_block(Job *job)
{
	gboolean complete;
	struct stat st;

	job->his = TRUE;
	if (fstat(job->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		job->why = "the descriptor is no regular file: pass a file or"
			   " a memfd";
		return;
	}
	job->block = g_try_malloc(ASN_HEADER_BLOCK_MAX);
	if (job->block == NULL) {
		job->his = FALSE;
		job->why = "out of memory";
	} else if (!job->read(job->fd, 0, job->block, ASN_HEADER_BLOCK_MAX,
		       &job->len, &complete)) {
		job->why = errno == EBADF ? "the descriptor was not opened for"
					    " reading"
					  : "the file cannot be read";
	}
}

static gboolean
finish(gpointer data)
{
	Job *job = data;

	if (job->reader != NULL)
		g_ptr_array_remove_fast(job->reader->jobs, job);
	tell(job, job->why, job->his);
	g_free(job->block);
	g_free(job);
	return G_SOURCE_REMOVE;
}

static gpointer
work(gpointer data)
{
	g_autoptr(GSource) source = g_idle_source_new();
	Job *job = data;

	read_block(job);
	close(job->fd);
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, finish, job, NULL);
	g_source_attach(source, NULL);
	return NULL;
}

static gboolean
give_up(gpointer data)
{
	Job *job = data;
	AsndFdFunc fn = job->fn;

	job->timer = 0;
	job->fn = NULL;
	fn(NULL, 0, "the file system does not answer", TRUE, job->data);
	return G_SOURCE_REMOVE;
}

/* --- asking ----------------------------------------------------------------
 */

/* Only memory can be sealed, and asking for seals asks no file system. */
static gboolean
is_sealed_memory(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

static gboolean
has_room(const AsndFdReader *r, guint32 uid)
{
	if (r->jobs->len >= ASND_READ_THREADS)
		return FALSE;
	for (guint i = 0; i < r->jobs->len; i++)
		if (((const Job *)r->jobs->pdata[i])->uid == uid)
			return FALSE;
	return TRUE;
}

gboolean
asnd_fd_reader_read(
    AsndFdReader *r, int fd, guint32 uid, AsndFdFunc fn, gpointer data)
{
	gboolean memory = is_sealed_memory(fd);
	GThread *thread;
	Job *job;

	if (!memory && !has_room(r, uid)) {
		asnd_bus_close_fd(fd);
		return FALSE;
	}
	job = g_new0(Job, 1);
	*job = (Job){.reader = r,
	    .read = r->read,
	    .fn = fn,
	    .data = data,
	    .uid = uid,
	    .fd = fd};
	if (memory) {
		read_block(job);
		close(fd);
		job->reader = NULL;
		finish(job);
		return TRUE;
	}
	thread = g_thread_try_new("asnd-read", work, job, NULL);
	if (thread == NULL) {
		asnd_bus_close_fd(fd);
		g_free(job);
		return FALSE;
	}
	g_thread_unref(thread);
	job->timer = g_timeout_add_seconds(ASND_READ_SECONDS, give_up, job);
	g_ptr_array_add(r->jobs, job);
	return TRUE;
}
