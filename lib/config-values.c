/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config-values.c: the kinds of value in asnd.conf(5). */

#include <math.h>
#include <string.h>
#include <sys/un.h>

#include "config-values.h"
#include "escape.h"
#include "placeholders.h"
#include "trace.h"

#define LIST_MAX 1000
#define FLAG_HEADERS_MAX 16
#define FLAG_HEADER_BYTES 256

/* A check of one string: NULL, or what is allowed (a constant). */
typedef const char *(*Check)(const char *value);

static gboolean
is_plain(const char *s)
{
	for (; *s != '\0'; s++)
		if ((guchar)*s < 0x20 || *s == 0x7f)
			return FALSE;
	return TRUE;
}

static const char *
check_path(const char *v)
{
	return *v == '/' && is_plain(v) && strlen(v) < 4096
		   ? NULL
		   : "an absolute path is needed";
}

static gboolean
is_port(const char *v, char stop)
{
	char *end;
	guint64 port = g_ascii_strtoull(v, &end, 10);

	return g_ascii_isdigit(*v) && port >= 1 && port <= 65535 &&
	       *end == stop;
}

const char *
asn_config_check_socket(const char *v)
{
	static const char allowed[] =
	    "allowed are 'unix:/path' (at most 107 bytes), 'inet:port@host', "
	    "'inet6:port@host' and 'fd:number'";
	const char *rest = strchr(v, ':');
	const char *at = strchr(v, '@');

	if (rest == NULL || !is_plain(v))
		return allowed;
	rest++;
	if (g_str_has_prefix(v, "unix:") && *rest == '/' &&
	    strlen(rest) < sizeof((struct sockaddr_un *)NULL)->sun_path)
		return NULL;
	if ((g_str_has_prefix(v, "inet:") || g_str_has_prefix(v, "inet6:")) &&
	    at != NULL && at[1] != '\0' && is_port(rest, '@'))
		return NULL;
	if (g_str_has_prefix(v, "fd:") && strlen(rest) <= 4 && *rest != '\0' &&
	    strspn(rest, "0123456789") == strlen(rest))
		return NULL;
	return allowed;
}

static const char *
check_folder(const char *v)
{
	return *v != '\0' && strchr(v, '/') == NULL && is_plain(v) &&
		       strlen(v) < 256
		   ? NULL
		   : "allowed are folder names below a Maildir, without '/', "
		     "separated by ';'";
}

static const char *
check_host(const char *v)
{
	gsize n = strlen(v);

	for (gsize i = 0; i < n; i++)
		if (!g_ascii_isalnum(v[i]) && strchr("-._", v[i]) == NULL)
			n = 0;
	return n > 0 && n < 256 ? NULL
				: "allowed are host names, separated by ';'";
}

