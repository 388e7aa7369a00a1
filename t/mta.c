/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mta.c: the mail server's side of the milter protocol, scripted.
 *
 *   mta unix:/PATH|inet:PORT@ADDRESS < SCRIPT
 *   mta --load CONNECTIONS MESSAGES HEADERS unix:/PATH
 *
 * A script line is a command; \n, \t, \\ and \xHH in its text are undone:
 *   connect 4|6|L|U [ADDRESS]   U: unknown family, L: local socket
 *   macro STAGE NAME VALUE      STAGE: C M R T E ... as in the protocol
 *   header NAME VALUE           VALUE from after the next space
 *   repeat N NAME VALUE
 *   big N NAME                  a header with N bytes of value
 *   raw HEX                     these bytes as they are
 *   packet C HEX                one packet of command C
 *   eom, abort, quit
 *   again                       drop the connection and negotiate a new one
 * What the filter asks not to get or will not answer is honoured.  After eom
 * every answer is printed in a line: "insert 0 NAME: VALUE", "change N NAME:
 * VALUE", then "continue", "accept", "reject", "tempfail", "reply CODE TEXT" or
 * "lost".
 *
 * Protocol: libmilter/mfdef.h, version 6.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmilter/mfdef.h>

#include "mta-wire.h"

/* --- answers ----------------------------------------------------------------
 */

static void
print_change(const char *what, GString *in)
{
	guint32 index;
	const char *name, *value;

	if (in->len < 6)
		return;
	memcpy(&index, in->str, 4);
	name = in->str + 4;
	value = name + strlen(name) + 1;
	printf("%s %u %s: %s\n", what, g_ntohl(index), name, value);
}

/* One answer to end of message.  TRUE: it was the last. */
static gboolean
print_answer(char c, GString *in)
{
	static const struct {
		char c;
		const char *name;
	} last[] = {{SMFIR_CONTINUE, "continue"}, {SMFIR_ACCEPT, "accept"},
	    {SMFIR_REJECT, "reject"}, {SMFIR_TEMPFAIL, "tempfail"}};

	if (c == SMFIR_INSHEADER || c == SMFIR_CHGHEADER) {
		print_change(c == SMFIR_INSHEADER ? "insert" : "change", in);
		return FALSE;
	}
	if (c == SMFIR_REPLYCODE)
		printf("reply %s\n", in->str);
	for (gsize i = 0; i < G_N_ELEMENTS(last); i++)
		if (last[i].c == c)
			puts(last[i].name);
	return TRUE;
}

static gboolean
send_eom(Mta *m, gboolean show)
{
	gboolean last = FALSE;

	if (!mta_send_packet(m, SMFIC_BODYEOB, "", 0))
		return FALSE;
	while (!last) {
		char c = mta_recv_packet(m);
		if (c == 0)
			return FALSE;
		if (show)
			last = print_answer(c, m->in);
		else
			last = strchr("hmi+-", c) == NULL;
	}
	return TRUE;
}

/* --- script -----------------------------------------------------------------
 */

