/* SPDX-License-Identifier: GPL-2.0-or-later */
/* learn.c: "asnctl learn": mails are voted on without moving them. */

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "asnctl.h"
#include "bus.h"
#include "escape.h"
#include "json-variant.h"
#include "json.h"
#include "mail-fd.h"
#include "options.h"
#include "output.h"
#include "style.h"

/* asnd takes 100 calls a second from one caller, and as many at once. */
#define AT_ONCE 80
#define PAUSE 12000 /* microseconds */

typedef struct {
	AsnctlBus bus;
	gboolean spam, ham, json;
	char *user;
	char **files;
} Arguments;

typedef struct {
	const Arguments *args;
	GString *out; /* of --json, and what is said of a single mail */
	guint n, failed, learnt, known, capped;
	int code; /* of the first failure */
} Learning;

static const char *
class_of(const Arguments *args)
{
	return args->spam ? "spam" : "ham";
}

/* As --user takes him: "user:" is asnd's mark of who has no Maildir. */
static void
put_user(GString *out, const char *user)
{
	const Style plain = {.terminal = FALSE};

	if (g_str_has_prefix(user, "user:"))
		user += strlen("user:");
	g_string_append(out, "user ");
	style_paint_foreign(out, &plain, STYLE_PLAIN, user);
}

/* Whoever asked for one mail wants to know all about it. */
static void
tell(Learning *l, GVariantDict *answer, const char *result)
{
	const char *address = "", *user = "", *back = NULL;

	g_variant_dict_lookup(answer, "address", "&s", &address);
	g_variant_dict_lookup(answer, "user", "&s", &user);
	if (strcmp(result, "known") == 0) {
		g_string_append_printf(l->out,
		    "%s: was learnt as %s before, nothing changes (", address,
		    class_of(l->args));
		put_user(l->out, user);
		g_string_append(l->out, ")\n");
		return;
	}
	g_string_append_printf(l->out, "%s: learnt as %s%s, ", address,
	    class_of(l->args),
	    strcmp(result, "beyond-cap") == 0
		? " with weight 0 (two such votes a day on one AS weigh)"
		: "");
	put_user(l->out, user);
	if (g_variant_dict_lookup(answer, "taken_back", "&s", &back))
		g_string_append_printf(
		    l->out, "; the vote for %s is taken back", back);
	g_string_append_c(l->out, '\n');
}

static void
count(Learning *l, const char *file, GVariant *reply)
{
	g_autoptr(GVariant) answer = g_variant_get_child_value(reply, 0);
	GVariantDict dict;
	const char *result = "";

	g_variant_dict_init(&dict, answer);
	g_variant_dict_lookup(&dict, "result", "&s", &result);
	if (strcmp(result, "known") == 0)
		l->known++;
	else if (strcmp(result, "beyond-cap") == 0)
		l->capped++;
	else
		l->learnt++;
	if (l->args->json) {
		g_string_append(l->out, "{");
		asn_json_member_string(l->out, "file", file);
		asn_json_member(l->out, "vote");
		json_variant(l->out, answer);
		g_string_append(l->out, "}\n");
	} else if (l->args->files[1] == NULL) {
		tell(l, &dict, result);
	}
	g_variant_dict_clear(&dict);
}

static void
fail(Learning *l, const char *file, int code, const char *why)
{
	char shown[ASN_ESCAPE_SIZE];

	l->failed++;
	if (l->code == EX_OK)
		l->code = code;
	g_printerr("%s: %s: %s\n", g_get_prgname(),
	    strcmp(file, "-") == 0 ? "standard input"
				   : asn_escape_str(shown, file),
	    why);
	if (!l->args->json)
		return;
	g_string_append(l->out, "{");
	asn_json_member_string(l->out, "file", file);
	asn_json_member_string(l->out, "error", why);
	g_string_append(l->out, "}\n");
}

