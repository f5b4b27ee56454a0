/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/str.h"
#include "registry/body.h"

#include <string.h>

/* What a look-up without result hands out when there is hardly any record. */
static const struct clientid__record nobody;

/* ---- readers --------------------------------------------------------------------------------- */

/*
 * A client id that is not there is verified against somebody else's record and then refused: among a million clients an
 * unknown id would else be told by the memory that was not waited for.
 */
static const struct clientid__record *stand_in(const struct clientid__registry *registry,
                                               uint64_t hash)
{
    const struct clientid__record *other = clientid__index_near(&registry->contracts, hash);

    if (other == NULL)
        return &nobody;
    clientid__record_prefetch(other);
    return other;
}

bool clientid__registry_find(const struct clientid__registry *registry, uint32_t api,
                             clientid_str client_id, uint64_t hash, struct clientid__contract *out)
{
    struct clientid__record *r = clientid__rivals_head(registry, api, client_id, hash);

    if (r == NULL) {
        *out =
            (struct clientid__contract){.client_id = client_id, .record = stand_in(registry, hash)};
        return false;
    }
    *out = (struct clientid__contract){
        .id = r->id,
        .application_id = r->application_id,
        .client_id = clientid__record_client_id(r),
        .name = clientid__record_name(r),
        .status = (clientid_contract_status)r->status,
        .tier = clientid__tiers_get(registry, r->tier),
        .record = r,
        .used = &r->used,
    };
    return true;
}

void clientid__registry_fetch_slot(const struct clientid__registry *registry, uint64_t hash)
{
    clientid__index_prefetch(&registry->contracts, hash);
}

void clientid__registry_fetch_record(const struct clientid__registry *registry, uint64_t hash)
{
    struct clientid__index_walk walk = clientid__index_begin(&registry->contracts, hash);
    const void *record = clientid__index_next(&walk);

    if (record == NULL)
        record = clientid__index_near(&registry->contracts, hash);
    if (record != NULL)
        clientid__record_prefetch(record);
}

/* ---- life ------------------------------------------------------------------------------------ */

static uint64_t hash_by_key(const void *registry, const void *object)
{
    const struct clientid__record *record = object;

    return clientid__record_hash(registry, record->api, clientid__record_client_id(record));
}

static uint64_t hash_by_id(const void *registry, const void *object)
{
    const struct clientid__registry *r = registry;

    return clientid__mix64(((const struct clientid__record *)object)->id + r->id_salt);
}

static void destroy(struct clientid__registry *registry)
{
    struct clientid__tier_box *box =
        atomic_load_explicit(&registry->returned_tiers, memory_order_acquire);

    while (box != NULL) {
        struct clientid__tier_box *next = box->next;

        clientid__free(registry->mem, box);
        box = next;
    }
    clientid__names_clear(registry);
    clientid__tiers_clear(registry);
    clientid__index_clear(&registry->contracts);
    clientid__index_clear(&registry->by_id);
    clientid__index_clear(&registry->shared);
    clientid__arena_clear(&registry->records);
    clientid__free(registry->mem, registry);
}

static void update_bytes(struct clientid__registry *r)
{
    uint64_t bytes = sizeof(*r) + atomic_load_explicit(&r->records.bytes, memory_order_relaxed) +
                     clientid__index_bytes(&r->contracts) + clientid__index_bytes(&r->by_id) +
                     clientid__index_bytes(&r->shared) + clientid__index_bytes(&r->tiers.by_id) +
                     r->tiers.bytes + r->name_bytes;

    atomic_store_explicit(&r->bytes, bytes, memory_order_relaxed);
}

int clientid__registry_new(struct clientid__registry **out, const clientid_allocator *mem,
                           struct clientid__epoch *epoch, uint64_t hash_seed,
                           clientid__intern_fn *intern, void *intern_self)
{
    struct clientid__registry *r = clientid__alloc(mem, 1, sizeof(*r));

    if (r == NULL)
        return CLIENTID_ERR_NOMEM;
    r->mem = mem;
    r->epoch = epoch;
    r->hash_seed = hash_seed;
    r->intern = intern;
    r->intern_self = intern_self;
    /*
     * clientid__registry_each emits in the order of this hash.  Were it the same in the registry that loads the
     * result, the growing table would fill from one end, and adding would take time quadratic in its size.
     */
    r->id_salt = clientid__mix64(hash_seed ^ (uint64_t)(uintptr_t)r);
    atomic_init(&r->references, 1);
    clientid__arena_init(&r->records, mem);
    if (clientid__index_init(&r->contracts, mem, epoch, hash_by_key, r) != 0 ||
        clientid__index_init(&r->by_id, mem, epoch, hash_by_id, r) != 0 ||
        clientid__index_init(&r->shared, mem, epoch, hash_by_key, r) != 0 ||
        clientid__tiers_init(r) != 0)
        goto fail;
    update_bytes(r);
    *out = r;
    return 0;
fail:
    destroy(r);
    return CLIENTID_ERR_NOMEM;
}

