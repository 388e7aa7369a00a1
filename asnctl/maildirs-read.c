/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maildirs-read.c: the mails in Maildirs. */

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "header-copy.h"
#include "maildirs-private.h"
#include "open-beneath.h"

#define MAX_FOLDERS 1024    /* as asnd-mailwatch */
#define MAX_ENTRIES 1000000 /* of a folder */

typedef struct {
	Maildirs *m;
	const MaildirsReader *reader;
	gboolean counting, stopped;
	guint64 total, done; /* names */
	char *buf;
	/* where it is */
	const Maildir *maildir;
	int fd; /* of the Maildir */
	MaildirsMail mail;
} Reading;

static void
refuse(Reading *r, MaildirsRefused why)
{
	if (!r->counting)
		r->m->refused[why]++;
}

static gboolean
goes_on(Reading *r)
{
	const MaildirsReader *reader = r->reader;
	const double done = r->counting || r->total == 0
				? 0
				: (double)r->done / (double)r->total;

	if (!r->stopped && !reader->goes_on(reader->progress, done))
		r->stopped = TRUE;
	return !r->stopped;
}

/* --- a mail --------------------------------------------------------------- */

static void
read_block(Reading *r, int fd)
{
	gboolean complete;

	if (!asn_header_read(fd, ASN_HEADER_HERE, r->buf, ASN_HEADER_BLOCK_MAX,
		&r->mail.len, &complete)) {
		refuse(r, MAILDIRS_UNREADABLE);
		return;
	}
	r->mail.data = r->buf;
	r->reader->read(&r->mail, r->reader->data);
	r->mail.data = NULL;
}

static void
read_mail(Reading *r, int box)
{
	struct stat st;
	int fd = asn_open_look(box, r->mail.name, &st), reading = -1;

	if (fd < 0) {
		if (errno != ENOENT) /* else it has just been moved */
			refuse(r, MAILDIRS_UNREADABLE);
		return;
	}
	if (!S_ISREG(st.st_mode))
		refuse(r, MAILDIRS_NO_FILE);
	else if (st.st_uid != r->maildir->uid)
		refuse(r, MAILDIRS_NOT_THEIRS);
	else if ((reading = asn_reopen_read(fd, 0, &st)) < 0)
		refuse(r, MAILDIRS_UNREADABLE);
	close(fd);
	if (reading < 0)
		return;
	read_block(r, reading);
	close(reading);
}

/* --- a folder ------------------------------------------------------------- */

static void
take_entries(Reading *r, int box, DIR *dir)
{
	struct dirent *e;
	guint n = 0;

	while (goes_on(r) && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.') /* not mail: maildir(5) */
			continue;
		if (n++ >= MAX_ENTRIES) {
			refuse(r, MAILDIRS_TOO_MANY);
			return;
		}
		if (r->counting) {
			r->total++;
			continue;
		}
		r->done++;
		r->mail.name = e->d_name;
		if (r->reader->look(&r->mail, r->reader->data))
			read_mail(r, box);
	}
}

static void
take_box(Reading *r, const char *name)
{
	g_autofree char *path = g_build_filename(r->mail.folder, name, NULL);
	struct stat st;
	int fd = asn_open_dir(r->fd, path, TRUE, &st);
	DIR *dir = NULL;

	if (fd < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			refuse(r, MAILDIRS_NO_FOLDER);
		return;
	}
	if (st.st_uid == r->maildir->uid)
		dir = maildirs_list(fd, &st);
	if (dir != NULL) {
		r->mail.cur = name[0] == 'c';
		take_entries(r, fd, dir);
		closedir(dir);
	} else {
		refuse(r, MAILDIRS_NO_FOLDER);
	}
	close(fd);
}

/* --- a Maildir ------------------------------------------------------------ */

static gboolean
is_folder(const struct dirent *e)
{
	static const char *const other[] = {".", "..", "cur", "new", "tmp"};

	if (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN)
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(other); i++)
		if (strcmp(e->d_name, other[i]) == 0)
			return FALSE;
	return TRUE;
}

static int
by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "" and what else there is, in an order that does not depend on the file
 * system. */
static GPtrArray *
folder_names(Reading *r, const struct stat *st)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	DIR *dir = maildirs_list(r->fd, st);
	struct dirent *e;

	if (dir == NULL) {
		refuse(r, MAILDIRS_NO_MAILDIR);
		return names;
	}
	g_ptr_array_add(names, g_strdup(""));
	while ((e = readdir(dir)) != NULL) {
		if (!is_folder(e))
			continue;
		if (names->len < MAX_FOLDERS)
			g_ptr_array_add(names, g_strdup(e->d_name));
		else
			refuse(r, MAILDIRS_TOO_MANY);
	}
	closedir(dir);
	g_ptr_array_sort(names, by_name);
	return names;
}

static void
take_maildir(Reading *r, int base)
{
	g_autoptr(GPtrArray) names = NULL;
	struct stat st;

	r->fd = asn_open_dir(base, r->maildir->path, FALSE, &st);
	if (r->fd < 0 || st.st_dev != r->maildir->dev ||
	    st.st_ino != r->maildir->ino || st.st_uid != r->maildir->uid) {
		refuse(r, MAILDIRS_NO_MAILDIR);
		if (r->fd >= 0)
			close(r->fd);
		return;
	}
	names = folder_names(r, &st);
	for (guint i = 0; i < names->len && goes_on(r); i++) {
		r->mail.folder = g_ptr_array_index(names, i);
		take_box(r, "new");
		take_box(r, "cur");
	}
	close(r->fd);
}

static void
take_all(Reading *r)
{
	for (guint i = 0; i < r->m->list->len && goes_on(r); i++) {
		int base;

		r->maildir = &g_array_index(r->m->list, Maildir, i);
		r->mail = (MaildirsMail){.user = i + 1};
		base = asn_open_base(r->maildir->base);
		if (base < 0) {
			refuse(r, MAILDIRS_NO_MAILDIR);
			continue;
		}
		take_maildir(r, base);
		close(base);
	}
}

gboolean
maildirs_read(Maildirs *m, const MaildirsReader *reader)
{
	Reading r = {.m = m, .reader = reader, .counting = TRUE};

	take_all(&r);
	r.counting = FALSE;
	r.buf = g_malloc(ASN_HEADER_BLOCK_MAX);
	take_all(&r);
	g_free(r.buf);
	return !r.stopped;
}
