/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report-compose.c: a report of one mail, with GMime. */

#include <string.h>
#include <sys/random.h>

#include <gmime/gmime.h>

#include "report-compose.h"

typedef struct {
	const AsndReportMail *mail;
	const AsnReportConfig *config;
	char client[ASN_ADDR_STRLEN];
	const char *tag; /* "IPv6:" or "" */
	char *came;      /* RFC 5322 date */
} Composer;

static char *
date(gint64 seconds)
{
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(seconds);

	return when ? g_mime_utils_header_format_date(when)
		    : g_strdup("Thu, 01 Jan 1970 00:00:00 +0000");
}

/* data: ASCII, or with eight_bit any bytes; copied. */
static GMimeObject *
part_new(const char *type, const char *subtype, const char *data, gsize len)
{
	GMimePart *part = g_mime_part_new_with_type(type, subtype);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data, len);
	GMimeDataWrapper *content;
	gboolean eight_bit = FALSE;

	for (gsize i = 0; i < len; i++)
		eight_bit |= (guchar)data[i] > 0x7f;
	content = g_mime_data_wrapper_new_with_stream(
	    stream, GMIME_CONTENT_ENCODING_DEFAULT);
	g_mime_part_set_content(part, content);
	g_mime_part_set_content_encoding(
	    part, eight_bit ? GMIME_CONTENT_ENCODING_8BIT
			    : GMIME_CONTENT_ENCODING_7BIT);
	g_object_unref(content);
	g_object_unref(stream);
	return GMIME_OBJECT(part);
}

/* Takes part over. */
static void
add(GMimeMultipart *to, GMimeObject *part)
{
	g_mime_multipart_add(to, part);
	g_object_unref(part);
}

/* --- the parts -------------------------------------------------------------
 */

static GMimeObject *
words(const Composer *c)
{
	g_autofree char *text = g_strdup_printf(
	    "This is an abuse report about a mail that came from %s\n"
	    "on %s.  A user moved it into the junk folder.\n"
	    "It follows; header fields that name the mailbox were removed.\n",
	    c->client, c->came);
	GMimeObject *part = part_new("text", "plain", text, strlen(text));

	g_mime_object_set_content_type_parameter(part, "charset", "us-ascii");
	return part;
}

/* RFC 5965 3; Source-IP is an address literal of RFC 5321, without brackets.
 * Recipients stay out. */
static GMimeObject *
feedback(const Composer *c)
{
	GString *text = g_string_new(NULL);
	GMimeObject *part;

	g_string_append_printf(text,
	    "Feedback-Type: abuse\n"
	    "User-Agent: asnd/%s\n"
	    "Version: 1\n"
	    "Arrival-Date: %s\n"
	    "Source-IP: %s%s\n",
	    ASND_VERSION, c->came, c->tag, c->client);
	if (c->mail->domain != NULL)
		g_string_append_printf(
		    text, "Reported-Domain: %s\n", c->mail->domain);
	part = part_new("message", "feedback-report", text->str, text->len);
	g_string_free(text, TRUE);
	return part;
}

/* RFC 5965 2: of a mail that is too large, its header will do. */
static GMimeObject *
original(const Composer *c)
{
	const GString *text = c->mail->text;
	GMimeObject *part;

	if (c->mail->too_large)
		return part_new("text", "rfc822-headers", text->str, text->len);
	part = part_new("message", "rfc822", text->str, text->len);
	if (c->config->format == ASN_REPORT_SPAMCOP)
		g_mime_object_set_disposition(part, "attachment");
	return part;
}

/* 128 bits that the sender of the mail could not know. */
static void
set_boundary(GMimeMultipart *multipart)
{
	guint8 bits[16];
	GString *text = g_string_new("=_");

	if (getrandom(bits, sizeof bits, 0) != (gssize)sizeof bits)
		g_error("getrandom: no randomness");
	for (gsize i = 0; i < sizeof bits; i++)
		g_string_append_printf(text, "%02x", bits[i]);
	g_mime_multipart_set_boundary(multipart, text->str);
	g_string_free(text, TRUE);
}

