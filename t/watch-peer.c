/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch-peer.c: a scripted asnd for tests of asnd-mailwatch. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch-peer.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void
folder_free(gpointer data)
{
	PeerFolder *f = data;

	g_hash_table_unref(f->mails);
	g_free(f->name);
	g_free(f);
}

static void
forget(Peer *p)
{
	g_clear_pointer(&p->maildirs, g_hash_table_unref);
	g_clear_pointer(&p->folders, g_hash_table_unref);
	p->maildirs = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	p->folders = g_hash_table_new_full(NULL, NULL, NULL, folder_free);
	p->syncs = p->packets = p->maildirs_gone = p->folders_gone = 0;
	memset(&p->sync, 0, sizeof p->sync);
}

void
peer_listen(Peer *p)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	if (p->listener >= 0)
		close(p->listener);
	p->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	g_strlcpy(sa.sun_path, p->socket, sizeof sa.sun_path);
	g_assert_cmpint(
	    bind(p->listener, (struct sockaddr *)&sa, sizeof sa), ==, 0);
	g_assert_cmpint(chmod(p->socket, 0666), ==, 0);
	g_assert_cmpint(listen(p->listener, 5), ==, 0);
}

Peer *
peer_new(const char *pattern)
{
	Peer *p = g_new0(Peer, 1);

	p->dir = g_strdup("/tmp/asnd-watch-XXXXXX");
	g_assert_nonnull(g_mkdtemp_full(p->dir, 0755));
	p->pattern = g_build_filename(p->dir, pattern, NULL);
	p->socket = g_build_filename(p->dir, "sock", NULL);
	p->config = g_build_filename(p->dir, "conf", NULL);
	p->log = g_build_filename(p->dir, "log", NULL);
	p->rescan = 3600;
	p->run_as = geteuid() == 0 ? 20009 : 0;
	p->sock = -1;
	forget(p);
	p->listener = -1;
	peer_listen(p);
	p->log_fd =
	    open(p->log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
	g_assert_cmpint(p->log_fd, >=, 0);
	return p;
}

static void
kill_child(Peer *p)
{
	if (p->pid == 0)
		return;
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	p->pid = 0;
}

void
peer_free(Peer *p)
{
	kill_child(p);
	if (p->sock >= 0)
		close(p->sock);
	close(p->listener);
	close(p->log_fd);
	peer_remove(p, ".");
	g_hash_table_unref(p->maildirs);
	g_hash_table_unref(p->folders);
	g_clear_pointer(&p->block_bytes, g_bytes_unref);
	g_free(p->dir);
	g_free(p->pattern);
	g_free(p->socket);
	g_free(p->config);
	g_free(p->log);
	g_free(p);
}

void
peer_give_up(Peer *p, const char *what, const char *file, int line)
{
	g_autofree char *log = NULL;

	g_file_get_contents(p->log, &log, NULL, NULL);
	g_error("%s:%d: waited in vain for: %s\n%s", file, line, what, log);
}

/* inotify_add_watch fails as it does when the user's limit is reached. */
static void
forbid_inotify(gpointer data)
{
	Peer *p = data;
	struct sock_filter filter[] = {
	    BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_inotify_add_watch, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
	    .len = G_N_ELEMENTS(filter), .filter = filter};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (p->no_inotify &&
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0))
		_exit(99);
}

static void
spawn(Peer *p)
{
	g_autofree char *binary = g_test_build_filename(
	    G_TEST_BUILT, "..", "asnd", "asnd-mailwatch", NULL);
	g_autofree char *reuid = g_strdup_printf("--reuid=%u", p->run_as);
	g_autofree char *regid = g_strdup_printf("--regid=%u", p->run_as);
	const char *argv[] = {"setpriv", reuid, regid, "--clear-groups",
	    "--inh-caps=-all,+dac_read_search",
	    "--ambient-caps=-all,+dac_read_search", binary, "--config",
	    p->config, NULL};
	g_autoptr(GError) error = NULL;

	g_spawn_async_with_fds(NULL,
	    (char **)(gpointer)(p->run_as ? argv : argv + 6), NULL,
	    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, forbid_inotify, p,
	    &p->pid, -1, p->log_fd, p->log_fd, &error);
	g_assert_no_error(error);
}

