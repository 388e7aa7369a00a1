/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-mailwatch-report.c: a mail for asnd-report, and to nobody else. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "report-channel.h"
#include "watch-peer.h"

#define A "home/a/Maildir"

typedef struct {
	Peer *p;
	char *path, *config;
	int listener;
} Fixture;

static void
listen_at(Fixture *f)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	g_strlcpy(sa.sun_path, f->path, sizeof sa.sun_path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	g_assert_cmpint(
	    bind(f->listener, (struct sockaddr *)&sa, sizeof sa), ==, 0);
	/* run by root, asnd-mailwatch is another user */
	g_assert_cmpint(chmod(f->path, 0666), ==, 0);
	g_assert_cmpint(listen(f->listener, 0), ==, 0);
}

/* data: the format. */
static void
set_up(Fixture *f, gconstpointer data)
{
	f->p = peer_new("home/*/Maildir");
	f->path = peer_path(f->p, "report.sock");
	f->config =
	    g_strdup_printf("[paths]\nreport-socket=%s\n[report]\n"
			    "format=%s\nto=a@b.example\nfrom=c@d.example\n",
		f->path, (const char *)data);
	f->p->more_config = f->config;
	listen_at(f);
	peer_maildir(f->p, A);
	peer_maildir(f->p, A "/.Junk");
	peer_write(f->p, A "/new/kept", "A: b\n\nprivate\n");
	peer_write(f->p, A "/.Junk/new/m", "A: b\n\nbody\n");
	peer_start(f->p);
	peer_wait(f->p, f->p->syncs == 1);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	if (f->listener >= 0)
		close(f->listener);
	peer_free(f->p);
	g_free(f->path);
	g_free(f->config);
}

static AsnWatchReportStatus
report(Fixture *f, const char *name)
{
	return peer_report(f->p, A, ".Junk", name);
}

