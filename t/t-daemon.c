/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-daemon.c: daemon.h; all of asnd in this process, without its main. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon.h"
#include "evidence.h"
#include "trace.h"
#include "watch-protocol.h"

#define INBOX 1
#define JUNK 2
#define KEY "1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

typedef struct {
	char *dir;
	AsnConfig *config;
	AsndDaemon *daemon;
	AsnSealKeys *keys;
	AsnSealer *sealer;
	gint64 now;
	int peer; /* our end, as asnd-mailwatch; -1: not connected */
	guint hang_ups, answered;
	gboolean partial; /* the block is cut, as of a file half written */
	gboolean hold;    /* do not answer */
	AsnWatchRead held;
	gint64 mtime;
	guint64 next_ino; /* also names the mail */
} Fixture;

/* --- what it logs ----------------------------------------------------------
 */

static guint n_cannot, n_again, n_learnt;

static GLogWriterOutput
count_logs(
    GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
	for (gsize i = 0; i < n; i++) {
		if (strcmp(fields[i].key, "MESSAGE") != 0)
			continue;
		n_cannot += strstr(fields[i].value,
				"cannot write the evidence") != NULL ||
			    strstr(fields[i].value, "hanging up") != NULL;
		n_again += strstr(fields[i].value, "written again") != NULL;
		n_learnt += strstr(fields[i].value, "run learnt") != NULL;
	}
	return G_LOG_WRITER_HANDLED;
}

/* --- a scripted asnd-mailwatch ----------------------------------------------
 */

static void
drop_peer(Fixture *f)
{
	if (f->peer >= 0)
		close(f->peer);
	f->peer = -1;
}

static void
say(Fixture *f, AsnWatchType type, const void *fixed, gsize len,
    const char *name, int fd)
{
	if (f->peer < 0 || asn_watch_send(f->peer, type, fixed, len, name,
			       name ? strlen(name) : 0, fd) == 0)
		return;
	f->hang_ups++;
	drop_peer(f);
}

static void
say_folder(Fixture *f, guint32 id, const char *name)
{
	AsnWatchFolder folder = {.id = id, .maildir = 7};

	say(f, ASN_WATCH_FOLDER, &folder, sizeof folder, name, -1);
}

static void
say_entry(Fixture *f, guint32 folder, guint64 ino, guint8 scan)
{
	AsnWatchEntry e = {.dev = 1,
	    .ino = ino,
	    .mtime = f->mtime,
	    .ctime = f->now,
	    .scan = scan,
	    .folder = folder,
	    .cur = 1};
	g_autofree char *name =
	    g_strdup_printf("%" G_GUINT64_FORMAT ":2,", ino);

	say(f, ASN_WATCH_ENTRY, &e, sizeof e, name, -1);
}

/* Connects, and lists one new mail. */
static void
scan(Fixture *f)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	AsnWatchHello hello = {ASN_WATCH_VERSION};
	AsnWatchMaildir maildir = {.id = 7};
	AsnWatchSync sync = {0};

	f->peer =
	    socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	g_strlcpy(sun.sun_path, f->config->watch_socket, sizeof sun.sun_path);
	g_assert_cmpint(
	    connect(f->peer, (struct sockaddr *)&sun, sizeof sun), ==, 0);
	say(f, ASN_WATCH_HELLO, &hello, sizeof hello, NULL, -1);
	say(f, ASN_WATCH_MAILDIR, &maildir, sizeof maildir, "/v/a/Maildir", -1);
	say_folder(f, INBOX, "");
	say_entry(f, INBOX, ++f->next_ino, 1);
	say_folder(f, JUNK, ".Junk");
	say(f, ASN_WATCH_SYNC, &sync, sizeof sync, NULL, -1);
}

/* Of our own host, so that it names a client. */
static char *
received_line(Fixture *f)
{
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(f->mtime);

	return g_date_time_format(when,
	    "Received: from a (a [192.0.2.7]) by mx.example (Postfix)"
	    " with ESMTP id Q1; %a, %d %b %Y %H:%M:%S +0000\n");
}