void
peer_start(Peer *p)
{
	g_autofree char *text =
	    g_strdup_printf("[paths]\nwatch-socket=%s\n[mail]\nmaildirs=%s\n"
			    "rescan-interval=%u\n%s",
		p->socket, p->pattern, p->rescan,
		p->more_config ? p->more_config : "");

	g_assert_true(g_file_set_contents(p->config, text, -1, NULL));
	g_assert_cmpint(chmod(p->config, 0644), ==, 0);
	spawn(p);
	peer_accept(p);
}

void
peer_accept(Peer *p)
{
	struct pollfd fd = {.fd = p->listener, .events = POLLIN};
	guint before = p->packets;

	if (poll(&fd, 1, 30000) != 1)
		peer_give_up(p, "a connection", __FILE__, __LINE__);
	p->sock = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
	g_assert_cmpint(p->sock, >=, 0);
	peer_wait(p, p->packets > before);
}

void
peer_hang_up(Peer *p)
{
	close(p->sock);
	p->sock = -1;
	forget(p);
}

void
peer_stop(Peer *p)
{
	gint64 began = g_get_monotonic_time();
	int status;

	kill(p->pid, SIGTERM);
	g_assert_cmpint(waitpid(p->pid, &status, 0), ==, p->pid);
	p->pid = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		peer_give_up(p, "exit status 0", __FILE__, __LINE__);
	g_assert_cmpint(g_get_monotonic_time() - began, <, 5 * G_USEC_PER_SEC);
}

/* --- packets ----------------------------------------------------------------
 */

static PeerFolder *
folder_by_id(Peer *p, guint32 id)
{
	PeerFolder *f = g_hash_table_lookup(p->folders, GUINT_TO_POINTER(id));

	g_assert_nonnull(f); /* named before it is spoken of */
	return f;
}

static void
on_folder(Peer *p, const AsnWatchFolder *w, const AsnWatchPacket *packet)
{
	PeerFolder *f =
	    g_hash_table_lookup(p->folders, GUINT_TO_POINTER(w->id));
	GHashTableIter iter;
	gpointer mail;

	g_assert_nonnull(
	    g_hash_table_lookup(p->maildirs, GUINT_TO_POINTER(w->maildir)));
	if (f == NULL) {
		f = g_new0(PeerFolder, 1);
		f->id = w->id;
		f->maildir = w->maildir;
		f->name = g_strndup(packet->name, packet->name_len);
		f->mails = g_hash_table_new_full(
		    g_str_hash, g_str_equal, g_free, g_free);
		g_hash_table_insert(p->folders, GUINT_TO_POINTER(f->id), f);
	}
	g_assert_cmpmem(
	    f->name, strlen(f->name), packet->name, packet->name_len);
	f->listing = TRUE;
	g_hash_table_iter_init(&iter, f->mails);
	while (g_hash_table_iter_next(&iter, NULL, &mail))
		((PeerMail *)mail)->unnamed = TRUE;
}

static void
on_listed(PeerFolder *f)
{
	GHashTableIter iter;
	gpointer mail;

	g_assert_true(f->listing);
	f->listing = FALSE;
	f->listed++;
	g_hash_table_iter_init(&iter, f->mails);
	while (g_hash_table_iter_next(&iter, NULL, &mail))
		if (((PeerMail *)mail)->unnamed)
			g_hash_table_iter_remove(&iter);
}

static char *
mail_key(gboolean cur, const AsnWatchPacket *packet)
{
	return g_strdup_printf("%s/%.*s", cur ? "cur" : "new",
	    (int)packet->name_len, packet->name);
}

static void
on_entry(Peer *p, const AsnWatchEntry *e, const AsnWatchPacket *packet)
{
	PeerFolder *f = folder_by_id(p, e->folder);
	g_autofree char *key = mail_key(e->cur, packet);
	PeerMail *mail = g_hash_table_lookup(f->mails, key);

	if (mail == NULL) {
		mail = g_new0(PeerMail, 1);
		g_hash_table_insert(f->mails, g_steal_pointer(&key), mail);
	}
	mail->entry = *e;
	mail->unnamed = FALSE;
	mail->named++;
}

