/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__STATE_H
#define CLIENTID__STATE_H

#include "gateway.h"
#include "limit/memo.h"
#include "registry/secret.h"
#include "tally.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uthash.h>

/* The gateway, its API instances and workers laid open, for the files directly in lib/ only. */

struct clientid_api {
    clientid_gateway *gateway;
    char *name;
    clientid_str text;
    uint32_t number; /* dense, in the order of interning; groups have one too */
    bool counted;    /* requests may ask for it; else only the registry knows the name */
    uint64_t
        identity; /* stable across processes that share a limits table: part of every cell key */
    _Atomic(struct clientid__chain *)
        chain; /* NULL: not configured; read inside an epoch section */
    UT_hash_handle hh;
};

/*
 * By API number; NULL for one that is not counted.  Replaced by a larger one when API instances are interned.  Counters
 * are private, or in the worker's slot of the tally.
 */
struct clientid__counter_table {
    size_t count;
    struct clientid__counters *of[];
};

struct clientid_worker {
    clientid_gateway *gateway;
    struct clientid__epoch_slot *slot;
    struct clientid__match_data *match;
    struct clientid__inquiry *inquiries; /* CLIENTID_BATCH_GROUP of them */
    struct clientid__memo rules;         /* of tiers */
    _Atomic(struct clientid__counter_table *) counters;
    struct clientid__latency *latency; /* |own_latency|, or in |tally_slot| */
    struct clientid__latency own_latency;
    struct clientid__tally_slot *tally_slot; /* NULL: the gateway has no tally */
    clientid_worker *next;                   /* the gateway's list, under its lock */
};

struct clientid_limits {
    struct clientid__table *table;
    clientid_gateway *gateway; /* NULL: opened by itself */
    bool read_only;
};

struct clientid_gateway {
    clientid_allocator mem;
    struct clientid__epoch *epoch;
    struct clientid__table *table;
    struct clientid__pool *pool;
    struct clientid__pepper *pepper;        /* NULL: none */
    uint64_t seed;                          /* of client id hashes: the table's */
    struct clientid__epoch_slot *observer;  /* for metrics, under |lock| */
    clientid_str store, state, limits_file; /* in the pool: a reload replaces the configuration */
    /* How requests of API instances that are not configured are answered. */
    const struct clientid__answers *unknown_api;
    void (*warn)(void *self, const clientid_error *);
    void *warn_self;

    /* Read by requests. */
    _Atomic(struct clientid__registry *) registry;
    _Atomic uint64_t contact_ns;
    _Atomic uint64_t revision;
    _Atomic uint32_t from_source;
    _Atomic uint32_t gatekeeper;
    _Atomic uint64_t maximum_age_ns;
    _Atomic uint64_t degraded_after_ns;

    _Atomic uint32_t huge_pages; /* for registries to come */

    struct clientid_limits limits; /* |table| for operators */
    struct clientid__tally *tally; /* NULL: all counters are private */

    /* Under |lock|. */
    pthread_mutex_t lock;
    struct clientid__config *config;
    struct clientid_api *by_name;
    struct clientid_api **apis;
    size_t api_count, api_capacity;
    clientid_worker *workers;
    struct clientid__counter_table *past; /* private counters of workers that are gone */
    struct clientid__latency past_latency;
    bool tally_full; /* the host was told */
    struct clientid__sync_status sync;
};

/*
 * Whether contracts can be asked now: CLIENTID_REASON_ALLOWED with |*registry| set, else why not.  Inside an epoch
 * section; |*registry| is valid as long as that lasts.
 */
clientid_reason clientid__contracts_state(clientid_gateway *gateway, uint64_t now_ns,
                                          const struct clientid__registry **registry,
                                          bool *degraded);

/* With the private counters in it. */
void clientid__counters_del(const clientid_gateway *gateway, struct clientid__counter_table *table);
/* Under the gateway's lock: every worker gets counters for |api|, or none does and it is CLIENTID_ERR_NOMEM. */
int clientid__workers_count(clientid_gateway *gateway, const struct clientid_api *api);

/* Whose cells: a client's on an API instance, and the API instance's own (clientid__charge_key). */
static inline void clientid__client_identity(uint64_t identity[2],
                                             struct clientid__hash128 client_id,
                                             const struct clientid_api *api)
{
    identity[0] = clientid__mix64(client_id.low ^ api->identity);
    identity[1] = client_id.high ^ api->identity;
}

static inline void clientid__api_identity(uint64_t identity[2], const struct clientid_api *api)
{
    identity[0] = clientid__mix64(api->identity);
    identity[1] = api->identity;
}

/*
 * The cell of a secret's last use: the same for every API instance of the client.  Where it is depends on the client id
 * alone, so that it can be fetched from memory before the secret is known.
 */
static inline void clientid__use_key(uint64_t key[2], struct clientid__hash128 client_id,
                                     uint64_t slot_key)
{
    key[0] = client_id.low;
    key[1] = client_id.high + slot_key;
}

/* Reads a pepper from |file| or the environment variable |env|; exactly one is given. */
int clientid__pepper_read(struct clientid__pepper **out, const clientid_allocator *mem,
                          const char *file, const char *env, clientid_error *error);

#endif