static GMimeMultipart *
body(const Composer *c)
{
	gboolean arf = c->config->format == ASN_REPORT_ARF;
	GMimeMultipart *all =
	    g_mime_multipart_new_with_subtype(arf ? "report" : "mixed");

	if (arf)
		g_mime_object_set_content_type_parameter(
		    GMIME_OBJECT(all), "report-type", "feedback-report");
	set_boundary(all);
	add(all, words(c));
	if (arf)
		add(all, feedback(c));
	add(all, original(c));
	return all;
}

/* --- the mail --------------------------------------------------------------
 */

#define WORD_BYTES                                                             \
	45 /* base64 makes 60 of them; RFC 2047 2 allows 75 in all             \
	    */

/* A header's raw value, one line end included.  GMime's own folding may cut an
 * encoded word in two, and then the rest of it begins a line: where the header
 * ends, so that a sender could choose what is left of our report. */
static char *
encode_text(const char *text)
{
	GString *out = g_string_new(NULL);

	/* far below the 998 of RFC 5322 2.1.1 */
	if (g_str_is_ascii(text) && strstr(text, "=?") == NULL) {
		g_string_append_printf(out, " %s\n", text);
		return g_string_free(out, FALSE);
	}
	while (*text != '\0') {
		gsize n = 0, more = (guchar)g_utf8_skip[(guchar)*text];
		g_autofree char *word = NULL;

		for (; more > 0 && n + more <= WORD_BYTES;
		     more = text[n] != '\0' ? g_utf8_skip[(guchar)text[n]] : 0)
			n += more;
		word = g_base64_encode((const guchar *)text, n);
		g_string_append_printf(out, " =?UTF-8?B?%s?=\n", word);
		text += n;
	}
	return g_string_free(out, FALSE);
}

/* RFC 5965 2: ARF has the subject of the mail, marked as forwarded at most. */
static void
set_subject(const Composer *c, GMimeMessage *message)
{
	g_autofree char *subject =
	    c->config->format == ASN_REPORT_ARF && *c->mail->subject != '\0'
		? g_strconcat("FW: ", c->mail->subject, NULL)
		: g_strdup("Abuse report");
	g_autofree char *raw = encode_text(subject);
	GMimeObject *object = GMIME_OBJECT(message);

	g_mime_object_set_header(object, "Subject", "", NULL);
	g_mime_header_set_raw_value(
	    g_mime_header_list_get_header(
		g_mime_object_get_header_list(object), "Subject"),
	    raw);
}

static GMimeMessage *
letter(const Composer *c, gint64 now)
{
	GMimeMessage *m = g_mime_message_new(FALSE);
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(now);
	g_autofree char *id =
	    g_mime_utils_generate_message_id(strchr(c->config->from, '@') + 1);
	GMimeMultipart *parts = body(c);

	g_mime_message_add_mailbox(
	    m, GMIME_ADDRESS_TYPE_FROM, NULL, c->config->from);
	g_mime_message_add_mailbox(
	    m, GMIME_ADDRESS_TYPE_TO, NULL, c->config->to);
	set_subject(c, m);
	g_mime_message_set_date(m, when);
	g_mime_message_set_message_id(m, id);
	/* RFC 3834: nobody's holiday notice shall answer. */
	g_mime_object_set_header(
	    GMIME_OBJECT(m), "Auto-Submitted", "auto-generated", NULL);
	g_mime_message_set_mime_part(m, GMIME_OBJECT(parts));
	g_object_unref(parts);
	return m;
}

GByteArray *
asnd_report_compose(const AsndReportMail *mail, const AsnReport *what,
    const AsnReportConfig *config, gint64 now)
{
	Composer c = {.mail = mail,
	    .config = config,
	    .tag = what->client.family == 6 ? "IPv6:" : ""};
	GByteArray *out = g_byte_array_new();
	GMimeMessage *message;
	GMimeStream *stream;

	if (mail->too_large && config->format == ASN_REPORT_SPAMCOP) {
		g_byte_array_unref(out);
		return NULL;
	}
	asn_addr_format(&what->client, c.client);
	c.came = date(what->time);
	message = letter(&c, now);
	stream = g_mime_stream_mem_new_with_byte_array(out);
	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	g_mime_object_write_to_stream(GMIME_OBJECT(message), NULL, stream);
	g_object_unref(stream);
	g_object_unref(message);
	g_free(c.came);
	return out;
}