static void
on_block(Peer *p, const AsnWatchBlock *block, int fd)
{
	struct stat st;
	char *data;

	g_assert_true(p->block_due);
	g_assert_cmpuint(block->request, ==, p->request);
	p->block = *block;
	p->block_due = FALSE;
	g_clear_pointer(&p->block_bytes, g_bytes_unref);
	g_assert_cmpint(fd >= 0, ==, block->status == ASN_WATCH_OK);
	if (fd < 0)
		return;
	g_assert_cmpint(fcntl(fd, F_GET_SEALS), ==, SEALS);
	g_assert_cmpint(fstat(fd, &st), ==, 0);
	g_assert_cmpuint((guint64)st.st_size, ==, block->len);
	g_assert_cmpuint(block->len, <=, ASN_WATCH_BLOCK_MAX);
	data = g_malloc(block->len + 1);
	g_assert_cmpint(pread(fd, data, block->len + 1, 0), ==, block->len);
	p->block_bytes = g_bytes_new_take(data, block->len);
}

static gboolean
is_of_maildir(gpointer id, gpointer folder, gpointer maildir)
{
	return ((PeerFolder *)folder)->maildir == GPOINTER_TO_UINT(maildir);
}

static void
apply(Peer *p, const AsnWatchPacket *packet, int fd)
{
	const AsnWatchId *id = packet->fixed;
	const AsnWatchGone *gone = packet->fixed;
	g_autofree char *key = NULL;

	g_assert_true(fd < 0 || packet->type == ASN_WATCH_BLOCK);
	switch (packet->type) {
	case ASN_WATCH_HELLO:
		g_assert_cmpuint(p->packets, ==, 1);
		break;
	case ASN_WATCH_MAILDIR:
		g_assert_true(
		    g_hash_table_insert(p->maildirs, GUINT_TO_POINTER(id->id),
			g_strndup(packet->name, packet->name_len)));
		break;
	case ASN_WATCH_MAILDIR_GONE:
		p->maildirs_gone++;
		g_assert_true(
		    g_hash_table_remove(p->maildirs, GUINT_TO_POINTER(id->id)));
		g_hash_table_foreach_remove(
		    p->folders, is_of_maildir, GUINT_TO_POINTER(id->id));
		break;
	case ASN_WATCH_FOLDER:
		on_folder(p, packet->fixed, packet);
		break;
	case ASN_WATCH_FOLDER_LISTED:
		on_listed(folder_by_id(p, id->id));
		break;
	case ASN_WATCH_FOLDER_GONE:
		p->folders_gone++;
		g_assert_true(
		    g_hash_table_remove(p->folders, GUINT_TO_POINTER(id->id)));
		break;
	case ASN_WATCH_ENTRY:
		on_entry(p, packet->fixed, packet);
		break;
	case ASN_WATCH_GONE:
		key = mail_key(gone->cur, packet);
		g_hash_table_remove(folder_by_id(p, gone->folder)->mails, key);
		break;
	case ASN_WATCH_SYNC:
		p->syncs++;
		p->sync = *(const AsnWatchSync *)packet->fixed;
		break;
	case ASN_WATCH_BLOCK:
		on_block(p, packet->fixed, fd);
		break;
	case ASN_WATCH_REPORTED:
		g_assert_true(p->report_due);
		p->report_due = FALSE;
		p->reported = *(const AsnWatchReported *)packet->fixed;
		g_assert_cmpuint(p->reported.request, ==, p->request);
		break;
	case ASN_WATCH_READ:
	case ASN_WATCH_REPORT:
		g_assert_not_reached();
	}
}