/* asnd-mailwatch walks it name by name: it must have one, and no way up. */
static const char *
check_pattern(const char *v)
{
	g_auto(GStrv) names = g_strsplit(v, "/", -1);
	gboolean good = FALSE;

	for (char **name = names; *name != NULL; name++) {
		if (strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
			return "'.' and '..' are not allowed in a pattern";
		good |= **name != '\0';
	}
	return good && check_path(v) == NULL
		   ? NULL
		   : "allowed are absolute patterns such as "
		     "'/home/*/Maildir', separated by ';'";
}

static const char *
check_flag_header(const char *v)
{
	static const char allowed[] =
	    "a flag header is 'Name: value', printable ASCII of at most 256 "
	    "bytes, in the value {asn}, {prefix}, {country} or {score}";
	const char *colon = strchr(v, ':');
	gsize n = colon ? (gsize)(colon - v) : 0;

	if (n == 0 || colon[1] != ' ' ||
	    strspn(colon + 1, " ") == strlen(colon + 1) ||
	    strlen(v) > FLAG_HEADER_BYTES || memchr(v, ' ', n) != NULL)
		return allowed;
	for (const char *p = v; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			return allowed;
	if (g_ascii_strncasecmp(v, ASN_HEADER_ASN, strlen(ASN_HEADER_ASN)) ==
		0 &&
	    (n == strlen(ASN_HEADER_ASN) || v[strlen(ASN_HEADER_ASN)] == '-'))
		return "X-ASN and X-ASN-* are asnd's own headers";
	return asn_placeholders_known(colon) && memchr(v, '{', n) == NULL &&
		       memchr(v, '}', n) == NULL
		   ? NULL
		   : allowed;
}

/* It stands on a command line and in a header: nothing but what an ordinary
 * address is made of (RFC 5321 4.1.2, no quoted strings, no literals). */
static const char *
check_mailbox(const char *v)
{
	static const char allowed[] = "a plain address is needed, such as "
				      "'abuse-reports@example.org'";
	const char *at = strchr(v, '@');
	gsize local = at ? (gsize)(at - v) : 0, n = strlen(v);

	if (n == 0)
		return NULL;
	if (local == 0 || local > 64 || n > 254 || *v == '-' || *v == '.' ||
	    v[local - 1] == '.' || strstr(v, "..") != NULL)
		return allowed;
	for (const char *p = v; p < at; p++)
		if (!g_ascii_isalnum(*p) &&
		    strchr("!#$%&'*+/=?^_`{|}~.-", *p) == NULL)
			return allowed;
	for (const char *p = at + 1; *p != '\0'; p++)
		if (!g_ascii_isalnum(*p) && *p != '.' && *p != '-')
			return allowed;
	return g_ascii_isalnum(at[1]) && g_ascii_isalnum(v[n - 1]) ? NULL
								   : allowed;
}

static const char *
check_field(const char *v)
{
	gsize n = strlen(v);

	for (gsize i = 0; i < n; i++)
		if (!g_ascii_isalnum(v[i]) && v[i] != '-' && v[i] != '_')
			n = 0;
	return n > 0 && n < 128
		   ? NULL
		   : "allowed are names of header fields, separated by ';'";
}

/* --- kinds -------------------------------------------------------------------
 */

static char *
read_string(
    Check check, GKeyFile *file, const char *group, const char *key, char **out)
{
	g_autofree char *v = g_key_file_get_string(file, group, key, NULL);
	const char *wrong =
	    v ? check(v) : "no such escape (GLib key file syntax)";

	if (wrong != NULL)
		return g_strdup(wrong);
	g_free(*out);
	*out = g_steal_pointer(&v);
	return NULL;
}

/* A list without its empty items, each stripped. */
static char **
take_list(GKeyFile *file, const char *group, const char *key)
{
	char **v = g_key_file_get_string_list(file, group, key, NULL, NULL);
	gsize n = 0;

	for (gsize i = 0; v != NULL && v[i] != NULL; i++) {
		g_strstrip(v[i]);
		if (*v[i] == '\0')
			g_free(v[i]);
		else
			v[n++] = v[i];
	}
	if (v != NULL)
		v[n] = NULL;
	return v;
}

static char *
read_list(Check check, gsize max, GKeyFile *file, const char *group,
    const char *key, char ***out)
{
	g_auto(GStrv) v = take_list(file, group, key);

	if (v == NULL)
		return g_strdup("no such escape (GLib key file syntax)");
	if (g_strv_length(v) > max)
		return g_strdup_printf(
		    "at most %" G_GSIZE_FORMAT " entries are allowed", max);
	for (gsize i = 0; v[i] != NULL; i++)
		if (check(v[i]) != NULL)
			return g_strdup(check(v[i]));
	g_strfreev(*out);
	*out = g_steal_pointer(&v);
	return NULL;
}

/* One network; NULL, or what is wrong with it (free it). */
static char *
read_network(const char *v, AsnNetwork *out)
{
	char shown[ASN_ESCAPE_SIZE], fixed[ASN_NETWORK_STRLEN];
	AsnNetwork whole;

	if (!asn_network_parse(v, strlen(v), out))
		return g_strdup_printf(
		    "'%s' is no address or network; allowed is e.g. "
		    "'192.0.2.0/24;2001:db8::/32'",
		    asn_escape_str(shown, v));
	if (out->len == 0)
		return g_strdup_printf("'%s' is every address there is; name "
				       "only networks of your own",
		    v);
	whole = asn_network_of(&out->addr, out->len);
	if (!asn_network_equal(&whole, out))
		return g_strdup_printf(
		    "'%s' has bits beyond its length; write '%s'", v,
		    asn_network_format(&whole, fixed));
	return NULL;
}

static char *
read_networks(
    GKeyFile *file, const char *group, const char *key, AsnNetworkList *out)
{
	g_auto(GStrv) v = take_list(file, group, key);
	gsize n = v ? g_strv_length(v) : LIST_MAX + 1;
	g_autofree AsnNetwork *nets = NULL;

	if (n > LIST_MAX)
		return g_strdup_printf(
		    "at most %d networks are allowed", LIST_MAX);
	nets = g_new0(AsnNetwork, n + 1);
	for (gsize i = 0; i < n; i++) {
		char *wrong = read_network(v[i], &nets[i]);

		if (wrong != NULL)
			return wrong;
	}
	asn_network_list_clear(out);
	out->nets = g_steal_pointer(&nets);
	out->n = n;
	return NULL;
}

static char *
read_report_format(
    GKeyFile *file, const char *group, const char *key, AsnReportFormat *out)
{
	static const char *const names[] = {
	    [ASN_REPORT_OFF] = "off",
	    [ASN_REPORT_ARF] = "arf",
	    [ASN_REPORT_SPAMCOP] = "spamcop",
	};
	g_autofree char *v = g_key_file_get_string(file, group, key, NULL);

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		if (g_strcmp0(v, names[i]) == 0) {
			*out = (AsnReportFormat)i;
			return NULL;
		}
	}
	return g_strdup("allowed are off, arf and spamcop");
}

static char *
read_action(GKeyFile *file, const char *group, const char *key, AsnAction *out)
{
	static const char *const names[] = {
	    [ASN_ACTION_ACCEPT] = "accept",
	    [ASN_ACTION_DEFER] = "defer",
	    [ASN_ACTION_REJECT] = "reject",
	};
	g_autofree char *v = g_key_file_get_string(file, group, key, NULL);

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		if (g_strcmp0(v, names[i]) == 0) {
			*out = (AsnAction)i;
			return NULL;
		}
	}
	return g_strdup("allowed are accept, defer and reject");
}

