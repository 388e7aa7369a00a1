/* SPDX-License-Identifier: GPL-2.0-or-later */
/* t-report-mail.c: a mail as it may leave the host, the report of it, sendmail.
 */

#include <glib/gstdio.h>
#include <gmime/gmime.h>
#include <string.h>

#include "report-compose.h"
#include "report-send.h"

static char delivered[] = "Delivered-To", to[] = "to",
	    *hide[] = {delivered, to, NULL};
static char desk[] = "desk@example.net", sender[] = "reports@example.org";
static const AsnAddr client = {{[12] = 192, 0, 2, 7}, 4};

static AsndReportMail *
mail_of(const char *text, gsize len)
{
	return asnd_report_mail_new(text, len, len, hide, &client);
}

static void
assert_mail(const char *in, const char *want)
{
	g_autoptr(AsndReportMail) mail = mail_of(in, strlen(in));

	g_assert_nonnull(mail);
	g_assert_cmpstr(mail->text->str, ==, want);
}

static void
test_hidden(void)
{
	assert_mail("Delivered-To: a@b\nA: b\n\nDelivered-To: body\n",
	    "A: b\n\nDelivered-To: body\n");
	assert_mail("A: b\ndelivered-to : a@b,\n\tc@d\n e@f\nB: c\n\nx",
	    "A: b\nB: c\n\nx");
	assert_mail("To: a\nCc: b\nTO: c\nX-To: d\n\n", "Cc: b\nX-To: d\n\n");
	assert_mail(
	    "X-ASN: 1\nX-ASN-Spam: 2\nX-ASN-Seal: 3\n\t4\nX-ASNX: 5\n\n",
	    "X-ASNX: 5\n\n");
	/* what is no field stays: it is evidence */
	assert_mail("From a@b Mon\nnonsense\nTo: x\n more\n: y\n\nz",
	    "nonsense\n: y\n\nz");
	/* a header and nothing else */
	assert_mail("A: b\nTo: c\n", "A: b\n");
	assert_mail("A: b\nTo: c", "A: b\n");
}

