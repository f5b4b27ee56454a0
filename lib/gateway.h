/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__GATEWAY_H
#define CLIENTID__GATEWAY_H

#include "base/epoch.h"
#include "limit/limit.h"
#include "policy/policy.h"
#include "registry/registry.h"

#include <clientid/clientid.h>

/*
 * What the library's own files share of a gateway.  Requests read |configuration|, |registry| and the chain of an API
 * instance through atomic pointers inside an epoch section; writers swap them and retire the old ones.
 */

/* ---- for sync -------------------------------------------------------------------------------- */

const clientid_allocator *clientid__gateway_mem(const clientid_gateway *gateway);
struct clientid__table *clientid__gateway_table(clientid_gateway *gateway);
enum clientid__gatekeeper clientid__gateway_gatekeeper(const clientid_gateway *gateway);
/* 0: no maximum. */
uint64_t clientid__gateway_maximum_age_ns(const clientid_gateway *gateway);

/* An empty registry with the gateway's seed and names, not yet in force. */
int clientid__gateway_registry_new(clientid_gateway *gateway, struct clientid__registry **out);
/* Puts |registry| in force and retires the one before; the sync goes on applying deltas to it. */
void clientid__gateway_publish(clientid_gateway *gateway, struct clientid__registry *registry);
/* The one in force; NULL before the first publish.  Only the sync writes to it. */
struct clientid__registry *clientid__gateway_registry(clientid_gateway *gateway);

/* How the sync stands; read by requests (contact, loaded) and metrics. */
struct clientid__sync_status {
    uint64_t identity;
    uint64_t revision;         /* in force in memory */
    uint64_t durable_revision; /* also in the last-known-good files; 0 when none are kept */
    uint64_t contact_ns;       /* last time the source, or what the files say of it, was in step */
    uint64_t change_ns;        /* when |revision| came into force */
    uint64_t errors;           /* failed rounds since the start */
    uint64_t full_loads;
    uint32_t from_source; /* 1: the source itself was reached in this process */
};
void clientid__gateway_synced(clientid_gateway *gateway,
                              const struct clientid__sync_status *status);

#endif