/* Digits and a point, nothing that only strtod knows (hex, "nan", exponents).
 */
static char *
read_number(const AsnValueRule *rule, GKeyFile *file, const char *group,
    const char *key, double *out)
{
	g_autofree char *v = g_key_file_get_string(file, group, key, NULL);
	gboolean whole = rule->kind == ASN_VALUE_SECONDS;
	char *end = NULL;
	double d = 0;

	if (v != NULL && g_ascii_isdigit(*v) &&
	    strspn(v, whole ? "0123456789" : "0123456789.") == strlen(v))
		d = g_ascii_strtod(v, &end);
	if (end == NULL || *end != '\0' || d < rule->min || d > rule->max)
		return g_strdup_printf("allowed is a %snumber%s from %g to %g",
		    whole ? "whole " : "",
		    rule->kind == ASN_VALUE_DAYS ? " of days" : "", rule->min,
		    rule->max);
	*out = d;
	return NULL;
}

static char *
read_numeric(const AsnValueRule *rule, GKeyFile *file, const char *group,
    const char *key, gpointer field)
{
	double d = 0;
	char *wrong = read_number(rule, file, group, key, &d);

	if (wrong != NULL)
		return wrong;
	if (rule->kind == ASN_VALUE_SECONDS)
		*(guint *)field = (guint)d;
	else
		*(double *)field =
		    rule->kind == ASN_VALUE_DAYS ? d * 86400.0 : d;
	return NULL;
}

char *
asn_value_read(const AsnValueRule *rule, GKeyFile *file, const char *group,
    const char *key, AsnConfig *config)
{
	gpointer field = (char *)config + rule->offset;

	switch (rule->kind) {
	case ASN_VALUE_PATH:
		return read_string(check_path, file, group, key, field);
	case ASN_VALUE_SOCKET:
		return read_string(
		    asn_config_check_socket, file, group, key, field);
	case ASN_VALUE_NETWORKS:
		return read_networks(file, group, key, field);
	case ASN_VALUE_ACTION:
		return read_action(file, group, key, field);
	case ASN_VALUE_FLAG_HEADERS:
		return read_list(check_flag_header, FLAG_HEADERS_MAX, file,
		    group, key, field);
	case ASN_VALUE_PATTERNS:
		return read_list(
		    check_pattern, LIST_MAX, file, group, key, field);
	case ASN_VALUE_FOLDERS:
		return read_list(
		    check_folder, LIST_MAX, file, group, key, field);
	case ASN_VALUE_HOSTS:
		return read_list(check_host, LIST_MAX, file, group, key, field);
	case ASN_VALUE_REPORT_FORMAT:
		return read_report_format(file, group, key, field);
	case ASN_VALUE_MAILBOX:
		return read_string(check_mailbox, file, group, key, field);
	case ASN_VALUE_FIELDS:
		return read_list(
		    check_field, LIST_MAX, file, group, key, field);
	case ASN_VALUE_NUMBER:
	case ASN_VALUE_DAYS:
	case ASN_VALUE_SECONDS:
		break;
	}
	return read_numeric(rule, file, group, key, field);
}

void
asn_value_clear(const AsnValueRule *rule, AsnConfig *config)
{
	gpointer field = (char *)config + rule->offset;

	switch (rule->kind) {
	case ASN_VALUE_PATH:
	case ASN_VALUE_SOCKET:
	case ASN_VALUE_MAILBOX:
		g_clear_pointer((char **)field, g_free);
		return;
	case ASN_VALUE_NETWORKS:
		asn_network_list_clear(field);
		return;
	case ASN_VALUE_FLAG_HEADERS:
	case ASN_VALUE_PATTERNS:
	case ASN_VALUE_FOLDERS:
	case ASN_VALUE_HOSTS:
	case ASN_VALUE_FIELDS:
		g_clear_pointer((char ***)field, g_strfreev);
		return;
	default:
		return;
	}
}
