/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A number that a record holds, or that a reader may have read, always leads to its own tier: it is free again only
 * when no reader can know it any more.  Otherwise a contract could get another tier's limits, or none.
 */
#include "base/mem.h"
#include "registry/body.h"

#include <string.h>

#define CAPACITY_FIRST 16u

static struct clientid__tier_array *array_of(const struct clientid__registry *registry)
{
    return atomic_load_explicit(&registry->tiers.array, memory_order_relaxed);
}

static uint64_t hash_of(uint64_t id)
{
    return clientid__mix64(id + UINT64_C(0x9e3779b97f4a7c15));
}

static uint64_t hash_box(const void *self, const void *box)
{
    (void)self;
    return hash_of(((const struct clientid__tier_box *)box)->tier.id);
}

static struct clientid__tier_box *find(const struct clientid__registry *registry, uint64_t id)
{
    struct clientid__index_walk walk = clientid__index_begin(&registry->tiers.by_id, hash_of(id));
    struct clientid__tier_box *box;

    while ((box = clientid__index_next(&walk)) != NULL && box->tier.id != id)
        ;
    return box;
}

/* ---- numbers ----------------------------------------------------------------------------------- */

static void release_array(void *mem, void *array)
{
    clientid__free(mem, array);
}

static int grow(struct clientid__registry *registry)
{
    struct clientid__tiers *tiers = &registry->tiers;
    struct clientid__tier_array *old = array_of(registry), *array;
    uint32_t before = old != NULL ? old->capacity : 0;
    uint32_t capacity = before != 0 ? before * 2 : CAPACITY_FIRST;
    struct clientid__tier_use *uses = clientid__alloc(registry->mem, capacity, sizeof(*uses));

    array = clientid__alloc(registry->mem, 1,
                            sizeof(*array) + (size_t)capacity * sizeof(array->boxes[0]));
    if (uses == NULL || array == NULL || capacity < before)
        goto fail;
    array->capacity = capacity;
    for (uint32_t n = 0; n < before; n++) {
        uses[n] = tiers->uses[n];
        atomic_init(&array->boxes[n], atomic_load_explicit(&old->boxes[n], memory_order_relaxed));
    }
    clientid__free(registry->mem, tiers->uses);
    tiers->uses = uses;
    tiers->bytes += (capacity - before) * (sizeof(*uses) + sizeof(array->boxes[0]));
    atomic_store_explicit(&tiers->array, array, memory_order_release);
    if (old != NULL)
        clientid__epoch_retire(registry->epoch, release_array, (void *)(uintptr_t)registry->mem,
                               old);
    return 0;
fail:
    clientid__free(registry->mem, uses);
    clientid__free(registry->mem, array);
    return CLIENTID_ERR_NOMEM;
}

/* Makes sure that take_number has one. */
static int reserve_number(struct clientid__registry *registry)
{
    if (registry->tiers.free != 0 || registry->tiers.next < array_of(registry)->capacity)
        return 0;
    return grow(registry);
}

static uint32_t take_number(struct clientid__tiers *tiers)
{
    uint32_t number = tiers->free;

    if (number == 0)
        return tiers->next++;
    tiers->free = tiers->uses[number].next_free;
    return number;
}

/* ---- life ------------------------------------------------------------------------------------ */

int clientid__tiers_init(struct clientid__registry *registry)
{
    registry->tiers.next = 1;
    if (clientid__index_init(&registry->tiers.by_id, registry->mem, registry->epoch, hash_box,
                             registry) != 0)
        return CLIENTID_ERR_NOMEM;
    return grow(registry);
}

void clientid__tiers_clear(struct clientid__registry *registry)
{
    uint64_t at = 0;
    void *box;

    if (registry->tiers.by_id.mem == NULL)
        return;
    while ((box = clientid__index_each(&registry->tiers.by_id, &at)) != NULL)
        clientid__free(registry->mem, box);
    clientid__index_clear(&registry->tiers.by_id);
    clientid__free(registry->mem, array_of(registry));
    clientid__free(registry->mem, registry->tiers.uses);
}

static size_t box_bytes(const struct clientid__tier_box *box)
{
    return sizeof(*box) + box->tier.name_len;
}

void clientid__tiers_recycle(struct clientid__registry *registry, struct clientid__tier_box *box)
{
    struct clientid__tier_array *array = array_of(registry);
    uint32_t number = box->number;

    if (atomic_load_explicit(&array->boxes[number], memory_order_relaxed) == box) {
        atomic_store_explicit(&array->boxes[number], NULL, memory_order_relaxed);
        registry->tiers.uses[number] =
            (struct clientid__tier_use){.next_free = registry->tiers.free};
        registry->tiers.free = number;
    }
    registry->tiers.bytes -= box_bytes(box);
    clientid__free(registry->mem, box);
}

const struct clientid__tier *clientid__tiers_each(const struct clientid__registry *registry,
                                                  uint32_t *n)
{
    while (++*n < registry->tiers.next) {
        const struct clientid__tier *tier = clientid__tiers_get(registry, *n);

        if (tier != NULL && !registry->tiers.uses[*n].gone)
            return tier;
    }
    return NULL;
}

