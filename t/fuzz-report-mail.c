/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-report-mail.c: any mail, as asnd-report may get it from a user's
 * Maildir.
 *
 * Covers: asnd/report-mail.c asnd/report-compose.c.
 * Longest input: 2048
 */

#include <string.h>

#include <gmime/gmime.h>

#include "report-compose.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Header lines of our own, before the first empty line: each is one of ours. */
static void
check_header(const char *text)
{
	static const char *const ours[] = {"From: reports@", "To: desk@",
	    "Subject: ", "Date: ", "Message-Id: ", "MIME-Version: ",
	    "Auto-Submitted: ", "Content-Type: ", " ", "\t", NULL};
	const char *end = strstr(text, "\n\n");

	g_assert_nonnull(end);
	for (const char *line = text; line < end;
	     line = strchr(line, '\n') + 1) {
		guint i = 0;

		while (ours[i] != NULL &&
		       g_ascii_strncasecmp(line, ours[i], strlen(ours[i])) != 0)
			i++;
		g_assert_nonnull(ours[i]);
		g_assert_null(
		    memchr(line, '\r', (gsize)(strchr(line, '\n') - line)));
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static char hidden[] = "To", received[] = "Delivered-To";
	static char desk[] = "desk@example.net",
		    sender[] = "reports@example.org";
	static char *hide[] = {hidden, received, NULL};
	static gboolean ready;
	const AsnReport what = {
	    .time = 1795217323, .client = {{[12] = 192, 0, 2, 7}, 4}};
	AsnReportConfig config = {.to = desk, .from = sender};
	g_autoptr(AsndReportMail) mail = NULL;
	g_autoptr(GByteArray) out = NULL;

	if (!ready)
		g_mime_init();
	ready = TRUE;
	mail = asnd_report_mail_new((const char *)data, size,
	    size + (size % 7 == 0), hide, &what.client);
	if (mail == NULL)
		return 0;
	g_assert_cmpuint(mail->header, <=, mail->text->len);
	config.format = size % 2 ? ASN_REPORT_ARF : ASN_REPORT_SPAMCOP;
	out = asnd_report_compose(mail, &what, &config, 1795220000);
	if (out == NULL)
		return 0;
	g_byte_array_append(out, (const guint8 *)"", 1);
	g_assert_cmpuint(strlen((char *)out->data), ==, out->len - 1);
	g_assert_null(strchr((char *)out->data, '\r'));
	check_header((char *)out->data);
	return 0;
}