static void
test_received(void)
{
	static const char *const lines[][2] = {
	    {"from h (n [192.0.2.7])\n\tby mx (Postfix) with ESMTP id "
	     "4X\n\tfor "
	     "<u@e>; Sat, 21 Nov 2026 00:00:00 +0000",
		"from h (n [192.0.2.7])\n\tby mx (Postfix) with ESMTP id 4X; "
		"Sat, 21 Nov 2026 00:00:00 +0000"},
	    {"from h by mx for u@e; Sat", "from h by mx; Sat"},
	    {"from h by mx FOR\n\t<\"a b\"@e> (x); Sat",
		"from h by mx (x); Sat"},
	    {"from h by mx for u@e", "from h by mx"},
	    {"from h by mx for <>; Sat", "from h by mx; Sat"},
	    {"from for.example by mx", "from for.example by mx"},
	    {"from h by mx with for; Sat", "from h by mx with for; Sat"},
	    {"from h by mx for", "from h by mx for"},
	    {"from h by mx for ", "from h by mx for "},
	    {"from h by mx for <unclosed@e", "from h by mx"},
	    {"for <a@b> for c@d for;", " for;"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autofree char *in =
		    g_strconcat("Received: ", lines[i][0], "\n\nx", NULL);
		g_autofree char *want = g_strconcat(
		    i + 1 == G_N_ELEMENTS(lines) ? "Received:" : "Received: ",
		    lines[i][1], "\n\nx", NULL);

		assert_mail(in, want);
	}
}

static void
test_bytes(void)
{
	static const char nul[] = "A: b\0\n\0\nx\0y\n";
	g_autoptr(AsndReportMail) mail = mail_of(nul, sizeof nul - 1);

	g_assert_cmpstr(mail->text->str, ==, "A: b\n\nxy\n");
	assert_mail("A: b\r\n\r\nx\r\n\r\n.\r\n", "A: b\n\nx\n\n.\n");
	/* a bare CR becomes a line, where hidden fields are hidden, too */
	assert_mail("A: b\rTo: c\r\rx\r.\ry", "A: b\n\nx\n.\ny");
}

static void
test_size(void)
{
	g_autofree char *big = g_malloc(ASND_REPORT_MAX + 1);
	g_autoptr(AsndReportMail) mail = NULL;

	g_assert_null(mail_of("", 0));
	g_assert_null(mail_of("\0\r", 2));
	g_assert_null(mail_of("\n\nx", 3));
	memset(big, 'x', ASND_REPORT_MAX + 1);
	memcpy(big, "A: ", 3);
	g_assert_null(mail_of(big, ASND_REPORT_MAX));
	memcpy(big + ASND_REPORT_HEADER_MAX - 1, "\n\n", 2);
	g_assert_null(mail_of(big, ASND_REPORT_MAX));
	memcpy(big + ASND_REPORT_HEADER_MAX - 2, "\n\n", 2);
	mail = mail_of(big, ASND_REPORT_MAX);
	g_assert_false(mail->too_large);
	g_assert_cmpuint(mail->text->len, ==, ASND_REPORT_MAX);
	asnd_report_mail_free(g_steal_pointer(&mail));
	mail = asnd_report_mail_new(
	    big, ASND_REPORT_MAX, ASND_REPORT_MAX + 1, hide, &client);
	g_assert_true(mail->too_large);
	g_assert_cmpuint(mail->text->len, ==, ASND_REPORT_HEADER_MAX);
}

static void
test_subject(void)
{
	static const char *const subjects[][2] = {
	    {"Subject: plain\n", "plain"},
	    {"subject:\n folded\n\there\n", "folded  here"},
	    {"Subject: one\nSubject: two\n", "one"},
	    {"Subject: =?utf-8?q?a=0D=0ABcc:_x=40y?=\n", "a  Bcc: x@y"},
	    {"Subject: =?utf-8?b?w6TDtg==?= b\n", "äö b"},
	    {"Subject: \x01\x7f\xff!\n", NULL},
	    {"Subject: =?utf-8?q?\xe2\x80\xaegnp?=\n", NULL},
	    {"A: b\n", ""},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(subjects); i++) {
		g_autofree char *text = g_strconcat(subjects[i][0], "\n", NULL);
		g_autoptr(AsndReportMail) mail = mail_of(text, strlen(text));

		g_assert_true(g_utf8_validate(mail->subject, -1, NULL));
		g_assert_cmpuint(strlen(mail->subject), <=, 200);
		for (const char *p = mail->subject; *p != '\0'; p++)
			g_assert_cmpint((guchar)*p, >=, ' ');
		if (subjects[i][1] != NULL)
			g_assert_cmpstr(mail->subject, ==, subjects[i][1]);
	}
}

static void
test_domain(void)
{
#define BY "\n\tby mx.example.org (Postfix) with ESMTP id 4X; Sat, 21 Nov"
	static const char *const lines[][2] = {
	    {"from helo (Mail.Example.NET [192.0.2.7])" BY, "mail.example.net"},
	    {"from helo (unknown [192.0.2.7])" BY, NULL},
	    {"from helo (a.example [192.0.2.8])" BY, NULL},
	    {"from (b.example [192.0.2.7]) (a.example [192.0.2.7])" BY,
		"a.example"},
	    {"from helo (a_b.example [192.0.2.7])" BY, NULL},
	    {"from helo (a.example. [192.0.2.7])" BY, NULL},
	    {"from helo (.example [192.0.2.7])" BY, NULL},
	    {"from helo (1.2.3.4 [192.0.2.7])" BY, NULL},
	    {"from helo a.example [192.0.2.7]" BY, NULL},
	    {"from helo ([192.0.2.7])" BY, NULL},
	    {"from [192.0.2.7] by mx (Postfix) with SMTP", NULL},
	    {"by mx (Postfix) with SMTP", NULL},
	    {"from helo (a.example [192.0.2.7])\n\tby mx with SMTP", NULL},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autofree char *text =
		    g_strconcat("Received: ", lines[i][0], "\n\n", NULL);
		g_autoptr(AsndReportMail) mail = mail_of(text, strlen(text));

		g_assert_cmpstr(mail->domain, ==, lines[i][1]);
	}
}

/* --- the report ------------------------------------------------------------
 */

static char *
compose(const char *text, AsnReportFormat format, const AsnAddr *from)
{
	const AsnReport what = {
	    .version = ASN_REPORT_VERSION, .time = 1795217323, .client = *from};
	const AsnReportConfig config = {
	    .format = format, .to = desk, .from = sender};
	g_autoptr(AsndReportMail) mail =
	    asnd_report_mail_new(text, strlen(text), strlen(text), hide, from);
	g_autoptr(GByteArray) out =
	    asnd_report_compose(mail, &what, &config, 1795220000);

	g_byte_array_append(out, (const guint8 *)"", 1);
	g_assert_cmpuint(strlen((char *)out->data), ==, out->len - 1);
	return g_strdup((char *)out->data);
}

static void
assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		g_error("'%s' is not in:\n%s", part, text);
}

