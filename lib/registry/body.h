/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__REGISTRY_BODY_H
#define CLIENTID__REGISTRY_BODY_H

#include "registry/index.h"
#include "registry/record.h"
#include "registry/registry.h"

/* What the files of this folder share of a registry, and nobody else sees. */

/* ---- tiers ----------------------------------------------------------------------------------- */

/* Records hold a tier's number, so that a changed tier is in force for all its contracts with one store. */
struct clientid__tier_box {
    struct clientid__tier tier; /* what readers see */
    uint32_t number;
    struct clientid__tier_box *next; /* among those given back */
    char name[];
};

struct clientid__tier_array {
    uint32_t capacity;
    _Atomic(const struct clientid__tier_box *) boxes[]; /* by number; 0 is always NULL */
};

struct clientid__tier_use {
    uint64_t contracts;
    uint32_t next_free; /* the next number in the list of free ones */
    bool removed;       /* by the source, while contracts still named it */
    bool gone;          /* nothing names it any more; readers may still see it */
};

struct clientid__tiers {
    struct clientid__tier_array *_Atomic array;
    struct clientid__tier_use *uses; /* by number */
    struct clientid__index by_id;    /* boxes */
    uint32_t next;                   /* numbers from here on were never given out */
    uint32_t free;                   /* first free number, 0: none */
    uint64_t bytes;
};

/* ---- names of API instances and groups --------------------------------------------------------- */

struct clientid__members {
    size_t count;
    uint32_t *numbers;
    clientid_str names[]; /* in the same order; the bytes belong to struct clientid__name */
};

struct clientid__name {
    clientid_str text;
    uint64_t contracts;                /* of the source, under this very name */
    uint64_t mark;                     /* for comparing lists of members */
    struct clientid__members *members; /* NULL: not a group */
    char bytes[];
};

/* ---- a load ------------------------------------------------------------------------------------ */

#define CLIENTID__LOAD_AHEAD 16u

/* Records that are made, with room for them in the indexes, and whose slots are on their way to the cache. */
struct clientid__loading {
    struct {
        struct clientid__record *record; /* its copies behind it */
        uint64_t hash;                   /* of its key */
    } waiting[CLIENTID__LOAD_AHEAD];
    uint32_t first, count;
    uint64_t records; /* in all, copies too */
    bool on;
};

/* ---- the whole --------------------------------------------------------------------------------- */

/* What verifying a secret costs is one for all clients of a registry, and grows with these. */
#define CLIENTID__TRAIT_TWO_SALTS  1u /* a record has two secrets with different salts */
#define CLIENTID__TRAIT_HMAC       2u /* a record has a secret under a pepper */
#define CLIENTID__TRAIT_SECOND     4u /* a record has a second secret */
#define CLIENTID__TRAIT_SALT_SHIFT 8  /* from here: bytes of the longest salt */

struct clientid__registry {
    struct clientid__index
        contracts; /* readers: the record in force by API instance and client id */
    struct clientid__tiers tiers;
    _Atomic uint32_t traits; /* CLIENTID__TRAIT_*; never taken back */

    /* Objects no reader sees any more, pushed by whichever thread releases them, popped by the writer. */
    struct clientid__record *_Atomic returned_records;
    struct clientid__tier_box *_Atomic returned_tiers;
    _Atomic uint64_t references; /* the owner's, and one for each object with the epoch domain */

    const clientid_allocator *mem;
    struct clientid__epoch *epoch;
    clientid__intern_fn *intern;
    void *intern_self;
    uint64_t hash_seed;
    uint64_t id_salt; /* differs between registries, see registry.c */

    struct clientid__arena records;
    struct clientid__index by_id;  /* contracts of the source, without copies */
    struct clientid__index shared; /* records in force of keys that have more than one contract */
    struct clientid__name **names; /* by number; NULL where the number was not met */
    size_t name_capacity;
    uint64_t name_bytes;
    uint64_t mark;
    struct clientid__loading loading;

    /* Of the contract before: the next one is mostly alike. */
    uint32_t last_name; /* its number, should |names| have it */
    uint32_t last_tier; /* the number of |last_tier_id|, while that is not 0 */
    uint64_t last_tier_id;
    uint16_t last_secret; /* record.secrets[0], its traits noted; 0: none */

    _Atomic uint64_t contract_count, tier_count, group_count, bytes;
};

static inline uint64_t clientid__record_hash(const struct clientid__registry *registry,
                                             uint32_t api, clientid_str client_id)
{
    return clientid__registry_hash(
        clientid__hash128(client_id.ptr, client_id.len, registry->hash_seed), api);
}

/* ---- registry.c: memory that readers may still see ---------------------------------------------- */

