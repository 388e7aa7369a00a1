/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What asnd reads beside mail: networks.mmdb, taken up again whenever it is
 * replaced, and the seal keys.  Main thread only.
 */
#pragma once

#include "config.h"
#include "networks.h"
#include "trace.h"

typedef struct _AsndSources AsndSources;

/* changed: networks were replaced; the old handle is closed after the call.
 * A missing or broken networks.mmdb is a warning; a seal key that is there
 * and cannot be used is an error. */
AsndSources *asnd_sources_new(const AsnConfig *config,
    void (*changed)(gpointer data), gpointer data, GError **error);
void asnd_sources_free(AsndSources *sources);
/* NULL: none. */
const AsnNetworks *asnd_sources_networks(const AsndSources *sources);
AsnSealer *asnd_sources_sealer(const AsndSources *sources);
/* From where; reload next. */
void asnd_sources_set_config(AsndSources *sources, const AsnConfig *config);
/* Now and then: what could not be read is tried again. */
void asnd_sources_tick(AsndSources *sources);
/* Reads all anew; what is broken now is not taken up, with a warning. */
void asnd_sources_reload(AsndSources *sources);