static void
test_arf(void)
{
	static const AsnAddr six = {{0x20, 1, 0xd, 0xb8, [15] = 1}, 6};
	g_autofree char *arf =
	    compose("Subject: s\nTo: x\n\nbody\xe4\n", ASN_REPORT_ARF, &client);
	g_autofree char *v6 = compose("A: b\n\nbody\n", ASN_REPORT_ARF, &six);

	assert_has(arf, "From: reports@example.org\n");
	assert_has(arf, "To: desk@example.net\n");
	assert_has(arf, "Subject: FW: s\n");
	assert_has(arf, "Auto-Submitted: auto-generated\n");
	assert_has(arf, "report-type=feedback-report");
	assert_has(arf, "Content-Type: message/feedback-report\n");
	assert_has(arf, "\nFeedback-Type: abuse\nUser-Agent: asnd/");
	assert_has(arf, "\nVersion: 1\nArrival-Date: ");
	assert_has(arf, "\nSource-IP: 192.0.2.7\n");
	assert_has(arf, "Content-Transfer-Encoding: 8bit\n");
	assert_has(arf, "\n\nSubject: s\n\nbody\xe4\n");
	assert_has(v6, "\nSource-IP: IPv6:2001:db8::1\n");
	assert_has(v6, "Subject: Abuse report\n");
	g_assert_null(strstr(v6, "8bit"));
	g_assert_null(strstr(arf, "Reported-Domain"));
}

/* However long, and in whatever letters: each line of it belongs to it, and it
 * reads as it was. */
static void
test_long_subject(void)
{
	static const char *const subjects[] = {
	    "micros8X for TO\"\"\"\"\"\"192.0.0.7]) for TO\"\"\"th: for Tair "
	    "\xc3\x8fl.example.ne for TO\"\"\"[19) 8rX for TO 4X for 0*2.7]) x",
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa4\xe2\x82\xac\xf0\x9f"
	    "\x98\x80"
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa4\xe2\x82\xac\xf0\x9f"
	    "\x98\x80"
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa4\xe2\x82\xac\xf0\x9f"
	    "\x98\x80",
	    "no encoded =? word ?= but like one", "plain"};

	for (gsize i = 0; i < G_N_ELEMENTS(subjects); i++) {
		g_autofree char *mail =
		    g_strdup_printf("Subject: %s\n\n", subjects[i]);
		g_autofree char *want = g_strconcat("FW: ", subjects[i], NULL);
		g_autofree char *arf = compose(mail, ASN_REPORT_ARF, &client);
		g_autofree char *value = NULL, *decoded = NULL;
		const char *at = strstr(arf, "\nSubject: ") + 10, *end = at;

		do
			end = strchr(end, '\n') + 1;
		while (*end == ' ');
		value = g_strndup(at, (gsize)(end - at));
		decoded = g_mime_utils_header_decode_text(NULL, value);
		g_assert_cmpstr(g_strstrip(decoded), ==, want);
		g_assert_true(g_ascii_isupper(*end)); /* the next field */
		g_assert_null(strstr(value, "\n\n"));
	}
}

static void
test_spamcop(void)
{
	g_autofree char *text =
	    compose("Subject: s\n\nbody\n", ASN_REPORT_SPAMCOP, &client);

	assert_has(text, "Content-Type: multipart/mixed; ");
	assert_has(text, "Subject: Abuse report\n");
	assert_has(text, "Content-Type: message/rfc822\n");
	assert_has(text, "Content-Disposition: attachment\n");
	g_assert_null(strstr(text, "feedback-report"));
}

static void
test_too_large(void)
{
	const AsnReport what = {.client = client};
	AsnReportConfig config = {
	    .format = ASN_REPORT_SPAMCOP, .to = desk, .from = sender};
	g_autoptr(AsndReportMail) mail = asnd_report_mail_new(
	    "A: b\n\nbody", 10, ASND_REPORT_MAX + 1, hide, &client);
	g_autoptr(GByteArray) arf = NULL;

	g_assert_null(asnd_report_compose(mail, &what, &config, 0));
	config.format = ASN_REPORT_ARF;
	arf = asnd_report_compose(mail, &what, &config, 0);
	g_byte_array_append(arf, (const guint8 *)"", 1);
	assert_has((char *)arf->data,
	    "Content-Type: text/rfc822-headers\n"
	    "Content-Transfer-Encoding: 7bit\n\nA: b\n\n\n--");
}

