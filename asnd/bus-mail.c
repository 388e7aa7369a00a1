/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-mail.c: from a caller's descriptor to what its mail says. */

#include <string.h>

#include "bus-mail.h"
#include "daemon-private.h"
#include "read-fd.h"

typedef struct {
	AsndBusCall *call;
	AsndBusMailFunc fn;
} Wanted;

static void
on_block(
    const char *block, gsize len, const char *why, gboolean his, gpointer data)
{
	g_autofree Wanted *w = data;
	AsndDaemon *d = w->call->daemon;
	gint64 start = g_get_monotonic_time();
	AsndBlock mail;

	if (why == NULL && len == 0) {
		why = "the mail is empty";
		his = TRUE;
	}
	if (why != NULL) {
		asnd_bus_fail(w->call, his ? ASND_BUS_INVALID : ASND_BUS_FAILED,
		    "%s", why);
		return;
	}
	asnd_block_parse(block, len, asnd_sources_sealer(d->sources), d->config,
	    d->own_hosts, &mail);
	asnd_bus_charge(w->call, start);
	w->fn(w->call, &mail, block, len);
}

void
asnd_bus_mail(AsndBusCall *call, GVariant *handle, AsndBusMailFunc fn)
{
	AsndDaemon *d = call->daemon;
	int fd = asnd_bus_take_fd(call, handle);
	Wanted *w;

	if (fd < 0)
		return;
	if (d->fd_reader == NULL)
		d->fd_reader = asnd_fd_reader_new(NULL);
	w = g_new(Wanted, 1);
	*w = (Wanted){call, fn};
	if (asnd_fd_reader_read(d->fd_reader, fd, call->uid, on_block, w))
		return;
	g_free(w);
	asnd_bus_fail(call, ASND_BUS_BUSY,
	    "another mail of yours is being read: try again, or pass a"
	    " sealed memfd");
}

/* --- what is missing -------------------------------------------------------
 */

typedef struct {
	guint fields, seals, received, own;
} Found;

static gboolean
is_own(const AsndDaemon *d, const AsnHeader *h)
{
	AsnReceived r;

	if (!asn_received_parse(h->value, h->value_len, &r))
		return FALSE;
	for (char **own = d->own_hosts; own != NULL && *own != NULL; own++)
		if (strlen(*own) == r.by_len &&
		    g_ascii_strncasecmp(*own, r.by, r.by_len) == 0)
			return TRUE;
	return FALSE;
}

static Found
look(const AsndDaemon *d, const char *data, gsize len)
{
	Found found = {0};
	AsnHeaderIter it;
	AsnHeader h;

	asn_header_iter_init(&it, data, len);
	while (asn_header_iter_next(&it, &h)) {
		found.fields++;
		if (asn_header_is(&h, ASN_HEADER_SEAL))
			found.seals++;
		if (!asn_header_is(&h, "Received") ||
		    found.received >= ASN_RECEIVED_MAX)
			continue;
		found.received++;
		found.own += is_own(d, &h);
	}
	return found;
}

char *
asnd_bus_no_client(const AsndDaemon *d, const char *data, gsize len)
{
	Found found = look(d, data, len);
	g_autofree char *hosts = g_strjoinv(", ", d->own_hosts);
	const char *seal = "it has no X-ASN-Seal";

	if (found.fields == 0)
		return g_strdup("this is no mail: it has no header");
	if (found.seals > 0)
		seal = asnd_sources_sealer(d->sources) == NULL
			   ? "asnd has no key to verify its X-ASN-Seal"
			   : "its X-ASN-Seal does not verify";
	if (found.own > 0)
		return g_strdup_printf("no usable address: %s, and its Received"
				       " lines name no client from outside",
		    seal);
	return g_strdup_printf(
	    "no usable address: %s, and %s; take a mail as this host received"
	    " it, or add the name in its Received line to host-names in"
	    " asnd.conf (now: %s)",
	    seal,
	    found.received == 0 ? "it has no Received line"
				: "no Received line is of this host",
	    hosts);
}