gboolean
peer_pump(Peer *p, int ms)
{
	static _Alignas(8) char buf[ASN_WATCH_MAX_PACKET];
	struct pollfd poll_fd = {.fd = p->sock, .events = POLLIN};
	AsnWatchPacket packet;
	gboolean any = FALSE;
	gssize n;
	int fd;

	/* Not for ever: the caller looks at its condition in between. */
	for (int i = 0; i < 1000 && poll(&poll_fd, 1, any ? 0 : ms) == 1; i++) {
		n = asn_watch_recv(p->sock, buf, sizeof buf, &fd);
		if (n <= 0)
			return any; /* hung up: the caller waits in vain */
		any = TRUE;
		p->packets++;
		g_assert_true(asn_watch_parse(buf, (gsize)n, &packet));
		apply(p, &packet, fd);
		if (fd >= 0)
			close(fd);
	}
	return any;
}

void
peer_wait_closed(Peer *p)
{
	struct pollfd poll_fd = {.fd = p->sock, .events = 0};
	gint64 until = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

	while (
	    poll(&poll_fd, 1, 100) == 0 || (poll_fd.revents & POLLHUP) == 0) {
		peer_pump(p, 0);
		if (g_get_monotonic_time() > until)
			peer_give_up(p, "hanging up", __FILE__, __LINE__);
	}
}

PeerFolder *
peer_folder(Peer *p, const char *maildir, const char *name)
{
	g_autofree char *path = peer_path(p, "%s", maildir);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, p->folders);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		PeerFolder *f = value;
		const char *of = g_hash_table_lookup(
		    p->maildirs, GUINT_TO_POINTER(f->maildir));
		if (strcmp(f->name, name) == 0 && g_strcmp0(of, path) == 0)
			return f;
	}
	return NULL;
}

PeerMail *
peer_mail(Peer *p, const char *maildir, const char *folder, const char *name)
{
	PeerFolder *f = peer_folder(p, maildir, folder);

	return f ? g_hash_table_lookup(f->mails, name) : NULL;
}

void
peer_post_read(Peer *p, PeerFolder *folder, gboolean cur, const char *name,
    guint64 dev, guint64 ino)
{
	AsnWatchRead request = {
	    .dev = dev,
	    .ino = ino,
	    .request = ++p->request,
	    .folder = folder->id,
	    .cur = cur != FALSE,
	};

	p->block_due = TRUE;
	g_assert_cmpint(asn_watch_send(p->sock, ASN_WATCH_READ, &request,
			    sizeof request, name, strlen(name), -1),
	    ==, 0);
}

void
peer_read(Peer *p, PeerFolder *folder, gboolean cur, const char *name,
    guint64 dev, guint64 ino)
{
	peer_post_read(p, folder, cur, name, dev, ino);
	peer_wait(p, !p->block_due);
}

AsnWatchReportStatus
peer_report(Peer *p, const char *maildir, const char *folder, const char *name)
{
	PeerFolder *f = peer_folder(p, maildir, folder);
	PeerMail *mail = peer_mail(p, maildir, folder, name);
	AsnWatchReport request = {
	    .dev = mail->entry.dev,
	    .ino = mail->entry.ino,
	    .time = 1800000000,
	    .request = ++p->request,
	    .folder = f->id,
	    .client = {{[12] = 192, 0, 2, 7}, 4},
	    .cur = mail->entry.cur,
	};

	name = strchr(name, '/') + 1;
	p->report_due = TRUE;
	g_assert_cmpint(asn_watch_send(p->sock, ASN_WATCH_REPORT, &request,
			    sizeof request, name, strlen(name), -1),
	    ==, 0);
	peer_wait(p, !p->report_due);
	return (AsnWatchReportStatus)p->reported.status;
}

void
peer_read_mail(
    Peer *p, const char *maildir, const char *folder, const char *name)
{
	PeerFolder *f = peer_folder(p, maildir, folder);
	PeerMail *mail = peer_mail(p, maildir, folder, name);

	g_assert_nonnull(mail);
	peer_read(
	    p, f, mail->entry.cur, name + 4, mail->entry.dev, mail->entry.ino);
}

void
peer_send_raw(Peer *p, const void *data, gsize len)
{
	g_assert_cmpint(
	    send(p->sock, data, len, MSG_NOSIGNAL), ==, (gssize)len);
}

guint
peer_logged(Peer *p, const char *text)
{
	g_autofree char *log = NULL;
	guint n = 0;

	g_assert_true(g_file_get_contents(p->log, &log, NULL, NULL));
	for (const char *at = log; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}