/* Hands over the header block of mail n: a seal of its own. */
static void
answer(Fixture *f, guint32 request, guint64 n)
{
	AsnWatchBlock b = {.request = request, .complete = 1};
	AsnSeal seal = {.time = f->now - 3600};
	char value[ASN_TRACE_MAX];
	g_autofree char *text = NULL;
	int fd = memfd_create("block", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	asn_addr_parse("192.0.2.7", 9, &seal.addr);
	g_snprintf(seal.queue_id, sizeof seal.queue_id, "Q%u", (guint)n);
	g_assert_cmpuint(
	    asn_seal_write(f->sealer, &seal, value, sizeof value), >, 0);
	text = f->partial ? received_line(f)
			  : g_strdup_printf(ASN_HEADER_SEAL ": %s\n\n", value);
	f->answered++;
	b.len = strlen(text);
	g_assert_cmpint(write(fd, text, b.len), ==, (gssize)b.len);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	say(f, ASN_WATCH_BLOCK, &b, sizeof b, NULL, fd);
	close(fd);
}

/* One turn of asnd, and answers to what it asks. */
static void
turn(Fixture *f)
{
	static guint64 buf[ASN_WATCH_MAX_PACKET / 8];
	AsnWatchPacket p;
	gssize n;
	int fd;

	if (!g_main_context_iteration(NULL, FALSE))
		g_usleep(1000);
	if (f->peer < 0)
		return;
	n = asn_watch_recv(f->peer, buf, sizeof buf, &fd);
	if (n > 0) {
		const AsnWatchRead *read;

		g_assert_true(asn_watch_parse(buf, (gsize)n, &p));
		g_assert_cmpint(p.type, ==, ASN_WATCH_READ);
		read = p.fixed;
		f->held = *read;
		if (!f->hold)
			answer(f, read->request, read->ino);
	} else if (n == 0 || errno != EAGAIN) {
		f->hang_ups++;
		drop_peer(f);
	}
}

/* Turns until the condition holds, for a minute at most. */
#define TURNS_UNTIL(f, condition)                                              \
	do {                                                                   \
		gint64 end_ = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;    \
		while (!(condition)) {                                         \
			turn(f);                                               \
			g_assert_cmpint(g_get_monotonic_time(), <, end_);      \
		}                                                              \
	} while (0)

static void
turns_for(Fixture *f, gint64 usec)
{
	gint64 end = g_get_monotonic_time() + usec;

	while (g_get_monotonic_time() < end)
		turn(f);
}

/* asnd has handled all that was said. */
static void
settle(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

/* --- the fixture ------------------------------------------------------------
 */

static void
set_up(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL, *key = NULL;

	f->dir = g_dir_make_tmp("asnd-test-XXXXXX", &error);
	g_assert_no_error(error);
	key = g_build_filename(f->dir, "seal.key", NULL);
	g_assert_true(g_file_set_contents(key, KEY, -1, NULL));
	text = g_strdup_printf("[paths]\ndatabase-dir=%s\nstate-dir=%s\n"
			       "seal-key=%s\nwatch-socket=%s/sock\n"
			       "[mail]\nhost-names=mx.example\n",
	    f->dir, f->dir, key, f->dir);
	f->config = asn_config_parse(text, strlen(text), "test", &error);
	g_assert_no_error(error);
	f->keys = asn_seal_keys_parse(KEY, strlen(KEY), "key", &error);
	g_assert_no_error(error);
	f->sealer = asn_sealer_new(f->keys);
	f->now = g_get_real_time() / G_USEC_PER_SEC;
	f->mtime = f->now - 3600;
	f->peer = -1;
	n_cannot = n_again = n_learnt = 0;
}

static void
start(Fixture *f)
{
	g_autoptr(GError) error = NULL;

	f->daemon = asnd_daemon_new(f->config, 0, &error);
	g_assert_no_error(error);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	drop_peer(f);
	asnd_daemon_free(f->daemon);
	asn_sealer_free(f->sealer);
	asn_seal_keys_free(f->keys);
	asn_config_free(f->config);
	ev_remove_dir(f->dir);
	g_free(f->dir);
}

/* --- mails that are written where they are ----------------------------------
 */

static void
start_writing(Fixture *f)
{
	start(f);
	scan(f);
	TURNS_UNTIL(f, n_learnt == 1);
	f->answered = 0;
	f->mtime = f->now;
	f->partial = TRUE;
}

/* IN_CREATE, read too early, IN_CLOSE_WRITE: read again. */
static void
test_written(Fixture *f, gconstpointer data)
{
	start_writing(f);
	say_entry(f, INBOX, 50, 0);
	TURNS_UNTIL(f, f->answered == 1);
	settle();
	f->partial = FALSE;
	say_entry(f, INBOX, 50, 0);
	TURNS_UNTIL(f, f->answered == 2);
	/* and that was the last time */
	settle();
	say_entry(f, INBOX, 50, 0);
	turns_for(f, 100000);
	g_assert_cmpuint(f->answered, ==, 2);
}

/* The same with IN_CLOSE_WRITE before the answer. */
static void
test_written_while_read(Fixture *f, gconstpointer data)
{
	start_writing(f);
	f->hold = TRUE;
	f->held.request = 0;
	say_entry(f, INBOX, 50, 0);
	TURNS_UNTIL(f, f->held.request != 0);
	say_entry(f, INBOX, 50, 0);
	settle();
	answer(f, f->held.request, 50);
	f->partial = f->hold = FALSE;
	TURNS_UNTIL(f, f->answered == 2);
}

/* --- a full disk ------------------------------------------------------------
 */

/* Files can grow to so many bytes: every write of the evidence fails. */
static void
limit_files(rlim_t bytes)
{
	struct rlimit limit;

	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	limit.rlim_cur = bytes;
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
}

/* One warning, one message; asnd-mailwatch is not let in again and again. */
static void
test_full(Fixture *f, gconstpointer data)
{
	gint64 end;

	start(f);
	scan(f);
	TURNS_UNTIL(f, n_learnt == 1);
	limit_files(4096);
	say_entry(f, INBOX, ++f->next_ino, 0);
	end = g_get_monotonic_time() + 3 * G_USEC_PER_SEC;
	while (g_get_monotonic_time() < end) {
		if (f->peer < 0)
			scan(f);
		turn(f);
	}
	g_assert_cmpuint(n_cannot, ==, 1);
	g_assert_cmpuint(n_again, ==, 0);
	g_assert_cmpuint(f->hang_ups, ==, 1);
	limit_files(RLIM_INFINITY);
	TURNS_UNTIL(f, n_again == 1);
	g_assert_cmpuint(f->hang_ups, ==, 1);
	g_assert_cmpuint(n_cannot, ==, 1);
}

/* --- publishing -------------------------------------------------------------
 */

static void
fill_journal(Fixture *f, guint n)
{
	Evidence ev = {.dir = f->dir, .now = f->now};
	gint64 user;

	ev_open(&ev);
	user = ev_user(&ev, "/v/x");
	for (guint i = 0; i < n; i++) {
		guint8 digest[16] = {0};
		AsndBallot b = {.user = user,
		    .digest = digest,
		    .vote = ASND_VOTE_SPAM,
		    .key = {.asn = i + 1},
		    .mail_time = f->now - 60,
		    .vote_time = f->now,
		    .now = f->now};
		g_autofree char *addr =
		    g_strdup_printf("10.%u.%u.1", i >> 8 & 255, i & 255);

		memcpy(digest, &i, sizeof i);
		asn_addr_parse(addr, strlen(addr), &b.key.addr);
		asnd_journal_cast(ev.journal, &b);
	}
	ev_close(&ev);
}

static ino_t
inode(Fixture *f, const char *name)
{
	g_autofree char *path = g_build_filename(f->dir, name, NULL);
	struct stat st;

	g_assert_cmpint(stat(path, &st), ==, 0);
	return st.st_ino;
}

/* While a fold waits for its time, votes go out as ever. */
static void
test_vote_beside_fold(Fixture *f, gconstpointer data)
{
	AsnWatchGone gone = {.folder = INBOX, .cur = 1};
	ino_t base, recent;

	fill_journal(f, 20000);
	start(f);
	scan(f);
	/* after which everything is to be folded, and that was done just now */
	TURNS_UNTIL(f, n_learnt == 1);
	turns_for(f, G_USEC_PER_SEC);
	base = inode(f, "reputation.mmdb");
	recent = inode(f, "recent.mmdb");
	say(f, ASN_WATCH_GONE, &gone, sizeof gone, "1:2,", -1);
	say_entry(f, JUNK, 1, 0);
	TURNS_UNTIL(f, inode(f, "recent.mmdb") != recent);
	g_assert_cmpuint(inode(f, "reputation.mmdb"), ==, base);
}

#define ADD(name, fn)                                                          \
	g_test_add("/daemon/" name, Fixture, NULL, set_up, fn, tear_down)

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_always_fatal(G_LOG_FATAL_MASK);
	g_log_set_writer_func(count_logs, NULL, NULL);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	ADD("written", test_written);
	ADD("written-while-read", test_written_while_read);
	ADD("full", test_full);
	ADD("vote-beside-fold", test_vote_beside_fold);
	return g_test_run();
}
