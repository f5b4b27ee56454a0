/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contracts of the source, by their id.  Each is one record under its own name and, when that is a group, one
 * copy under every member, so that a reader needs one look-up.
 */
#include "base/str.h"
#include "registry/body.h"

#define API_NAME_MAX 128 /* as clientid_api_get */

static uint64_t hash_of(const struct clientid__registry *registry, uint64_t id)
{
    return clientid__mix64(id + registry->id_salt);
}

static struct clientid__record *find(const struct clientid__registry *registry, uint64_t id)
{
    struct clientid__index_walk walk =
        clientid__index_begin(&registry->by_id, hash_of(registry, id));
    struct clientid__record *r;

    while ((r = clientid__index_next(&walk)) != NULL && r->id != id)
        ;
    return r;
}

struct clientid__record *clientid__contracts_of(const struct clientid__registry *registry,
                                                uint32_t api, uint64_t *at)
{
    struct clientid__record *r;

    if (registry->names[api]->contracts == 0)
        return NULL;
    while ((r = clientid__index_each(&registry->by_id, at)) != NULL && r->api != api)
        ;
    return r;
}

/* ---- what the source may say ------------------------------------------------------------------- */

static bool valid_str(clientid_str s, size_t min, size_t max)
{
    return s.len >= min && s.len <= max && (s.len == 0 || s.ptr != NULL);
}

bool clientid__api_name_valid(clientid_str name)
{
    if (!valid_str(name, 1, API_NAME_MAX))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (clientid__is_control((unsigned char)name.ptr[i]))
            return false;
    return true;
}

static bool valid(const clientid_contract_event *e)
{
    if (e->id == 0 || e->application_id == 0 || !clientid__api_name_valid(e->api) ||
        !valid_str(e->client_id, 1, CLIENTID_ID_MAX) || !valid_str(e->name, 0, CLIENTID_NAME_MAX) ||
        e->status < CLIENTID_PENDING || e->status > CLIENTID_REVOKED)
        return false;
    for (unsigned n = 0; n < 2; n++)
        if (e->secrets[n].algorithm > CLIENTID_SECRET_HMAC_SHA256 ||
            e->secrets[n].salt_len > CLIENTID_SALT_MAX)
            return false;
    return true;
}

/* ---- the records of one contract ----------------------------------------------------------------- */

/* Where a contract under |api| applies: the |n|th name, |api| itself first; false after the last. */
static bool applies_to(const struct clientid__registry *registry, uint32_t api, size_t n,
                       uint32_t *where)
{
    const struct clientid__members *members = registry->names[api]->members;

    *where = api;
    if (n == 0)
        return true;
    if (members == NULL || n > members->count)
        return false;
    *where = members->numbers[n - 1];
    return true;
}

void clientid__records_give(struct clientid__registry *registry, struct clientid__record *list)
{
    while (list != NULL) {
        struct clientid__record *next = list->next;

        clientid__record_give(&registry->records, list);
        list = next;
    }
}

/* The contract's own record, its copies linked behind it; |*count| of them all.  NULL without memory. */
static struct clientid__record *make(struct clientid__registry *registry,
                                     const clientid_contract_event *event, uint32_t api,
                                     uint32_t tier, uint64_t *count)
{
    struct clientid__record *master = clientid__record_new(&registry->records, event, api, tier);
    uint32_t where;

    if (master == NULL)
        return NULL;
    for (*count = 1; applies_to(registry, api, *count, &where); ++*count) {
        struct clientid__record *copy = clientid__record_copy(&registry->records, master, where);

        if (copy == NULL) {
            clientid__records_give(registry, master);
            return NULL;
        }
        copy->next = master->next;
        master->next = copy;
    }
    return master;
}

/* ---- changes ----------------------------------------------------------------------------------- */

