/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-networks.c: Networks: all networks of an AS. */

#include <string.h>
#include <sysexits.h>

#include "bus-lists.h"
#include "bus-methods.h"
#include "dict.h"
#include "holdings.h"
#include "open-databases.h"

typedef struct {
	char *what;
	gboolean exact;
} Ask;

static void
free_ask(gpointer data)
{
	Ask *ask = data;

	g_free(ask->what);
	g_free(ask);
}

static void
add_holding(GVariantBuilder *rows, const AsnHoldings *h, const AsnHolding *n)
{
	g_auto(GStrv) countries = g_strsplit(n->countries, ",", -1);
	g_autofree char *org = g_strndup(h->org ? h->org : "", h->org_len);
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
	dict_network(&b, "network", &n->net);
	dict_uint(&b, "asn", h->asn);
	dict_text(&b, "holder", org);
	g_variant_builder_add(&b, "{sv}", "countries",
	    g_variant_new_strv((const char *const *)countries, -1));
	g_variant_builder_add_value(rows, g_variant_builder_end(&b));
}

static GVariant *
answer(const AsnNetworks *db, guint32 asn, gboolean exact)
{
	GVariantBuilder rows;
	GVariant *out = NULL;
	AsnHoldings h;

	asn_holdings_read(db, asn, exact, &h);
	if (h.networks->len > 0) {
		g_variant_builder_init(&rows, G_VARIANT_TYPE("aa{sv}"));
		for (guint i = 0; i < h.networks->len; i++)
			add_holding(&rows, &h,
			    &g_array_index(h.networks, AsnHolding, i));
		out = g_variant_new("(aa{sv})", &rows);
	}
	asn_holdings_clear(&h);
	return out;
}

static GVariant *
make(gpointer data, const AsnConfig *config, double now, AsndBusError *code,
    char **why)
{
	const Ask *ask = data;
	AsnNetworks *db = NULL;
	GVariant *out = NULL;
	guint32 asn = 0;

	*code = ASND_BUS_FAILED;
	if (asn_open_networks(config->database_dir, &db, why, NULL) != EX_OK)
		return NULL;
	*code = ASND_BUS_NOT_FOUND;
	asn_holdings_parse(db, ask->what, &asn, NULL);
	if (asn == 0)
		*why = g_strdup_printf("%s: in no known AS", ask->what);
	else if ((out = answer(db, asn, ask->exact)) == NULL)
		*why = g_strdup_printf(
		    "AS%u: no known network belongs to it", asn);
	asn_networks_close(db);
	return out;
}

void
asnd_bus_networks(AsndBusCall *call)
{
	Ask *ask = g_new0(Ask, 1);
	g_autoptr(GError) error = NULL;
	guint32 asn;

	g_variant_get(call->args, "(sb)", &ask->what, &ask->exact);
	if (asn_holdings_parse(NULL, ask->what, &asn, &error)) {
		asnd_list_start(call, make, ask, free_ask);
		return;
	}
	free_ask(ask);
	asnd_bus_fail(call, ASND_BUS_INVALID, "%s", error->message);
}