/* --- sendmail --------------------------------------------------------------
 */

typedef struct {
	char *dir, *program, *out;
} Fixture;

static void
set_up(Fixture *f, gconstpointer script)
{
	g_autofree char *text = NULL;

	f->dir = g_dir_make_tmp("asnd-report-XXXXXX", NULL);
	f->program = g_build_filename(f->dir, "sendmail", NULL);
	f->out = g_build_filename(f->dir, "out", NULL);
	text = g_strdup_printf(
	    "#!/bin/sh\nexec > %s\n%s\n", f->out, (const char *)script);
	g_assert_true(g_file_set_contents(f->program, text, -1, NULL));
	g_assert_cmpint(g_chmod(f->program, 0755), ==, 0);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
	g_unlink(f->program);
	g_unlink(f->out);
	g_rmdir(f->dir);
	g_free(f->program);
	g_free(f->out);
	g_free(f->dir);
}

static void
test_sendmail(Fixture *f, gconstpointer data)
{
	const AsndSendmail how = {f->program, sender, desk, 30};
	g_autofree char *said = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_true(asnd_report_send(&how, "A: b\n\n.\nx", 9, &error));
	g_assert_no_error(error);
	g_assert_true(g_file_get_contents(f->out, &said, NULL, NULL));
	g_assert_cmpstr(said, ==,
	    "5 -i -f reports@example.org -- desk@example.net\n"
	    "A: b\n\n.\nx");
}

static void
test_fails(Fixture *f, gconstpointer data)
{
	const AsndSendmail how = {f->program, sender, desk, 30};
	g_autoptr(GError) error = NULL;

	g_assert_false(asnd_report_send(&how, "x", 1, &error));
	assert_has(error->message, "exit status 75");
}

static void
test_hangs(Fixture *f, gconstpointer data)
{
	const AsndSendmail how = {f->program, sender, desk, 1};
	g_autofree char *pid = NULL, *proc = NULL;
	g_autoptr(GError) error = NULL;
	gint64 until = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

	g_assert_false(asnd_report_send(&how, "x", 1, &error));
	assert_has(error->message, "did not end within 1 s");
	/* and its child is ended with it */
	g_assert_true(g_file_get_contents(f->out, &pid, NULL, NULL));
	proc = g_strdup_printf("/proc/%s/cwd", g_strchomp(pid));
	while (g_file_test(proc, G_FILE_TEST_EXISTS) &&
	       g_get_monotonic_time() < until)
		g_usleep(1000);
	g_assert_false(g_file_test(proc, G_FILE_TEST_EXISTS));
}

static void
test_missing(void)
{
	char none[] = "/nonexistent/sendmail";
	const AsndSendmail how = {none, sender, desk, 30};
	g_autoptr(GError) error = NULL;

	g_assert_false(asnd_report_send(&how, "x", 1, &error));
	assert_has(error->message, "cannot be executed");
}

int
main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	g_mime_init();
	g_test_add_func("/report/hidden", test_hidden);
	g_test_add_func("/report/received", test_received);
	g_test_add_func("/report/bytes", test_bytes);
	g_test_add_func("/report/size", test_size);
	g_test_add_func("/report/subject", test_subject);
	g_test_add_func("/report/domain", test_domain);
	g_test_add_func("/report/arf", test_arf);
	g_test_add_func("/report/long-subject", test_long_subject);
	g_test_add_func("/report/spamcop", test_spamcop);
	g_test_add_func("/report/too-large", test_too_large);
	g_test_add("/report/sendmail", Fixture, "echo $# \"$@\"; cat", set_up,
	    test_sendmail, tear_down);
	g_test_add(
	    "/report/fails", Fixture, "exit 75", set_up, test_fails, tear_down);
	g_test_add("/report/hangs", Fixture, "sleep 600 & echo $!; wait",
	    set_up, test_hangs, tear_down);
	g_test_add_func("/report/missing", test_missing);
	status = g_test_run();
	g_mime_shutdown();
	return status;
}
