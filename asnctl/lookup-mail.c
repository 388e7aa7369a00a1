/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lookup-mail.c: what asnd says of a mail: seal, verdict then, votes. */

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "escape.h"
#include "history.h"
#include "json-variant.h"
#include "json.h"
#include "lookup.h"
#include "mail-fd.h"

static void
put_time(GString *out, GVariantDict *answer)
{
	g_autofree char *date = NULL;
	gint64 when;

	if (!g_variant_dict_lookup(answer, "mail_time", "x", &when))
		return;
	date = lookup_date(when);
	g_string_append_printf(out, ", %s", date);
}

static void
put_seal(GString *out, GVariantDict *answer, gboolean sealed)
{
	const char *address = NULL, *problem = NULL;

	g_variant_dict_lookup(answer, "address", "&s", &address);
	g_variant_dict_lookup(answer, "problem", "&s", &problem);
	g_string_append(out, "  seal        ");
	if (sealed)
		g_string_append_printf(out, "sound: it came from %s", address);
	else if (address != NULL)
		g_string_append_printf(out,
		    "none that verifies; by the Received line of this host it "
		    "came from %s",
		    address);
	else
		g_string_append(out, problem ? problem : "unknown");
	put_time(out, answer);
	g_string_append_c(out, '\n');
}

/* The seal covers whether it was flagged; the rest is from a header that the
 * mail's owner may have changed. */
static void
put_verdict(GString *out, GVariantDict *answer)
{
	gboolean flagged = FALSE;
	const char *level = NULL;
	double score;

	g_variant_dict_lookup(answer, "was_flagged", "b", &flagged);
	g_string_append_printf(
	    out, "  then        %s", flagged ? "flagged" : "not flagged");
	if (g_variant_dict_lookup(answer, "was_score", "d", &score))
		g_string_append_printf(
		    out, "; its header says score %.3f", score);
	if (g_variant_dict_lookup(answer, "was_decided_by", "&s", &level) &&
	    strcmp(level, "none") != 0)
		g_string_append_printf(out, ", decided by %s", level);
	g_string_append_c(out, '\n');
}

/* Under its heading, as all that is said of the mail. */
static void
put_vote_table(GString *out, const Style *style, GVariant *votes)
{
	g_autoptr(GString) table = g_string_new(NULL);
	g_auto(GStrv) lines = NULL;

	history_print(table, style, votes);
	lines = g_strsplit(table->str, "\n", -1);
	for (char **line = lines; *line != NULL; line++)
		if (**line != '\0')
			g_string_append_printf(out, "    %s\n", *line);
}

static void
put_votes(GString *out, const Style *style, GVariantDict *answer)
{
	g_autoptr(GVariant) votes = g_variant_dict_lookup_value(
	    answer, "votes", G_VARIANT_TYPE("aa{sv}"));

	if (votes == NULL)
		g_string_append(out,
		    "  votes       only root and members of the group asnd may "
		    "see them\n");
	else if (g_variant_n_children(votes) == 0)
		g_string_append(out, "  votes       none\n");
	else {
		g_string_append(out, "  votes\n");
		put_vote_table(out, style, votes);
	}
}

static void
print(const char *file, const Style *style, GVariantDict *answer)
{
	g_autoptr(GString) out = g_string_new(NULL);
	char shown[ASN_ESCAPE_SIZE];
	gboolean sealed = FALSE;

	g_variant_dict_lookup(answer, "sealed", "b", &sealed);
	style_paint(out, style, STYLE_BOLD,
	    strcmp(file, "-") == 0 ? "standard input"
				   : asn_escape_str(shown, file));
	g_string_append_c(out, '\n');
	put_seal(out, answer, sealed);
	if (sealed)
		put_verdict(out, answer);
	put_votes(out, style, answer);
	fputs(out->str, stdout);
}

static void
print_json(const char *file, GVariant *answer)
{
	g_autoptr(GString) out = g_string_new("{");

	asn_json_member_string(out, "file", file);
	asn_json_member(out, "mail");
	json_variant(out, answer);
	printf("%s}\n", out->str);
}

int
lookup_mail(
    const AsnctlBus *bus, const char *file, gboolean json, AsnAddr *from)
{
	const Style style = style_of_stdout();
	g_autoptr(GUnixFDList) fds = NULL;
	g_autoptr(GVariant) reply = NULL, answer = NULL;
	g_autofree char *why = NULL;
	char shown[ASN_ESCAPE_SIZE];
	const char *address = "";
	GVariantDict dict;
	int code = mail_fd_open(file, &fds, &why);

	memset(from, 0, sizeof *from);
	if (code == EX_OK)
		code = asnctl_bus_try(bus, "LookupMail",
		    g_variant_new("(h)", 0), fds, &reply, &why);
	if (code != EX_OK) {
		g_printerr("%s: %s: %s\n", g_get_prgname(),
		    strcmp(file, "-") == 0 ? "standard input"
					   : asn_escape_str(shown, file),
		    why);
		return code == EX_USAGE ? EX_DATAERR : code;
	}
	answer = g_variant_get_child_value(reply, 0);
	g_variant_dict_init(&dict, answer);
	if (g_variant_dict_lookup(&dict, "address", "&s", &address))
		asn_addr_parse(address, strlen(address), from);
	if (json)
		print_json(file, answer);
	else
		print(file, &style, &dict);
	g_variant_dict_clear(&dict);
	return from->family != 0 ? EX_OK : EX_DATAERR;
}