/* In place; NULs may come of it, so the length is returned. */
static gsize
unescape(char *s)
{
	char *out = s, *start = s;

	while (*s != '\0') {
		if (s[0] == '\\' && s[1] == 'n') {
			*out++ = '\n';
			s += 2;
		} else if (s[0] == '\\' && s[1] == 't') {
			*out++ = '\t';
			s += 2;
		} else if (s[0] == '\\' && s[1] == 'x' &&
			   g_ascii_isxdigit(s[2]) && g_ascii_isxdigit(s[3])) {
			*out++ = (char)(g_ascii_xdigit_value(s[2]) * 16 +
					g_ascii_xdigit_value(s[3]));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
	return (gsize)(out - start);
}

static GByteArray *
from_hex(const char *s)
{
	GByteArray *a = g_byte_array_new();

	for (; g_ascii_isxdigit(s[0]) && g_ascii_isxdigit(s[1]); s += 2) {
		guint8 b = (guint8)(g_ascii_xdigit_value(s[0]) * 16 +
				    g_ascii_xdigit_value(s[1]));
		g_byte_array_append(a, &b, 1);
	}
	return a;
}

/* Splits the first word off. */
static char *
word(char **rest)
{
	char *w = *rest;
	char *space = strchr(w, ' ');

	*rest = space ? space + 1 : w + strlen(w);
	if (space != NULL)
		*space = '\0';
	return w;
}

static gboolean
do_headers(Mta *m, guint times, char *rest)
{
	char *name = word(&rest);
	gsize name_len = unescape(name), n = unescape(rest);

	for (guint i = 0; i < times; i++)
		if (!mta_send_header(m, name, name_len, rest, n))
			return FALSE;
	return TRUE;
}

static gboolean
do_macro(Mta *m, char *rest)
{
	g_autoptr(GString) s = g_string_new(word(&rest));

	g_string_append(s, word(&rest));
	g_string_append_c(s, '\0');
	g_string_append_len(s, rest, (gssize)unescape(rest));
	g_string_append_c(s, '\0');
	return mta_send_packet(m, SMFIC_MACRO, s->str, s->len);
}

static gboolean
do_bytes(Mta *m, gboolean packet, char *rest)
{
	char command = packet ? *word(&rest) : '\0';
	g_autoptr(GByteArray) a = from_hex(rest);
	const char *bytes = (const char *)a->data;

	return packet ? mta_send_packet(m, command, bytes, a->len)
		      : mta_send_all(m, bytes, a->len);
}

static gboolean
do_big(Mta *m, char *rest)
{
	gsize n = (gsize)atol(word(&rest));
	g_autofree char *value = g_malloc(n);

	memset(value, 'x', n);
	return mta_send_header(m, rest, strlen(rest), value, n);
}

static gboolean
do_again(Mta *m)
{
	close(m->fd);
	return mta_negotiate(m);
}

static gboolean
run_line(Mta *m, char *line)
{
	char *rest = line;
	const char *verb = word(&rest);

	if (strcmp(verb, "connect") == 0) {
		const char *family = word(&rest);
		return mta_send_connect(m, family, rest);
	}
	if (strcmp(verb, "macro") == 0)
		return do_macro(m, rest);
	if (strcmp(verb, "header") == 0)
		return do_headers(m, 1, rest);
	if (strcmp(verb, "repeat") == 0) {
		guint times = (guint)atoi(word(&rest));
		return do_headers(m, times, rest);
	}
	if (strcmp(verb, "big") == 0)
		return do_big(m, rest);
	if (strcmp(verb, "raw") == 0 || strcmp(verb, "packet") == 0)
		return do_bytes(m, *verb == 'p', rest);
	if (strcmp(verb, "eom") == 0)
		return send_eom(m, TRUE);
	if (strcmp(verb, "abort") == 0)
		return mta_send_packet(m, SMFIC_ABORT, "", 0);
	if (strcmp(verb, "quit") == 0)
		return mta_send_packet(m, SMFIC_QUIT, "", 0);
	if (strcmp(verb, "again") == 0)
		return do_again(m);
	fprintf(stderr, "mta: %s: no such command\n", verb);
	exit(2);
}

static int
run_script(Mta *m)
{
	g_autofree char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (!mta_negotiate(m)) {
		puts("refused");
		return 1;
	}
	printf("steps %x\n", m->steps);
	while ((n = getline(&line, &size, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (*line == '\0' || *line == '#')
			continue;
		if (!run_line(m, line)) {
			puts("lost");
			return 1;
		}
		fflush(stdout);
	}
	close(m->fd);
	return 0;
}

/* --- load -------------------------------------------------------------------
 */

typedef struct {
	const char *spec;
	guint messages, headers, id;
} Load;

static gboolean
load_message(Mta *m, const Load *l, guint i)
{
	char macro[64];
	int n =
	    g_snprintf(macro, sizeof macro, "Ei%c4L%05xq%u%c", 0, i, l->id, 0);

	for (guint h = 0; h < l->headers; h++)
		if (!mta_send_header(m, "X-Header", 8,
			"some value of usual length, 60 bytes or thereabouts.",
			52))
			return FALSE;
	return mta_send_packet(m, SMFIC_MACRO, macro, (gsize)n) &&
	       send_eom(m, FALSE);
}

/* A connection a message, as most SMTP sessions are. */
static gpointer
load_thread(gpointer data)
{
	const Load *l = data;
	Mta m = {.spec = l->spec, .fd = -1, .in = g_string_new(NULL)};
	char addr[32];
	guint done = 0;

	for (guint i = 0; i < l->messages; i++) {
		g_snprintf(addr, sizeof addr, "%u.%u.%u.%u", 1 + i * 7 % 223,
		    i * 13 % 256, i * 17 % 256, i * 29 % 256);
		if (!mta_negotiate(&m) || !mta_send_connect(&m, "4", addr) ||
		    !load_message(&m, l, i) ||
		    !mta_send_packet(&m, SMFIC_QUIT, "", 0))
			fprintf(stderr, "mta: message %u lost\n", i);
		else
			done++;
		close(m.fd);
	}
	g_string_free(m.in, TRUE);
	return GUINT_TO_POINTER(done);
}

static int
run_load(char **argv)
{
	guint n = (guint)atoi(argv[2]), done = 0;
	Load *load = g_new0(Load, n);
	GThread **thread = g_new0(GThread *, n);
	gint64 start = g_get_monotonic_time();
	double seconds;

	for (guint i = 0; i < n; i++) {
		load[i] = (Load){
		    argv[5], (guint)atoi(argv[3]) / n, (guint)atoi(argv[4]), i};
		thread[i] = g_thread_new("load", load_thread, &load[i]);
	}
	for (guint i = 0; i < n; i++)
		done += GPOINTER_TO_UINT(g_thread_join(thread[i]));
	seconds = (double)(g_get_monotonic_time() - start) / 1e6;
	printf("%u %.6f %.1f\n", done, seconds, done / seconds);
	g_free(load);
	g_free(thread);
	return done == (guint)atoi(argv[3]) / n * n ? 0 : 1;
}

int
main(int argc, char **argv)
{
	Mta m = {.fd = -1, .in = NULL};
	int rc;

	if (argc == 6 && strcmp(argv[1], "--load") == 0)
		return run_load(argv);
	if (argc != 2) {
		fputs("usage: mta SOCKET | mta --load CONNECTIONS MESSAGES "
		      "HEADERS SOCKET\n",
		    stderr);
		return 64;
	}
	m.spec = argv[1];
	m.in = g_string_new(NULL);
	rc = run_script(&m);
	g_string_free(m.in, TRUE);
	return rc;
}
