/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forget.c: "asnctl forget": votes are taken out for good. */

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "asnctl.h"
#include "bus.h"
#include "escape.h"
#include "json.h"
#include "mail-fd.h"
#include "options.h"
#include "output.h"
#include "subject.h"

#define FEW 3      /* votes that go without a question */
#define MANY 2000u /* counted before the question, at most */

typedef struct {
	AsnctlBus bus;
	gboolean json, yes;
	char *user;
	char **what;
} Arguments;

/* How a person says what goes. */
static char *
about(const Arguments *args)
{
	char shown[ASN_ESCAPE_SIZE];

	if (args->user != NULL)
		return g_strdup_printf(
		    "of user %s", asn_escape_str(shown, args->user));
	if (mail_fd_is_mail(args->what[0]))
		return g_strdup("on this mail");
	return g_strdup_printf(
	    "on mail from %s", asn_escape_str(shown, args->what[0]));
}

/* Votes that would go, as text; NULL: few, or asnd does not tell. */
static char *
how_many(const Arguments *args)
{
	g_autoptr(GVariant) reply = NULL, votes = NULL;
	g_autofree char *why = NULL;
	gsize n;

	if (args->user != NULL)
		return g_strdup("all votes");
	if (mail_fd_is_mail(args->what[0]) ||
	    asnctl_bus_try(&args->bus, "History",
		g_variant_new("(su)", args->what[0], MANY), NULL, &reply,
		&why) != EX_OK)
		return NULL;
	votes = g_variant_get_child_value(reply, 0);
	n = g_variant_n_children(votes);
	if (n <= FEW)
		return NULL;
	return g_strdup_printf(
	    "%" G_GSIZE_FORMAT "%s votes", n, n < MANY ? "" : " or more");
}

/* Only a person is asked. */
static gboolean
confirm(const Arguments *args)
{
	g_autofree char *number = NULL, *what = NULL;
	char line[16];

	if (args->yes || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return TRUE;
	number = how_many(args);
	if (number == NULL)
		return TRUE;
	what = about(args);
	fprintf(stderr, "Forget %s %s for good? [y/N] ", number, what);
	return fgets(line, sizeof line, stdin) != NULL &&
	       (line[0] == 'y' || line[0] == 'Y');
}

static int
forget_mail(const Arguments *args, GVariant **reply)
{
	g_autoptr(GUnixFDList) fds = NULL;
	g_autofree char *why = NULL;
	char shown[ASN_ESCAPE_SIZE];
	int code = mail_fd_open(args->what[0], &fds, &why);

	if (code == EX_OK) {
		code = asnctl_bus_call(&args->bus, "ForgetMail",
		    g_variant_new("(h)", 0), fds, reply);
		/* What asnd refuses of this call is the mail. */
		return code == EX_USAGE ? EX_DATAERR : code;
	}
	g_printerr("%s: %s: %s\n", g_get_prgname(),
	    asn_escape_str(shown, args->what[0]), why);
	return code;
}

static int
ask(const Arguments *args, GVariant **reply)
{
	if (args->user != NULL)
		return asnctl_bus_call(&args->bus, "ForgetUser",
		    g_variant_new("(s)", args->user), NULL, reply);
	if (mail_fd_is_mail(args->what[0]))
		return forget_mail(args, reply);
	return asnctl_bus_call(&args->bus, "Forget",
	    g_variant_new("(s)", args->what[0]), NULL, reply);
}

static int
run(const Arguments *args)
{
	g_autoptr(GVariant) reply = NULL;
	g_autoptr(GString) out = g_string_new(NULL);
	g_autofree char *what = about(args);
	guint32 votes;
	int code;

	if (!confirm(args)) {
		g_printerr("%s: nothing is forgotten\n", g_get_prgname());
		return EX_UNAVAILABLE;
	}
	code = ask(args, &reply);
	if (code != EX_OK)
		return code;
	g_variant_get(reply, "(u)", &votes);
	if (args->json)
		g_string_append_printf(out, "{\"votes\": %u}\n", votes);
	else if (votes > 0)
		g_string_append_printf(out, "%u vote%s %s forgotten\n", votes,
		    votes == 1 ? "" : "s", what);
	if (votes == 0)
		g_printerr(
		    "%s: no votes %s are known\n", g_get_prgname(), what);
	code = output_to_stdout(out->str, out->len);
	return code == EX_OK && votes == 0 ? EX_UNAVAILABLE : code;
}

static gboolean
check_arguments(const Arguments *args)
{
	guint n = args->what != NULL ? g_strv_length(args->what) : 0;
	g_autoptr(GError) error = NULL;
	AsnSubject subject;

	if (args->user != NULL && *args->user == '\0') {
		g_printerr("%s: --user wants a name\n", g_get_prgname());
		return FALSE;
	}
	if (n + (args->user != NULL) != 1) {
		g_printerr("%s: name one address, network, AS or mail, or a "
			   "user with --user\n",
		    g_get_prgname());
		return FALSE;
	}
	if (n == 0 || mail_fd_is_mail(args->what[0]) ||
	    asn_subject_parse(args->what[0], &subject, &error))
		return TRUE;
	g_printerr("%s: %s\n", g_get_prgname(), error->message);
	return FALSE;
}

static const char summary[] =
    "Takes votes out of the evidence for good, as if they had never been cast: "
    "those\non mail from an address, a network or an AS, those on one mail, or "
    "those of one\nuser.  What users do from now on counts again.";
static const char description[] =
    "On a terminal it asks before more than a few votes go.  Exits 0 when "
    "votes were\nforgotten; 69 when none is known, or you said no; 75 when "
    "asnd cannot be\nreached; 77 without the rights: only root and members of "
    "the group asnd may.";

int
asnctl_forget(int argc, char **argv)
{
	Arguments args = {.yes = FALSE};
	const GOptionEntry entries[] = {
	    {"user", 0, 0, G_OPTION_ARG_STRING, &args.user,
		"Forget the votes of a user, or of the Maildir with this path",
		"NAME"},
	    {"yes", 'y', 0, G_OPTION_ARG_NONE, &args.yes, "Do not ask", NULL},
	    {"json", 0, 0, G_OPTION_ARG_NONE, &args.json,
		"Print how many votes went as a JSON object", NULL},
	    ASNCTL_BUS_OPTION(&args.bus),
	    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &args.what,
		NULL, NULL},
	    {NULL},
	};
	g_autoptr(GOptionContext) context =
	    g_option_context_new("ADDRESS|NETWORK|ASn|FILE|-");
	g_autoptr(GError) error = NULL;
	int code = EX_USAGE;

	g_option_context_set_summary(context, summary);
	g_option_context_set_description(context, description);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error))
		code = options_refuse(error, argv);
	else if (check_arguments(&args))
		code = run(&args);
	g_free(args.user);
	g_strfreev(args.what);
	return code;
}
