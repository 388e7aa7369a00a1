/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mta-crowd.c: as many mail server sessions at once as one likes.
 *
 *   mta-crowd CONNECTIONS MESSAGES QUIET_MS unix:/PATH
 *
 * Connects all, without waiting, as Postfix does: a full queue of the filter's
 * socket is "refused", and tried again.  Then takes what answers to the
 * negotiation come, until all have one or none came for QUIET_MS, says
 *   open N waiting M refused R
 * and reads a line from stdin.  Those that are open get MESSAGES messages
 * each, every message sent to all of them before the first answer is read, and
 * print a line a message
 *   CONNECTION MESSAGE ADDRESS<tab>ANSWER<tab>ANSWER...
 * with the answers to end of message as mta prints them.  Then
 *   answered N lost L
 * another line from stdin, and they leave; those that waited have their turn.
 * The last line is "done".  An answer that takes a minute counts as lost.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmilter/mfdef.h>

#include "mta-wire.h"

#define PATIENCE_MS 60000

enum { WAITING, OPEN, GONE };

typedef struct {
	Mta mta;
	int state;
} Session;

static guint connections, messages, refused, lost;
static int quiet_ms;
static Session *session;

static void
die(const char *what)
{
	fprintf(stderr, "mta-crowd: %s: %s\n", what, g_strerror(errno));
	exit(1);
}

static void
wait_for_line(void)
{
	int c;

	fflush(stdout);
	while ((c = getchar()) != '\n' && c != EOF)
		;
}

static void
connect_one(Session *s, const char *spec)
{
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	int flags = SOCK_NONBLOCK, fd;

	/* The second time as somebody who can wait. */
	while ((fd = mta_dial(spec, flags)) < 0) {
		if (errno != EAGAIN || flags == 0)
			die("connect");
		refused++;
		flags = 0;
	}
	fcntl(fd, F_SETFL, 0);
	s->mta = (Mta){.spec = spec, .fd = fd, .in = g_string_new(NULL)};
	if (!mta_offer(&s->mta))
		die("connect");
	setsockopt(
	    s->mta.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

/* Takes the answers that come; TRUE: there was one. */
static gboolean
take_answers(struct pollfd *fds, int ms)
{
	int ready = poll(fds, connections, ms);

	for (guint i = 0; i < connections && ready > 0; i++) {
		if (fds[i].revents == 0)
			continue;
		fds[i].fd = -1;
		session[i].state = mta_agree(&session[i].mta) ? OPEN : GONE;
		lost += session[i].state == GONE;
	}
	return ready > 0;
}

static guint
count(int state)
{
	guint n = 0;

	for (guint i = 0; i < connections; i++)
		n += session[i].state == state;
	return n;
}

static void
negotiate_all(void)
{
	g_autofree struct pollfd *fds = g_new0(struct pollfd, connections);
	gint64 until = g_get_monotonic_time() + PATIENCE_MS * 1000;

	for (guint i = 0; i < connections; i++) {
		fds[i].fd =
		    session[i].state == WAITING ? session[i].mta.fd : -1;
		fds[i].events = POLLIN;
	}
	while (count(WAITING) > 0 && take_answers(fds, quiet_ms))
		;
	while (count(OPEN) == 0 && count(WAITING) > 0 &&
	       g_get_monotonic_time() < until)
		take_answers(fds, quiet_ms);
}

/* --- messages ---------------------------------------------------------------
 */

static void
address_of(guint i, guint message, char *out, gsize size)
{
	static const char *const nets[] = {
	    "192.0.2.", "198.51.100.", "203.0.113."};

	g_snprintf(out, size, "%s%u", nets[(i + message) % 3], 1 + i % 250);
}

/* With a forged copy of each of our headers. */
static gboolean
send_message(Mta *m, guint i, guint message)
{
	static const char *const forged[] = {
	    "X-ASN", "x-asn-spam", "X-ASN-SEAL"};
	char macro[64], address[32];
	int n = g_snprintf(
	    macro, sizeof macro, "Ei%c4C%05uq%u%c", 0, i, message, 0);

	address_of(i, message, address, sizeof address);
	if (message == 0 && !mta_send_connect(m, "4", address))
		return FALSE;
	for (gsize h = 0; h < G_N_ELEMENTS(forged); h++)
		if (!mta_send_header(m, forged[h], strlen(forged[h]), "No", 2))
			return FALSE;
	return mta_send_header(m, "Subject", 7, "hello", 5) &&
	       mta_send_packet(m, SMFIC_MACRO, macro, (gsize)n) &&
	       mta_send_packet(m, SMFIC_BODYEOB, "", 0);
}

static void
print_change(char c, const GString *in)
{
	guint32 index;
	const char *name;

	if (in->len < 6)
		return;
	memcpy(&index, in->str, 4);
	name = in->str + 4;
	printf("\t%s %u %s: %s", c == SMFIR_INSHEADER ? "insert" : "change",
	    g_ntohl(index), name, name + strlen(name) + 1);
}

static gboolean
read_answer(Mta *m, guint i, guint message)
{
	char address[32], c;

	address_of(i, 0, address, sizeof address);
	printf("%u %u %s", i, message, address);
	while (
	    (c = mta_recv_packet(m)) == SMFIR_INSHEADER || c == SMFIR_CHGHEADER)
		print_change(c, m->in);
	printf("\t%s\n", c == SMFIR_CONTINUE ? "continue" : "wrong");
	return c == SMFIR_CONTINUE;
}

static void
send_messages(void)
{
	guint answered = 0;

	for (guint n = 0; n < messages; n++) {
		for (guint i = 0; i < connections; i++)
			if (session[i].state == OPEN &&
			    !send_message(&session[i].mta, i, n))
				session[i].state = GONE;
		for (guint i = 0; i < connections; i++) {
			if (session[i].state != OPEN)
				continue;
			if (read_answer(&session[i].mta, i, n))
				answered++;
			else
				session[i].state = GONE;
		}
	}
	printf("answered %u lost %u\n", answered, lost);
}

static void
leave(void)
{
	for (guint i = 0; i < connections; i++) {
		if (session[i].state == WAITING)
			continue;
		if (session[i].state == OPEN)
			mta_send_packet(&session[i].mta, SMFIC_QUIT, "", 0);
		if (session[i].mta.fd >= 0)
			close(session[i].mta.fd);
		session[i].mta.fd = -1;
		session[i].state = GONE;
	}
}

int
main(int argc, char **argv)
{
	struct rlimit limit;

	if (argc != 5) {
		fputs("usage: mta-crowd CONNECTIONS MESSAGES QUIET_MS "
		      "unix:/PATH\n",
		    stderr);
		return 64;
	}
	connections = (guint)atoi(argv[1]);
	messages = (guint)atoi(argv[2]);
	quiet_ms = atoi(argv[3]);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	session = g_new0(Session, connections);
	for (guint i = 0; i < connections; i++)
		connect_one(&session[i], argv[4]);
	while (count(WAITING) > 0) {
		negotiate_all();
		printf("open %u waiting %u refused %u\n", count(OPEN),
		    count(WAITING), refused);
		if (count(OPEN) == 0)
			return 1;
		wait_for_line();
		send_messages();
		wait_for_line();
		leave();
	}
	puts("done");
	for (guint i = 0; i < connections; i++)
		g_string_free(session[i].mta.in, TRUE);
	g_free(session);
	return 0;
}
