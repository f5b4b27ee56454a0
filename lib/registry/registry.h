/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__REGISTRY_H
#define CLIENTID__REGISTRY_H

#include "base/epoch.h"
#include "base/hash.h"

#include <clientid/source.h>

#include <stdbool.h>

/*
 * Which contract a client id has on an API instance.
 *
 * One writer, readers that never lock or wait: a record is immutable, and a reader sees the old or the new one
 * whole.  All reader functions and all that they return are valid inside one epoch section only.
 */
struct clientid__registry;

/* Limits of a tier, immutable, shared by its contracts. */
struct clientid__tier {
    uint64_t id;
    uint32_t limit_count;
    uint32_t name_len;
    const char *name;
    clientid_limit limits[CLIENTID_TIER_LIMITS_MAX];
};

/* What a reader gets to know of a contract. */
struct clientid__contract {
    uint64_t id;
    uint64_t application_id;
    clientid_str client_id;
    clientid_str name;
    clientid_contract_status status;
    const struct clientid__tier *tier; /* NULL: none, unlimited */
    const void *record;                /* for clientid__secret_verify */
    /*
     * For whoever notes uses of secrets: what of it was noted last, so that a use that is known needs no look at other
     * memory.  0 at first.  Any reader writes it, without order: a note that is lost is made again.
     */
    _Atomic uint32_t *used;
};

/* ---- readers --------------------------------------------------------------------------------- */

/*
 * |api| is the number under which the gateway interned the API instance, |hash| clientid__registry_hash of id and
 * api.  Returns false when there is none (|out->record| is then somebody else's, for
 * clientid__secret_verify to work on; nothing else is set).
 */
bool clientid__registry_find(const struct clientid__registry *registry, uint32_t api,
                             clientid_str client_id, uint64_t hash, struct clientid__contract *out);

/*
 * Have memory fetched that clientid__registry_find will read: the slot, and once that is there, the record.  For who has
 * other requests to look at meanwhile.
 */
void clientid__registry_fetch_slot(const struct clientid__registry *registry, uint64_t hash);
void clientid__registry_fetch_record(const struct clientid__registry *registry, uint64_t hash);

/*
 * Tiers one after the other: |*n| is 0 before the first; NULL after the last.  One that is on its way out may be among
 * them.
 */
const struct clientid__tier *clientid__registry_tier(const struct clientid__registry *registry,
                                                     uint32_t *n);

/* The hash the index uses, from the 128-bit hash of the client id and the number of the API instance. */
static inline uint64_t clientid__registry_hash(struct clientid__hash128 id, uint32_t api)
{
    return clientid__mix64(id.low + api * 0x9e3779b97f4a7c15ULL);
}

/* ---- the writer ------------------------------------------------------------------------------ */

/*
 * |hash_seed| seeds clientid__hash128 of client ids, the same that readers use.  |intern| gives a name its number;
 * group names and API instance names share one space; it returns UINT32_MAX without memory.
 */
typedef uint32_t clientid__intern_fn(void *self, clientid_str name);
int clientid__registry_new(struct clientid__registry **out, const clientid_allocator *mem,
                           struct clientid__epoch *epoch, uint64_t hash_seed,
                           clientid__intern_fn *intern, void *intern_self);
/* At once after the above: no huge pages are asked for. */
void clientid__registry_small_pages(struct clientid__registry *registry);
/* No reader may be inside. */
void clientid__registry_del(struct clientid__registry *registry);

/*
 * Applies one event in place.  0, CLIENTID_ERR_NOMEM (nothing changed), CLIENTID_ERR_ARG (an event that breaks the
 * rules of source.h, nothing changed).  Removing what is not there is fine.
 */
int clientid__registry_apply(struct clientid__registry *registry, const clientid_event *event);

/*
 * Between the two, contracts put in may wait to be seen, so that their memory misses overlap: three times as fast for
 * a million.  Readers see them at the end at the latest; only apply in between.  |contracts| are expected, 0: who knows.
 * CLIENTID_ERR_NOMEM: nothing begins.
 */
int clientid__registry_load_begin(struct clientid__registry *registry, uint64_t contracts);
void clientid__registry_load_end(struct clientid__registry *registry);

/*
 * Emits all tiers, groups and contracts as events, in an order that a load accepts: what a snapshot holds.  Writer
 * thread.  0 or what |emit| returned.
 */
int clientid__registry_each(const struct clientid__registry *registry, clientid_event_fn *emit,
                            void *sink);

/*
 * The same in pieces, between which changes may be applied: |contracts| of them a call, tiers and groups with the first.
 * All that stays as it is from the first call to the last is emitted, some of it maybe twice.  What changes meanwhile is
 * the caller's to add.  0: that was all; 1: there is more; or what |emit| returned.
 */
struct clientid__registry_walk {
    bool begun;
    uint64_t at;
    uint64_t moves; /* |at| is a place in the table that was there after so many */
};
int clientid__registry_some(const struct clientid__registry *registry,
                            struct clientid__registry_walk *walk, size_t contracts,
                            clientid_event_fn *emit, void *sink);

/* Any thread, approximate while the writer works. */
struct clientid__registry_size {
    uint64_t contracts, tiers, groups;
    uint64_t bytes;
};
struct clientid__registry_size clientid__registry_size(const struct clientid__registry *registry);

#endif
