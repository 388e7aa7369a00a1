/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-mail.c: a mail as it may leave the host. */

#include <string.h>

#include <gmime/gmime.h>

#include "headers.h"
#include "report-mail.h"
#include "trace.h"

#define SUBJECT_MAX 200

/* Line ends as they must be, and no NUL. */
static GString *
clean(const char *data, gsize len)
{
	GString *out = g_string_sized_new(len + 1);

	for (gsize i = 0; i < len; i++) {
		if (data[i] == '\r') {
			if (i + 1 == len || data[i + 1] != '\n')
				g_string_append_c(out, '\n');
		} else if (data[i] != '\0') {
			g_string_append_c(out, data[i]);
		}
	}
	return out;
}

/* maildrop leaves mbox's first line in a Maildir, too; it is no part of a mail.
 */
static void
drop_mbox_line(GString *text)
{
	const char *end = memchr(text->str, '\n', text->len);

	if (end != NULL && g_str_has_prefix(text->str, "From "))
		g_string_erase(text, 0, end - text->str + 1);
}

/* With the empty line; 0: it does not end within what is there. */
static gsize
header_length(const GString *text)
{
	const char *end;

	if (text->len > 0 && text->str[0] == '\n')
		return 1;
	end = g_strstr_len(text->str, (gssize)text->len, "\n\n");
	return end ? (gsize)(end - text->str) + 2 : 0;
}

/* --- header fields ---------------------------------------------------------
 */

static gboolean
is_hidden(const AsnHeader *h, char *const *hide)
{
	if (asn_header_is(h, ASN_HEADER_ASN) ||
	    asn_header_is(h, ASN_HEADER_SPAM) ||
	    asn_header_is(h, ASN_HEADER_SEAL))
		return TRUE;
	for (; *hide != NULL; hide++)
		if (asn_header_is(h, *hide))
			return TRUE;
	return FALSE;
}

/* The end of "for ADDRESS" that starts at p (behind white space), NULL: it is
 * none. */
static const char *
end_of_for(const char *p, const char *end)
{
	const char *start;
	gboolean address = FALSE, angle;

	if (end - p < 4 || g_ascii_strncasecmp(p, "for", 3) != 0 ||
	    !g_ascii_isspace(p[3]))
		return NULL;
	for (p += 3; p < end && g_ascii_isspace(*p); p++)
		;
	start = p;
	angle = p < end && *p == '<';
	for (; p < end; p++) {
		address |= *p == '@';
		if (angle && *p == '>')
			return p + 1;
		if (!angle && (g_ascii_isspace(*p) || *p == ';'))
			break;
	}
	return (address || angle) && p > start ? p : NULL;
}

/* A Received field without its recipients. */
static void
append_received(GString *out, const char *p, const char *end)
{
	while (p < end) {
		const char *word = p, *stop = NULL;

		while (word < end && g_ascii_isspace(*word))
			word++;
		if (word > p)
			stop = end_of_for(word, end);
		if (stop != NULL) {
			p = stop;
			continue;
		}
		while (word < end && !g_ascii_isspace(*word))
			word++;
		g_string_append_len(out, p, word - p);
		p = word;
	}
}

/* Removes what is private; what is no field stays as it is. */
static GString *
hide_fields(const char *block, gsize len, char *const *hide)
{
	GString *out = g_string_sized_new(len);
	const char *done = block;
	AsnHeaderIter it;
	AsnHeader h;

	asn_header_iter_init(&it, block, len);
	while (asn_header_iter_next(&it, &h)) {
		const char *end = it.data;

		g_string_append_len(out, done, h.name - done);
		done = end;
		if (is_hidden(&h, hide))
			continue;
		if (asn_header_is(&h, "Received")) {
			append_received(out, h.name, h.value + h.value_len);
			g_string_append_c(out, '\n');
		} else {
			g_string_append_len(out, h.name, end - h.name);
		}
	}
	g_string_append_len(out, done, block + len - done);
	return out;
}