const struct clientid__tier *clientid__registry_tier(const struct clientid__registry *registry,
                                                     uint32_t *n)
{
    const struct clientid__tier_array *array =
        atomic_load_explicit(&registry->tiers.array, memory_order_acquire);

    while (++*n < array->capacity) {
        const struct clientid__tier_box *box =
            atomic_load_explicit(&array->boxes[*n], memory_order_acquire);

        if (box != NULL)
            return &box->tier;
    }
    return NULL;
}

/* ---- changes ----------------------------------------------------------------------------------- */

static bool valid(const clientid_tier_event *event)
{
    if (event->id == 0 || event->name.len > CLIENTID_NAME_MAX ||
        (event->name.len > 0 && event->name.ptr == NULL) ||
        event->limit_count > CLIENTID_TIER_LIMITS_MAX ||
        (event->limit_count > 0 && event->limits == NULL))
        return false;
    for (size_t i = 0; i < event->limit_count; i++)
        if (event->limits[i].maximum_requests == 0 || event->limits[i].period_ms == 0)
            return false;
    return true;
}

static struct clientid__tier_box *new_box(struct clientid__registry *registry,
                                          const clientid_tier_event *event)
{
    struct clientid__tier_box *box =
        clientid__alloc(registry->mem, 1, sizeof(*box) + event->name.len);

    if (box == NULL || !clientid__index_fits(box)) {
        clientid__free(registry->mem, box);
        return NULL;
    }
    box->tier = (struct clientid__tier){.id = event->id,
                                        .limit_count = (uint32_t)event->limit_count,
                                        .name_len = (uint32_t)event->name.len,
                                        .name = box->name};
    if (event->name.len > 0)
        memcpy(box->name, event->name.ptr, event->name.len);
    for (size_t i = 0; i < event->limit_count; i++)
        box->tier.limits[i] = event->limits[i];
    registry->tiers.bytes += box_bytes(box);
    return box;
}

static void replace(struct clientid__registry *registry, struct clientid__tier_box *old,
                    struct clientid__tier_box *box)
{
    struct clientid__tier_use *use = &registry->tiers.uses[old->number];

    box->number = old->number;
    clientid__index_replace(&registry->tiers.by_id, hash_of(box->tier.id), old, box);
    atomic_store_explicit(&array_of(registry)->boxes[box->number], box, memory_order_release);
    if (use->removed) {
        use->removed = false;
        atomic_fetch_add_explicit(&registry->tier_count, 1, memory_order_relaxed);
    }
    clientid__registry_retire_tier(registry, old);
}

static void add(struct clientid__registry *registry, struct clientid__tier_box *box)
{
    box->number = take_number(&registry->tiers);
    registry->tiers.uses[box->number] = (struct clientid__tier_use){0};
    atomic_store_explicit(&array_of(registry)->boxes[box->number], box, memory_order_release);
    clientid__index_add(&registry->tiers.by_id, hash_of(box->tier.id), box);
    atomic_fetch_add_explicit(&registry->tier_count, 1, memory_order_relaxed);
}

int clientid__tiers_put(struct clientid__registry *registry, const clientid_tier_event *event,
                        uint32_t *changed)
{
    struct clientid__tier_box *old, *box;

    *changed = 0;
    if (!valid(event))
        return CLIENTID_ERR_ARG;
    if (reserve_number(registry) != 0 || clientid__index_reserve(&registry->tiers.by_id, 1) != 0)
        return CLIENTID_ERR_NOMEM;
    box = new_box(registry, event);
    if (box == NULL)
        return CLIENTID_ERR_NOMEM;
    old = find(registry, event->id);
    if (old == NULL) {
        add(registry, box);
        return 0;
    }
    replace(registry, old, box);
    *changed = box->number;
    return 0;
}

/* The number's slot keeps the box: a reader may still hold a record that names it. */
static void take_out(struct clientid__registry *registry, struct clientid__tier_box *box)
{
    registry->tiers.uses[box->number].gone = true;
    clientid__index_remove(&registry->tiers.by_id, hash_of(box->tier.id), box);
    clientid__registry_retire_tier(registry, box);
}

void clientid__tiers_remove(struct clientid__registry *registry, uint64_t id)
{
    struct clientid__tier_box *box = find(registry, id);
    struct clientid__tier_use *use;

    if (box == NULL || registry->tiers.uses[box->number].removed)
        return;
    use = &registry->tiers.uses[box->number];
    use->removed = true;
    atomic_fetch_sub_explicit(&registry->tier_count, 1, memory_order_relaxed);
    if (use->contracts == 0)
        take_out(registry, box);
}

bool clientid__tiers_number(const struct clientid__registry *registry, uint64_t id,
                            uint32_t *number)
{
    const struct clientid__tier_box *box;

    *number = 0;
    if (id == 0)
        return true;
    box = find(registry, id);
    if (box == NULL || registry->tiers.uses[box->number].removed)
        return false;
    *number = box->number;
    return true;
}

void clientid__tiers_hold(struct clientid__registry *registry, uint32_t number)
{
    registry->tiers.uses[number].contracts++;
}

void clientid__tiers_drop(struct clientid__registry *registry, uint32_t number)
{
    struct clientid__tier_use *use = &registry->tiers.uses[number];
    const struct clientid__tier *tier = clientid__tiers_get(registry, number);

    use->contracts--;
    if (use->removed && use->contracts == 0)
        take_out(registry, find(registry, tier->id));
}