static void note_traits(struct clientid__registry *registry, const struct clientid__record *r)
{
    uint32_t traits = atomic_load_explicit(&registry->traits, memory_order_relaxed);
    size_t longest = traits >> CLIENTID__TRAIT_SALT_SHIFT;

    if (r->secrets[1] == 0 && r->secrets[0] == registry->last_secret)
        return;
    registry->last_secret = r->secrets[1] == 0 ? r->secrets[0] : 0;
    traits &= (1u << CLIENTID__TRAIT_SALT_SHIFT) - 1;
    if (clientid__record_two_salts(r))
        traits |= CLIENTID__TRAIT_TWO_SALTS;
    for (unsigned n = 0; n < 2; n++) {
        struct clientid__secret_slot slot = clientid__record_slot(r, n);

        if (n == 1 && slot.algorithm != CLIENTID_SECRET_NONE)
            traits |= CLIENTID__TRAIT_SECOND;
        if (slot.algorithm == CLIENTID_SECRET_HMAC_SHA256)
            traits |= CLIENTID__TRAIT_HMAC;
        if (slot.salt_len > longest)
            longest = slot.salt_len;
    }
    /* Before the record is published: whoever finds the record finds the traits that it needs. */
    atomic_store_explicit(&registry->traits,
                          traits | (uint32_t)longest << CLIENTID__TRAIT_SALT_SHIFT,
                          memory_order_release);
}

/* Whether |now|, a contract of the same id as |old|, or NULL, replaces it under |where|. */
static bool replaced(const struct clientid__registry *registry, const struct clientid__record *old,
                     const struct clientid__record *now, uint32_t where)
{
    uint32_t other;

    if (now == NULL ||
        !clientid__str_eq(clientid__record_client_id(old), clientid__record_client_id(now)))
        return false;
    for (size_t n = 0; applies_to(registry, now->api, n, &other); n++)
        if (other == where)
            return true;
    return false;
}

/* Takes the contract from every place where it applied and |now| does not. */
static void take_out(struct clientid__registry *registry, const struct clientid__record *old,
                     const struct clientid__record *now)
{
    uint32_t where;

    for (size_t n = 0; applies_to(registry, old->api, n, &where); n++)
        if (!replaced(registry, old, now, where))
            clientid__rivals_change(
                registry,
                clientid__rivals_find(registry, where, clientid__record_client_id(old), old->id),
                NULL);
}

/*
 * Puts all records of a contract in their places; |known|: its id was there before, maybe in some of them.  |hash| is of
 * the first one's key.
 */
static void put_in(struct clientid__registry *registry, struct clientid__record *list,
                   uint64_t hash, bool known)
{
    if (list->next == NULL && !known) {
        clientid__rivals_change_at(registry, hash, NULL, list);
        return;
    }
    while (list != NULL) {
        struct clientid__record *next = list->next, *old = NULL;

        if (known)
            old = clientid__rivals_find(registry, list->api, clientid__record_client_id(list),
                                        list->id);
        clientid__rivals_change(registry, old, list);
        list = next;
    }
}

static void commit(struct clientid__registry *registry, struct clientid__record *old,
                   struct clientid__record *now, uint64_t hash)
{
    note_traits(registry, now);
    clientid__tiers_hold(registry, now->tier);
    registry->names[now->api]->contracts++;
    put_in(registry, now, hash, old != NULL);
    if (old == NULL) {
        clientid__index_add(&registry->by_id, hash_of(registry, now->id), now);
        atomic_fetch_add_explicit(&registry->contract_count, 1, memory_order_relaxed);
        return;
    }
    clientid__index_replace(&registry->by_id, hash_of(registry, now->id), old, now);
    /* |old| was handed to the epoch domain if its place stayed, but only this thread reuses its memory. */
    if (old->api != now->api ||
        !clientid__str_eq(clientid__record_client_id(old), clientid__record_client_id(now)))
        take_out(registry, old, now);
    registry->names[old->api]->contracts--;
    clientid__tiers_drop(registry, old->tier);
}

/* ---- a load ------------------------------------------------------------------------------------ */