void clientid__registry_small_pages(struct clientid__registry *registry)
{
    registry->records.small_pages = true;
    registry->contracts.small_pages = true;
    registry->by_id.small_pages = true;
    registry->shared.small_pages = true;
}

static void drop_reference(struct clientid__registry *registry)
{
    if (atomic_fetch_sub_explicit(&registry->references, 1, memory_order_acq_rel) == 1)
        destroy(registry);
}

void clientid__registry_del(struct clientid__registry *registry)
{
    /* Objects still with the epoch domain keep the memory until they come back. */
    if (registry != NULL)
        drop_reference(registry);
}

/* ---- memory that readers may still see --------------------------------------------------------- */

static void return_record(void *context, void *object)
{
    struct clientid__registry *registry = context;
    struct clientid__record *record = object;

    record->next = atomic_load_explicit(&registry->returned_records, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&registry->returned_records, &record->next,
                                                  record, memory_order_release,
                                                  memory_order_relaxed))
        ;
    drop_reference(registry);
}

static void return_tier(void *context, void *object)
{
    struct clientid__registry *registry = context;
    struct clientid__tier_box *box = object;

    box->next = atomic_load_explicit(&registry->returned_tiers, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&registry->returned_tiers, &box->next, box,
                                                  memory_order_release, memory_order_relaxed))
        ;
    drop_reference(registry);
}

void clientid__registry_retire_record(struct clientid__registry *registry,
                                      struct clientid__record *record)
{
    atomic_fetch_add_explicit(&registry->references, 1, memory_order_relaxed);
    clientid__epoch_retire(registry->epoch, return_record, registry, record);
}

void clientid__registry_retire_tier(struct clientid__registry *registry,
                                    const struct clientid__tier_box *box)
{
    atomic_fetch_add_explicit(&registry->references, 1, memory_order_relaxed);
    clientid__epoch_retire(registry->epoch, return_tier, registry, (void *)(uintptr_t)box);
}

static void recycle(struct clientid__registry *registry)
{
    struct clientid__record *record = NULL;
    struct clientid__tier_box *box = NULL;

    /* Mostly there are none, and an exchange costs more than the look. */
    if (atomic_load_explicit(&registry->returned_records, memory_order_relaxed) != NULL)
        record = atomic_exchange_explicit(&registry->returned_records, NULL, memory_order_acquire);
    if (atomic_load_explicit(&registry->returned_tiers, memory_order_relaxed) != NULL)
        box = atomic_exchange_explicit(&registry->returned_tiers, NULL, memory_order_acquire);
    while (record != NULL) {
        struct clientid__record *next = record->next;

        clientid__record_give(&registry->records, record);
        record = next;
    }
    while (box != NULL) {
        struct clientid__tier_box *next = box->next;

        clientid__tiers_recycle(registry, box);
        box = next;
    }
}

/* ---- the writer ------------------------------------------------------------------------------ */

static int apply_tier(struct clientid__registry *registry, const clientid_tier_event *event)
{
    uint32_t changed;
    int rv = clientid__tiers_put(registry, event, &changed);

    if (rv == 0 && changed != 0)
        clientid__rivals_tier_changed(registry, changed);
    return rv;
}

static int apply(struct clientid__registry *registry, const clientid_event *event)
{
    switch (event->type) {
    case CLIENTID_EVENT_TIER:
        return apply_tier(registry, &event->u.tier);
    case CLIENTID_EVENT_TIER_REMOVED:
        clientid__tiers_remove(registry, event->u.tier.id);
        return 0;
    case CLIENTID_EVENT_CONTRACT:
        return clientid__contracts_put(registry, &event->u.contract);
    case CLIENTID_EVENT_CONTRACT_REMOVED:
        clientid__contracts_remove(registry, event->u.contract.id);
        return 0;
    case CLIENTID_EVENT_GROUP:
        return clientid__groups_put(registry, &event->u.group);
    case CLIENTID_EVENT_GROUP_REMOVED:
        return clientid__groups_remove(registry, event->u.group.name);
    }
    return CLIENTID_ERR_ARG;
}

