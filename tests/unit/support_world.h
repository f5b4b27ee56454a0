/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_WORLD_H
#define SUPPORT_WORLD_H

#include "support_request.h"

#include <clientid/clientid.h>

/* A gateway with a registry filled by hand, one worker, and a clock that the test moves. */
struct support_world {
    clientid_gateway *gateway;
    clientid_worker *worker;
    struct clientid__registry *registry;
    uint64_t now_ns;
    uint64_t revision;
    struct support_request request; /* of the last support_ask */
};

struct support_contract {
    const char *api;
    const char *client_id;
    const char *secret;                    /* NULL: no slot */
    const char *secret2;                   /* the second slot, NULL: none */
    uint64_t not_after_ns, not_before2_ns; /* of the first, second slot */
    uint64_t id;                           /* 0: 1 */
    uint64_t tier_id;
    unsigned status;             /* 0: CLIENTID_APPROVED */
    const unsigned char *pepper; /* NULL: salted SHA-256 */
    size_t pepper_len;
};

/* Fails the running test when the configuration is refused.  The registry is in force and empty. */
void support_world_new(struct support_world *w, const char *config);
void support_world_del(struct support_world *w);
/* One limit: |maximum| requests per |period_ms|; 0: none. */
void support_tier(struct support_world *w, uint64_t id, const char *name, uint64_t maximum,
                  uint64_t period_ms);
void support_contract(struct support_world *w, const struct support_contract *contract);
void support_contract_remove(struct support_world *w, const char *api, const char *client_id);

/* Checks a raw request against an API instance, at the world's time. */
clientid_decision support_ask(struct support_world *w, const char *api, const char *raw);

#endif