void clientid__registry_retire_record(struct clientid__registry *registry,
                                      struct clientid__record *record);
void clientid__registry_retire_tier(struct clientid__registry *registry,
                                    const struct clientid__tier_box *box);

/* ---- tiers.c ------------------------------------------------------------------------------------- */

int clientid__tiers_init(struct clientid__registry *registry);
void clientid__tiers_clear(struct clientid__registry *registry);
/* All tiers by number: |*n| is 0 before the first; NULL after the last. */
const struct clientid__tier *clientid__tiers_each(const struct clientid__registry *registry,
                                                  uint32_t *n);
/* |*changed|: the number of the tier when its limits changed, else 0. */
int clientid__tiers_put(struct clientid__registry *registry, const clientid_tier_event *event,
                        uint32_t *changed);
/* A tier that contracts still name stays in force for them until the last one is gone. */
void clientid__tiers_remove(struct clientid__registry *registry, uint64_t id);
/* Sets |*number|, 0 for |id| 0.  False when the source has no such tier. */
bool clientid__tiers_number(const struct clientid__registry *registry, uint64_t id,
                            uint32_t *number);
/* One more, or one less, contract of the source names the tier; |number| may be 0. */
void clientid__tiers_hold(struct clientid__registry *registry, uint32_t number);
void clientid__tiers_drop(struct clientid__registry *registry, uint32_t number);
/* Takes back a box that no reader can see, and its number when the tier is gone. */
void clientid__tiers_recycle(struct clientid__registry *registry, struct clientid__tier_box *box);

/* Reader and writer.  NULL for 0; a number that a record holds is never without a tier. */
static inline const struct clientid__tier *
clientid__tiers_get(const struct clientid__registry *registry, uint32_t number)
{
    const struct clientid__tier_array *array =
        atomic_load_explicit(&registry->tiers.array, memory_order_acquire);
    const struct clientid__tier_box *box =
        atomic_load_explicit(&array->boxes[number], memory_order_acquire);

    return box != NULL ? &box->tier : NULL;
}

/* ---- names.c ------------------------------------------------------------------------------------- */

void clientid__names_clear(struct clientid__registry *registry);
/* The number of a name; it then has an entry in |names|.  0 or CLIENTID_ERR_NOMEM. */
int clientid__names_get(struct clientid__registry *registry, clientid_str text, uint32_t *number);

/* ---- rivals.c ------------------------------------------------------------------------------------- */

/* The record in force, or NULL. */
struct clientid__record *clientid__rivals_head(const struct clientid__registry *registry,
                                               uint32_t api, clientid_str client_id, uint64_t hash);
/* The record of that contract under |api|, in force or not, or NULL. */
struct clientid__record *clientid__rivals_find(const struct clientid__registry *registry,
                                               uint32_t api, clientid_str client_id, uint64_t id);
/* Room for |count| records put in.  0 or CLIENTID_ERR_NOMEM. */
int clientid__rivals_reserve(struct clientid__registry *registry, uint64_t count);
/*
 * Takes |out| from the contracts of its key and puts |in| among those of the same key; either may be NULL.  Readers
 * change from the record in force before to the one after with one store.
 */
void clientid__rivals_change(struct clientid__registry *registry, struct clientid__record *out,
                             struct clientid__record *in);
/* The same when the hash of their key is at hand. */
void clientid__rivals_change_at(struct clientid__registry *registry, uint64_t hash,
                                struct clientid__record *out, struct clientid__record *in);
/* After the limits of a tier changed: which contract is in force may have, too. */
void clientid__rivals_tier_changed(struct clientid__registry *registry, uint32_t tier);

/* ---- contracts.c, groups.c ------------------------------------------------------------------------ */

int clientid__contracts_put(struct clientid__registry *registry,
                            const clientid_contract_event *event);
/* Puts in all that wait. */
void clientid__contracts_flush(struct clientid__registry *registry);
/* Gives back tables that became too large; not while a load has reserved them. */
void clientid__contracts_trim(struct clientid__registry *registry);
void clientid__contracts_remove(struct clientid__registry *registry, uint64_t id);
/* The next contract of the source under |api|; |*at| is 0 before the first. */
struct clientid__record *clientid__contracts_of(const struct clientid__registry *registry,
                                                uint32_t api, uint64_t *at);
/* 1 to 128 bytes, no control characters, as clientid_api_get takes them. */
bool clientid__api_name_valid(clientid_str name);
/* Gives back records that were never published, linked by |next|. */
void clientid__records_give(struct clientid__registry *registry, struct clientid__record *list);
int clientid__groups_put(struct clientid__registry *registry, const clientid_group_event *event);
int clientid__groups_remove(struct clientid__registry *registry, clientid_str name);

#endif
