/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-learn.c: Learn: a vote that is said instead of moved. */

#include <string.h>

#include "bus-mail.h"
#include "bus-methods.h"
#include "daemon-private.h"
#include "dict.h"
#include "escape.h"

static const char *
class_name(AsndVote vote)
{
	return vote == ASND_VOTE_SPAM  ? "spam"
	       : vote == ASND_VOTE_HAM ? "ham"
				       : "";
}

static AsndVote
vote_of(const char *class)
{
	return strcmp(class, "spam") == 0  ? ASND_VOTE_SPAM
	       : strcmp(class, "ham") == 0 ? ASND_VOTE_HAM
					   : ASND_VOTE_NONE;
}

static void
answer(AsndBusCall *call, const AsndBlock *mail, AsndLearnt learnt,
    AsndVote before, gint64 user)
{
	static const char *const results[] = {
	    [ASND_LEARNT] = "learnt",
	    [ASND_LEARNT_BEYOND_CAP] = "beyond-cap",
	    [ASND_LEARNT_BEFORE] = "known",
	};
	AsndDaemon *d = call->daemon;
	g_autofree char *path = asnd_mails_user_path(d->mails, user);
	AsnOriginKey key =
	    asn_networks_key(asnd_sources_networks(d->sources), &mail->addr);
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	dict_text(&b, "result", results[learnt]);
	if (learnt != ASND_LEARNT_BEFORE)
		dict_text(&b, "taken_back", class_name(before));
	dict_text(&b, "user", path);
	dict_address(&b, "address", &mail->addr);
	dict_network(&b, "prefix", &key.prefix);
	if (key.asn != 0)
		dict_uint(&b, "asn", key.asn);
	dict_text(&b, "country", key.country);
	dict_time(&b, "time", mail->time);
	dict_bool(&b, "sealed", mail->sealed);
	dict_bool(&b, "flagged", mail->flagged);
	asnd_bus_return(call, g_variant_new("(a{sv})", &b));
}

static void
on_mail(AsndBusCall *call, const AsndBlock *mail, const char *data, gsize len)
{
	AsndDaemon *d = call->daemon;
	const char *class, *name;
	AsndVote before;
	AsndLearnt learnt;
	gint64 user;

	if (mail->addr.family == 0) {
		g_autofree char *why = asnd_bus_no_client(d, data, len);

		asnd_bus_fail(call, ASND_BUS_INVALID, "%s", why);
		return;
	}
	g_variant_get(call->args, "(&sh&s)", &class, NULL, &name);
	user = asnd_bus_user(call, name, TRUE);
	if (user == 0)
		return;
	learnt = asnd_learner_learn(d->learner, user, mail, vote_of(class),
	    asnd_daemon_now(d), &before);
	if (!asnd_daemon_settle(d, FALSE))
		asnd_bus_fail(call, ASND_BUS_FAILED,
		    "the evidence cannot be written; see \"systemctl status"
		    " asnd\"");
	else if (learnt == ASND_LEARNT_TOO_FAST)
		asnd_bus_fail(call, ASND_BUS_BUSY,
		    "this user cast so many votes that no more counts now:"
		    " one in 50 seconds from here on");
	else
		answer(call, mail, learnt, before, user);
}

void
asnd_bus_learn(AsndBusCall *call)
{
	g_autoptr(GVariant) mail = g_variant_get_child_value(call->args, 1);
	char shown[ASN_ESCAPE_SIZE];
	const char *class;

	g_variant_get_child(call->args, 0, "&s", &class);
	if (vote_of(class) != ASND_VOTE_NONE)
		asnd_bus_mail(call, mail, on_mail);
	else
		asnd_bus_fail(call, ASND_BUS_INVALID,
		    "\"%s\" is no class: spam or ham",
		    asn_escape_str(shown, class));
}
