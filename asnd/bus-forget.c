/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-forget.c: Forget, ForgetMail, ForgetUser. */

#include "bus-mail.h"
#include "bus-methods.h"
#include "daemon-private.h"

/* What was forgotten is on disk, and out of what is published. */
static void
finish(AsndBusCall *call, const char *what, guint n)
{
	AsndDaemon *d = call->daemon;

	if (!asnd_daemon_settle(d, n > 0)) {
		asnd_bus_fail(call, ASND_BUS_FAILED,
		    "the evidence cannot be written, nothing is forgotten; see"
		    " \"systemctl status asnd\"");
		return;
	}
	if (n > 0)
		g_warning("uid %u had %u vote%s %s forgotten", call->uid, n,
		    n == 1 ? "" : "s", what);
	asnd_bus_return(call, g_variant_new("(u)", n));
}

void
asnd_bus_forget(AsndBusCall *call)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *about = NULL;
	char text[ASN_SUBJECT_STRLEN];
	AsnSubject subject;
	const char *what;

	g_variant_get(call->args, "(&s)", &what);
	if (!asn_subject_parse(what, &subject, &error)) {
		asnd_bus_fail(call, ASND_BUS_INVALID, "%s", error->message);
		return;
	}
	about = g_strdup_printf("on %s", asn_subject_format(&subject, text));
	finish(
	    call, about, asnd_learner_forget(call->daemon->learner, &subject));
}

static void
on_mail(AsndBusCall *call, const AsndBlock *mail, const char *data, gsize len)
{
	AsndDaemon *d = call->daemon;
	guint n = asnd_learner_forget_mail(d->learner, mail->digest);

	/* Learn says the same of it; a seal whose key is gone had its time. */
	if (n == 0 && mail->addr.family == 0) {
		g_autofree char *why = asnd_bus_no_client(d, data, len);

		asnd_bus_fail(call, ASND_BUS_INVALID, "%s", why);
		return;
	}
	finish(call, "on one mail", n);
}

void
asnd_bus_forget_mail(AsndBusCall *call)
{
	g_autoptr(GVariant) mail = g_variant_get_child_value(call->args, 0);

	asnd_bus_mail(call, mail, on_mail);
}

void
asnd_bus_forget_user(AsndBusCall *call)
{
	const char *name;
	gint64 user;

	g_variant_get(call->args, "(&s)", &name);
	user = asnd_bus_user(call, name, FALSE);
	if (user != 0)
		finish(call, "of one user",
		    asnd_learner_forget_user(call->daemon->learner, user));
}