static void
test_sent(Fixture *f, gconstpointer data)
{
	_Alignas(8) char buf[ASN_WATCH_MAX_PACKET], mail[64];
	AsnReport *got = (AsnReport *)(gpointer)buf;
	int sock, fd;

	g_assert_cmpint(report(f, "new/m"), ==, ASN_REPORT_SENT);
	sock = accept(f->listener, NULL, NULL);
	g_assert_cmpint(asn_watch_recv(sock, buf, sizeof buf, &fd), ==,
	    (gssize)sizeof *got);
	g_assert_cmpuint(got->version, ==, ASN_REPORT_VERSION);
	g_assert_cmpint(got->time, ==, 1800000000);
	g_assert_cmpuint(got->client.family, ==, 4);
	g_assert_cmpuint(got->client.b[15], ==, 7);
	/* the whole mail, for reading only */
	g_assert_cmpint(fcntl(fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
	g_assert_cmpint(read(fd, mail, sizeof mail), ==, 11);
	g_assert_cmpmem(mail, 11, "A: b\n\nbody\n", 11);
	g_assert_cmpint(write(fd, "x", 1), ==, -1);
	close(fd);
	/* one packet, and then it hangs up */
	g_assert_cmpint(asn_watch_recv(sock, buf, sizeof buf, &fd), ==, 0);
	close(sock);
}

static void
test_opt_out(Fixture *f, gconstpointer data)
{
	g_autofree char *out = peer_path(f->p, A "/" ASN_REPORT_OPT_OUT);
	g_autofree char *gone = peer_path(f->p, "gone");

	peer_write(f->p, A "/" ASN_REPORT_OPT_OUT, "");
	g_assert_cmpint(report(f, "new/m"), ==, ASN_REPORT_OPTED_OUT);
	g_assert_cmpint(unlink(out), ==, 0);
	g_assert_cmpint(mkdir(out, 0700), ==, 0);
	g_assert_cmpint(report(f, "new/m"), ==, ASN_REPORT_OPTED_OUT);
	g_assert_cmpint(rmdir(out), ==, 0);
	g_assert_cmpint(symlink(gone, out), ==, 0);
	g_assert_cmpint(report(f, "new/m"), ==, ASN_REPORT_OPTED_OUT);
	g_assert_cmpint(unlink(out), ==, 0);
	g_assert_cmpint(mkfifo(out, 0), ==, 0);
	g_assert_cmpint(report(f, "new/m"), ==, ASN_REPORT_OPTED_OUT);
	g_assert_cmpint(unlink(out), ==, 0);
	g_assert_cmpint(report(f, "new/m"), ==, ASN_REPORT_SENT);
}

/* Whatever asnd asks for. */
static void
test_not_junk(Fixture *f, gconstpointer data)
{
	g_assert_cmpint(
	    peer_report(f->p, A, "", "new/kept"), ==, ASN_REPORT_REFUSED);
	g_assert_cmpint(fcntl(f->listener, F_SETFL, O_NONBLOCK), ==, 0);
	g_assert_cmpint(accept(f->listener, NULL, NULL), ==, -1);
}

/* Another file under the name, a link, a pipe: not what asnd read. */
static void
test_another(Fixture *f, gconstpointer data)
{
	g_autofree char *name = peer_path(f->p, A "/.Junk/new/m");
	g_autofree char *kept = peer_path(f->p, "kept");
	PeerMail *mail = peer_mail(f->p, A, ".Junk", "new/m");
	AsnWatchReport request = {.dev = mail->entry.dev,
	    .ino = mail->entry.ino,
	    .folder = mail->entry.folder,
	    .client = {{0}, 4}};

#define ASK(want)                                                              \
	request.request = ++f->p->request;                                     \
	f->p->report_due = TRUE;                                               \
	g_assert_cmpint(asn_watch_send(f->p->sock, ASN_WATCH_REPORT, &request, \
			    sizeof request, "m", 1, -1),                       \
	    ==, 0);                                                            \
	peer_wait(f->p, !f->p->report_due);                                    \
	g_assert_cmpint(f->p->reported.status, ==, want)
	g_assert_cmpint(rename(name, kept), ==, 0);
	ASK(ASN_REPORT_MOVED);
	g_assert_cmpint(symlink(kept, name), ==, 0);
	ASK(ASN_REPORT_REFUSED);
	g_assert_cmpint(unlink(name), ==, 0);
	g_assert_cmpint(mkfifo(name, 0600), ==, 0);
	ASK(ASN_REPORT_REFUSED);
	g_assert_cmpint(unlink(name), ==, 0);
	g_assert_true(g_file_set_contents(name, "other", -1, NULL));
	ASK(ASN_REPORT_MOVED);
	g_assert_cmpint(rename(kept, name), ==, 0);
	ASK(ASN_REPORT_SENT);
}

/* Nobody listens, nobody takes the connection: it says so and goes on. */
static void
test_stalled(Fixture *f, gconstpointer data)
{
	gint64 start = g_get_monotonic_time();
	AsnWatchReportStatus status = ASN_REPORT_SENT;

	for (int i = 0; i < 8 && status == ASN_REPORT_SENT; i++)
		status = report(f, "new/m");
	g_assert_cmpint(status, ==, ASN_REPORT_NO_CHANNEL);
	close(f->listener);
	f->listener = -1;
	g_assert_cmpint(report(f, "new/m"), ==, ASN_REPORT_NO_CHANNEL);
	g_assert_cmpint(unlink(f->path), ==, 0);
	g_assert_cmpint(report(f, "new/m"), ==, ASN_REPORT_NO_CHANNEL);
	g_assert_cmpuint(peer_logged(f->p, "nothing is reported"), ==, 1);
	g_assert_cmpint(g_get_monotonic_time() - start, <, 10 * G_USEC_PER_SEC);
	peer_read_mail(f->p, A, ".Junk", "new/m");
	g_assert_cmpuint(f->p->block.status, ==, ASN_WATCH_OK);
	listen_at(f);
	g_assert_cmpint(report(f, "new/m"), ==, ASN_REPORT_SENT);
}

static void
test_off(Fixture *f, gconstpointer data)
{
	g_assert_cmpint(report(f, "new/m"), ==, ASN_REPORT_NO_CHANNEL);
	g_assert_cmpuint(peer_logged(f->p, "nothing is reported"), ==, 0);
	g_assert_cmpint(fcntl(f->listener, F_SETFL, O_NONBLOCK), ==, 0);
	g_assert_cmpint(accept(f->listener, NULL, NULL), ==, -1);
}

static void
test_nonsense(Fixture *f, gconstpointer data)
{
	AsnWatchReport request = {.folder = 999, .request = 1};

	g_assert_cmpint(asn_watch_send(f->p->sock, ASN_WATCH_REPORT, &request,
			    sizeof request, "m", 1, -1),
	    ==, 0);
	peer_wait_closed(f->p);
}

#define ADD(path, format, fn)                                                  \
	g_test_add(                                                            \
	    "/mailwatch-report/" path, Fixture, format, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("sent", "arf", test_sent);
	ADD("opt-out", "spamcop", test_opt_out);
	ADD("not-junk", "arf", test_not_junk);
	ADD("another", "arf", test_another);
	ADD("stalled", "arf", test_stalled);
	ADD("off", "off", test_off);
	ADD("nonsense", "arf", test_nonsense);
	return g_test_run();
}
