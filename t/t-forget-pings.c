/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-forget-pings.c: the watchdog is pinged while journal-forget.c works. */

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "evidence.h"
#include "notify.h"

#define N_VOTES 3000

/* The service manager's end of sd_notify(3). */
typedef struct {
	int fd;
	guint pings;
	GThread *thread;
} Manager;

/* Until manager_end says so. */
static gpointer
listen_to(gpointer data)
{
	Manager *m = data;
	char text[64] = "";

	while (strcmp(text, "READY=1") != 0) {
		ssize_t len = recv(m->fd, text, sizeof text - 1, 0);

		g_assert_cmpint(len, >=, 0);
		text[len] = '\0';
		m->pings += strcmp(text, "WATCHDOG=1") == 0;
	}
	return NULL;
}

static void
manager_start(Manager *m, const char *dir, const char *watchdog_usec)
{
	g_autofree char *path = g_build_filename(dir, "notify", NULL);
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	*m = (Manager){.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
	g_assert_cmpint(m->fd, >=, 0);
	g_assert_cmpuint(g_strlcpy(at.sun_path, path, sizeof at.sun_path), <,
	    sizeof at.sun_path);
	g_assert_cmpint(bind(m->fd, (struct sockaddr *)&at, sizeof at), ==, 0);
	g_setenv("NOTIFY_SOCKET", path, TRUE);
	if (watchdog_usec != NULL)
		g_setenv("WATCHDOG_USEC", watchdog_usec, TRUE);
	m->thread = g_thread_new("manager", listen_to, m);
}

/* How many pings came. */
static guint
manager_end(Manager *m)
{
	asn_notify_ready();
	g_thread_join(m->thread);
	close(m->fd);
	g_unlink(g_getenv("NOTIFY_SOCKET"));
	g_unsetenv("WATCHDOG_USEC");
	g_unsetenv("NOTIFY_SOCKET");
	return m->pings;
}

static void
cast(Evidence *ev, gint64 user, guint i)
{
	guint8 digest[16] = {0};
	AsndBallot b = {.user = user,
	    .digest = digest,
	    .vote = ASND_VOTE_HAM,
	    .key = {.addr = {.family = 4}, .asn = 64496 + i % 9},
	    .mail_time = EV_NOW,
	    .vote_time = EV_NOW + i,
	    .now = EV_NOW + i};

	memcpy(digest, &i, sizeof i);
	memcpy(b.key.addr.b + 12, (guint8[]){192, 0, 2, (guint8)i}, 4);
	asnd_journal_cast(ev->journal, &b);
}

static void
fill(Evidence *ev)
{
	gint64 user;

	ev_init(ev, FALSE);
	user = ev_user(ev, "/v/a/Maildir");
	for (guint i = 0; i < N_VOTES; i++)
		cast(ev, user, i);
	g_assert_true(asnd_store_commit(ev->store));
}

static guint
pings_of_forgetting(const char *watchdog_usec)
{
	Evidence ev;
	Manager manager;
	AsnSubject all;
	guint n;

	g_assert_true(asn_subject_parse("192.0.2.0/24", &all, NULL));
	fill(&ev);
	asnd_store_started(ev.store);
	manager_start(&manager, ev.dir, watchdog_usec);
	n = asnd_journal_forget(ev.journal, &all);
	g_assert_cmpuint(n, ==, N_VOTES);
	n = manager_end(&manager);
	ev_clear(&ev);
	return n;
}

/* As it gets on, where the manager waits for less time than it takes. */
static void
test_forget(void)
{
	g_assert_cmpuint(pings_of_forgetting("3000"), >=, 2);
	g_assert_cmpuint(pings_of_forgetting("3600000000"), ==, 0);
	g_assert_cmpuint(pings_of_forgetting(NULL), ==, 0);
}

static void
read_all(Evidence *ev)
{
	g_autoptr(GArray) votes =
	    g_array_new(FALSE, FALSE, sizeof(AsndJournalVote));
	AsnSubject all;
	AsndSearch *s;

	g_assert_true(asn_subject_parse("192.0.2.0/24", &all, NULL));
	s = asnd_search_new(ev->journal, &all, N_VOTES);
	while (asnd_search_step(s, votes))
		;
	asnd_search_free(s);
	g_assert_cmpuint(votes->len, ==, N_VOTES);
}

/* Nothing else pings: not the start, and not what comes after a long work, of
 * which the main loop alone has proof. */
static void
test_other_work(void)
{
	const AsnSubject unknown = {.kind = ASN_SUBJECT_AS, .asn = 64511};
	Evidence ev;
	Manager manager;

	fill(&ev);
	manager_start(&manager, ev.dir, "3000");
	asnd_journal_replay(ev.journal);
	g_assert_cmpuint(manager_end(&manager), ==, 0);
	asnd_store_started(ev.store);
	g_setenv("WATCHDOG_USEC", "3000", TRUE);
	g_assert_cmpuint(asnd_journal_forget(ev.journal, &unknown), ==, 0);
	manager_start(&manager, ev.dir, "3000");
	for (int i = 0; i < 20; i++)
		read_all(&ev);
	g_assert_cmpuint(manager_end(&manager), ==, 0);
	ev_clear(&ev);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/forget-pings/forget", test_forget);
	g_test_add_func("/forget-pings/other-work", test_other_work);
	return g_test_run();
}