/* FALSE: nor will the next one succeed. */
static gboolean
learn_file(Learning *l, const char *file)
{
	const Arguments *a = l->args;
	g_autoptr(GUnixFDList) fds = NULL;
	g_autoptr(GVariant) reply = NULL;
	g_autofree char *why = NULL;
	int code = mail_fd_open(file, &fds, &why);

	if (code == EX_OK) {
		if (l->n++ >= AT_ONCE)
			g_usleep(PAUSE);
		code = asnctl_bus_try(&a->bus, "Learn",
		    g_variant_new(
			"(shs)", class_of(a), 0, a->user ? a->user : ""),
		    fds, &reply, &why);
		/* What asnd refuses of this call is the mail. */
		if (code == EX_USAGE)
			code = EX_DATAERR;
	}
	if (code == EX_OK)
		count(l, file, reply);
	else
		fail(l, file, code, why);
	return code == EX_OK || code == EX_DATAERR || code == EX_NOINPUT;
}

static void
summarize(Learning *l, guint files)
{
	if (l->args->json || files < 2)
		return;
	g_string_append_printf(l->out, "%u of %u mails learnt as %s",
	    l->learnt + l->capped + l->known, files, class_of(l->args));
	if (l->known > 0)
		g_string_append_printf(l->out, ", %u of them before", l->known);
	if (l->capped > 0)
		g_string_append_printf(
		    l->out, ", %u with weight 0 (cap)", l->capped);
	g_string_append_c(l->out, '\n');
}

static int
run(const Arguments *args)
{
	g_autoptr(GString) out = g_string_new(NULL);
	Learning l = {.args = args, .out = out, .code = EX_OK};
	gboolean more = TRUE;
	guint i;
	int written;

	for (i = 0; args->files[i] != NULL && more; i++)
		more = learn_file(&l, args->files[i]);
	if (args->files[i] != NULL)
		g_printerr("%s: %u mails more were not tried\n",
		    g_get_prgname(), g_strv_length(args->files + i));
	summarize(&l, g_strv_length(args->files));
	written = output_to_stdout(out->str, out->len);
	return l.code != EX_OK ? l.code : written;
}

/* Without a file, stdin; but not a terminal by mistake. */
static gboolean
check_arguments(Arguments *args)
{
	if (args->spam == args->ham) {
		g_printerr("%s: say either --spam or --ham\n", g_get_prgname());
		return FALSE;
	}
	if (args->files != NULL && args->files[0] != NULL)
		return TRUE;
	if (isatty(STDIN_FILENO)) {
		g_printerr("%s: name mails, or pipe one in\n", g_get_prgname());
		return FALSE;
	}
	g_strfreev(args->files);
	args->files = g_strsplit("-", " ", -1);
	return TRUE;
}

static const char summary[] =
    "Has asnd learn mails as spam or ham, as if their user had moved them into "
    "or\nout of Junk.  Without FILE, or with -, one mail comes from standard "
    "input.";
static const char description[] =
    "Exits 0 when all were learnt, now or before.  Else by the first that was "
    "not:\n66 it cannot be read, 65 it is no mail this host received, 69 the "
    "user is not\nclear, 75 asnd cannot be reached or the user voted too fast, "
    "77 no rights:\nonly root and members of the group asnd may.";

int
asnctl_learn(int argc, char **argv)
{
	Arguments args = {.spam = FALSE};
	const GOptionEntry entries[] = {
	    {"spam", 0, 0, G_OPTION_ARG_NONE, &args.spam, "Learn as spam",
		NULL},
	    {"ham", 0, 0, G_OPTION_ARG_NONE, &args.ham, "Learn as ham", NULL},
	    {"user", 0, 0, G_OPTION_ARG_STRING, &args.user,
		"Whose vote it is: a user or the path of a Maildir (your own)",
		"NAME"},
	    {"json", 0, 0, G_OPTION_ARG_NONE, &args.json,
		"Print one JSON object a mail", NULL},
	    ASNCTL_BUS_OPTION(&args.bus),
	    {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &args.files,
		NULL, NULL},
	    {NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new("[FILE...|-]");
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
	g_strfreev(args.files);
	return code;
}