int clientid__registry_apply(struct clientid__registry *registry, const clientid_event *event)
{
    int rv;

    recycle(registry);
    if (event->type != CLIENTID_EVENT_CONTRACT)
        clientid__contracts_flush(registry);
    rv = apply(registry, event);
    if (!registry->loading.on)
        update_bytes(registry);
    return rv;
}

int clientid__registry_load_begin(struct clientid__registry *registry, uint64_t contracts)
{
    if (clientid__index_reserve(&registry->contracts, contracts) != 0 ||
        clientid__index_reserve(&registry->by_id, contracts) != 0)
        return CLIENTID_ERR_NOMEM;
    registry->loading.on = true;
    return 0;
}

void clientid__registry_load_end(struct clientid__registry *registry)
{
    clientid__contracts_flush(registry);
    registry->loading.on = false;
    clientid__contracts_trim(registry); /* what the snapshot promised may not have come */
    update_bytes(registry);
}

/* ---- what is in it ----------------------------------------------------------------------------- */

static int each_tier(const struct clientid__registry *registry, clientid_event_fn *emit, void *sink)
{
    const struct clientid__tier *tier;
    uint32_t n = 0;
    int rv = 0;

    while (rv == 0 && (tier = clientid__tiers_each(registry, &n)) != NULL)
        rv = emit(sink, &(clientid_event){.type = CLIENTID_EVENT_TIER,
                                          .u.tier = {.id = tier->id,
                                                     .name = {tier->name, tier->name_len},
                                                     .limits = tier->limits,
                                                     .limit_count = tier->limit_count}});
    return rv;
}

static int each_group(const struct clientid__registry *registry, clientid_event_fn *emit,
                      void *sink)
{
    int rv = 0;

    for (size_t n = 0; n < registry->name_capacity && rv == 0; n++) {
        const struct clientid__name *name = registry->names[n];

        if (name == NULL || name->members == NULL)
            continue;
        rv = emit(sink, &(clientid_event){.type = CLIENTID_EVENT_GROUP,
                                          .u.group = {.name = name->text,
                                                      .members = name->members->names,
                                                      .member_count = name->members->count}});
    }
    return rv;
}

static int emit_record(const struct clientid__registry *registry, const struct clientid__record *r,
                       clientid_event_fn *emit, void *sink)
{
    const struct clientid__tier *tier = clientid__tiers_get(registry, r->tier);
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT,
                            .u.contract = {.id = r->id,
                                           .api = registry->names[r->api]->text,
                                           .client_id = clientid__record_client_id(r),
                                           .name = clientid__record_name(r),
                                           .application_id = r->application_id,
                                           .tier_id = tier != NULL ? tier->id : 0,
                                           .status = r->status}};

    clientid__record_secret(r, 0, &event.u.contract.secrets[0]);
    clientid__record_secret(r, 1, &event.u.contract.secrets[1]);
    return emit(sink, &event);
}

int clientid__registry_some(const struct clientid__registry *registry,
                            struct clientid__registry_walk *walk, size_t contracts,
                            clientid_event_fn *emit, void *sink)
{
    int rv = 0;

    if (!walk->begun)
        rv = each_tier(registry, emit, sink);
    if (rv == 0 && !walk->begun)
        rv = each_group(registry, emit, sink);
    /* A table that grew has everything in another place. */
    if (!walk->begun || walk->moves != registry->by_id.moves)
        walk->at = 0;
    walk->begun = true;
    walk->moves = registry->by_id.moves;
    for (; rv == 0 && contracts > 0; contracts--) {
        const struct clientid__record *r = clientid__index_each(&registry->by_id, &walk->at);

        if (r == NULL)
            return 0;
        rv = emit_record(registry, r, emit, sink);
    }
    return rv != 0 ? rv : 1;
}

int clientid__registry_each(const struct clientid__registry *registry, clientid_event_fn *emit,
                            void *sink)
{
    struct clientid__registry_walk walk = {.begun = false};

    return clientid__registry_some(registry, &walk, SIZE_MAX, emit, sink);
}

struct clientid__registry_size clientid__registry_size(const struct clientid__registry *registry)
{
    return (struct clientid__registry_size){
        .contracts = atomic_load_explicit(&registry->contract_count, memory_order_relaxed),
        .tiers = atomic_load_explicit(&registry->tier_count, memory_order_relaxed),
        .groups = atomic_load_explicit(&registry->group_count, memory_order_relaxed),
        .bytes = atomic_load_explicit(&registry->bytes, memory_order_relaxed),
    };
}