/* --- what the report says of it --------------------------------------------
 */

/* Decoded, in one line, and short: it goes into a header of ours. */
static char *
take_subject(const AsnHeader *h)
{
	g_autofree char *raw = g_strndup(h->value, MIN(h->value_len, 2000));
	g_autofree char *decoded = g_mime_utils_header_decode_text(NULL, raw);
	g_autofree char *valid = g_utf8_make_valid(decoded ? decoded : "", -1);
	GString *out = g_string_new(NULL);

	for (char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		gboolean plain = g_unichar_isprint(c) && c != 0xfffd;

		if (out->len + 6 > SUBJECT_MAX)
			break;
		g_string_append_unichar(out, plain ? c : ' ');
	}
	return g_strstrip(g_string_free(out, FALSE));
}

/* "from HELO (NAME [ADDRESS])": Postfix writes NAME when the address has it
 * and it has the address, else "unknown". */
static char *
take_domain(const AsnHeader *h, const AsnAddr *client)
{
	const char *end, *name, *p;
	AsnReceived r;
	gsize len;

	if (!asn_received_parse(h->value, h->value_len, &r) || !r.postfix ||
	    !asn_addr_equal(&r.client, client))
		return NULL;
	p = memchr(h->value, '\n', h->value_len);
	end = p ? p : r.by;
	p = memrchr(h->value, '[', (gsize)(end - h->value));
	if (p == NULL || p - h->value < 3 || p[-1] != ' ')
		return NULL;
	for (name = --p; name > h->value && name[-1] != '('; name--)
		if (!g_ascii_isalnum(name[-1]) && name[-1] != '-' &&
		    name[-1] != '.')
			return NULL;
	len = (gsize)(p - name);
	if (name == h->value || len > 253 || memchr(name, '.', len) == NULL ||
	    !g_ascii_isalnum(*name) || !g_ascii_isalpha(p[-1]))
		return NULL;
	return g_ascii_strdown(name, (gssize)len);
}

static void
look_at_header(AsndReportMail *mail, const AsnAddr *client)
{
	AsnHeaderIter it;
	AsnHeader h;

	asn_header_iter_init(&it, mail->text->str, mail->header);
	while (asn_header_iter_next(&it, &h)) {
		if (mail->subject == NULL && asn_header_is(&h, "Subject"))
			mail->subject = take_subject(&h);
		else if (mail->domain == NULL && asn_header_is(&h, "Received"))
			mail->domain = take_domain(&h, client);
	}
	if (mail->subject == NULL)
		mail->subject = g_strdup("");
}

AsndReportMail *
asnd_report_mail_new(const char *data, gsize len, guint64 size,
    char *const *hide, const AsnAddr *client)
{
	GString *text = clean(data, len), *header;
	AsndReportMail *mail;
	gsize header_len;

	drop_mbox_line(text);
	header_len = header_length(text);
	if (header_len == 0 && len == size) /* a header and nothing else */
		header_len = text->len;
	if (header_len < 2 || header_len > ASND_REPORT_HEADER_MAX) {
		g_string_free(text, TRUE);
		return NULL;
	}
	mail = g_new0(AsndReportMail, 1);
	header = hide_fields(text->str, header_len, hide);
	mail->header = header->len;
	mail->too_large = size > ASND_REPORT_MAX || len < size;
	if (!mail->too_large)
		g_string_append_len(header, text->str + header_len,
		    (gssize)(text->len - header_len));
	g_string_free(text, TRUE);
	mail->text = header;
	look_at_header(mail, client);
	return mail;
}

void
asnd_report_mail_free(AsndReportMail *mail)
{
	if (mail == NULL)
		return;
	g_string_free(mail->text, TRUE);
	g_free(mail->subject);
	g_free(mail->domain);
	g_free(mail);
}
