/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace.c: writing X-ASN, writing and reading X-ASN-Spam (DESIGN.md "Trace
 * headers"). */

#include <math.h>
#include <string.h>

#include "span.h"
#include "trace.h"

/* U+00A0..U+017F in ASCII, two letters at most; "" leaves the letter out. */
static const char latin[][3] = {" ", "!", "c", "L", "$", "Y", "|", "S", "", "c",
    "a", "<", "-", "", "r", "-", "", "+", "2", "3", "'", "u", "P", ".", "", "1",
    "o", ">", "", "", "", "?", "A", "A", "A", "A", "Ae", "A", "AE", "C", "E",
    "E", "E", "E", "I", "I", "I", "I", "D", "N", "O", "O", "O", "O", "Oe", "x",
    "O", "U", "U", "U", "Ue", "Y", "Th", "ss", "a", "a", "a", "a", "ae", "a",
    "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", "d", "n", "o", "o", "o",
    "o", "oe", "/", "o", "u", "u", "u", "ue", "y", "th", "y", "A", "a", "A",
    "a", "A", "a", "C", "c", "C", "c", "C", "c", "C", "c", "D", "d", "D", "d",
    "E", "e", "E", "e", "E", "e", "E", "e", "E", "e", "G", "g", "G", "g", "G",
    "g", "G", "g", "H", "h", "H", "h", "I", "i", "I", "i", "I", "i", "I", "i",
    "I", "i", "IJ", "ij", "J", "j", "K", "k", "q", "L", "l", "L", "l", "L", "l",
    "L", "l", "L", "l", "N", "n", "N", "n", "N", "n", "n", "N", "n", "O", "o",
    "O", "o", "O", "o", "OE", "oe", "R", "r", "R", "r", "R", "r", "S", "s", "S",
    "s", "S", "s", "S", "s", "T", "t", "T", "t", "T", "t", "U", "u", "U", "u",
    "U", "u", "U", "u", "U", "u", "U", "u", "W", "w", "Y", "y", "Y", "Z", "z",
    "Z", "z", "Z", "z", "s"};
G_STATIC_ASSERT(G_N_ELEMENTS(latin) == 0x180 - 0xa0);

/* One character as ASCII. */
static const char *
to_ascii(gunichar c, char one[2])
{
	if (c >= 0xa0 && c < 0x180)
		return latin[c - 0xa0];
	if (c == 0x2013 || c == 0x2014)
		return "-";
	if (c == 0x2018 || c == 0x2019)
		return "'";
	if (c == 0x201c || c == 0x201d || c == 0x201e)
		return "\"";
	if (c < 0x20 || c == 0x7f)
		return " ";
	one[0] = (char)(c >= 0x80 ? '?' : c);
	if (c == '(')
		one[0] = '[';
	else if (c == ')')
		one[0] = ']';
	else if (c == '\\')
		one[0] = '/';
	return one;
}

/* One character off the front; a byte that is no UTF-8 counts as one. */
static gunichar
take_char(const char **p, const char *end)
{
	gunichar c = g_utf8_get_char_validated(*p, end - *p);

	/* (gunichar)-2 is an incomplete one, -1 a wrong one */
	if ((gint32)c < 0) {
		*p += 1;
		return 0xfffd;
	}
	*p += g_utf8_skip[(guchar) * *p];
	return c;
}

/* White space single, none at the ends. */
gsize
asn_trace_clean_holder(char *out, const char *org, gsize len)
{
	const char *end = org + len;
	gsize n = 0;

	while (org < end) {
		char one[2] = "";
		const char *s = to_ascii(take_char(&org, end), one);

		if (*s == ' ' && (n == 0 || out[n - 1] == ' '))
			continue;
		/* Mail programs would decode "=?": RFC 2047. */
		if (*s == '?' && n > 0 && out[n - 1] == '=')
			continue;
		if (n + strlen(s) > ASN_HOLDER_MAX)
			break;
		while (*s != '\0')
			out[n++] = *s++;
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	return n;
}

static gboolean
is_country(const char *c)
{
	return g_ascii_isupper(c[0]) && g_ascii_isupper(c[1]) && c[2] == '\0';
}

/* snprintf's answer as ours: 0 when it did not fit. */
static gsize
fitted(int n, gsize size)
{
	return n < 0 || (gsize)n >= size ? 0 : (gsize)n;
}

gsize
asn_trace_format_asn(char *buf, gsize size, guint32 asn,
    const AsnNetwork *prefix, const char *country, const char *org,
    gsize org_len)
{
	char net[ASN_NETWORK_STRLEN], clean[ASN_HOLDER_MAX + 1] = "";
	gboolean named =
	    org != NULL && asn_trace_clean_holder(clean, org, org_len) > 0;

	asn_network_format(prefix, net);
	return fitted(
	    g_snprintf(buf, size, "AS%" G_GUINT32_FORMAT " %s %s%s%s%s", asn,
		net, is_country(country) ? country : "ZZ", named ? " (" : "",
		clean, named ? ")" : ""),
	    size);
}

/* A weight or score with `decimals` digits after the point, whatever the
 * locale; not a number and negative values count as 0. */
static const char *
format_number(char buf[G_ASCII_DTOSTR_BUF_SIZE], double v, guint decimals)
{
	guint64 unit = decimals == 3 ? 1000 : 10;
	guint64 n;

	v = v > 0 ? fmin(v, 1e12) : 0;
	n = (guint64)llrint(v * (double)unit);
	g_snprintf(buf, G_ASCII_DTOSTR_BUF_SIZE, "%" G_GUINT64_FORMAT ".%0*u",
	    n / unit, (int)decimals, (guint)(n % unit));
	return buf;
}

gsize
asn_trace_format_spam(char *buf, gsize size, gboolean flagged, const char *rule,
    double score, double threshold, const char *level, double spam, double ham)
{
	char n[4][G_ASCII_DTOSTR_BUF_SIZE];
	const char *yes = flagged ? "Yes" : "No";

	if (rule != NULL && isnan(score))
		return fitted(
		    g_snprintf(buf, size, "%s, rule=%s", yes, rule), size);
	return fitted(
	    g_snprintf(buf, size,
		"%s,%s%s score=%s threshold=%s level=%s spam=%s ham=%s", yes,
		rule ? " rule=" : "", rule ? rule : "",
		format_number(n[0], score, 3),
		format_number(n[1], threshold, 3), level,
		format_number(n[2], spam, 1), format_number(n[3], ham, 1)),
	    size);
}

/* --- reading X-ASN-Spam ----------------------------------------------------
 */

static const char *const level_names[ASN_SPAM_LEVELS] = {
    [ASN_SPAM_UNKNOWN] = "unknown",
    [ASN_SPAM_NONE] = "none",
    [ASN_SPAM_AS] = "AS",
    [ASN_SPAM_PREFIX] = "prefix",
    [ASN_SPAM_BLOCK] = "block",
    [ASN_SPAM_ADDRESS] = "address",
    [ASN_SPAM_RULE] = "rule",
};

const char *
asn_spam_level_name(guint level)
{
	return level_names[level < ASN_SPAM_LEVELS ? level : ASN_SPAM_UNKNOWN];
}

static gboolean
take_text(AsnSpan *c, const char *text)
{
	gsize n = strlen(text);

	if ((gsize)(c->end - c->p) < n || memcmp(c->p, text, n) != 0)
		return FALSE;
	c->p += n;
	return TRUE;
}

/* White space, which must be there, and "name=". */
static gboolean
take_name(AsnSpan *c, const char *name)
{
	const char *start = c->p;

	asn_span_skip_space(c);
	return c->p > start && take_text(c, name) && take_text(c, "=");
}

/* At most `most` digits, and the number they make. */
static guint
take_digits(AsnSpan *c, guint most, double *out)
{
	guint n = 0;

	for (*out = 0; c->p < c->end && g_ascii_isdigit(*c->p) && n < most; n++)
		*out = *out * 10 + (*c->p++ - '0');
	return n;
}

static gboolean
take_number(AsnSpan *c, const char *name, double most, double *out)
{
	static const double unit[] = {1, 10, 100, 1000};
	double whole, part;
	guint n;

	if (!take_name(c, name) || take_digits(c, 13, &whole) == 0 ||
	    !take_text(c, "."))
		return FALSE;
	n = take_digits(c, 3, &part);
	/* One division: what was written with 3 digits reads back exactly. */
	*out = (whole * unit[n] + part) / unit[n];
	return n > 0 && *out <= most;
}

static gboolean
take_level(AsnSpan *c, AsnSpamLevel *out)
{
	if (!take_name(c, "level"))
		return FALSE;
	for (guint i = ASN_SPAM_NONE; i <= ASN_SPAM_ADDRESS; i++)
		if (take_text(c, level_names[i])) {
			*out = (AsnSpamLevel)i;
			return TRUE;
		}
	return FALSE;
}

static gboolean
take_rule(AsnSpan *c)
{
	const char *start;

	if (!take_name(c, "rule") ||
	    (!take_text(c, "allow:") && !take_text(c, "block:")))
		return FALSE;
	for (start = c->p; c->p < c->end; c->p++)
		if (!g_ascii_isalnum(*c->p) && *c->p != '.' && *c->p != ':' &&
		    *c->p != '/')
			break;
	return c->p > start && c->p - start <= 64;
}

static gboolean
take_score(AsnSpan *c, AsnTraceSpam *out)
{
	return take_number(c, "score", 1, &out->score) &&
	       take_number(c, "threshold", 1, &out->threshold) &&
	       take_level(c, &out->level) &&
	       take_number(c, "spam", 1e13, &out->spam) &&
	       take_number(c, "ham", 1e13, &out->ham);
}

gboolean
asn_trace_parse_spam(const char *value, gsize len, AsnTraceSpam *out)
{
	AsnSpan c = {value, value + len}, at;
	gboolean rule;

	*out = (AsnTraceSpam){.score = (double)NAN,
	    .threshold = (double)NAN,
	    .spam = (double)NAN,
	    .ham = (double)NAN};
	while (c.end > c.p && asn_is_space(c.end[-1]))
		c.end--;
	asn_span_skip_space(&c);
	out->flagged = take_text(&c, "Yes,");
	if (!out->flagged && !take_text(&c, "No,"))
		return FALSE;
	at = c;
	rule = take_rule(&c);
	if (!rule)
		c = at;
	if (!(rule && c.p == c.end) && !take_score(&c, out))
		return FALSE;
	if (rule)
		out->level = ASN_SPAM_RULE;
	return c.p == c.end;
}