/* Puts in the one that waits longest: in the order of the source, so it sees what it would have seen without waiting. */
static void put_first(struct clientid__registry *registry)
{
    struct clientid__loading *loading = &registry->loading;
    struct clientid__record *now = loading->waiting[loading->first].record;
    uint64_t hash = loading->waiting[loading->first].hash;

    loading->first = (loading->first + 1) % CLIENTID__LOAD_AHEAD;
    loading->count--;
    loading->records--;
    for (const struct clientid__record *copy = now->next; copy != NULL; copy = copy->next)
        loading->records--;
    commit(registry, find(registry, now->id), now, hash);
}

static void put_last(struct clientid__registry *registry, struct clientid__record *now,
                     uint64_t count)
{
    struct clientid__loading *loading = &registry->loading;
    uint64_t hash = clientid__record_hash(registry, now->api, clientid__record_client_id(now));
    uint32_t at;

    /* The two misses of a contract. */
    clientid__index_prefetch(&registry->by_id, hash_of(registry, now->id));
    clientid__index_prefetch(&registry->contracts, hash);
    if (loading->count == CLIENTID__LOAD_AHEAD)
        put_first(registry);
    at = (loading->first + loading->count++) % CLIENTID__LOAD_AHEAD;
    loading->waiting[at].record = now;
    loading->waiting[at].hash = hash;
    loading->records += count;
}

void clientid__contracts_flush(struct clientid__registry *registry)
{
    while (registry->loading.count > 0)
        put_first(registry);
    registry->last_tier_id = 0;
}

/* A tier goes, or comes, only by an event of its own, and that one flushes. */
static bool tier_number(struct clientid__registry *registry, uint64_t id, uint32_t *number)
{
    if (id != 0 && id == registry->last_tier_id) {
        *number = registry->last_tier;
        return true;
    }
    if (!clientid__tiers_number(registry, id, number))
        return false;
    registry->last_tier = *number;
    registry->last_tier_id = id;
    return true;
}

/* Those that wait have had their room promised, and take none of it yet. */
static int reserve(struct clientid__registry *registry, uint64_t count)
{
    uint64_t all = registry->loading.records + count;

    if (clientid__rivals_reserve(registry, all) != 0)
        return CLIENTID_ERR_NOMEM;
    return clientid__index_reserve(&registry->by_id, registry->loading.count + 1);
}

int clientid__contracts_put(struct clientid__registry *registry,
                            const clientid_contract_event *event)
{
    struct clientid__record *now;
    uint32_t api, tier;
    uint64_t count;

    if (!valid(event) || !tier_number(registry, event->tier_id, &tier))
        return CLIENTID_ERR_ARG;
    if (clientid__names_get(registry, event->api, &api) != 0)
        return CLIENTID_ERR_NOMEM;
    now = make(registry, event, api, tier, &count);
    if (now == NULL)
        return CLIENTID_ERR_NOMEM;
    if (reserve(registry, count) != 0) {
        clientid__records_give(registry, now);
        return CLIENTID_ERR_NOMEM;
    }
    put_last(registry, now, count);
    if (!registry->loading.on)
        put_first(registry);
    return 0;
}

void clientid__contracts_remove(struct clientid__registry *registry, uint64_t id)
{
    struct clientid__record *old = find(registry, id);

    if (old == NULL)
        return;
    clientid__index_remove(&registry->by_id, hash_of(registry, id), old);
    take_out(registry, old, NULL);
    registry->names[old->api]->contracts--;
    clientid__tiers_drop(registry, old->tier);
    atomic_fetch_sub_explicit(&registry->contract_count, 1, memory_order_relaxed);
    clientid__contracts_trim(registry);
}

void clientid__contracts_trim(struct clientid__registry *registry)
{
    if (registry->loading.on)
        return;
    clientid__index_trim(&registry->contracts);
    clientid__index_trim(&registry->by_id);
    clientid__index_trim(&registry->shared);
}
